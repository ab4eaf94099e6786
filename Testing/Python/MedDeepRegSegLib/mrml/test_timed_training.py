"""Options of a training become the request of its job, or are refused."""

from pathlib import Path

import pytest

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.registry import job_module
from MedDeepRegSegLib.mrml.tasks import TrainEncoderTask, TrainGrowingTask


@pytest.mark.parametrize(
    ("task", "job", "option"),
    [(TrainGrowingTask, "train-growing", "clicks"), (TrainEncoderTask, "train-masked", "scratch")],
)
def test_options_are_those_of_the_job(task, job, option, tmp_path):
    name, request = task("d.json", out="model", minutes=3.0, resume=True, **{option: 1}).prepare(tmp_path)
    assert name == job
    expected = job_module(job).Request(
        dataset=Path("d.json"), out=Path("model"), minutes=3.0, resume=True, **{option: 1}
    )
    assert request == expected
    other = "scratch" if option == "clicks" else "clicks"
    with pytest.raises(InputError, match=f"an option of training is unknown .*{other}"):
        task("d.json", out="model", **{other: 1}).prepare(tmp_path)
