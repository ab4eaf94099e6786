"""Agreement of two masks: against closed forms, against MONAI, and where a structure is missing."""

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.prediction.metrics import _surface, agreement, class_agreements, dice

SPACING = (2.5, 1.0, 0.8)


def box(low, high, shape=(24, 28, 30)):
    mask = np.zeros(shape, bool)
    mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = True
    return mask


def ball(radius_mm, spacing=SPACING, shape=(24, 40, 50), shift=(0.0, 0.0, 0.0)):
    grid = [(np.arange(n) - (n - 1) / 2) * s - d for n, s, d in zip(shape, spacing, shift, strict=True)]
    z, y, x = np.meshgrid(*grid, indexing="ij")
    return z**2 + y**2 + x**2 <= radius_mm**2


def test_equal_masks():
    mask = ball(12)
    result = agreement(mask, mask, SPACING)
    assert (result.dice, result.hd95_mm, result.mean_distance_mm, result.surface_dice) == (1, 0, 0, 1)
    assert result.volume_ml == pytest.approx(mask.sum() * 2.0 / 1000)
    assert result.volume_error_ml == 0
    assert result.volume_error_percent == 0


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_plate_that_is_moved_is_as_far_away_as_it_was_moved(axis):
    """Two plates one voxel thick over the whole field of view, three voxels apart."""
    masks = []
    for at in (4, 7):
        low, high = [0, 0, 0], [24, 28, 30]
        low[axis], high[axis] = at, at + 1
        masks.append(box(low, high))
    moved_mm = 3 * SPACING[axis]
    result = agreement(*masks, SPACING, tolerance_mm=moved_mm)
    assert result.dice == 0
    assert result.hd95_mm == pytest.approx(moved_mm)
    assert result.mean_distance_mm == pytest.approx(moved_mm)
    assert result.surface_dice == 1
    # The faces that look at each other are only two voxels apart, the rims are beside each other.
    assert agreement(*masks, SPACING, tolerance_mm=0.99 * 2 * SPACING[axis]).surface_dice < 0.2


def test_dice_volume_and_error_of_boxes():
    result = agreement(box((5, 5, 5), (15, 15, 15)), box((5, 5, 5), (15, 15, 20)), SPACING)
    assert result.dice == pytest.approx(2 * 1000 / 2500)
    assert result.volume_truth_ml == pytest.approx(2.0)
    assert result.volume_ml == pytest.approx(3.0)
    assert result.volume_error_ml == pytest.approx(1.0)
    assert result.volume_error_percent == pytest.approx(50)


def test_the_area_of_the_surface():
    _, areas = _surface(np.pad(box((0, 0, 0), (20, 24, 26), (20, 24, 26)), 1), np.array(SPACING))
    sides = np.array([20, 24, 26]) * SPACING
    area = 2 * (sides[0] * sides[1] + sides[1] * sides[2] + sides[0] * sides[2])
    assert areas.sum() == pytest.approx(area, rel=0.03)  # edges are rounded
    _, areas = _surface(ball(14, (1, 1, 1), (40, 40, 40)), np.ones(3))
    assert areas.sum() == pytest.approx(4 * np.pi * 14**2, rel=0.07)  # voxels are rough


def test_concentric_balls():
    inner, outer = ball(12, (1, 1, 1), (40, 40, 40)), ball(15, (1, 1, 1), (40, 40, 40))
    result = agreement(outer, inner, (1, 1, 1), tolerance_mm=2)
    assert result.mean_distance_mm == pytest.approx(3, abs=0.3)
    assert 3 <= result.hd95_mm < 3.8
    assert result.surface_dice < 0.1
    assert agreement(outer, inner, (1, 1, 1), tolerance_mm=4).surface_dice == 1


def test_half_of_the_surface_is_right():
    """A box that is too long at one end: only that end is wrong."""
    shape = (40, 50, 80)
    truth, prediction = box((8, 8, 8), (32, 38, 38), shape), box((8, 8, 8), (32, 38, 68), shape)
    result = agreement(truth, prediction, (0.5, 0.5, 0.5), tolerance_mm=0)
    perimeter, section = 2 * (24 + 30), 24 * 30
    right = 2 * (section + perimeter * 30)  # one end and the common sides, of both
    all_of_both = 4 * section + perimeter * 90
    assert result.surface_dice == pytest.approx(right / all_of_both, abs=0.02)


