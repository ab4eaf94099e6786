import copy
import itertools

import numpy as np
import pytest
import torch

from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.features import windows
from MedDeepRegSegLib.features.windows import encode_array, plan_windows
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.models.encoder_input import standardize
from MedDeepRegSegLib.models.networks import LoadedEncoder


@pytest.fixture(scope="module")
def without_norms(encoder):
    """The encoder without group normalization: its features depend on nothing outside its receptive field."""
    network = copy.deepcopy(encoder.network)
    for module in list(network.modules()):
        if hasattr(module, "norm"):
            module.norm = torch.nn.Identity()
    return LoadedEncoder(network, encoder.description, "cpu")


def test_strides_are_those_of_the_encoder():
    from MedDeepRegSegLib.models import encoder

    assert (windows.MULTIPLE, windows.STRIDE, windows.CONTEXT_STRIDE) == (
        encoder.MULTIPLE,
        encoder.STRIDE,
        encoder.CONTEXT_STRIDE,
    )


def cosine(a, b):
    return (a.astype(np.float64) * b).sum(axis=0)


@pytest.mark.parametrize("shape", [(300, 179, 179), (600, 512, 512), (33, 20, 700), (16, 16, 16), (250, 90, 1000)])
def test_windows_cover_the_volume_within_the_tile(shape):
    plan = plan_windows(shape, tile=128, overlap=32)
    for axis, side in enumerate(shape):
        spans = sorted({(window.start[axis], window.start[axis] + window.size[axis]) for window in plan})
        assert spans[0][0] == 0
        assert side <= spans[-1][1] < side + 16
        for (_, end), (start, _) in itertools.pairwise(spans):
            assert end - start >= 32
    assert len({window.start for window in plan}) == len(plan)
    for window in plan:
        assert np.prod(window.size) <= 128**3
        assert not any(number % 16 for number in (*window.start, *window.size))


def test_one_pass_is_the_network_on_the_standardized_volume(encoder, texture):
    values = texture((32, 48, 16))
    with torch.inference_mode():
        expected = encoder.network(standardize(torch.from_numpy(values)[None, None]))
    for found, wanted in zip(encode_array(values, encoder), expected, strict=True):
        np.testing.assert_allclose(found, wanted[0].numpy(), atol=1e-5)


def test_odd_sides_are_padded_by_repeating_the_last_voxel(encoder, texture):
    values = texture((19, 35, 33))
    local, context = encode_array(values, encoder)
    assert local.shape == (16, 10, 18, 17)
    assert context.shape == (32, 3, 5, 5)
    with torch.inference_mode():
        standard = standardize(torch.from_numpy(values)[None, None])
        expected, _ = encoder.network(torch.nn.functional.pad(standard, (0, 15, 0, 13, 0, 13), mode="replicate"))
    np.testing.assert_allclose(local, expected[0, :, :10, :18, :17].numpy(), atol=1e-5)


def test_windows_equal_one_pass_away_from_seams(without_norms, texture):
    values = texture((32, 32, 400))
    seam = range(176, 224)  # two windows of 224 voxels
    assert [(w.start[2], w.size[2]) for w in plan_windows(values.shape, tile=64)] == [(0, 224), (176, 224)]
    once, parts = encode_array(values, without_norms), encode_array(values, without_norms, tile=64)
    for one, part, stride in ((once[0], parts[0], 2), (once[1], parts[1], 8)):
        place = np.arange(one.shape[3]) * stride
        far = (place < seam[0] - 96 + 48) | (place > seam[-1] + 96 - 48)
        np.testing.assert_allclose(part[..., far], one[..., far], atol=1e-5)
        assert cosine(one, part).min() > 0.98
        assert np.abs(one - part).max() > 1e-4  # so that the windows were computed apart


def test_windows_are_close_to_one_pass_with_normalization(encoder, texture):
    values = texture((48, 64, 208))
    once, parts = encode_array(values, encoder), encode_array(values, encoder, tile=64)
    assert len(plan_windows(values.shape, tile=64)) > 2
    for one, part in zip(once, parts, strict=True):
        assert part.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(part, axis=0), 1, atol=1e-5)
        assert cosine(one, part).mean() > 0.97
        assert cosine(one, part).min() > 0.7


def test_blending_has_no_step_at_a_seam(encoder, texture):
    values = texture((32, 32, 400))
    once, _ = encode_array(values, encoder)
    parts, _ = encode_array(values, encoder, tile=64)
    difference = (parts - once).astype(np.float64)
    steps = np.linalg.norm(np.diff(difference, axis=3), axis=0).mean(axis=(0, 1))
    inside = steps[8:-8]
    assert inside.max() < 0.1  # a hard cut makes a step of the whole difference between windows


def test_very_large_volumes_come_in_half_precision(encoder, texture, monkeypatch):
    values = texture((32, 32, 160))
    full = encode_array(values, encoder, tile=48)
    monkeypatch.setattr(windows, "_HALF_ABOVE", 1000)
    for half, wanted in zip(encode_array(values, encoder, tile=48), full, strict=True):
        assert half.dtype == np.float16
        np.testing.assert_allclose(half, wanted, atol=4e-3)


def test_progress_grows_and_cancel_stops_within_a_window(encoder, texture):
    values = texture((32, 32, 96))
    told, token = [], CancelToken()
    encode_array(values, encoder, progress=lambda fraction, _: told.append(fraction))
    assert told == sorted(told)
    assert told[-1] == 1
    assert len(told) > 10

    def stop(fraction, message):
        if fraction > 0.2:
            token.cancel()
        assert fraction < 0.4

    with pytest.raises(Canceled):
        encode_array(values, encoder, progress=stop, cancel=token)
    encode_array(values, encoder)  # nothing of the canceled run is left on the network


@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((32, 32), {}),
        ((1, 32, 32), {}),
        ((32, 32, 32), {"tile": 40}),
        ((32, 32, 32), {"tile": 32, "overlap": 32}),
        ((32, 32, 32), {"backend": "abacus"}),
    ],
)
def test_refuses(encoder, shape, options):
    with pytest.raises(InputError):
        encode_array(np.zeros(shape, np.float32), encoder, **options)
