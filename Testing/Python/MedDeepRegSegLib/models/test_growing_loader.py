"""The growing network that ships, and folders that are not one."""

import shutil
from dataclasses import replace

import pytest
import torch

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.models.growing_loader import GROWING, load_growing
from MedDeepRegSegLib.models.model_folder import read_model, write_model
from MedDeepRegSegLib.resources import resource_path


def test_the_one_that_ships_is_small_and_ready():
    loaded = load_growing()
    assert not loaded.network.training
    assert not any(parameter.requires_grad for parameter in loaded.network.parameters())
    assert next(loaded.network.parameters()).dtype == torch.float32
    assert (resource_path(*GROWING) / "model.safetensors").stat().st_size <= 4e6
    assert loaded.description.limitations


def test_another_network_is_refused():
    with pytest.raises(InputError, match="of kind encoder, expected growing"):
        load_growing(resource_path("models", "encoder"))


def test_a_changed_weight_is_refused(tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(resource_path(*GROWING), folder)
    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(InputError, match="SHA-256 differs"):
        load_growing(folder)
    with pytest.raises(InputError, match=r"model\.json is missing"):
        load_growing(tmp_path)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"channels": (24, 48)}, "a list of 4"),
        ({"channels": (24, 48, 64, 10**6)}, "expected 1 to 512"),
        ({"steps": (2, 4, -1)}, "expected 0 to 64"),
        ({"speed": 3}, "unknown field"),
    ],
)
def test_sizes_that_no_network_has_are_refused(tmp_path, changed, words):
    description, tensors = read_model(resource_path(*GROWING))
    other = replace(description, settings={**description.settings, **changed})
    write_model(tmp_path / "model", tensors, other, "card")
    with pytest.raises(InputError, match=words) as problem:
        load_growing(tmp_path / "model")
    assert "model.json" in str(problem.value)
