"""Pictures without VTK: what is drawn where, in which color, the right way up."""

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.segmentation.overlay import (
    blend_picture,
    checkerboard_picture,
    edge_overlay_picture,
    slice_picture,
    surface_picture,
    write_png,
)
from MedDeepRegSegLib.segmentation.overlay_plane import labels_at, plane_through, sample_labels
from MedDeepRegSegLib.segmentation.segments import Segment

PLAIN = {"letters": False, "scale_bar": False}
# Where the bright ball must appear in each picture: (row, column) as shares of height and width. The ball is at the
# patient's left, posterior, superior.
EXPECTED = {"axial": (0.75, 0.75), "coronal": (0.25, 0.75), "sagittal": (0.25, 0.75)}


def ball_image(spacing=(1.0, 1.0, 1.0), direction=None, extent=64.0, radius=7.0):
    """Return an image of a cube of side ``extent`` mm around the origin with a ball at (L, P, S) = extent / 4."""
    direction = np.eye(3) if direction is None else direction
    size = [round(extent / step) for step in spacing]
    image = sitk.Image(size, sitk.sitkFloat32)
    image.SetSpacing(spacing)
    image.SetDirection(direction.ravel().tolist())
    first = -(direction @ (np.array(spacing) * (np.array(size) - 1) / 2))
    image.SetOrigin(first.tolist())
    grid = np.stack(np.meshgrid(*(np.arange(count) for count in size), indexing="ij"), -1)
    world = (grid * spacing) @ direction.T + first
    inside = np.linalg.norm(world - extent / 4, axis=-1) <= radius
    filled = sitk.GetImageFromArray(np.where(inside, 100.0, 0.0).astype(np.float32).T)
    filled.CopyInformation(image)
    return filled


def flip(*axes):
    return np.diag([-1.0 if axis in axes else 1.0 for axis in range(3)])


def center_of(mask):
    rows, columns = np.nonzero(mask)
    return (rows.mean() + 0.5) / mask.shape[0], (columns.mean() + 0.5) / mask.shape[1]


@pytest.mark.parametrize("axis", EXPECTED)
@pytest.mark.parametrize(
    ("spacing", "direction"),
    [
        ((1.0, 1.0, 1.0), flip()),
        ((1.0, 1.0, 1.0), flip(0, 1)),
        ((1.0, 2.0, 4.0), flip(2)),
        ((2.0, 1.0, 1.0), np.eye(3)[:, [2, 0, 1]]),
    ],
    ids=["identity", "flipped", "anisotropic-left-handed", "permuted"],
)
def test_slices_are_radiological_whatever_the_grid(axis, spacing, direction):
    image = ball_image(spacing, direction)
    picture = slice_picture(image, axis, position=(16, 16, 16), size=128, window_level=(100, 50), **PLAIN)
    assert picture.shape == (128, 128, 3)
    assert center_of(picture[..., 0] > 128) == pytest.approx(EXPECTED[axis], abs=0.02)


def test_an_oblique_image_is_cut_along_the_patient():
    tilt = np.radians(25)
    turn = np.array([[np.cos(tilt), -np.sin(tilt), 0], [np.sin(tilt), np.cos(tilt), 0], [0, 0, 1]])
    image = ball_image((1.0, 1.0, 1.5), turn)
    labels = sitk.Cast(image > 50, sitk.sitkUInt8)
    plane = plane_through(image, "axial", position=(16, 16, 16), size=200)
    row, column = plane.pixel_of((16, 16, 16))
    found = np.argwhere(sample_labels(labels, plane) == 1).mean(0)
    assert found == pytest.approx((row, column), abs=1.0)
    # The corners of the picture lie outside the turned image and are black.
    picture = slice_picture(image, "axial", position=(16, 16, 16), size=200, window_level=(10, 0), **PLAIN)
    assert picture[0, 0].max() == 0
    assert picture[100, 100].min() > 100


