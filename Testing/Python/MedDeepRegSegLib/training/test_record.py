"""What a run was made with."""

import os
import socket
import subprocess
import sys

import pytest
import torch

from MedDeepRegSegLib.hashing import file_sha256
from MedDeepRegSegLib.training import record as record_module
from MedDeepRegSegLib.training.record import RunRecord, hardware_name, record_of, software_versions

CPU = torch.device("cpu")


def test_time_on_one_kind_of_hardware_adds_up(monkeypatch):
    record = RunRecord().extended(10, CPU, 1).extended(5, CPU, 1)
    assert [part.seconds for part in record.hardware] == [15]
    assert record.processes == (1,)
    assert record.software == (software_versions(),)
    monkeypatch.setattr(record_module, "_processor", lambda: "another")
    monkeypatch.setattr(record_module, "software_versions", lambda: "later")
    record = record.extended(2, CPU, 2)
    assert [part.seconds for part in record.hardware] == [15, 2]
    assert record.processes == (1, 2)
    assert record.software[1] == "later"
    assert record.seconds == pytest.approx(17)


def test_the_maps_are_known_by_their_content(maps):
    assert record_of(maps).maps_sha256 == file_sha256(maps)
    assert record_of(None).maps_sha256 == ""


def test_hardware_is_told_without_whose_it_is():
    name = hardware_name(CPU)
    assert "core" in name
    assert socket.gethostname() not in name
    assert torch.__version__ in software_versions()


def test_it_is_run_again_by_as_many_processes():
    assert RunRecord().launcher == RunRecord(processes=(1,)).launcher == "python -m"
    assert RunRecord(processes=(1, 3)).launcher == "torchrun --standalone --nproc-per-node 3 -m --"


@pytest.mark.skipif(sys.platform == "win32", reason="torchrun needs libuv there")
def test_an_option_that_torchrun_has_too_reaches_the_module(tmp_path):
    (tmp_path / "tells.py").write_text("import sys; print(sys.argv[1:])")
    command = RunRecord(processes=(2,)).launcher.replace("torchrun", "torch.distributed.run").split()
    told = subprocess.run(
        [sys.executable, "-m", *command, "tells", "--start", "x"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert told.stdout.count("['--start', 'x']") == 2, told.stderr
