"""The command line of training: exit codes, one clear line, signals that save."""

import os
import signal
import subprocess
import sys
import time

import pytest

from MedDeepRegSegLib.errors import Canceled
from MedDeepRegSegLib.training import pretrain as pretrain_module
from MedDeepRegSegLib.training.checkpoint import read_checkpoint
from MedDeepRegSegLib.training.command import main
from MedDeepRegSegLib.training.pretrain import CHECKPOINT

SMALL = ["--side", "32", "--anchors", "32", "--voxels", "64", "--neighbors", "4"]


def test_bad_input_is_one_line_and_code_2(tmp_path, capsys):
    out = ["--out", str(tmp_path / "run")]
    for arguments in (
        ["pretrain", *out, "--steps", "0"],
        ["pretrain", *out, "--maps", str(tmp_path / "absent.npz"), *SMALL],
        ["export", str(tmp_path), "--out", str(tmp_path / "model")],
        ["export", str(tmp_path), "--out", str(tmp_path / "model"), "--metrics", str(tmp_path / "absent.json")],
    ):
        assert main(arguments) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith("training: ")
        assert captured.err.count("\n") == 1
    assert not (tmp_path / "model").exists()
    with pytest.raises(SystemExit) as caught:
        main(["pretrain", "--steps", "many"])
    assert caught.value.code == 2


def test_arguments_become_settings(tmp_path, monkeypatch):
    asked = {}

    def fake(settings, out, **options):
        asked.update(settings=settings, out=out, **options)
        return pretrain_module.PretrainResult(settings.steps, 1.0, None)

    monkeypatch.setattr(pretrain_module, "pretrain", fake)
    arguments = ["--steps", "9", "--learning-rate", "0.5", "--seed", "4", "--minutes", "2", "--save-minutes", "1"]
    assert main(["pretrain", "--out", str(tmp_path), *arguments]) == 0
    settings = asked["settings"]
    assert (settings.steps, settings.learning_rate, settings.seed, settings.precision) == (9, 0.5, 4, "float32")
    assert (asked["minutes"], asked["save_minutes"], asked["maps"]) == (2, 1, None)
    assert main(["pretrain", "--out", str(tmp_path), "--device", "cuda"]) == 0
    assert asked["settings"].precision == "bfloat16"


@pytest.mark.parametrize("error", [Canceled("canceled at step 3"), KeyboardInterrupt()])
def test_canceled_is_code_130(tmp_path, monkeypatch, capsys, error):
    def stop(*_, **__):
        raise error

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(pretrain_module, "pretrain", stop)
    assert main(["pretrain", "--out", str(tmp_path)]) == 130
    assert "canceled" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM that a process can handle")
def test_signals_save_and_a_later_second_one_ends_at_once(tmp_path, monkeypatch):
    def run(*_, cancel, **__):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGINT):
            os.kill(os.getpid(), number)  # as torchrun does, which passes on what the terminal sent
            time.sleep(0.01)
        assert cancel.canceled
        time.sleep(1.1)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)
        pytest.fail("it did not end")

    monkeypatch.setattr(pretrain_module, "pretrain", run)
    assert main(["pretrain", "--out", str(tmp_path)]) == 130


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM that a process can handle")
def test_a_process_that_is_told_to_end_saves(tmp_path, repository):
    command = [sys.executable, "-m", "MedDeepRegSegLib.training", "pretrain", "--out", str(tmp_path), *SMALL]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        [*command, "--report-every", "1"],
        cwd=repository / "MedDeepRegSeg",
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline().startswith("step 1: loss")
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate()
    assert process.returncode == 130
    assert "the run was saved" in errors
    assert read_checkpoint(tmp_path / CHECKPOINT).position.step >= 1
