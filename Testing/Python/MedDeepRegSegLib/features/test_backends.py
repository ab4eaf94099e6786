import importlib.util

import numpy as np
import pytest

from MedDeepRegSegLib.errors import InputError, MissingPackageError
from MedDeepRegSegLib.features.backends import choose_backend, make_backend
from MedDeepRegSegLib.features.windows import encode_array


@pytest.fixture
def openvino_installed(monkeypatch):
    find = importlib.util.find_spec

    def installed(yes):
        def found(name, *rest):
            return (object() if yes else None) if name == "openvino" else find(name, *rest)

        monkeypatch.setattr(importlib.util, "find_spec", found)

    return installed


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("installed", [True, False])
def test_auto_does_not_depend_on_what_is_installed(openvino_installed, installed, device):
    openvino_installed(installed)
    assert choose_backend("auto", device) == "torch"


def test_refuses_what_cannot_compute(openvino_installed):
    with pytest.raises(InputError, match="expected one of"):
        choose_backend("onnx", "cpu")
    openvino_installed(True)
    with pytest.raises(InputError, match="CPU"):
        choose_backend("openvino", "cuda")
    openvino_installed(False)
    with pytest.raises(MissingPackageError, match="pip install openvino"):
        choose_backend("openvino", "cpu")


def test_openvino_agrees_with_torch(encoder, texture):
    pytest.importorskip("openvino")  # optional: nothing needs it
    values = texture((48, 32, 40))
    expected = encode_array(values, encoder, backend="torch")
    for found, wanted in zip(encode_array(values, encoder, backend="openvino"), expected, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_half_precision_is_close_and_unit(encoder, texture):
    values = texture((48, 32, 40))
    expected = encode_array(values, encoder)
    for found, wanted in zip(encode_array(values, encoder, backend="torch-bf16"), expected, strict=True):
        assert found.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(found, axis=0), 1, atol=1e-4)
        np.testing.assert_allclose(found, wanted, atol=0.15)
        assert np.abs(found - wanted).max() > 1e-5


@pytest.mark.parametrize("name", ["torch", "openvino"])
def test_what_a_step_raises_ends_the_work(encoder, name):
    if name == "openvino":
        pytest.importorskip("openvino")
    backend = make_backend(name, encoder)

    def step():
        raise InterruptedError

    block = np.zeros((2, 32, 32, 32), np.float32)
    with pytest.raises(InterruptedError):
        backend(block, step)
    local, context = backend(block, lambda: None)
    assert local.shape == (16, 16, 16, 16)
    assert context.shape == (32, 4, 4, 4)