def test_pixels_are_square_in_mm():
    image = sitk.Image([50, 40, 10], sitk.sitkInt16)
    image.SetSpacing((1.0, 1.0, 8.0))
    image[25, 20, 5] = 9
    assert slice_picture(image, "coronal", size=100, window_level=(10, 5)).shape[:2] == (100, 62)
    assert slice_picture(image, "axial", size=100, window_level=(10, 5)).shape[:2] == (80, 100)


def test_labels_have_smooth_outlines_in_their_color_and_the_window_is_used():
    image = ball_image()
    labels = sitk.Cast(image > 50, sitk.sitkUInt8) * 3
    red = [Segment(3, "Ball", (1.0, 0.0, 0.0))]
    lines = slice_picture(image, labels=labels, segments=red, fill=0, size=256, window_level=(400, 100), **PLAIN)
    is_red = (lines[..., 0].astype(int) - lines[..., 1]) > 100
    radius = np.hypot(*(np.argwhere(is_red) - np.argwhere(is_red).mean(0)).T) * 64 / 256
    assert radius.min() > 5.5
    assert radius.max() < 8.0
    # Window 400 at level 100: value 100 is the middle gray, value 0 a quarter.
    assert lines[192, 192].tolist() == [128, 128, 128]
    assert lines[10, 10].tolist() == [64, 64, 64]
    tinted = slice_picture(
        image, labels=labels, segments=red, fill=0.5, contours=False, size=256, window_level=(400, 100), **PLAIN
    )
    assert tinted[192, 192].tolist() == [192, 64, 64]
    hidden = slice_picture(image, labels=labels, segments=[Segment(4, "Other", (1, 0, 0))], size=256, **PLAIN)
    assert (hidden[..., 0] == hidden[..., 1]).all()


def test_only_shown_segments_place_and_zoom_the_picture():
    image = ball_image()
    array = sitk.GetArrayFromImage(image > 50)
    array[2:6, 2:60, 2:60] = 2
    labels = sitk.GetImageFromArray(array)
    labels.CopyInformation(image)
    picture = slice_picture(
        image, labels=labels, segments=[Segment(1, "Ball", (0, 1, 0))], margin_mm=3, size=100, **PLAIN
    )
    green = (picture[..., 1].astype(int) - picture[..., 0]) > 20
    assert center_of(green) == pytest.approx((0.5, 0.5), abs=0.03)
    assert np.ptp(np.argwhere(green)[:, 0]) == pytest.approx(100 * 15 / 21, abs=4)


def test_labels_at_votes_between_voxels_and_keeps_outside_empty():
    labels = sitk.GetImageFromArray(np.arange(1, 9, dtype=np.uint8).reshape(2, 2, 2))
    points = np.array([[0.2, 0, 0], [0.8, 0, 0], [0.8, 0.9, 1.3], [2.0, 0, 0]])
    assert labels_at(labels, points).tolist() == [1, 2, 8, 0]
    edge = sitk.GetImageFromArray(np.array([[[0, 5]]], np.uint8))
    assert labels_at(edge, np.array([[0.3, 0, 0]])).tolist() == [0]
    assert labels_at(edge, np.array([[0.3, 0, 0]]), ignore_background=True).tolist() == [5]


def test_checkerboard_alternates_between_the_images():
    dark, bright = sitk.Image([40, 40, 4], sitk.sitkInt16), sitk.Image([40, 40, 4], sitk.sitkInt16) + 100
    picture = checkerboard_picture(
        dark, bright, squares=4, size=80, window_level=(100, 50), registered_window_level=(100, 50), **PLAIN
    )
    cells = picture[10::20, 10::20, 0]
    expected = np.where(np.add.outer(np.arange(4), np.arange(4)) % 2 == 0, 0, 255)
    assert np.array_equal(cells, expected)


def test_edges_of_the_fixed_image_lie_on_its_border_over_the_other():
    image = ball_image(radius=10)
    other = sitk.Image(image.GetSize(), sitk.sitkFloat32)
    other.CopyInformation(image)
    picture = edge_overlay_picture(
        image, other, position=16.0, size=256, color=(1, 1, 0), registered_window_level=(10, 5), **PLAIN
    )
    is_edge = picture[..., 0] > 150
    assert is_edge.sum() > 100
    radius = np.hypot(*(np.argwhere(is_edge) - (191.5, 191.5)).T) * 64 / 256
    assert np.median(radius) == pytest.approx(10, abs=0.7)


