"""Which commands can be run over a table."""

import pytest

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.batch_kinds import BATCHES, BatchKind, batch_kind, register_batches
from MedDeepRegSegLib.jobs.registry import job_module


def test_every_kind_is_whole():
    for command in ("register", "grow", "predict", "measure"):
        kind = batch_kind(command)
        assert command == kind.JOB
        assert job_module(kind.JOB).Request
        for name in BatchKind.__annotations__:
            assert getattr(kind, name) is not None, (command, name)
        for column in (*kind.REQUIRED, *kind.OPTIONAL):
            assert column.split("_2")[0] in kind.HELP or column.startswith("image_"), (command, column)
    assert batch_kind("register").REQUIRED == ("fixed", "moving")


def test_a_command_that_knows_no_table_is_refused():
    with pytest.raises(
        InputError, match="'train' cannot be run over a table, expected one of: register, grow, predict"
    ):
        batch_kind("train")


def test_another_library_adds_its_own(monkeypatch):
    for name, module in list(BATCHES.items()):
        monkeypatch.setitem(BATCHES, name, module)  # undone at the end
    monkeypatch.setitem(BATCHES, "weigh", "elsewhere.weigh_batch")
    register_batches({"weigh": "elsewhere.weigh_batch"})
    with pytest.raises(ValueError, match="'weigh' is already registered"):
        register_batches({"weigh": "other.weigh_batch"})
    with pytest.raises(ValueError, match="'register' is already registered"):
        register_batches({"register": "other.batch"})
