"""One run, one writer."""

import subprocess
import sys

import pytest

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.training.run_lock import sole_writer

HOLD = """
import sys
from pathlib import Path
from MedDeepRegSegLib.training.run_lock import sole_writer
with sole_writer(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_killed_process_leaves_no_lock(tmp_path, repository):
    folder = tmp_path / "run"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        cwd=repository / "MedDeepRegSeg",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(InputError, match="in use by another training"), sole_writer(folder):
            pass
        process.kill()
    with sole_writer(folder):
        pass


def test_the_lock_is_lifted_after_an_error(tmp_path):
    with pytest.raises(KeyError), sole_writer(tmp_path):
        raise KeyError
    with sole_writer(tmp_path):
        pass
