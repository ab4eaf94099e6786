"""What a run was made with."""

import socket

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
