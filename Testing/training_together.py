"""Several trainings, one after the other, by two processes that torchrun started once: starting them takes longest."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import MedDeepRegSegLib

_SCRIPT = """
import json, os, shutil, sys, time
from pathlib import Path

from MedDeepRegSegLib.training.command import main

folder, rank, codes = Path(sys.argv[1]), os.environ["RANK"], []
# A meeting point for each run, as torchrun would make.
os.environ["TORCHELASTIC_USE_AGENT_STORE"] = "False"
for number, run in enumerate(json.loads((folder / "runs.json").read_text())):
    (folder / f"ready {number} {rank}").touch()
    while len(list(folder.glob(f"ready {number} ?"))) < 2:
        time.sleep(0.02)
    os.environ["MASTER_PORT"] = str(run["port"])
    codes.append(main(run["words"]))
    if rank == "0":
        for kept, copy in run["copies"]:
            shutil.copy(kept, copy)
        for path in run["removed"]:
            Path(path).unlink()
    (folder / f"codes {rank}.json").write_text(json.dumps(codes))
    if codes[-1]:  # the other one may wait for this one: torchrun ends it
        sys.exit(codes[-1])
"""


@dataclass(frozen=True)
class Run:
    """The words of a training, and what is done after it: (file, copy) pairs, and files to remove."""

    words: Sequence[str | Path]
    copies: Sequence[tuple[Path, Path]] = ()
    removed: Sequence[Path] = ()


def train_together(folder: Path, runs: Sequence[Run]) -> tuple[list[int], subprocess.CompletedProcess]:
    """Return the exit code of each run in the process that leads, and what both said; the first that fails is the last."""
    folder.mkdir()
    (folder / "two.py").write_text(_SCRIPT, encoding="utf-8")
    told = [
        {
            "port": port,
            "words": [*map(str, run.words)],
            "copies": [[str(kept), str(copy)] for kept, copy in run.copies],
            "removed": [*map(str, run.removed)],
        }
        for run, port in zip(runs, _free_ports(len(runs)), strict=True)
    ]
    (folder / "runs.json").write_text(json.dumps(told), encoding="utf-8")
    paths = os.pathsep.join([str(Path(MedDeepRegSegLib.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": paths}
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += [str(folder / "two.py"), str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=500, check=False)
    codes = folder / "codes 0.json"
    assert codes.exists(), done.stderr[-4000:]
    return json.loads(codes.read_text()), done


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
