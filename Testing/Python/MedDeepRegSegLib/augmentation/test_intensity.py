"""What each change of intensity or sharpness does, in its units."""

import numpy as np
import pytest
import torch

from MedDeepRegSegLib.augmentation.axis_products import gaussian_matrix, slab_matrix
from MedDeepRegSegLib.augmentation.bias_field import BiasFieldDraw
from MedDeepRegSegLib.augmentation.blur import BlurDraw
from MedDeepRegSegLib.augmentation.brightness import BrightnessDraw
from MedDeepRegSegLib.augmentation.channel_scale import channel_scales
from MedDeepRegSegLib.augmentation.contrast import ContrastDraw
from MedDeepRegSegLib.augmentation.draws import Draws
from MedDeepRegSegLib.augmentation.gamma import GammaDraw
from MedDeepRegSegLib.augmentation.gaussian_noise import GaussianNoiseDraw
from MedDeepRegSegLib.augmentation.ghosting import GhostingDraw
from MedDeepRegSegLib.augmentation.low_resolution import LowResolutionDraw
from MedDeepRegSegLib.augmentation.rician_noise import RicianNoiseDraw
from MedDeepRegSegLib.augmentation.salt_and_pepper import SaltAndPepperDraw
from MedDeepRegSegLib.augmentation.thick_slices import ThickSlicesDraw
from MedDeepRegSegLib.augmentation.tone_curve import ToneCurveDraw, ToneCurveSettings

VOXEL = (1.0, 1.0, 2.0)


@pytest.fixture
def ramp():
    """Return two channels from 0 to 1 and from 0 to 100 along x, (2, 16, 20, 64)."""
    line = torch.linspace(0, 1, 64).expand(16, 20, 64)
    return torch.stack([line, 100 * line])


def done(draw, values, voxel=VOXEL):
    return draw.apply(values, channel_scales(values), voxel)


def test_brightness_and_contrast_are_by_the_channel(ramp):
    deviation = ramp.std(dim=(1, 2, 3))
    moved = done(BrightnessDraw(shift=(0.5, -1.0)), ramp) - ramp
    assert torch.allclose(moved.mean(dim=(1, 2, 3)), torch.tensor([0.5, -1.0]) * deviation, rtol=0.02)
    steep = done(ContrastDraw(factor=(2.0, 0.5)), ramp)
    assert torch.allclose(steep.std(dim=(1, 2, 3)), torch.tensor([2.0, 0.5]) * deviation, rtol=1e-3)
    assert torch.allclose(steep.mean(dim=(1, 2, 3)), ramp.mean(dim=(1, 2, 3)), rtol=0.01)


def test_gamma_and_tone_curves_keep_the_order_of_gray_values(ramp):
    gamma = GammaDraw(gamma=(0.5, 2.0), local=0.0, seed=0, node_spacing_mm=50.0, nodes=(6, 6, 6))
    bent = done(gamma, ramp)
    assert bent[0, 0, 0, 32] == pytest.approx(0.5**0.5, abs=0.02)
    assert bent[1, 0, 0, 32] == pytest.approx(100 * 0.25, abs=2)
    curve = ToneCurveSettings(probability=1, bend=(1.0, 1.0)).draw(Draws(3, 0), 2)
    for values in (bent, done(curve, ramp)):
        assert (values.diff(dim=-1) > -1e-3 * ramp[:, :1, :1, -1:]).all()
        assert not torch.allclose(values, ramp, atol=0.01)
    local = done(GammaDraw(gamma=(1.0,), local=0.5, seed=0, node_spacing_mm=8.0, nodes=(20, 20, 20)), ramp)
    assert local[0, :, :, 32].std() > 0.05  # from place to place
    assert done(ToneCurveDraw(heights=((0.0, 0.5, 1.0),)), ramp).allclose(ramp, atol=1e-3)


def test_bias_fields_are_smooth_factors_of_the_drawn_strength():
    values = torch.full((1, 40, 40, 40), 2.0)
    values[0, 0] = 0.0
    draw = BiasFieldDraw(strength=0.3, seed=1, node_spacing_mm=10.0, nodes=(12, 12, 12))
    field = (done(draw, values, (2.0, 2.0, 2.0))[0, 1:] / 2).log()
    assert field.std() == pytest.approx(0.3, rel=0.2)
    assert field.diff(dim=-1).abs().max() < 0.5 * 0.3 * 2


