"""Contours of masks and edges of images, on drawn shapes."""

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.segmentation.contours import mask_contours, resampled, slice_axis
from MedDeepRegSegLib.segmentation.edge_contours import edge_contours
from MedDeepRegSegLib.segmentation.ellipse_fitting import fit_ellipse
from MedDeepRegSegLib.segmentation.surface_points import surface_points

TILTED = (0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 1.0)


def ball(radius, *, size=(36, 40, 20), spacing=(1.0, 1.0, 2.0), center=(17.3, 19.6, 9.1), direction=None):
    """An image of a ball of ``radius`` mm around a voxel index, and its center in LPS mm."""
    index = np.stack(np.indices(size[::-1])[::-1], axis=-1)
    mask = (((index - center) * spacing) ** 2).sum(-1) <= radius**2
    image = sitk.GetImageFromArray(mask.astype(np.uint8))
    image.SetSpacing(spacing)
    image.SetOrigin((-12.0, 30.0, 7.0))
    if direction:
        image.SetDirection(direction)
    return image, np.array(image.TransformContinuousIndexToPhysicalPoint(center))


@pytest.mark.parametrize("direction", [None, TILTED])
@pytest.mark.parametrize(("axis", "number"), [("sagittal", 0), ("coronal", 1), (2, 2)])
def test_contours_lie_on_the_surface_and_in_their_slices(axis, number, direction):
    image, center = ball(13.0, direction=direction)
    contours = mask_contours(image, axis)
    across = np.array(image.GetDirection()).reshape(3, 3)[:, number]
    for contour in contours:
        assert contour.closed
        assert not contour.hole
        height = contour.points @ across
        assert np.ptp(height) < 1e-9
        index = image.TransformPhysicalPointToContinuousIndex(contour.points[0].tolist())
        assert index[number] == pytest.approx(contour.slice_index)
    distance = np.concatenate([np.linalg.norm(contour.points - center, axis=1) for contour in contours])
    # Slices through the caps cut the ball at a flat angle, where half a voxel is far along the slice.
    assert np.abs(np.median(distance) - 13) < 0.15
    volume = sum(contour.area_mm2 for contour in contours) * image.GetSpacing()[number]
    assert volume == pytest.approx(4 / 3 * np.pi * 13**3, rel=0.03)


def test_a_slice_of_a_disk_keeps_its_area_and_every_voxel():
    for radius in (3.0, 6.0, 15.0):
        image, center = ball(radius, size=(40, 44, 1), spacing=(1.0, 1.0, 1.0), center=(19.3, 21.6, 0.0))
        (contour,) = mask_contours(image)
        assert contour.area_mm2 == pytest.approx(np.pi * radius**2, rel=0.03)
        np.testing.assert_allclose(contour.center, center, atol=0.1)


def test_holes_borders_and_labels():
    array = np.zeros((3, 20, 24), np.uint8)
    array[1, 4:14, 0:12] = 3
    array[1, 8:10, 5:8] = 0
    array[:, 16:19, 15:20] = 5
    image = sitk.GetImageFromArray(array)
    outer, hole = mask_contours(image, value=3)
    assert (outer.hole, hole.hole) == (False, True)
    assert (outer.slice_index, hole.slice_index) == (1, 1)
    assert outer.points[:, 0].min() < -0.3  # around the outer side of the voxels at the border
    assert len(mask_contours(image)) == 5
    assert len(mask_contours(image, value=5, minimum_area_mm2=100)) == 0
    single = np.zeros((1, 5, 5), np.uint8)
    single[0, 2, 2] = 1
    assert len(mask_contours(sitk.GetImageFromArray(single))) == 1  # not lost by the smoothing


def test_what_cannot_be_outlined_is_told():
    image, _ = ball(5.0)
    with pytest.raises(InputError, match="no voxel has the label 9"):
        mask_contours(image, value=9)
    with pytest.raises(InputError, match="draw or grow it first"):
        surface_points(image * 0)
    with pytest.raises(InputError, match="expected one of axial"):
        mask_contours(image, "oblique")
    with pytest.raises(InputError, match="expected 0, 1 or 2"):
        slice_axis(image, 3)
    token = CancelToken()
    token.cancel()
    with pytest.raises(Canceled):
        mask_contours(image, cancel=token)


def test_resampling_keeps_the_ends_of_open_contours():
    image, _ = ball(8.0, size=(30, 30, 1), center=(14, 15, 0))
    (contour,) = mask_contours(image)
    points = resampled(contour, 40)
    steps = np.linalg.norm(np.diff(np.vstack([points, points[:1]]), axis=0), axis=1)
    assert steps.max() / steps.min() < 1.2


@pytest.mark.parametrize("direction", [None, TILTED])
def test_surface_points_are_even_and_face_outward(direction):
    image, center = ball(12.0, direction=direction)
    surface = surface_points(image, count=600)
    offset = surface.points - center
    assert len(offset) == 600
    assert np.abs(np.linalg.norm(offset, axis=1) - 12).mean() < 0.25
    outward = offset / np.linalg.norm(offset, axis=1, keepdims=True)
    assert np.median((outward * surface.normals).sum(axis=1)) > 0.97
    # Even over the ball: each third of the height has the same area.
    height = np.histogram(offset[:, 2], bins=[-12.5, -4, 4, 12.5])[0] / 600
    np.testing.assert_allclose(height, 1 / 3, atol=0.08)


def gray_disk(noise):
    rows, columns = np.indices((48, 52))
    depth = 14.0 - np.hypot(rows - 23.4, columns - 25.7)
    values = 100 * np.clip(depth + 0.5, 0, 1)
    values = np.stack([values, values]) + np.random.default_rng(1).normal(0, noise, (2, 48, 52))
    return sitk.GetImageFromArray(values.astype(np.float32))


@pytest.mark.parametrize("noise", [0.0, 8.0])
@pytest.mark.parametrize("level", [None, 50.0])
def test_edges_of_an_image_lie_between_its_pixels(noise, level):
    contours = edge_contours(gray_disk(noise), level=level, blur_mm=1.0 if level and noise else None)
    first = contours[0]
    assert first.closed
    assert not first.hole
    radius = np.linalg.norm(first.points[:, :2] - [25.7, 23.4], axis=1)
    assert radius.mean() == pytest.approx(14, abs=0.12)
    assert radius.std() < 0.2
    fit = fit_ellipse(first.points)
    assert fit.major_mm == pytest.approx(28, rel=0.01)


def test_edges_that_end_are_open_and_short_ones_are_left_out():
    values = np.zeros((1, 40, 60), np.float32)
    values[0, :, 30:] = 100
    values[0, 10:13, 10:13] = 100
    (edge,) = edge_contours(sitk.GetImageFromArray(values), minimum_length_mm=25)
    assert not edge.closed
    np.testing.assert_allclose(edge.points[:, 0], 29.5, atol=0.05)
    with pytest.raises(InputError, match="no line at the level 500"):
        edge_contours(sitk.GetImageFromArray(values), level=500)
    with pytest.raises(InputError, match="smaller than 5 pixels"):
        edge_contours(sitk.GetImageFromArray(values), "sagittal")
