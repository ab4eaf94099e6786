"""Model folders: exact round trip, and refusal of what was changed."""

import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from MedDeepDiagnosisLib.models.model_card import model_card
from MedDeepDiagnosisLib.models.model_folder import read_model, write_model
from MedDeepRegSegLib.errors import InputError


@pytest.fixture
def folder(toy_model, tmp_path):
    write_model(toy_model, model_card(toy_model.description), tmp_path / "model")
    return tmp_path / "model"


def test_predictions_survive_exactly(folder, toy_model, toy_table):
    back = read_model(folder)
    for name, fitted in toy_model.variants.items():
        values = toy_table.select([feature.name for feature in fitted.features])
        assert np.array_equal(back.variants[name].predict(values), fitted.predict(values))
        additive, stored = fitted.additive, back.variants[name].additive
        assert np.array_equal(stored.interval(values[:5]), additive.interval(values[:5]))
        assert stored.penalty == additive.penalty
        assert np.array_equal(back.variants[name].band, fitted.band)
    assert replace(back.description, weights_sha256="") == toy_model.description


def test_folder_holds_no_code_and_the_same_bytes_each_time(folder, toy_model, tmp_path):
    assert sorted(path.name for path in folder.iterdir()) == ["MODEL_CARD.md", "model.json", "model.safetensors"]
    write_model(toy_model, model_card(toy_model.description), tmp_path / "again")
    for path in folder.iterdir():
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()


def test_changed_weights_are_refused(folder):
    path = folder / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match="SHA-256 differs"):
        read_model(folder)


def test_changed_scores_are_refused(folder):
    path = folder / "model.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    data["validation"][0]["binary"]["auc"]["value"] = 0.999
    path.write_text(json.dumps(data))
    with pytest.raises(InputError, match="was changed after the model was written"):
        read_model(folder)


def test_weights_of_another_model_are_refused(folder, toy_model, tmp_path):
    other = replace(toy_model, description=replace(toy_model.description, license="another"))
    write_model(other, "card", tmp_path / "other")
    (folder / "model.safetensors").write_bytes((tmp_path / "other" / "model.safetensors").read_bytes())
    with pytest.raises(InputError, match="SHA-256 differs"):
        read_model(folder)


@pytest.mark.parametrize("fault", ["missing", "shape", "nan"])
def test_arrays_that_do_not_fit_are_refused_even_with_matching_hashes(folder, fault):
    import hashlib

    path = folder / "model.safetensors"
    arrays = load_file(path)
    header_length = int.from_bytes(path.read_bytes()[:8], "little")
    header = json.loads(path.read_bytes()[8 : 8 + header_length])["__metadata__"]
    if fault == "missing":
        del arrays["all/predictor/model/encoding/center"]
    elif fault == "shape":
        arrays["all/predictor/model/encoding/center"] = arrays["all/predictor/model/encoding/center"][:-1].copy()
    else:
        arrays["all/predictor/model/encoding/center"][0] = np.nan
    save_file(arrays, path, metadata=header)
    description = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    description["weights_sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / "model.json").write_text(json.dumps(description))
    with pytest.raises(InputError, match="all/predictor/model/encoding/center"):
        read_model(folder)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("model.json", None, "not a model folder"),
        ("model.safetensors", None, "not a model folder"),
        ("model.json", b"{", "not a valid model description"),
        ("model.json", b"{}", "missing field"),
        ("model.safetensors", b"", "SHA-256 differs"),
    ],
)
def test_missing_and_damaged_files_are_refused(folder, name, content, message):
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_model(folder)


def test_card_says_what_it_is_worth_and_what_it_is_not(toy_model):
    card = model_card(toy_model.description)
    scores = toy_model.description.scores("all")
    assert f"{scores.auc.value:.3f}" in card
    assert "not a diagnosis" in card
    assert "Made up." in card
    assert "No information" in card
    assert "anything real" in card
    for feature in toy_model.pathology.features:
        assert f"`{feature.name}`" in card
