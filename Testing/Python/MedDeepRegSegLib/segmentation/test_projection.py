"""Contours and labels drawn on slices."""

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.segmentation.contours import mask_contours
from MedDeepRegSegLib.segmentation.overlay_lines import distinct_colors, draw_line, grid_plane, plane_positions
from MedDeepRegSegLib.segmentation.projection import DrawnLine, contour_sheet, distinct_segments, projected_volume
from MedDeepRegSegLib.segmentation.segments import Segment

RED = (1.0, 0.0, 0.0)


@pytest.fixture
def box():
    """A gray image with a box labeled 2 on a turned grid."""
    array = np.zeros((5, 24, 30), np.uint8)
    array[1:4, 6:18, 8:22] = 2
    labels = sitk.GetImageFromArray(array)
    labels.SetSpacing((1.5, 1.5, 4.0))
    labels.SetOrigin((10.0, -20.0, 30.0))
    labels.SetDirection((0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 1.0))
    noise = np.random.default_rng(0).normal(100, 20, array.shape).astype(np.float32)
    image = sitk.GetImageFromArray(noise)
    image.CopyInformation(labels)
    return image, labels


def lines_of(labels, axis):
    return [DrawnLine(c.points, c.slice_index, RED) for c in mask_contours(labels, axis)]


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_volume_has_lines_and_tints_where_they_belong(box, axis):
    image, labels = box
    segments = (Segment(2, "Box", (0.0, 1.0, 0.0)),)
    drawn = projected_volume(image, axis, lines_of(labels, axis), image=image, labels=labels, segments=segments)
    assert drawn.GetPixelIDValue() == sitk.sitkVectorUInt8
    assert drawn.GetSize() == image.GetSize()
    assert drawn.GetOrigin() == image.GetOrigin()
    assert drawn.GetDirection() == image.GetDirection()
    colors = sitk.GetArrayFromImage(drawn).astype(int)
    red = (colors[..., 0] > 180) & (colors[..., 1] < 100) & (colors[..., 2] < 100)
    inside = sitk.GetArrayFromImage(labels) > 0
    spread = np.argwhere(red)
    assert len(spread) > 20
    grown = sitk.GetArrayFromImage(sitk.BinaryDilate(labels > 0, [1, 1, 1])) > 0
    assert grown[red].all()
    middle = colors[2, 12, 15]
    if axis == 2:
        assert middle[1] > middle[0]  # tinted green
    outside = colors[~grown]
    np.testing.assert_array_equal(outside[:, 0], outside[:, 1])  # the image stays gray
    assert inside.any()


def test_without_an_image_and_without_labels(box):
    _image, labels = box
    drawn = sitk.GetArrayFromImage(projected_volume(labels, 2, lines_of(labels, 2)))
    assert drawn.max() > 150
    assert np.unique(drawn[0]).size == 1


def test_the_plane_of_a_slice_follows_the_image(box):
    image, labels = box
    contour = mask_contours(labels, 2)[0]
    plane = grid_plane(image, 2, contour.slice_index, size=200)
    assert plane.axis == "axial"
    offset = contour.points - plane.origin
    assert np.abs(offset @ np.cross(plane.right, plane.down)).max() < 1e-6
    place = plane_positions(plane, contour.points)
    assert (place > 0).all()
    assert (place < plane.shape).all()
    corner = image.TransformIndexToPhysicalPoint((0, 0, contour.slice_index))
    np.testing.assert_allclose(plane_positions(plane, np.array([corner])), [[3.8, 3.8]], atol=3)


def test_a_line_is_as_wide_as_asked_and_may_leave_the_picture():
    picture = np.zeros((20, 30, 3), np.uint8)
    draw_line(picture, np.array([[10.0, -5.0], [10.0, 50.0]]), RED, width=3.0)
    np.testing.assert_allclose(picture[..., 0].sum(axis=0) / 255, 3, atol=0.15)
    assert picture[..., 1:].max() == 0
    draw_line(picture, np.array([[100.0, 100.0]]), RED)


def test_like_colors_are_told_apart():
    same = [Segment(value, f"s{value}", (0.5, 0.5, 0.5)) for value in (1, 2, 3)]
    colors = [segment.color for segment in distinct_segments(same)]
    assert colors[0] == (0.5, 0.5, 0.5)
    for first in range(3):
        for second in range(first):
            assert np.linalg.norm(np.subtract(colors[first], colors[second])) >= 0.25
    assert distinct_colors([RED, RED], []) == [RED, RED]  # there is no other


def test_a_sheet_shows_slices_and_a_legend(box):
    image, labels = box
    lines = lines_of(labels, 2)
    sheet = contour_sheet(image, 2, lines, image=image, labels=labels, legend=[("Box", RED)], title="Contours")
    assert sheet.dtype == np.uint8
    assert sheet.shape[2] == 3
    red = (sheet[..., 0] > 200) & (sheet[..., 1] < 60) & (sheet[..., 2] < 60)
    assert red.sum() > 500
    assert contour_sheet(labels, 2, lines, whole=True).shape[0] > 300
