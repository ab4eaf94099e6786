import importlib.util
import re
import subprocess
import sys

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.errors import Canceled, InputError, MissingPackageError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.registration import elastix, elastix_steps
from MedDeepRegSegLib.registration.elastix import bent_field
from MedDeepRegSegLib.registration.elastix_steps import ElastixSteps, linear_map
from MedDeepRegSegLib.registration.fields import smallest_determinant
from MedDeepRegSegLib.registration.landmarks import rigid_from_landmarks
from MedDeepRegSegLib.registration.linear import Linear
from MedDeepRegSegLib.registration.quality import target_registration_error
from MedDeepRegSegLib.registration.registration import register
from MedDeepRegSegLib.registration.transforms import (
    field_array,
    field_transform,
    linear_and_field,
    matrix_transform,
    transform_points,
)

needs_elastix = pytest.mark.skipif(importlib.util.find_spec("itk") is None, reason="itk-elastix is not installed")


def test_without_the_package_it_is_said_what_to_install(pair, fast, monkeypatch):
    monkeypatch.setattr(elastix_steps, "find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match="pip install itk-elastix"):
        register(pair.fixed.ct, pair.moving.mr, fast(engine="elastix"))


def test_itk_is_not_imported_before_the_engine_runs():
    code = "import sys, MedDeepRegSegLib.registration.elastix; sys.exit('itk' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, env={"PYTHONPATH": sys.path[0]}).returncode in (0,)


@needs_elastix
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["rigid", "similarity", "affine"])
def test_a_linear_map_is_found(rigid_pair, fast, kind):
    result = register(rigid_pair.fixed.ct, rigid_pair.moving.mr, fast(kind=kind, engine="elastix"))
    points = rigid_pair.fixed_points, rigid_pair.moving_points
    assert np.mean(target_registration_error(sitk.Transform(3, sitk.sitkIdentity), *points)) > 8
    assert np.mean(target_registration_error(result.transform, *points)) < 2.5
    linear, bent = linear_and_field(result.transform)
    assert bent is None
    matrix = np.array(linear.GetMatrix()).reshape(3, 3)
    gram = matrix.T @ matrix
    off = np.abs(gram - np.trace(gram) / 3 * np.eye(3)).max()
    assert (off < 1e-6) == (kind != "affine")
    assert (abs(np.linalg.det(matrix) - 1) < 1e-6) == (kind == "rigid")
    assert all(stage.measure == "cost" and len(stage.curve) > 50 for stage in result.stages)
    assert np.mean(result.stages[-1].curve[-20:]) < np.mean(result.stages[0].curve[:3])


@needs_elastix
@pytest.mark.slow
def test_a_deformation_is_found_without_folds(pair, fast):
    told = []
    # CT to CT: between CT and MR of this coarse phantom elastix's B-splines help no landmark.
    result = register(
        *(pair.fixed.ct, pair.moving.ct, fast(engine="elastix")), progress=lambda f, m: told.append((f, m))
    )
    points = pair.fixed_points, pair.moving_points
    linear, bent = linear_and_field(result.transform)
    errors = [np.mean(target_registration_error(one, *points)) for one in (linear, result.transform)]
    assert errors[1] < 0.6 * errors[0]
    field, grid = field_array(bent)
    assert smallest_determinant(field, grid.GetSpacing()[0]) > 0
    far = np.array([[900.0, 0, 0]])
    np.testing.assert_allclose(transform_points(result.transform, far), transform_points(linear, far), atol=1e-9)
    assert [fraction for fraction, _ in told] == sorted(fraction for fraction, _ in told)
    assert any("B-spline, control points of 30 mm" in message for _, message in told)


@pytest.fixture(scope="module")
def small():
    """A textured volume, turned in the world and far from its origin, and a copy moved by 6 mm."""
    from scipy import ndimage

    noise = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(24, 28, 26)), 2.5)
    values = (1000 * noise / noise.std()).astype(np.float32)
    images = []
    for shift in ((0, 0, 0), (6.0, -3.0, 2.0)):
        image = sitk.GetImageFromArray(values)
        image.SetSpacing((4.0, 4.5, 5.0))
        image.SetDirection(sitk.VersorTransform((0.3, 0.2, 1), 0.5).GetMatrix())
        image.SetOrigin((40.0 + shift[0], -20.0 + shift[1], 900.0 + shift[2]))
        images.append(image)
    return images


def by_transformix(steps, maps, points, folder):
    """Return where transformix itself takes points (N, 3)."""
    import itk

    rows = "".join(f"{x!r} {y!r} {z!r}\n" for x, y, z in points.tolist())
    (folder / "points.txt").write_text(f"point\n{len(points)}\n{rows}")
    transformix = itk.TransformixFilter[type(steps._moving)].New()
    transformix.SetMovingImage(steps._moving)
    transformix.SetTransformParameterObject(steps._object(maps))
    transformix.SetFixedPointSetFileName(str(folder / "points.txt"))
    transformix.SetOutputDirectory(str(folder))
    transformix.SetLogToConsole(False)
    transformix.UpdateLargestPossibleRegion()
    found = re.findall(r"OutputPoint = \[ ([^\]]+) \]", (folder / "outputpoints.txt").read_text())
    return np.array([[float(number) for number in row.split()] for row in found])