@pytest.mark.parametrize("seed", range(4))
def test_as_monai(seed):
    torch = pytest.importorskip("torch")
    metrics = pytest.importorskip("monai.metrics")
    from scipy import ndimage

    generator = np.random.default_rng(seed)
    masks = [ndimage.gaussian_filter(generator.normal(size=(20, 26, 30)), 2) > 0.03 for _ in range(2)]
    masks[1] = masks[1] if seed % 2 else np.roll(masks[0], 2, axis=seed % 3) & (generator.random((20, 26, 30)) > 0.01)
    truth, prediction = (torch.from_numpy(mask)[None, None].float() for mask in masks)
    options = {"include_background": True, "spacing": SPACING}
    result = agreement(*masks, SPACING, tolerance_mm=1.7)
    assert result.dice == pytest.approx(metrics.compute_dice(prediction, truth).item(), abs=1e-6)
    expected = metrics.compute_hausdorff_distance(prediction, truth, percentile=95, **options).item()
    assert result.hd95_mm == pytest.approx(expected, abs=1e-4)
    expected = metrics.compute_average_surface_distance(prediction, truth, symmetric=True, **options).item()
    assert result.mean_distance_mm == pytest.approx(expected, abs=1e-4)
    # Areas of elements are estimated otherwise than by MONAI's table of triangles.
    expected = metrics.compute_surface_dice(prediction, truth, [1.7], use_subvoxels=True, **options).item()
    assert result.surface_dice == pytest.approx(expected, abs=0.02)


def test_missing_structures():
    nothing, something = np.zeros((24, 28, 30), bool), box((5, 5, 5), (15, 15, 15))
    both = agreement(nothing, nothing, SPACING)
    assert (both.dice, both.surface_dice, both.hd95_mm, both.mean_distance_mm) == (None,) * 4
    assert both.volume_error_ml == 0
    assert both.volume_error_percent is None
    invented = agreement(nothing, something, SPACING)
    assert (invented.dice, invented.surface_dice, invented.hd95_mm) == (0, 0, None)
    assert invented.volume_error_ml == pytest.approx(2)
    assert invented.volume_error_percent is None
    missed = agreement(something, nothing, SPACING)
    assert (missed.dice, missed.surface_dice, missed.mean_distance_mm) == (0, 0, None)
    assert missed.volume_error_percent == -100
    assert dice(nothing, nothing) is None


def test_a_mask_at_the_border_has_a_surface_there():
    mask = np.ones((6, 7, 8), bool)
    other = mask.copy()
    other[:2] = False
    assert agreement(mask, other, (1, 1, 1), tolerance_mm=0).surface_dice < 0.9
    assert agreement(mask, mask, (1, 1, 1), tolerance_mm=0).surface_dice == 1


def image(array):
    result = sitk.GetImageFromArray(array.astype(np.uint8))
    result.SetSpacing(SPACING[::-1])
    return result


def test_classes_of_label_maps_and_what_is_ignored():
    truth = 3 * box((5, 5, 5), (15, 15, 15)).astype(np.uint8)
    truth[5:15, 5:15, 15:20] = 255
    prediction = 3 * box((5, 5, 5), (15, 15, 20)).astype(np.uint8)
    (plain,) = class_agreements(image(truth), image(prediction), [3])
    known, absent = class_agreements(image(truth), image(prediction), [3, 4], ignored_value=255)
    assert plain.dice == pytest.approx(0.8)
    assert known.dice == 1
    assert known.hd95_mm == 0
    assert absent.dice is None


def test_what_cannot_be_compared():
    mask = box((5, 5, 5), (15, 15, 15))
    with pytest.raises(InputError, match="one shape"):
        agreement(mask, mask[1:], SPACING)
    with pytest.raises(InputError, match="bool"):
        agreement(mask.astype(np.uint8), mask, SPACING)
    with pytest.raises(InputError, match="spacing"):
        agreement(mask, mask, (1, 0, 1))
    with pytest.raises(InputError, match="tolerance"):
        agreement(mask, mask, SPACING, tolerance_mm=-1)
    with pytest.raises(InputError, match="predicted label map"):
        class_agreements(image(mask), image(mask[1:]), [1])
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Canceled):
        agreement(mask, mask, SPACING, cancel=cancel)
