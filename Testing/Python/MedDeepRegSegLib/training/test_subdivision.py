"""Training of a subdivision network: runs go on, become a model, and learn."""

import json

import pytest
import torch
from tiny_networks import write_tiny_encoder

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.models.subdivision_loader import load_subdivision
from MedDeepRegSegLib.synthesis.parts import Part
from MedDeepRegSegLib.training.checkpoint import read_checkpoint
from MedDeepRegSegLib.training.command import main
from MedDeepRegSegLib.training.log import read_log
from MedDeepRegSegLib.training.run import CHECKPOINT, LOG
from MedDeepRegSegLib.training.subdivision import ViewSource, train_subdivision
from MedDeepRegSegLib.training.subdivision_export import export_subdivision
from MedDeepRegSegLib.training.subdivision_settings import SubdivisionTraining, read_parts

PARTS = (Part("skull", (515, 516), shown=False), Part("brain", (2,), (41,)))


@pytest.fixture(scope="module")
def small():
    return SubdivisionTraining(steps=4, side=32, head_channels=8, warmup=1, parts=PARTS, unknown=(), seed=2)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return write_tiny_encoder(tmp_path_factory.mktemp("encoder") / "model")


@pytest.fixture(scope="module")
def run(small, maps, encoder, tmp_path_factory):
    out = tmp_path_factory.mktemp("run")
    train_subdivision(small, out, maps=maps, encoder=encoder, report_every=2)
    return out


def test_a_run_writes_its_log(run):
    rows = read_log(run / LOG)
    assert [row["step"] for row in rows] == [2, 4]
    assert all(0 <= row["dice"] <= 1 and 0 <= row["side_accuracy"] <= 1 for row in rows)


def test_chunks_give_the_same_weights(small, maps, encoder, run, tmp_path):
    for _ in range(4):
        train_subdivision(small, tmp_path, maps=maps, encoder=encoder, minutes=0)
    whole, parts = (read_checkpoint(folder / CHECKPOINT, SubdivisionTraining) for folder in (run, tmp_path))
    assert parts.position.step == 4
    assert whole.settings == parts.settings == small
    assert all(torch.equal(value, parts.tensors[name]) for name, value in whole.tensors.items())


def test_it_starts_from_the_encoder(small, maps, encoder, tmp_path):
    from MedDeepRegSegLib.models.networks import load_encoder

    slow = SubdivisionTraining(**{**vars(small), "steps": 1, "learning_rate": 1e-12})
    result = train_subdivision(slow, tmp_path, maps=maps, encoder=encoder)
    known = load_encoder(encoder).network.state_dict()
    for name, value in result.network.encoder.state_dict().items():
        assert torch.allclose(value, known[name], atol=1e-6), name


def test_a_run_becomes_a_model(run, tmp_path):
    description = export_subdivision(run, tmp_path / "model")
    assert description.labels == ("skull", "brain")
    assert description.settings["sided"] == (0, 0, 1)
    assert description.settings["shown"] == (0, 0, 1)
    assert "--parts PARTS.json" in description.training.recipe
    loaded = load_subdivision(tmp_path / "model")
    stored = read_checkpoint(run / CHECKPOINT, SubdivisionTraining).part("average/network.")
    for name, value in loaded.network.state_dict().items():
        assert torch.allclose(value, stored[name], atol=1e-3), name


def test_training_lowers_the_loss(small, maps, encoder, tmp_path, monkeypatch):
    view = ViewSource(small, maps).batch(0)
    monkeypatch.setattr(ViewSource, "batch", lambda *_: view)
    longer = SubdivisionTraining(**{**vars(small), "steps": 12, "learning_rate": 1e-2})
    train_subdivision(longer, tmp_path, maps=maps, encoder=encoder, report_every=1)
    losses = [row["loss"] for row in read_log(tmp_path / LOG)]
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"side": 40}, "multiple of 16"),
        ({"steps": 0}, "1 or more"),
        ({"head_channels": 12}, "multiple of 8"),
        ({"smallest_voxel": 3.0}, "smallest first"),
        ({"stripped_fraction": 1.5}, "fraction from 0 to 1"),
        ({"learning_rate": float("nan")}, "more than 0"),
        ({"side_weight": -1.0}, "0 or more"),
        ({"parts": ()}, "no part is to be shown"),
    ],
)
def test_settings_that_no_run_can_use_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        SubdivisionTraining(**change)


def test_parts_come_from_a_file(tmp_path):
    path = tmp_path / "parts.json"
    path.write_text(json.dumps({"parts": [{"name": "femur", "labels": [1], "right": [2]}], "unknown": [9]}))
    assert read_parts(path) == ((Part("femur", (1,), (2,)),), (9,))
    path.write_text(json.dumps({"parts": [{"name": "femur", "labels": [1]}, {"name": "tibia", "labels": [1]}]}))
    with pytest.raises(InputError, match="label 1 belongs"):
        read_parts(path)
    path.write_text('["femur"]')
    with pytest.raises(InputError, match=r"cannot be read as a table of parts"):
        read_parts(path)


def test_the_command_trains_and_exports(maps, encoder, tmp_path, capsys):
    parts = tmp_path / "parts.json"
    parts.write_text(json.dumps({"parts": [{"name": "brain", "labels": [2], "right": [41]}]}))
    words = ["subdivision", "--out", tmp_path / "run", "--maps", maps, "--parts", parts, "--encoder", encoder]
    words += ["--steps", "1", "--side", "32", "--head-channels", "8"]
    assert main(list(map(str, words))) == 0
    assert "at step 1 of 1" in capsys.readouterr().out
    words = ["export", tmp_path / "run", "--kind", "subdivision", "--out", tmp_path / "model"]
    assert main(list(map(str, words))) == 0
    assert load_subdivision(tmp_path / "model").description.labels == ("brain",)
    assert main(["export", str(tmp_path), "--kind", "subdivision", "--out", str(tmp_path / "model")]) == 2
    assert "checkpoint.safetensors" in capsys.readouterr().err