@needs_elastix
@pytest.mark.slow
def test_the_transform_is_the_one_of_transformix(small, tmp_path):
    steps = ElastixSteps(*small, iterations=60, seed=1)
    center = np.array(small[0].TransformContinuousIndexToPhysicalPoint([13, 14, 12]))
    start = Linear(np.eye(3) + 0.02 * np.arange(9).reshape(3, 3) / 9, np.array([2.0, 1, 0]), center)
    linear, _ = steps.linear("affine", 5.0, start)
    maps = [linear_map(linear)]
    index = np.random.default_rng(0).uniform(0, np.array(small[0].GetSize()) - 1, (200, 3))
    points = np.array([small[0].TransformContinuousIndexToPhysicalPoint(one) for one in index.tolist()])
    whole = sitk.CompositeTransform([matrix_transform(linear.matrix, linear.shift, linear.center)])
    # transformix needs the geometry of an image beside the map.
    geometry = {"Size": ["8"] * 3, "Index": ["0"] * 3, "Spacing": ["4"] * 3, "Origin": ["0"] * 3}
    placed = [{**maps[0], **geometry, "Direction": list("100010001")}]
    np.testing.assert_allclose(
        transform_points(whole, points), by_transformix(steps, placed, points, tmp_path), atol=2e-5
    )
    for control in (60.0, 30.0):
        maps, curve = steps.bend(control, 5.0, maps)
        assert len(curve) == 60
    field, grid = bent_field(small[0], steps, linear, maps, 2.0)
    whole.AddTransform(field_transform(field, grid.image()))
    truth = by_transformix(steps, maps, points, tmp_path)
    bent = np.linalg.norm(truth - linear(points), axis=1)
    assert bent.max() > 0.5
    errors = np.linalg.norm(transform_points(whole, points) - truth, axis=1)
    assert errors.max() < 0.02


@needs_elastix
@pytest.mark.slow
def test_a_seed_gives_one_transform_and_a_start_is_heeded(small, fast):
    shift = np.array([6.0, -3, 2])
    points = np.random.default_rng(0).uniform(-50, 50, (4, 3)) + small[0].GetOrigin()
    start = rigid_from_landmarks(points, points + shift)
    initial = matrix_transform(start.matrix, start.shift, start.center)
    settings = [fast(kind="rigid", engine="elastix", iterations=2, seed=seed) for seed in (1, 1, 2)]
    found = [register(*small, one, initial=initial).transform.GetParameters() for one in settings]
    assert found[0] == found[1] != found[2]
    # Two iterations of each step stay near the start, which is the truth here.
    assert np.abs(transform_points(sitk.AffineTransform(initial), points) - points - shift).max() < 1e-6


@needs_elastix
@pytest.mark.slow
def test_masks_decide_where_the_images_are_compared(small, fast):
    settings = fast(kind="rigid", engine="elastix", iterations=4)
    mask = sitk.Image(small[0].GetSize(), sitk.sitkUInt8)
    mask.CopyInformation(small[0])
    mask[8:20, 8:20, 6:18] = 3
    plain, masked = (register(*small, settings, fixed_mask=one).transform for one in (None, mask))
    assert plain.GetParameters() != masked.GetParameters()


@needs_elastix
@pytest.mark.slow
def test_a_start_without_overlap_is_explained(small, fast):
    away = sitk.TranslationTransform(3, (5000.0, 0, 0))
    with pytest.raises(InputError, match="lost the overlap"):
        register(*small, fast(kind="rigid", engine="elastix", iterations=1), initial=away)


@needs_elastix
@pytest.mark.slow
def test_a_deformation_that_folds_is_left_out(small, fast, monkeypatch):
    monkeypatch.setattr(elastix, "smallest_determinant", lambda field, spacing: -1.0)
    result = register(*small, fast(engine="elastix", iterations=1))
    assert linear_and_field(result.transform)[1] is None
    assert any("control points of 60 mm would fold and was left out" in reason for reason in result.quality.reasons)


@needs_elastix
@pytest.mark.slow
def test_cancel_ends_it_between_steps(small, fast):
    token, told = CancelToken(), []

    def progress(fraction, message):
        told.append(message)
        if message == "elastix, rigid, 4 mm":
            token.cancel()

    with pytest.raises(Canceled):
        register(*small, fast(engine="elastix", iterations=1), progress=progress, cancel=token)
    assert told[-1] == "elastix, rigid, 4 mm"
