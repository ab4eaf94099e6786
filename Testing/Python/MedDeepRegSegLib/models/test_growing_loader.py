"""The growing network that ships, and folders that are not one."""

import shutil

import pytest
import torch

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.models.growing_loader import GROWING, load_growing
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
