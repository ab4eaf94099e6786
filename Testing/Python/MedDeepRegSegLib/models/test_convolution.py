"""The convolution that asks oneDNN itself."""

import pytest
import torch

from MedDeepRegSegLib.models import convolution
from MedDeepRegSegLib.models.convolution import Convolution


@pytest.fixture
def asked(monkeypatch):
    """Return the shapes of what oneDNN was asked for."""
    if not convolution._has_onednn():
        pytest.skip("this build of PyTorch has no oneDNN")
    shapes = []
    ask = torch.mkldnn_convolution

    def listened(values, *rest):
        shapes.append(tuple(values.shape))
        return ask(values, *rest)

    monkeypatch.setattr(torch, "mkldnn_convolution", listened)
    return shapes


def plain(layer):
    """Return PyTorch's own layer with the same weights."""
    result = torch.nn.Conv3d(
        layer.in_channels,
        layer.out_channels,
        layer.kernel_size,
        stride=layer.stride,
        padding=layer.padding,
        bias=layer.bias is not None,
    )
    result.load_state_dict(layer.state_dict())
    return result


@pytest.mark.parametrize(
    ("kernel", "options"),
    [(3, {"padding": 1}), (3, {"padding": 1, "bias": False}), (1, {}), (2, {"stride": 2, "bias": False})],
)
@pytest.mark.parametrize("last", [True, False], ids=["channels last", "channels first"])
def test_results_are_those_of_pytorch(asked, kernel, options, last):
    torch.manual_seed(0)
    layer = Convolution(6, 8, kernel, **options)
    form = torch.channels_last_3d if last else torch.contiguous_format
    values = torch.randn(1, 6, 8, 10, 12).contiguous(memory_format=form)
    with torch.inference_mode():
        found = layer.to(memory_format=form)(values)
        assert len(asked) == 1
        torch.testing.assert_close(found, plain(layer)(values), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("inputs", "side", "kernel"), [(6, 8, 3), (6, 8, 1), (40, 32, 3)])
def test_gradients_are_those_of_pytorch(asked, inputs, side, kernel):
    torch.manual_seed(0)
    layer = Convolution(inputs, 8, kernel, padding=kernel // 2)
    other = plain(layer)
    values = torch.randn(1, inputs, side, side, 8, requires_grad=True)
    same = values.detach().clone().requires_grad_()
    layer(values).square().mean().backward()
    other(same).square().mean().backward()
    assert asked == []
    torch.testing.assert_close(values.grad, same.grad, rtol=1e-4, atol=1e-7)
    torch.testing.assert_close(layer.weight.grad, other.weight.grad, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(layer.bias.grad, other.bias.grad, rtol=1e-4, atol=1e-6)


def test_several_volumes_and_half_precision_are_left_to_pytorch(asked):
    layer = Convolution(2, 3, 3, padding=1)
    with torch.inference_mode():
        layer(torch.randn(2, 2, 4, 4, 4))
        with torch.autocast("cpu", torch.bfloat16):
            assert layer(torch.randn(1, 2, 4, 4, 4)).dtype == torch.bfloat16
        layer.double()(torch.randn(1, 2, 4, 4, 4, dtype=torch.float64))
    assert asked == []


def test_what_is_traced_for_elsewhere_is_made_of_ordinary_operations(asked):
    with torch.inference_mode():
        layer, values = Convolution(2, 3, 3, padding=1).eval(), torch.randn(1, 2, 4, 4, 4)
        traced = torch.jit.trace(layer, values, check_trace=False)
    assert asked == []
    assert "mkldnn" not in str(traced.graph)


def test_without_onednn_pytorch_does_it(asked, monkeypatch):
    monkeypatch.setattr(convolution, "_has_onednn", lambda: False)
    with torch.inference_mode():
        Convolution(2, 3, 3, padding=1)(torch.randn(1, 2, 4, 4, 4))
    assert asked == []
