"""Several processes train together."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import MedDeepRegSegLib
from MedDeepRegSegLib.models.segmenter_folder import load_segmenter
from MedDeepRegSegLib.training.cases.settings import CaseTrainSettings
from MedDeepRegSegLib.training.checkpoint import read_checkpoint
from MedDeepRegSegLib.training.log import read_log


def together(dataset, out, *options):
    environment = os.environ | {"PYTHONPATH": str(Path(MedDeepRegSegLib.__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"]
    command += ["-m", "MedDeepRegSegLib.training", "cases", str(dataset), "--out", str(out), "--device", "cpu"]
    command += ["--network", "unet", *options]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.slow
def test_two_processes_make_one_model_and_go_on_together(dataset_file, tmp_path):
    out = tmp_path / "model"
    done = together(dataset_file, out, "--epochs", "2", "--steps-per-epoch", "2", "--batch", "1")
    assert done.returncode == 0, done.stderr[-2000:]
    network = load_segmenter(out).network
    assert all(torch.isfinite(value).all() for value in network.state_dict().values())
    position = read_checkpoint(out / "run" / "checkpoint.safetensors", CaseTrainSettings).position
    assert position.step == 4
    assert position.record is not None
    assert position.record.processes == (2,)
    assert [row["step"] for row in read_log(out / "run" / "validation.csv")] == [2, 4]
    (out / "model.json").unlink()
    again = together(dataset_file, out, "--resume")
    assert again.returncode == 0, again.stderr[-2000:]
    assert load_segmenter(out).description.training.steps == 4
    refused = together(dataset_file, out, "--epochs", "1")
    assert refused.returncode != 0
    assert "go on with it by --resume" in refused.stderr
