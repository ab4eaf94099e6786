"""Networks from folders: the same features, and refusal before anything is built that does not fit."""

import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from MedDeepRegSegLib.errors import InputError, MissingPackageError
from MedDeepRegSegLib.models import encoder as encoder_module
from MedDeepRegSegLib.models import networks
from MedDeepRegSegLib.models.model_folder import read_model
from MedDeepRegSegLib.models.networks import choose_device, import_monai, import_torch, load_encoder
from MedDeepRegSegLib.models.sealed_folder import write_sealed


def resealed(folder, *, change=None, **settings):
    """Write the model again, properly sealed, with other tensors or settings."""
    description, tensors = read_model(folder)
    tensors = dict(tensors)
    if change is not None:
        change(tensors)
    write_sealed(folder, tensors, replace(description, settings={**description.settings, **settings}), "card")
    return folder


def refused(folder, match):
    with pytest.raises(InputError, match=match) as caught:
        load_encoder(folder)
    assert "\n" not in str(caught.value)


def test_loaded_encoder_gives_the_features_of_the_written_one(folder, encoder):
    loaded = load_encoder(folder)
    assert (loaded.device, loaded.description.name) == ("cpu", "toy-encoder")
    assert not loaded.network.training
    assert loaded.network.settings == encoder.settings
    volume = torch.rand(1, 2, 32, 32, 32)
    for found, expected in zip(loaded.network(volume), encoder.eval()(volume), strict=True):
        assert found.dtype == torch.float32
        assert not found.requires_grad
        assert torch.allclose(found, expected, atol=5e-3)
        assert (found - expected).abs().max() > 0  # it did pass through half precision
    for tensor in loaded.network.state_dict().values():
        assert tensor.dtype == torch.float32
        assert not tensor.is_meta


def test_loading_leaves_the_random_numbers_alone(folder):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    load_encoder(folder)
    assert torch.equal(torch.rand(3), expected)


def test_missing_and_extra_tensors_are_refused(folder):
    resealed(folder, change=lambda tensors: tensors.pop("stem.weight"))
    refused(folder, r"lacks 1 tensor \('stem.weight'\)")
    resealed(folder, change=lambda tensors: tensors.clear())
    refused(folder, r"lacks \d+ tensors \(.* and others\)")


def test_extra_tensors_are_refused(folder):
    resealed(folder, change=lambda tensors: tensors.update({"ex\ntra": np.zeros(2, dtype=np.float16)}))
    refused(folder, "beyond those of the network, 1 tensor ")


def test_other_shape_is_refused(folder):
    def change(tensors):
        tensors["stem.weight"] = tensors["stem.weight"].reshape(16, 1, 2, 2, 2)

    resealed(folder, change=change)
    refused(folder, r"stem.weight has the shape \(16, 1, 2, 2, 2\), expected \(8, 2, 2, 2, 2\)")


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"channels": (10**6, 8, 8, 8)}, "settings.channels holds 1000000, expected multiples of 8 up to 512"),
        ({"channels": (10**4000, 8, 8, 8)}, "settings.channels holds 10000000000000000000, expected"),
        ({"channels": (8, 8, 8, 12)}, "settings.channels holds 12"),
        ({"channels": (8, 8, 8, 0)}, "settings.channels holds 0"),
        ({"channels": (8, 8, 8)}, "expected a list of 4"),
        ({"channels": "8888"}, "expected a list"),
        ({"local_features": 0}, "settings.local_features is 0, expected 1 to 256"),
        ({"local_features": True}, "expected a whole number"),
        ({"context_features": 257}, "settings.context_features is 257, expected 1 to 256"),
        ({"depth": 5}, "depth: unknown field.* update MedDeep"),
    ],
)
def test_settings_are_bounded_before_anything_is_built(folder, monkeypatch, settings, match):
    def build(*_):
        pytest.fail("a network was built")

    monkeypatch.setattr(encoder_module, "Encoder", build)
    refused(resealed(folder, **settings), match)


def test_large_settings_within_the_bounds_take_no_memory(folder):
    import tracemalloc

    resealed(folder, channels=(512, 512, 512, 512))
    tracemalloc.start()
    refused(folder, "has the shape")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6


def test_without_a_folder_the_shipped_encoder_is_meant(monkeypatch, tmp_path, folder):
    asked = []
    monkeypatch.setattr(networks, "resource_path", lambda *parts: asked.append(parts) or folder)
    assert load_encoder().description.name == "toy-encoder"
    assert asked == [networks.ENCODER]


def test_device_is_chosen(monkeypatch):
    assert choose_device("cpu") == "cpu"
    with pytest.raises(InputError, match="'tpu', expected auto, cpu or cuda"):
        choose_device("tpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == "cpu"
    with pytest.raises(InputError, match=r"asked for, but PyTorch finds no GPU.*choose cpu or auto"):
        choose_device("cuda")


def test_gpu_that_fails_is_not_taken(monkeypatch):
    def fail(*_, **__):
        msg = "CUDA error: no kernel image\nmore lines"
        raise RuntimeError(msg)

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "ones", fail)
    assert choose_device("auto") == "cpu"
    with pytest.raises(InputError, match="no kernel image") as caught:
        choose_device("cuda")
    assert "\n" not in str(caught.value)


def test_working_gpu_is_taken(monkeypatch):
    ones = torch.ones
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "ones", lambda count, device: ones(count))
    assert choose_device("auto") == choose_device("cuda") == "cuda"


def test_missing_torch_says_what_to_do(monkeypatch, folder):
    monkeypatch.setitem(sys.modules, "torch", None)
    for call in (import_torch, lambda: choose_device("auto"), lambda: load_encoder(folder)):
        with pytest.raises(MissingPackageError, match="extension PyTorch"):
            call()


def test_monai_that_cannot_be_started_says_why(monkeypatch, tmp_path):
    (tmp_path / "monai.py").write_text("raise OSError('a library is missing')\n")
    monkeypatch.delitem(sys.modules, "monai", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(
        MissingPackageError, match=r"this network needs MONAI.*\(a library is missing\).*agree to install"
    ):
        import_monai("this network")
