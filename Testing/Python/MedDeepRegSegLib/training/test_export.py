"""A run as a model folder: its averaged weights, and a card that the run fills."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from MedDeepRegSegLib import __version__
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.models.networks import load_encoder
from MedDeepRegSegLib.training import export as export_module
from MedDeepRegSegLib.training.checkpoint import Checkpoint, Position, read_checkpoint
from MedDeepRegSegLib.training.command import main
from MedDeepRegSegLib.training.export import EncoderTexts, export_encoder, read_metrics, read_texts, training_of
from MedDeepRegSegLib.training.pretrain import CHECKPOINT, pretrain
from MedDeepRegSegLib.training.record import HardwareTime, RunRecord


@pytest.fixture(autouse=True)
def lenient(monkeypatch):
    """An untrained network of four features has vectors of hardly any length, which rounding turns further."""
    monkeypatch.setattr(export_module, "_LARGEST_CHANGE", 1e-2)


@pytest.fixture(scope="module")
def run(tiny, maps, tmp_path_factory):
    out = tmp_path_factory.mktemp("run")
    pretrain(replace(tiny, real_fraction=0.4), out, maps=maps, minutes=0)
    return out


def test_the_model_has_the_averaged_weights(run, tmp_path):
    result = export_encoder(run, tmp_path / "model")
    assert 0 < result.largest_change < 1e-2
    loaded = load_encoder(tmp_path / "model")
    stored = read_checkpoint(run / CHECKPOINT)
    for name, tensor in loaded.network.state_dict().items():
        assert torch.equal(tensor, stored.tensors[f"average/encoder.{name}"].half().float())
    assert loaded.description == result.description
    assert (loaded.description.license, loaded.description.software_version) == ("Apache-2.0", __version__)


def test_the_card_tells_what_the_run_did(run, tmp_path, maps):
    training = export_encoder(run, tmp_path / "model").description.training
    record = read_checkpoint(run / CHECKPOINT).position.record
    assert (training.steps, training.seed) == (1, 3)
    assert record.maps_sha256 in training.data
    assert "40% of the pairs from the label maps" in training.data
    assert training.hardware == record.hardware[0].hardware
    assert "Stopped at step 1 of 6" in training.recipe
    assert "python -m MedDeepRegSegLib.training pretrain --out RUN --maps MAPS.npz" in training.recipe
    assert "--side 32" in training.recipe
    assert f"torch {torch.__version__}" in training.recipe
    card = (tmp_path / "model" / "MODEL_CARD.md").read_text()
    assert "not a medical device" in card
    assert training.recipe in card


def test_chunks_on_different_machines_are_all_told(tiny):
    record = RunRecord((HardwareTime("a", 3600), HardwareTime("b", 7200)), ("one", "two"), (1, 2))
    position = Position(step=6, seconds=10800, skipped=2, record=record)
    training = training_of(Checkpoint(tiny, position, {}), EncoderTexts())
    assert training.hardware == "a (1 hours); b (2 hours)"
    assert training.hours == 3
    assert "torchrun --standalone --nproc-per-node 2" in training.recipe
    assert "2 steps were skipped" in training.recipe
    assert "1 and 2 processes" in training.recipe
    assert "one; two" in training.recipe
    assert "no image of a person" in training.data
    early = training_of(Checkpoint(tiny, Position(step=6), {}), EncoderTexts(hardware="my laptop", data="Mine."))
    assert (early.hardware, early.data) == ("my laptop", "Mine.")


def test_the_command_takes_texts_and_metrics(run, tmp_path, capsys):
    texts, metrics = tmp_path / "texts.json", tmp_path / "metrics.json"
    texts.write_text(json.dumps({"version": "2.1", "limitations": ["It is small."]}))
    row = {"name": "Error", "value": 3.5, "unit": "mm", "dataset": "heads", "command": "features.py"}
    metrics.write_text(json.dumps({"metrics": [row]}))
    more = tmp_path / "more.json"
    more.write_text(json.dumps([{**row, "value": 4.5}]))
    options = ["--description", str(texts), "--metrics", str(metrics), str(more)]
    assert main(["export", str(run), "--out", str(tmp_path / "model"), *options]) == 0
    assert "wrote meddeep-encoder 2.1, 1 steps" in capsys.readouterr().out
    description = load_encoder(tmp_path / "model").description
    assert (description.version, description.limitations) == ("2.1", ("It is small.",))
    assert [metric.value for metric in description.metrics] == [3.5, 4.5]


@pytest.mark.parametrize("text", ["", "[]", '{"unknown": 1}', '{"version": "a b"}', '{"name": 3}'])
def test_bad_texts_are_refused(run, tmp_path, text):
    path = tmp_path / "texts.json"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        export_encoder(run, tmp_path / "model", texts=read_texts(path))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("text", ["{", "{}", "3", '[{"name": "Error"}]', '{"metrics": [1]}'])
def test_bad_metrics_are_refused(tmp_path, text):
    path = tmp_path / "metrics.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"metrics\.json"):
        read_metrics(path)


def test_weights_that_do_not_stand_half_precision_are_refused(run, tmp_path, monkeypatch):
    monkeypatch.setattr(export_module, "_LARGEST_CHANGE", 1e-9)
    with pytest.raises(InputError, match="half precision changes features"):
        export_encoder(run, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"has no checkpoint.safetensors"):
        export_encoder(tmp_path, tmp_path / "model")
    save_file({"weights": torch.zeros(2)}, tmp_path / CHECKPOINT)
    with pytest.raises(InputError, match="no checkpoint of a training"):
        export_encoder(tmp_path, tmp_path / "model")
