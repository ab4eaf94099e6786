"""Folders of networks: half precision, nothing that does not fit, nothing that is not known."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.models.description import WorkingSpacing
from MedDeepRegSegLib.models.model_folder import read_model, write_model
from MedDeepRegSegLib.models.sealed_folder import write_sealed


def refused(folder, match):
    with pytest.raises(InputError, match=match) as caught:
        read_model(folder)
    assert "\n" not in str(caught.value)


def test_round_trip_in_half_precision(folder, tensors, description):
    back, half = read_model(folder)
    assert replace(back, weights_sha256="") == description
    assert len(back.weights_sha256) == 64
    assert half.keys() == tensors.keys()
    for name, array in half.items():
        assert array.dtype == np.float16
        assert array.shape == tensors[name].shape
        assert np.array_equal(array, tensors[name].astype(np.float16))


def test_writing_returns_what_reading_returns(tmp_path, tensors, description):
    written = write_model(tmp_path / "m", tensors, description, "card")
    assert written == read_model(tmp_path / "m")[0]
    assert hash(written) != hash(description)


def test_settings_may_be_lists_as_in_json(description):
    assert description.settings["channels"] == (8, 8, 16, 16)


@pytest.mark.parametrize(
    ("array", "match"),
    [
        (np.array([1.0, np.nan]), "stem.weight holds values that are not finite or beyond 65504"),
        (np.array([7e4]), "stem.weight holds values that are not finite or beyond 65504"),
        (np.array([1, 2]), "stem.weight is int64, expected floating-point"),
    ],
)
def test_what_half_precision_cannot_hold_is_not_written(tmp_path, description, array, match):
    with pytest.raises(InputError, match=match):
        write_model(tmp_path / "m", {"stem.weight": array}, description, "card")
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("array", "match"),
    [
        (np.zeros(3, dtype=np.float32), "tensor 'a' is float32, expected float16"),
        (np.zeros(3, dtype=np.int16), "tensor 'a' is int16, expected float16"),
        (np.array([0, np.inf], dtype=np.float16), "tensor 'a' holds values that are not finite"),
        (np.array([np.nan, 0], dtype=np.float16), "tensor 'a' holds values that are not finite"),
    ],
)
def test_other_numbers_are_refused_even_when_sealed(tmp_path, description, array, match):
    write_sealed(tmp_path / "m", {"a": array}, description, "card")
    refused(tmp_path / "m", match)


def test_numbers_that_numpy_does_not_know_are_refused(folder, monkeypatch):
    import torch
    from safetensors.torch import save

    from MedDeepRegSegLib.models import sealed_folder

    bfloat = save({"a": torch.zeros(3, dtype=torch.bfloat16)})
    with pytest.raises(InputError, match="numbers of type BF16"):
        sealed_folder._from_bytes(bfloat, folder)


def test_unknown_architecture_is_refused_both_ways(tmp_path, description, tensors):
    other = replace(description, architecture="transformer")
    with pytest.raises(
        InputError, match="'transformer', expected one of encoder, growing, subdivision: update MedDeep"
    ):
        write_model(tmp_path / "w", tensors, other, "card")
    write_sealed(tmp_path / "m", {}, other, "card")
    refused(tmp_path / "m", "'transformer', expected one of encoder, growing, subdivision: update MedDeep")


@pytest.mark.parametrize("name", ["", "../up", "a b", "a" * 65, "line\n", ".hidden"])
def test_names_are_fit_for_files(description, name):
    with pytest.raises(ValueError, match="expected up to 64 letters"):
        replace(description, name=name)
    with pytest.raises(ValueError, match="expected up to 64 letters"):
        replace(description, version=name)


@pytest.mark.parametrize("spacing", [(0, 4, 2), (2, 4, 1), (1, 2, 3), (-1, 4, 2)])
def test_spacings_are_in_order(spacing):
    smallest, largest, recommended = spacing
    with pytest.raises(ValueError, match="in this order"):
        WorkingSpacing(smallest=smallest, largest=largest, recommended=recommended)


def test_models_are_read_without_torch(folder):
    code = (
        "import sys; from pathlib import Path; from MedDeepRegSegLib.models import model_card, networks;"
        "from MedDeepRegSegLib.models.model_folder import read_model; read_model(Path(sys.argv[1]));"
        "networks.choose_device('cpu'); assert 'torch' not in sys.modules"
    )
    environment_path = [path for path in sys.path if path]
    code = f"import sys; sys.path[:] = {environment_path!r}; {code}"
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True, timeout=120)
