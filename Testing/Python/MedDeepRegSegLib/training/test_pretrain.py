"""Runs: exactly resumable, deterministic, saved when canceled, and refused before anything is overwritten."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.models.encoder import EncoderSettings
from MedDeepRegSegLib.training import pretrain as pretrain_module
from MedDeepRegSegLib.training import run as run_module
from MedDeepRegSegLib.training.checkpoint import read_checkpoint
from MedDeepRegSegLib.training.log import read_log
from MedDeepRegSegLib.training.pair_source import PairSource
from MedDeepRegSegLib.training.pretrain import CHECKPOINT, COLUMNS, CURVES, LOG, SETTINGS, pretrain
from MedDeepRegSegLib.training.run_lock import LOCK, sole_writer


@pytest.fixture(scope="module")
def whole(tiny, tmp_path_factory):
    """Folder of a run of six steps at once."""
    out = tmp_path_factory.mktemp("whole")
    pretrain(tiny, out, report_every=2)
    return out


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != LOCK}


def numbers(folder):
    """Return the rows of the log without the seconds."""
    return [{name: value for name, value in row.items() if name != "seconds"} for row in read_log(folder / LOG)]


def assert_same_run(one, other):
    left, right = (read_checkpoint(folder / CHECKPOINT) for folder in (one, other))
    assert left.tensors.keys() == right.tensors.keys()
    assert {name.split("/")[0] for name in left.tensors} == {"model", "average", "optimizer"}
    for name, tensor in left.tensors.items():
        assert torch.equal(tensor, right.tensors[name]), name
    assert (left.position.step, left.position.count) == (right.position.step, right.position.count)
    assert left.position.total == right.position.total
    assert numbers(one) == numbers(other)


def test_a_run_leaves_its_files(whole, tiny):
    assert set(content(whole)) == {CHECKPOINT, LOG, CURVES, SETTINGS}
    assert json.loads((whole / SETTINGS).read_text())["seed"] == 3
    rows = read_log(whole / LOG)
    assert [row["step"] for row in rows] == [2, 4, 6]
    assert tuple(rows[0]) == COLUMNS
    assert all(np.isfinite(list(row.values())).all() for row in rows)
    checkpoint = read_checkpoint(whole / CHECKPOINT)
    assert checkpoint.settings == tiny
    record = checkpoint.position.record
    assert record.processes == (1,)
    assert record.seconds == pytest.approx(checkpoint.position.seconds, abs=0.1)
    assert record.seconds > 0


def test_going_on_is_bit_exact(tiny, whole, tmp_path):
    cancel = CancelToken()

    def stop(fraction, _message):
        if fraction > 0.45:
            cancel.cancel()

    # Three steps, by a cancel, between two rows of the log: rows are means since the last one.
    with pytest.raises(Canceled, match="canceled at step 3; the run was saved"):
        pretrain(tiny, tmp_path, report_every=3, progress=stop, cancel=cancel)
    shutil.copy(tmp_path / CHECKPOINT, tmp_path / "third")
    (tmp_path / LOG).unlink()
    stopped = tmp_path / "stopped"
    for step in (1, 2, 3):
        assert pretrain(tiny, stopped, report_every=2, minutes=0).step == step
    third, other = (read_checkpoint(path) for path in (tmp_path / "third", stopped / CHECKPOINT))
    assert all(torch.equal(tensor, other.tensors[name]) for name, tensor in third.tensors.items())
    result = pretrain(tiny, stopped, report_every=2)
    assert result.step == 6
    assert_same_run(whole, stopped)


def test_steps_after_the_last_checkpoint_are_repeated(tiny, whole, tmp_path, monkeypatch):
    out = tmp_path / "run"
    pretrain(tiny, out, report_every=1, minutes=0)
    early = (out / CHECKPOINT).read_bytes()
    pretrain(tiny, out, report_every=1, minutes=0)
    pretrain(tiny, out, report_every=1, minutes=0)
    (out / CHECKPOINT).write_bytes(early)  # as if the process was killed two steps later
    assert [row["step"] for row in read_log(out / LOG)] == [1, 2, 3]
    pretrain(tiny, out, report_every=1)
    assert [row["step"] for row in read_log(out / LOG)] == [1, 2, 3, 4, 5, 6]
    left, right = (read_checkpoint(folder / CHECKPOINT).tensors for folder in (whole, out))
    assert all(torch.equal(tensor, right[name]) for name, tensor in left.items())


def test_a_run_is_repeatable_and_leaves_the_random_numbers_of_others_alone(tiny, whole, tmp_path):
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    pretrain(tiny, tmp_path / "same", report_every=2)
    assert torch.equal(torch.rand(3), expected)
    assert_same_run(whole, tmp_path / "same")


def test_another_seed_gives_another_run(tiny, whole, tmp_path):
    pretrain(replace(tiny, seed=4), tmp_path, minutes=0, report_every=1)
    one, other = (read_checkpoint(folder / CHECKPOINT).tensors for folder in (whole, tmp_path))
    name = "average/encoder.stem.weight"
    assert not torch.equal(one[name], other[name])


def test_a_finished_run_stays_as_it_is(tiny, whole, tmp_path):
    out = tmp_path / "run"
    shutil.copytree(whole, out)
    before = content(out)
    result = pretrain(tiny, out)
    assert result.step == 6
    assert content(out) == before
    stored = read_checkpoint(out / CHECKPOINT).part("average/encoder.")
    assert all(torch.equal(tensor, stored[name]) for name, tensor in result.encoder.state_dict().items())


def _truncate(path):
    path.write_bytes(path.read_bytes()[:-100])


def _change_weights(path):
    data = bytearray(path.read_bytes())
    data[-1000] ^= 1
    path.write_bytes(data)


def _pickle(path):
    torch.save({"weights": torch.zeros(3)}, path)


def _empty(path):
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [_truncate, _change_weights, _pickle, _empty])
def test_a_damaged_checkpoint_is_refused_and_nothing_is_overwritten(tiny, whole, tmp_path, damage):
    out = tmp_path / "run"
    shutil.copytree(whole, out)
    damage(out / CHECKPOINT)
    before = content(out)
    with pytest.raises(InputError, match="is damaged or no checkpoint"):
        pretrain(tiny, out)
    assert content(out) == before


def test_a_run_of_other_settings_is_refused_and_nothing_is_overwritten(tiny, whole, tmp_path, maps):
    out = tmp_path / "run"
    shutil.copytree(whole, out)
    before = content(out)
    for change, name in (
        ({"steps": 7}, "steps"),
        ({"seed": 4, "side": 48}, "seed, side"),
        ({"encoder": EncoderSettings()}, "encoder"),
    ):
        with pytest.raises(InputError, match=rf"made with other settings \({name}\)"):
            pretrain(replace(tiny, **change), out)
    with pytest.raises(InputError, match="made with other label maps"):
        pretrain(tiny, out, maps=maps)
    assert content(out) == before


def test_a_folder_in_use_is_refused(tiny, whole):
    before = content(whole)
    with sole_writer(whole), pytest.raises(InputError, match="is in use by another training"):
        pretrain(tiny, whole)
    assert content(whole) == before
    pretrain(tiny, whole)  # and is free again


def test_a_cancel_saves(tiny, tmp_path):
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Canceled):
        pretrain(tiny, tmp_path, cancel=cancel)
    assert read_checkpoint(tmp_path / CHECKPOINT).position.step == 1


def test_a_gradient_that_is_not_finite_is_skipped(tiny, tmp_path, monkeypatch):
    class Bad(pretrain_module.PretrainObjective):
        calls = 0

        def forward(self, pairs, random):
            Bad.calls += 1
            return super().forward(pairs, random) * (torch.nan if Bad.calls in (2, 3) else 1)

    monkeypatch.setattr(pretrain_module, "PretrainObjective", Bad)
    told = []
    pretrain(tiny, tmp_path, report_every=3, progress=lambda _, message: told.append(message))
    assert [row["step"] for row in read_log(tmp_path / LOG)] == [3, 6]
    assert "2 steps skipped" in told[-1]
    checkpoint = read_checkpoint(tmp_path / CHECKPOINT)
    assert checkpoint.position.skipped == 2
    assert checkpoint.tensors["optimizer/0/step"] == 4
    assert all(torch.isfinite(tensor).all() for tensor in checkpoint.tensors.values())


def test_a_run_that_diverged_ends_with_advice(tiny, tmp_path, monkeypatch):
    class Bad(pretrain_module.PretrainObjective):
        def forward(self, pairs, random):
            return super().forward(pairs, random) * torch.nan

    monkeypatch.setattr(pretrain_module, "PretrainObjective", Bad)
    monkeypatch.setattr(run_module, "_MOST_SKIPPED", 3)
    with pytest.raises(InputError, match=r"not finite in 3 steps in a row, up to step 3: .*lower learning rate"):
        pretrain(tiny, tmp_path)
    assert not (tmp_path / CHECKPOINT).exists()


def test_curves_that_cannot_be_drawn_do_not_end_a_run(tiny, tmp_path, monkeypatch):
    for error in (ModuleNotFoundError("no matplotlib"), PermissionError("in use")):

        def fail(*_, error=error):
            raise error

        monkeypatch.setattr(run_module, "draw_curves", fail)
        pretrain(tiny, tmp_path, minutes=0)
    assert read_checkpoint(tmp_path / CHECKPOINT).position.step == 2


def test_bad_arguments_are_refused_before_anything_is_written(tiny, tmp_path):
    out = tmp_path / "run"
    with pytest.raises(InputError, match="report_every is 0"):
        pretrain(tiny, out, report_every=0)
    assert not out.exists()
    with pytest.raises(InputError, match="packed label maps"):
        pretrain(tiny, out, maps=tmp_path / "absent.npz")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot write to"):
        pretrain(tiny, tmp_path / "file" / "run")


def test_training_lowers_the_loss(tiny, tmp_path, monkeypatch):
    """Of one pair again and again, each time at other anchors: so few steps teach nothing about other pairs."""
    settings = replace(tiny, steps=24, learning_rate=5e-3, anchors=64)
    pair = PairSource(settings).batch(0)
    monkeypatch.setattr(PairSource, "batch", lambda *_: pair)
    pretrain(settings, tmp_path, report_every=1)
    rows = read_log(tmp_path / LOG)
    first, last = ({name: np.mean([row[name] for row in part]) for name in COLUMNS} for part in (rows[:6], rows[-6:]))
    assert last["loss"] < first["loss"] - 1
    for name, least in (("local", 0.2), ("global", 0.4), ("context", 1)):
        assert last[name] < first[name] - least, name
    for name in ("local_accuracy", "context_accuracy"):
        assert last[name] > first[name] + 0.1, name
    assert rows[0]["learning_rate"] == pytest.approx(2.5e-3)
    assert rows[-1]["learning_rate"] < 0.05 * 5e-3


def test_what_is_kept_is_the_moving_average(tiny, tmp_path):
    torch.manual_seed(tiny.seed)
    start = pretrain_module.PretrainObjective(tiny, 1).encoder.stem.weight.detach()
    kept = []
    for step in (1, 2):
        pretrain(tiny, tmp_path, minutes=0)
        tensors = read_checkpoint(tmp_path / CHECKPOINT).tensors
        now, average = (tensors[f"{part}/encoder.stem.weight"] for part in ("model", "average"))
        before = kept[-1] if kept else start
        decay = step / (step + 10)  # short at first, then as set
        torch.testing.assert_close(average, decay * before + (1 - decay) * now, rtol=1e-5, atol=1e-7)
        assert not torch.equal(average, now)
        kept.append(average)


def test_the_learning_rate_rises_and_falls(tiny):
    settings = replace(tiny, steps=100, warmup=10, learning_rate=1.0)
    rates = [run_module._rate(settings, step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9] > 0.95
    assert rates[9:] == sorted(rates[9:], reverse=True)
    assert rates[-1] == pytest.approx(0.02, abs=0.002)
    assert run_module._rate(replace(settings, warmup=0), 0) == 1
