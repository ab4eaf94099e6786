"""The network in overlapping windows: that every voxel gets its answer, blended, and what is refused."""

import tracemalloc

import numpy as np
import pytest

from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.prediction import sliding_window
from MedDeepRegSegLib.prediction.sliding_window import (
    chance_slabs,
    class_chances,
    class_labels,
    most_likely,
    window_starts,
)

torch = pytest.importorskip("torch")

PATCH = (8, 10, 12)


class Pointwise(torch.nn.Module):
    """A network that looks at single voxels: windows must not show in its answers."""

    def __init__(self, inputs=2, classes=3) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = torch.nn.Conv3d(inputs, classes, 1)
        self.drop = torch.nn.Dropout(0.9)
        self.shapes = []

    def forward(self, volume):
        self.shapes.append(tuple(volume.shape))
        answer = self.layer(self.drop(volume))
        return [answer, answer[..., ::2]] if self.training else answer


class Window(Pointwise):
    """A network whose second class is sure on the right half of its window, and none on the left."""

    def forward(self, volume):
        answer = super().forward(volume)[:, :2] * 0
        answer[:, 1, ..., : answer.shape[-1] // 2] -= 50
        answer[:, 1, ..., answer.shape[-1] // 2 :] += 50
        return answer


@pytest.fixture
def network():
    return Pointwise().train()


def volume(shape, inputs=2):
    return np.random.default_rng(1).normal(size=(inputs, *shape)).astype(np.float32)


def expected(network, values):
    with torch.inference_mode():
        return network.eval()(torch.from_numpy(values)[None])[0].softmax(dim=0).numpy()


@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.5])
@pytest.mark.parametrize("shape", [(8, 10, 12), (20, 23, 37), (3, 30, 5), (1, 1, 1), (9, 10, 40)])
def test_windows_do_not_show(network, shape, overlap):
    values = volume(shape)
    chances = class_chances(network, values, patch=PATCH, classes=3, overlap=overlap)
    assert {size[2:] for size in network.shapes} == {PATCH}
    assert chances.shape == (3, *shape)
    assert chances.dtype == np.float32
    np.testing.assert_allclose(chances, expected(network, values), atol=1e-5)
    labels = class_labels(network, values, patch=PATCH, classes=3, overlap=overlap)
    np.testing.assert_array_equal(labels, chances.argmax(axis=0))


def test_the_middle_of_a_window_counts_most():
    """Neighbors contradict each other in their overlap: the border lies in the middle between their middles."""
    values = volume((8, 10, 18))
    chances = class_chances(Window(), values, patch=PATCH, classes=2, overlap=0.5)[1, 4, 5]
    assert window_starts(18, 12, 0.5) == [0, 6]
    # Voxels 6..11: right half of the first, left half of the second window.
    assert (np.diff(chances[6:12]) < 0).all()
    assert chances[8] > 0.5 > chances[9]
    assert chances[8] + chances[9] == pytest.approx(1, abs=1e-5)
    assert chances[:6].max() < 1e-6
    assert chances[12:].min() > 1 - 1e-6


def test_as_monai():
    inferers = pytest.importorskip("monai.inferers")
    torch.manual_seed(3)
    network = torch.nn.Sequential(
        torch.nn.Conv3d(1, 4, 5, padding=2), torch.nn.ReLU(), torch.nn.Conv3d(4, 3, 3, padding=1)
    )
    values = volume((16, 20, 24), 1)
    chances = class_chances(network, values, patch=(8, 8, 8), classes=3, overlap=0.5)
    with torch.inference_mode():
        theirs = inferers.sliding_window_inference(
            torch.from_numpy(values)[None],
            (8, 8, 8),
            1,
            lambda part: network(part).softmax(dim=1),
            overlap=0.5,
            mode="gaussian",
        )[0].numpy()
    assert np.abs(chances - theirs).mean() < 0.002  # their Gaussian is a little different
    assert np.abs(chances - expected(network, values)).max() > 1e-4  # windows matter here


def test_slabs_cover_the_volume_once(network):
    values = volume((21, 12, 12))
    slabs = list(chance_slabs(network, values, patch=PATCH, classes=3))
    assert len(slabs) > 3
    assert [start for start, _ in slabs] == np.cumsum([0] + [slab.shape[1] for _, slab in slabs])[:-1].tolist()
    np.testing.assert_allclose(
        np.concatenate([slab for _, slab in slabs], axis=1), expected(network, values), atol=1e-5
    )


def test_large_answers_are_halves(network, monkeypatch):
    monkeypatch.setattr(sliding_window, "_HALF_ABOVE", 1000)
    values = volume((20, 12, 12))
    chances = class_chances(network, values, patch=PATCH, classes=3)
    assert chances.dtype == np.float16
    np.testing.assert_allclose(chances, expected(network, values), atol=1e-3)


def test_the_most_likely_class_is_found_without_a_copy_of_all_chances():
    chances = np.random.default_rng(0).random((40, 8, 32, 32)).astype(np.float16)
    chances[7, 0], chances[9, 0] = 2, 2  # of equal ones the first
    np.testing.assert_array_equal(most_likely(chances), chances.argmax(axis=0))
    tracemalloc.start()
    most_likely(chances)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < chances.nbytes / 4


def test_the_mode_of_the_network_and_gradients_stay(network):
    network.drop.eval()
    values = volume((8, 10, 12))
    class_chances(network, values, patch=PATCH, classes=3)
    assert network.training
    assert network.layer.training
    assert not network.drop.training
    assert not network.layer._forward_hooks
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()
    for _ in chance_slabs(network, values, patch=PATCH, classes=3):
        assert not torch.is_inference_mode_enabled()


def test_progress_and_cancel(network):
    fractions, cancel = [], CancelToken()

    def progress(fraction, _message):
        fractions.append(fraction)
        if len(fractions) == 5:
            cancel.cancel()

    with pytest.raises(Canceled):
        class_chances(network, volume((20, 20, 20)), patch=PATCH, classes=3, progress=progress, cancel=cancel)
    assert len(fractions) == 5
    assert fractions == sorted(fractions)
    assert network.training
    assert not network.layer._forward_hooks


def test_what_is_refused(network, monkeypatch):
    values = volume((8, 10, 12))
    with pytest.raises(InputError, match="expected \\(inputs, z, y, x\\)"):
        class_chances(network, values[0], patch=PATCH, classes=3)
    with pytest.raises(InputError, match="overlap"):
        class_chances(network, values, patch=PATCH, classes=3, overlap=1.0)
    with pytest.raises(InputError, match="does not fit its description"):
        class_chances(network, values, patch=PATCH, classes=4)
    with torch.no_grad():
        network.layer.bias[0] = float("nan")
    with pytest.raises(InputError, match="not finite"):
        class_chances(network, values, patch=PATCH, classes=3)
    monkeypatch.setattr("MedDeepRegSegLib.volumes.memory.available_memory_bytes", lambda: 1000)
    with pytest.raises(InputError, match="GiB"):
        class_chances(network, values, patch=PATCH, classes=3)
