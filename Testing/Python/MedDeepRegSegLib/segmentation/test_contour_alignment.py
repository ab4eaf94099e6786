"""Contours brought onto a mask, with exact truth."""

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.segmentation.closest_surface import kept_share
from MedDeepRegSegLib.segmentation.contour_alignment import align_contours
from MedDeepRegSegLib.segmentation.contours import mask_contours
from MedDeepRegSegLib.segmentation.surface_points import surface_points

SPACING = 3.0


def body(matrix=None, *, cut=np.inf):
    """A mask of three joined balls; ``matrix`` maps its own places to those of the body at rest."""
    size = np.array([36, 40, 44])
    origin = -SPACING * size / 2
    index = np.stack(np.indices(size[::-1])[::-1], axis=-1)
    here = index * SPACING + origin
    rest = here if matrix is None else here @ matrix[:3, :3].T + matrix[:3, 3]
    inside = ((rest / (25, 32, 40)) ** 2).sum(-1) <= 1
    inside |= (((rest - (20, 10, 15)) / (12, 14, 12)) ** 2).sum(-1) <= 1
    inside |= (((rest - (-8, -25, -20)) / (10, 15, 14)) ** 2).sum(-1) <= 1
    image = sitk.GetImageFromArray((inside & (here[..., 2] < cut)).astype(np.uint8))
    image.SetSpacing([SPACING] * 3)
    image.SetOrigin(origin.tolist())
    return image


def movement(kind):
    """Moving to fixed, (4, 4)."""
    matrix = np.eye(4)
    stretch = {"rigid": np.eye(3), "similarity": 1.1 * np.eye(3), "affine": np.diag([1.08, 0.95, 1.05])}[kind]
    matrix[:3, :3] = Rotation.from_rotvec([0.1, -0.15, 0.2]).as_matrix() @ stretch
    matrix[:3, 3] = (6.0, -9.0, 5.0)
    return matrix


def error_of(found, matrix):
    """Distances between found and true places on the body, mm."""
    fixed = surface_points(body(), count=200).points
    true = (fixed - matrix[:3, 3]) @ np.linalg.inv(matrix[:3, :3]).T
    got = np.array([found.transform.TransformPoint(point) for point in fixed.tolist()])
    return np.linalg.norm(got - true, axis=1)


@pytest.mark.parametrize("kind", ["rigid", "similarity", "affine"])
def test_the_matrix_is_found_to_a_fraction_of_a_voxel(kind):
    matrix = movement(kind)
    found = align_contours(surface_points(body(matrix), count=2500), body(), kind=kind)
    assert error_of(found, matrix).mean() < 0.2 * SPACING
    assert found.mean_mm < 0.2 * SPACING
    assert found.mean_mm <= found.p95_mm
    assert found.matched_share > 0.95
    assert found.scale == pytest.approx(np.cbrt(np.linalg.det(matrix[:3, :3])), abs=0.01)
    assert found.rotation_degrees == pytest.approx(np.degrees(np.linalg.norm([0.1, -0.15, 0.2])), abs=1.5)


def test_missing_parts_are_trimmed_and_told():
    matrix = movement("rigid")
    found = align_contours(surface_points(body(matrix, cut=15.0), count=2500), body())
    assert error_of(found, matrix).mean() < 0.4 * SPACING
    assert found.all_mean_mm > 1.5 * found.mean_mm  # the cut has no counterpart
    assert found.matched_share < 0.95
    assert found.mask_matched_share < 0.95


def test_contours_of_slices_without_normals_do_as_well():
    matrix = movement("rigid")
    points = np.concatenate([contour.points for contour in mask_contours(body(matrix), "coronal")])
    found = align_contours(points, body())
    assert error_of(found, matrix).mean() < 0.4 * SPACING


def test_what_cannot_be_aligned_is_told():
    points = surface_points(body(), count=100)
    flat = points.points * (1, 1, 0)
    for contours, kind, words in (
        (points, "free", "expected one of rigid"),
        (points.points[:20], "rigid", "too few"),
        (flat, "rigid", "in one plane"),
    ):
        with pytest.raises(InputError, match=words):
            align_contours(contours, body(), kind=kind)
    with pytest.raises(InputError, match="mask is empty"):
        align_contours(points, body() * 0)
    token = CancelToken()
    token.cancel()
    with pytest.raises(Canceled):
        align_contours(points, body(), cancel=token)


def test_the_share_that_fits_is_told_from_what_is_missing():
    generator = np.random.default_rng(0)
    part = np.concatenate([generator.normal(0, 0.3, 700), generator.uniform(10, 40, 300)])
    assert 0.6 < kept_share(part) <= 0.7
    assert kept_share(np.full(10, 0.1)) == 1
