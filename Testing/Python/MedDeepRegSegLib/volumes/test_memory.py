"""Refusal of work that does not fit."""

import pytest

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.volumes import memory


def test_this_machine_has_memory():
    available = memory.available_memory_bytes()
    assert available is None or available > 2**20


def test_too_much_is_refused_and_little_is_not(monkeypatch):
    monkeypatch.setattr(memory, "available_memory_bytes", lambda: 3 * 2**30)
    memory.check_memory(2**30, "resampling", "crop it")
    with pytest.raises(InputError, match=r"resampling needs about 8.0 GiB of memory, 3.0 GiB is available: crop it"):
        memory.check_memory(8 * 2**30, "resampling", "crop it")


def test_a_system_that_does_not_tell_refuses_nothing(monkeypatch):
    monkeypatch.setattr(memory, "available_memory_bytes", lambda: None)
    memory.check_memory(1e30, "resampling", "crop it")


def test_limit_of_the_control_group_counts(tmp_path, monkeypatch):
    (tmp_path / "memory.max").write_text("2000000")
    (tmp_path / "memory.current").write_text("500000")
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    assert memory._linux_available() == 1_500_000
    (tmp_path / "memory.max").write_text("max")
    assert memory._linux_available() != 1_500_000
