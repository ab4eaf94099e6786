"""Surfaces without OpenGL."""

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.segmentation.overlay_surface import edge_letters, surface_picture, view_vectors
from MedDeepRegSegLib.segmentation.segments import Segment

LEFT, FRONT = Segment(1, "Left ball", (1.0, 0.0, 0.0)), Segment(2, "Front ball", (0.0, 0.0, 1.0))


@pytest.fixture(scope="module")
def balls():
    """A red ball at the patient's left and above, a blue ball in front of the middle; anisotropic voxels."""
    size, spacing = (60, 60, 24), np.array([1.0, 1.0, 2.5])
    grid = np.stack(np.meshgrid(*(np.arange(count) for count in size), indexing="ij"), -1) * spacing - (30, 30, 30)
    array = np.zeros(size, np.uint8)
    array[np.linalg.norm(grid - (16, 0, 14), axis=-1) < 9] = 1
    array[np.linalg.norm(grid - (0, -18, 0), axis=-1) < 9] = 2
    image = sitk.GetImageFromArray(array.T)
    image.SetSpacing(spacing)
    image.SetOrigin((-30, -30, -30))
    return image


def place(picture, channel):
    other = 2 - channel
    found = np.argwhere(picture[..., channel].astype(int) - picture[..., other] > 60)
    return found.mean(0) if len(found) else None


def test_directions_of_named_views():
    assert edge_letters(*view_vectors("anterior")[:2]) == "RLSI"
    assert edge_letters(*view_vectors("posterior")[:2]) == "LRSI"
    assert edge_letters(*view_vectors("left")[:2]) == "APSI"
    assert edge_letters(*view_vectors("right")[:2]) == "PASI"
    assert edge_letters(*view_vectors("inferior")[:2]) == "RLAP"
    assert edge_letters(*view_vectors((45.0, 0.0))[:2]) == "  SI"
    for view in ((30.0, 20.0), "superior"):
        axes = np.stack(view_vectors(view))
        assert axes @ axes.T == pytest.approx(np.eye(3), abs=1e-12)


def test_balls_are_seen_where_they_are(balls):
    options = {"size": 160, "letters": False, "scale_bar": False}
    front = surface_picture(balls, [LEFT, FRONT], ["anterior"], **options)
    red, blue = place(front, 0), place(front, 2)
    assert red[1] > blue[1]  # the patient's left is on the right
    assert red[0] < blue[0]  # superior is up
    side = surface_picture(balls, [LEFT, FRONT], ["left"], **options)
    assert place(side, 2)[1] < place(side, 0)[1]  # seen from the patient's left, anterior is on the left


def test_shape_is_round_and_lit_from_above(balls):
    picture = surface_picture(balls, [FRONT], ["anterior"], size=160, letters=False, scale_bar=False)
    ball = picture[..., 2].astype(int) - picture[..., 0] > 20
    rows, columns = np.nonzero(ball)
    assert np.ptp(rows) == pytest.approx(np.ptp(columns), rel=0.08)
    area = np.pi / 4 * np.ptp(rows) * np.ptp(columns)
    assert ball.sum() == pytest.approx(area, rel=0.08)
    blue = np.where(ball, picture[..., 2], 0).sum(1) / np.maximum(ball.sum(1), 1)
    assert blue[rows.min() + 10] > 1.15 * blue[rows.max() - 10]


def test_nearer_surfaces_hide_farther_ones():
    array = np.zeros((30, 30, 30), np.uint8)
    array[10:20, 5:9, 10:20] = 1
    array[8:22, 20:24, 8:22] = 2
    labels = sitk.GetImageFromArray(array)
    picture = surface_picture(labels, [LEFT, FRONT], ["anterior"], size=100, letters=False, scale_bar=False)
    middle = picture[50, 50].astype(int)
    assert middle[0] > middle[2] + 60
    behind = surface_picture(labels, [LEFT, FRONT], ["posterior"], size=100, letters=False, scale_bar=False)
    assert place(behind, 0) is None


def test_views_stand_side_by_side(balls):
    one = surface_picture(balls, views=["anterior"], size=120)
    three = surface_picture(balls, views=["anterior", "left", (30, 20)], size=120)
    assert three.shape[1] > 2.5 * one.shape[1]
    assert three.dtype == np.uint8
