"""Units and directions of geometric changes, and the way back."""

import numpy as np
import pytest
from augmentation_volume import SEGMENTS, SIZE, SPACING

from MedDeepRegSegLib.augmentation.affine import AffineDraw, AffineSettings
from MedDeepRegSegLib.augmentation.crop import CropDraw
from MedDeepRegSegLib.augmentation.elastic import ElasticDraw, ElasticSettings
from MedDeepRegSegLib.augmentation.flip import FlipDraw
from MedDeepRegSegLib.augmentation.geometry import SampleGeometry
from MedDeepRegSegLib.augmentation.pipeline import Augmenter, load_preset
from MedDeepRegSegLib.augmentation.resampling import restored_labels, sampled
from MedDeepRegSegLib.augmentation.settings import AugmentationSettings

WHOLE = CropDraw(size=SIZE, center=(9.5, 13.5, 11.5))
MIDDLE = np.array([[9.5, 13.5, 11.5]])


def geometry(**parts):
    return SampleGeometry(voxel_mm=SPACING, window=parts.pop("window", WHOLE), **parts)


def test_shifts_are_in_mm_toward_left_back_and_top():
    moved = geometry(affine=AffineDraw(shift_mm=(3.0, 2.0, -4.0))).in_sample(MIDDLE) - MIDDLE
    assert np.allclose(moved, [[-2.0, 2.0, 2.0]])  # z, y, x: 4, 2 and 3 mm in voxels of 2, 1 and 1.5 mm


def test_rotations_are_in_degrees_about_the_axis_and_keep_lengths():
    turn = geometry(affine=AffineDraw(rotation_degrees=(0.0, 0.0, 90.0)))
    seen = (turn.in_sample(MIDDLE + np.array([[1.0, 0.0, 2.0]])) - MIDDLE)[:, ::-1] * SPACING
    assert np.allclose(seen, [[0.0, 3.0, 2.0]])  # 3 mm to the left became 3 mm to the back
    matrix = AffineDraw(rotation_degrees=(10.0, 20.0, 30.0)).matrix()[:3, :3]
    assert np.allclose(matrix @ matrix.T, np.eye(3))
    assert AffineDraw(scale=(2.0, 1.0, 0.5)).matrix()[0, 0] == pytest.approx(2.0)  # larger than 1 enlarges


def test_the_scale_comes_first_and_the_shift_last():
    draw = AffineDraw(rotation_degrees=(0.0, 0.0, 90.0), shift_mm=(5.0, 0.0, 0.0), scale=(2.0, 1.0, 1.0))
    assert np.allclose(draw.matrix() @ (1.0, 0.0, 0.0, 1.0), (5.0, 2.0, 0.0, 1.0))


def test_the_matrix_is_that_of_monai():
    monai = pytest.importorskip("monai.transforms.utils")
    draw = AffineDraw(
        rotation_degrees=(10.0, -20.0, 35.0),
        shift_mm=(1.0, 2.0, 3.0),
        scale=(1.1, 0.9, 1.2),
        shear=(0.1, 0.2, -0.1, 0.05, 0.3, -0.2),
    )
    parts = (
        monai.create_translate(3, draw.shift_mm),
        monai.create_rotate(3, np.deg2rad(draw.rotation_degrees)),
        monai.create_shear(3, draw.shear),
        monai.create_scale(3, draw.scale),
    )
    assert np.allclose(draw.matrix(), np.linalg.multi_dot([np.asarray(part, np.float64) for part in parts]))


