"""Training from the module: a tiny model, its scores as a table and its curves as a plot."""

import pytest

from MedDeepRegSegLib.datasets.phantoms import write_phantom_dataset
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.tasks import run_task
from MedDeepRegSegLib.mrml.train_task import TrainTask


def test_train(scene, tmp_path):
    dataset = write_phantom_dataset(tmp_path / "data", cases=3, spacing_mm=8.0, validation=0.3)
    options = {"epochs": 2, "steps_per_epoch": 2, "batch": 1, "patch": (16, 16, 16), "spacing_mm": (8.0, 8.0, 8.0)}
    task = TrainTask(dataset, out=tmp_path / "model", **options)
    assert task.follow() is None
    made = run_task(task)
    assert made["model"] == str(tmp_path / "model")
    assert 0 <= made["score"] <= 1
    table = made["table"].GetTable()
    assert table.GetNumberOfRows() == 4
    assert table.GetValueByName(0, "class").ToString() == "ventricles"
    chart = made["chart"]
    assert chart.GetNumberOfPlotSeriesNodes() == 5  # the mean and the classes
    assert task.follow() is chart


def test_an_unknown_option_is_refused(tmp_path):
    with pytest.raises(InputError, match="an option of training is unknown"):
        TrainTask("data.json", out=tmp_path, speed=3).prepare(tmp_path)
