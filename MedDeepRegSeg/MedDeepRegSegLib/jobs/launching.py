"""How the child process of a job is started."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol


class Process(Protocol):
    """What ``launch`` returns: a ``subprocess.Popen`` or something alike."""

    pid: int
    stdout: Any

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs."""


Launch = Callable[..., Process]
"""``launch(args, updateEnvironment=variables)``, like ``slicer.util.launchConsoleProcess``."""


def command_line(folder: Path, module: str = "MedDeepRegSegLib.jobs", *, python: str | None = None) -> list[str]:
    """Return the arguments that run the job in ``folder``.

    Parameters
    ----------
    folder:
        The job folder.
    module:
        The package whose job kinds are known to the child.
    python:
        The Python program. The default is this one; inside the 3D Slicer application, ``PythonSlicer``.
    """
    if python is None:
        python = sys.executable
        if not python or not Path(python).name.lower().startswith("python"):
            python = shutil.which("PythonSlicer") or shutil.which("python3") or "python"
    # -P keeps the current folder off the import path: a file there must not become part of the job.
    return [python, "-P", "-m", module, str(Path(folder).absolute())]


def child_environment(threads: int | None = None) -> dict[str, str]:
    """Return the environment variables that the child needs besides the usual ones.

    Parameters
    ----------
    threads:
        How many threads libraries may use. The default leaves one core to the window; numbers that
        the user has set already stay.
    """
    threads = max(1, (os.cpu_count() or 2) - 1) if threads is None else threads
    library = Path(__file__).resolve().parents[2]
    folders = [str(library)]
    # In the source tree and in Slicer the other library lies in its own module folder.
    diagnosis = sys.modules.get("MedDeepDiagnosisLib")
    if diagnosis is not None and diagnosis.__file__:
        folders.append(str(Path(diagnosis.__file__).resolve().parents[1]))
    else:
        neighbor = library.parent / "MedDeepDiagnosis"
        if (neighbor / "MedDeepDiagnosisLib").is_dir():
            folders.append(str(neighbor))
    inherited = os.environ.get("PYTHONPATH")
    path = os.pathsep.join(dict.fromkeys([*folders, *(inherited.split(os.pathsep) if inherited else [])]))
    variables = {"PYTHONPATH": path, "PYTHONUTF8": "1"}
    for name in ("OMP_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"):
        variables[name] = os.environ.get(name) or str(threads)
    # Threads that wait sleep instead of spinning, which would take the processor from Slicer's own window.
    variables["OMP_WAIT_POLICY"] = os.environ.get("OMP_WAIT_POLICY") or "PASSIVE"
    return variables


def launch(
    args: Sequence[str], updateEnvironment: dict[str, str] | None = None, pass_fds: Sequence[int] = ()
) -> Process:
    """Start a process as ``slicer.util.launchConsoleProcess`` does, with its names, where there is no Slicer.

    ``pass_fds`` are open files that the process inherits (POSIX only).
    """
    flags = getattr(subprocess, "CREATE_NO_WINDOW", 0) | getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
    return subprocess.Popen(
        list(args),
        env={**os.environ, **(updateEnvironment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",  # as PYTHONUTF8 tells the child
        errors="replace",
        creationflags=flags,
        pass_fds=pass_fds,
    )