@pytest.mark.parametrize("seed", range(6))
def test_places_there_and_back(seed):
    """The strongest bends come back to a thousandth of a voxel, also in a corner and outside of the window."""
    settings = AugmentationSettings(
        affine=AffineSettings(probability=1, rotation_degrees=(40.0, 40.0, 40.0), shift_mm=(9.0, 9.0, 9.0), shear=0.1),
        elastic=ElasticSettings(probability=1, displacement_mm=(20.0, 20.0), node_spacing_mm=(8.0, 12.0)),
        flip=load_preset("strong").settings.flip,
    )
    draws = Augmenter(settings, spacing_mm=SPACING, segments=()).draw(SIZE, channels=1, seed=seed)
    map_ = geometry(affine=draws.affine, elastic=draws.elastic, flip=draws.flip)
    places = np.random.default_rng(seed).uniform(-5, 33, (200, 3))
    assert np.abs(map_.in_sample(map_.in_volume(places)) - places).max() < 1e-3
    assert np.abs(map_.in_volume(places) - places).max() > 2


def test_voxels_are_where_the_map_says():
    elastic = ElasticDraw(seed=4, displacement_mm=3.0, node_spacing_mm=16.0, nodes=(8, 8, 8))
    map_ = geometry(affine=AffineDraw(rotation_degrees=(5.0, 10.0, 20.0), scale=(1.1, 0.9, 1.0)), elastic=elastic,
                    flip=FlipDraw(axes=("left-right",)))  # fmt: skip
    places = np.moveaxis(map_.voxel_places().numpy(), 0, -1).reshape(-1, 3)[:, ::-1]
    expected = map_.in_volume(np.indices(SIZE).reshape(3, -1).T)
    assert np.abs(places - expected).max() < 1e-3


def test_displacements_are_limited_so_that_tissue_never_folds():
    draw = ElasticDraw(seed=0, displacement_mm=50.0, node_spacing_mm=10.0, nodes=(9, 9, 9))
    field = draw.field((1.0, 1.0, 1.0), (30, 30, 30)).numpy()
    assert 1.0 < np.abs(field).max() <= 1.6 + 1e-5
    gradient = np.stack([np.stack(np.gradient(part)[::-1]) for part in field])
    determinant = np.linalg.det(np.moveaxis(gradient, (0, 1), (-2, -1)) + np.eye(3))
    assert determinant.min() > 0


def test_displacements_have_the_deviation_that_was_drawn():
    draw = ElasticDraw(seed=1, displacement_mm=1.0, node_spacing_mm=40.0, nodes=(12, 12, 12))
    assert draw.field((2.0, 2.0, 2.0), (150, 150, 150)).std() == pytest.approx(1.0, rel=0.15)


def test_image_and_labels_stay_together(volume):
    """The brightest place of a blob stays the middle of its label."""
    _, labels = volume
    marked = np.zeros((1, *SIZE), np.float32)
    marked[0][labels == 1] = 1
    for seed in range(4):
        make = Augmenter(load_preset("strong").settings, spacing_mm=SPACING, segments=SEGMENTS)
        draws = make.draw(SIZE, channels=1, seed=seed)
        map_ = geometry(window=draws.crop, affine=draws.affine, elastic=draws.elastic)
        shown, seen = sampled(marked, labels, map_, 0)
        differ = (shown[0].numpy() > 0.5) != (seen == 1)
        assert differ.sum() <= 0.1 * max((seen == 1).sum(), 50)


def test_labels_come_back(volume):
    _, labels = volume
    elastic = ElasticDraw(seed=2, displacement_mm=2.0, node_spacing_mm=24.0, nodes=(6, 6, 6))
    affine = AffineDraw(rotation_degrees=(8.0, -5.0, 12.0), shift_mm=(2.0, 1.0, -2.0), scale=(1.1, 1.1, 1.05))
    map_ = geometry(affine=affine, elastic=elastic, flip=FlipDraw(axes=("left-right",), swapped=((1, 2),)))
    _, seen = sampled(labels[None].astype(np.float32), labels, map_, 0)
    assert (seen != labels).mean() > 0.05
    back = restored_labels(seen, map_, SIZE)
    for value in (1, 2, 3):
        both = ((back == value) & (labels == value)).sum()
        assert 2 * both / ((back == value).sum() + (labels == value).sum()) > 0.85
