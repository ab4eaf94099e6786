"""Processes that train together."""

import os
import subprocess
import sys

import pytest
import torch
from torch import nn

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.training.checkpoint import read_checkpoint
from MedDeepRegSegLib.training.log import read_log
from MedDeepRegSegLib.training.objective import PretrainObjective
from MedDeepRegSegLib.training.pair_source import PairSource
from MedDeepRegSegLib.training.pretrain import CHECKPOINT, LOG
from MedDeepRegSegLib.training.settings import PretrainSettings
from MedDeepRegSegLib.training.team import Team

SETTINGS = PretrainSettings(steps=2, side=32, anchors=32, voxels=64, neighbors=4, seed=5)
OPTIONS = ["--steps", "2", "--side", "32", "--anchors", "32", "--voxels", "64", "--neighbors", "4", "--seed", "5"]


def test_one_process_needs_no_others():
    with Team("cpu") as team:
        assert team.leads
        values = torch.rand(3)
        assert torch.equal(team.mean(values), values)
        assert team.any(True)
        assert not team.any(False)
        assert team.same(4)
        model = nn.Linear(1, 1)
        assert team.share(model) is model


def test_a_gpu_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="cuda was asked for"):
        Team("cuda")


def together(repository, out, *options):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"]
    command += ["MedDeepRegSegLib.training", "pretrain", "--out", str(out), "--report-every", "1", *OPTIONS, *options]
    paths = os.pathsep.join([str(repository / "MedDeepRegSeg"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": paths}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=500, check=False)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="torchrun needs libuv there")
def test_two_processes_average_their_gradients_and_go_on_exactly(tmp_path, repository):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    done = together(repository, whole)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("step 1:") == 1  # one process tells
    assert [row["step"] for row in read_log(whole / LOG)] == [1, 2]
    assert read_checkpoint(whole / CHECKPOINT).position.record.processes == (2,)

    for step in (1, 2):
        done = together(repository, parts, *(["--minutes", "0"] if step == 1 else []))
        assert done.returncode == 0, done.stderr
        checkpoint = read_checkpoint(parts / CHECKPOINT)
        assert checkpoint.position.step == step
        if step == 1:
            first = checkpoint
    left, right = (read_checkpoint(folder / CHECKPOINT).tensors for folder in (whole, parts))
    assert all(torch.equal(tensor, right[name]) for name, tensor in left.items())
    for one, other in zip(read_log(whole / LOG), read_log(parts / LOG), strict=True):
        assert {**one, "seconds": 0} == {**other, "seconds": 0}

    gradients, losses = zip(*(gradient_of(process) for process in (0, 1)), strict=True)
    assert losses[0] != losses[1]
    mean = [(one + other) / 2 for one, other in zip(*gradients, strict=True)]
    norm = torch.sqrt(sum((gradient**2).sum() for gradient in mean))
    scale = min(1.0, 2.0 / float(norm))
    for number, gradient in enumerate(mean):
        # Adam's first moment after one step is a tenth of the gradient.
        moment = first.tensors[f"optimizer/{number}/exp_avg"]
        torch.testing.assert_close(moment, 0.1 * scale * gradient, rtol=1e-3, atol=1e-5)
    logged = read_log(whole / LOG)[0]["loss"]
    assert logged == pytest.approx(sum(losses) / 2, rel=1e-4)


def gradient_of(process):
    """Return what a process computes in the first step, computed here."""
    torch.manual_seed(SETTINGS.seed)
    model = PretrainObjective(SETTINGS, 1).to(memory_format=torch.channels_last_3d)
    pairs = PairSource(SETTINGS, process=process).batch(0)
    loss = model(pairs, Randomness(SETTINGS.seed, process, 0, 2))[0]
    loss.backward()
    return [parameter.grad for parameter in model.parameters()], float(loss)
