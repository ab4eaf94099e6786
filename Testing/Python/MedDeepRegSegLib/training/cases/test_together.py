"""Several processes train together."""

import pytest
import torch

from MedDeepRegSegLib.models.segmenter_folder import load_segmenter
from MedDeepRegSegLib.training.cases.settings import CaseTrainSettings
from MedDeepRegSegLib.training.checkpoint import read_checkpoint
from MedDeepRegSegLib.training.log import read_log


@pytest.mark.slow
def test_two_processes_make_one_model_and_go_on_together(dataset_file, tmp_path):
    from training_together import Run, train_together

    out, first = tmp_path / "model", tmp_path / "first"
    first.mkdir()
    command = ["cases", dataset_file, "--out", out, "--device", "cpu", "--network", "unet"]
    made = [out / "model.json", out / "model.safetensors"]
    kept = [*made, out / "run" / "checkpoint.safetensors", out / "run" / "validation.csv"]
    runs = [
        Run(
            [*command, "--epochs", "2", "--steps-per-epoch", "2", "--batch", "1"],
            copies=[(path, first / path.name) for path in kept],
            removed=made[:1],
        ),
        Run([*command, "--resume"]),
        Run([*command, "--epochs", "1"]),
    ]
    codes, done = train_together(tmp_path / "two", runs)
    assert codes[:2] == [0, 0], done.stderr[-2000:]
    network = load_segmenter(first).network
    assert all(torch.isfinite(value).all() for value in network.state_dict().values())
    position = read_checkpoint(first / "checkpoint.safetensors", CaseTrainSettings).position
    assert position.step == 4
    assert position.record is not None
    assert position.record.processes == (2,)
    assert [row["step"] for row in read_log(first / "validation.csv")] == [2, 4]
    assert load_segmenter(out).description.training.steps == 4
    assert codes[2] != 0
    assert done.returncode != 0
    assert "go on with it by --resume" in done.stderr
