"""An encoder from the module: the request is what was asked for, and what was measured comes back."""

from pathlib import Path

import pytest

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.registry import job_module
from MedDeepRegSegLib.mrml.train_encoder_task import TrainEncoderTask
from MedDeepRegSegLib.training.masked_job import Request, Result


def test_the_request_is_what_was_asked_for(tmp_path):
    name, request = TrainEncoderTask("d.json", out="encoder", minutes=7.0, seed=3).prepare(tmp_path)
    assert request == Request(dataset=Path("d.json"), out=Path("encoder"), minutes=7.0, seed=3)
    assert job_module(name).Request is Request
    with pytest.raises(InputError, match="an option of training is unknown"):
        TrainEncoderTask("d.json", out="encoder", nonsense=1).prepare(tmp_path)


def test_what_was_measured_comes_back(tmp_path):
    result = Result(Path("encoder"), 0.8, 0.5, 0.7, "validation cases", "error .50", 12, 100, 7.0)
    outputs = TrainEncoderTask("d.json", out="encoder").collect(tmp_path, result)
    assert outputs == {
        "model": "encoder",
        "text": "error .50",
        "error_before": 0.8,
        "error_after": 0.5,
        "error_of_mean": 0.7,
        "steps": 100,
        "minutes": 7.0,
    }
