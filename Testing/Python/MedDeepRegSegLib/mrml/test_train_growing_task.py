"""Fine-tuning from the module: the request is what was asked for, and what was measured becomes a table."""

from pathlib import Path

import pytest

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.registry import job_module
from MedDeepRegSegLib.mrml.train_growing_task import TrainGrowingTask
from MedDeepRegSegLib.training.growing_job import Change, Request, Result


def test_the_request_is_what_was_asked_for(tmp_path):
    name, request = TrainGrowingTask("d.json", out="model", minutes=7.0, seed=3).prepare(tmp_path)
    assert request == Request(dataset=Path("d.json"), out=Path("model"), minutes=7.0, seed=3)
    assert job_module(name).Request is Request
    with pytest.raises(InputError, match="an option of training is unknown"):
        TrainGrowingTask("d.json", out="model", nonsense=1).prepare(tmp_path)


def test_what_was_saved_becomes_a_table(scene, tmp_path):
    changes = (
        Change("mean Dice over 10 clicks", 0.5, 0.6, 0.1, 0.05, 0.15),
        Change("clicks to Dice 0.80", 9.0, 7.0, 2.0, 1.0, 3.0),
    )
    result = Result(Path("model"), "better", "better than before", changes, 12, None, 0.7, 0.7, 100, 7.0)
    outputs = TrainGrowingTask("d.json", out="model").collect(tmp_path, result)
    assert outputs["verdict"] == "better"
    assert outputs["table"].GetTable().GetNumberOfRows() == 2
    assert outputs["table"].GetTable().GetValueByName(1, "difference").ToDouble() == 2.0
    nothing = Result(Path("model"), "not measured", "not known", (), 0, None, 0.7, 0.7, 100, 7.0)
    assert TrainGrowingTask("d.json", out="model").collect(tmp_path, nothing)["table"] is None