def test_noise_has_the_deviation_and_the_seed_that_were_drawn(ramp):
    noise = done(GaussianNoiseDraw(deviation=(0.1, 0.2), seed=5), ramp) - ramp
    assert torch.allclose(noise.std(dim=(1, 2, 3)), torch.tensor([0.1, 0.2]) * ramp.std(dim=(1, 2, 3)), rtol=0.03)
    assert noise.mean().abs() < 0.3
    assert not torch.equal(noise, done(GaussianNoiseDraw(deviation=(0.1, 0.2), seed=6), ramp) - ramp)
    dark = torch.cat([torch.zeros(1, 16, 20, 64), torch.ones(1, 16, 20, 64)], dim=1)
    rician = done(RicianNoiseDraw(deviation=(0.2,), seed=1), dark)
    sigma = 0.2 * dark.std()
    background = rician[0, :16]
    assert background.abs().mean() == pytest.approx(float(sigma) * (np.pi / 2) ** 0.5, rel=0.05)  # Rayleigh
    assert rician[0, 16:].mean() == pytest.approx(1.0, abs=0.02)


def test_salt_and_pepper_takes_a_part_of_the_voxels(ramp):
    changed = done(SaltAndPepperDraw(part=0.05, seed=2), ramp) != ramp
    assert changed[0].float().mean() == pytest.approx(0.05, rel=0.15)
    assert not torch.equal(changed[0], changed[1])


def test_blur_is_in_mm():
    point = torch.zeros(1, 33, 33, 33)
    point[0, 16, 16, 16] = 1
    shown = done(BlurDraw(sigma_mm=(2.0, 2.0, 2.0)), point)[0].numpy()
    assert shown.sum() == pytest.approx(1.0, abs=1e-4)
    place = np.arange(33) - 16
    for axis, sigma in ((2, 2.0), (1, 2.0), (0, 1.0)):  # voxels are 2 mm along z
        line = shown.sum(axis=tuple(other for other in range(3) if other != axis))
        assert (line @ place**2) ** 0.5 == pytest.approx(sigma, rel=0.08)


def test_low_resolution_and_thick_slices_lose_detail_and_move_nothing(ramp):
    fine = torch.zeros(1, 32, 32, 32)
    fine[..., ::2] = 1  # stripes of 1 mm along x
    assert done(LowResolutionDraw(voxel_mm=4.0, offset=(0.3, 0.1, 0.7)), fine).std() < 0.1
    thick = ThickSlicesDraw(axis="left-right", thickness_mm=4.0, offset=0.4)
    assert done(thick, fine).std() < 0.1
    other = ThickSlicesDraw(axis="head-foot", thickness_mm=8.0, offset=0.4)
    assert torch.allclose(done(other, fine), fine, atol=1e-5)
    assert torch.equal(done(ThickSlicesDraw(axis="head-foot", thickness_mm=1.5, offset=0.4), fine), fine)
    inner = done(thick, ramp)[0, 0, 0, 8:-8]
    assert torch.allclose(inner, ramp[0, 0, 0, 8:-8], atol=1e-3)  # a ramp is what it was


@pytest.mark.parametrize("sigma", [0.1, 0.5, 1.5, 2.7])
def test_a_gaussian_is_integrated_over_voxels_as_in_monai(sigma):
    layers = pytest.importorskip("monai.networks.layers")
    expected = layers.gaussian_1d(torch.tensor(sigma), truncated=3.0, approx="erf", normalize=True).numpy()
    radius = len(expected) // 2
    line = gaussian_matrix(41, sigma)[20]
    assert np.allclose(line[20 - radius : 21 + radius], expected, atol=1e-6)
    assert line.sum() == pytest.approx(1)
    assert gaussian_matrix(5, sigma).sum(axis=1) == pytest.approx(1)


@pytest.mark.parametrize(("side", "thickness"), [(1, 3.0), (5, 20.0), (31, 2.7), (64, 1.01)])
def test_slices_of_any_thickness_average(side, thickness):
    for offset in (0.0, 0.5, 0.99):
        matrix = slab_matrix(side, thickness, offset)
        assert matrix.shape == (side, side)
        assert np.allclose(matrix.sum(axis=1), 1)
        assert matrix.min() >= 0


def test_ghosts_are_shifted_copies():
    point = torch.zeros(1, 12, 12, 12)
    point[0, 6, 6, 6] = 1.0
    shown = done(GhostingDraw(axis="front-back", strength=(0.2, -0.1)), point)
    assert shown[0, 6, 10, 6] == pytest.approx(0.2, abs=1e-4)
    assert shown[0, 6, 2, 6] == pytest.approx(-0.1, abs=1e-4)
    assert (shown != point).sum() == 2