def test_blend_mixes_shades_or_shows_differences_in_color():
    image = ball_image()
    nothing = image * 0
    options = {"window_level": (100, 50), "registered_window_level": (100, 50), "position": 16.0, "size": 64, **PLAIN}
    assert blend_picture(image, nothing, opacity=0.25, **options)[48, 48].tolist() == [191, 191, 191]
    assert blend_picture(image, nothing, colors="green-magenta", **options)[48, 48].tolist() == [255, 0, 255]
    assert blend_picture(nothing, image, colors="green-magenta", **options)[48, 48].tolist() == [0, 255, 0]
    assert blend_picture(image, image, colors="green-magenta", **options)[48, 48].tolist() == [255, 255, 255]


def test_a_point_is_marked_only_near_its_slice():
    image = ball_image() * 0
    options = {"size": 128, "window_level": (10, 20), **PLAIN}
    plain = slice_picture(image, position=0.0, **options)
    near = slice_picture(image, position=0.0, points=[(-16, 8, 2)], **options)
    far = slice_picture(image, position=0.0, points=[(-16, 8, 20)], **options)
    assert np.array_equal(plain, far)
    assert center_of((plain != near).any(-1)) == pytest.approx((0.625, 0.25), abs=0.02)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda image: slice_picture(image, "oblique"), "oblique"),
        (lambda image: slice_picture(image, position=500.0), "misses the image"),
        (lambda image: slice_picture(image, index=64), "expected 0 to 63"),
        (lambda image: slice_picture(image, index=3, position=1.0), "at most one"),
        (lambda image: slice_picture(image, position=(1.0, float("nan"), 2.0)), "three finite"),
        (lambda image: slice_picture(image, size=4), "16 to 8192"),
        (lambda image: slice_picture(image, fill=1.5), "0 to 1"),
        (lambda image: slice_picture(image, window_level=(0, 10)), "window above 0"),
        (lambda image: slice_picture(sitk.Compose(image, image)), "2 components"),
        (lambda image: checkerboard_picture(image, image, squares=1), "2 or more"),
        (lambda image: blend_picture(image, image, colors="red"), "green-magenta"),
        (lambda image: surface_picture(sitk.Cast(image > 50, sitk.sitkUInt8), views=["above"]), "anterior"),
        (lambda image: surface_picture(sitk.Cast(image > 500, sitk.sitkUInt8)), "has voxels"),
    ],
)
def test_bad_input_is_refused_with_one_clear_line(call, message):
    with pytest.raises(InputError, match=message) as caught:
        call(ball_image())
    assert "\n" not in str(caught.value)


def test_png_keeps_every_pixel(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    path = write_png(picture, tmp_path / "folder" / "picture.png")
    assert np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(path))), picture)
    assert [entry.name for entry in path.parent.iterdir()] == ["picture.png"]
    with pytest.raises(InputError, match=r"\.png"):
        write_png(picture, tmp_path / "picture.jpg")
    with pytest.raises(InputError, match="uint8"):
        write_png(picture / 255.0, tmp_path / "picture.png")


def test_real_anisotropic_labels_are_drawn(shared_data):
    folder = shared_data / "06_totalsegmentator"
    image = sitk.ReadImage(str(folder / "example_ct_sm.nii.gz"))
    labels = sitk.ReadImage(str(folder / "example_seg.nii.gz"))
    picture = slice_picture(image, "axial", labels=labels, caption="CT")
    colored = (np.ptp(picture.astype(int), axis=-1) > 25).mean()
    assert 0.2 < colored < 0.8
    # The liver (label 5) lies at the patient's right, which is on the left of the picture.
    plane = plane_through(image, "axial", labels=labels)
    assert np.argwhere(sample_labels(labels, plane) == 5).mean(0)[1] < plane.shape[1] / 2
