"""The benchmark of registration: movements are exact, and each peer's files become the transform that the peer meant."""

import importlib.util
import json
import subprocess
import sys

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.registration.transforms import matrix_transform, transform_points
from MedDeepRegSegLib.volumes.phantoms import head_phantom

TURN = sitk.Euler3DTransform((4.0, -3.0, 6.0), 0.05, -0.08, 0.1, (3.0, -2.0, 5.0))
"""A known turn and shift, fixed to moving points."""


@pytest.fixture(scope="module", autouse=True)
def benchmarks(repository):
    """The folder of the benchmarks on the path."""
    sys.path.insert(0, str(repository / "Testing" / "Benchmarks"))
    yield
    sys.path.pop(0)


def needs(package):
    """Skip, with the reason, when a peer is not installed."""
    return pytest.mark.skipif(
        importlib.util.find_spec(package) is None,
        reason=f"{package} is not installed (pip install --no-deps -r Testing/Benchmarks/peers.txt)",
    )


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Files of a small image on a turned grid, and of the same seen through :data:`TURN`, both with structure."""
    folder = tmp_path_factory.mktemp("pair")
    moving = sitk.Cast(head_phantom(1, spacing_mm=4.0, size=(48, 60, 56)).mr, sitk.sitkFloat32)
    direction = sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.0, 0.0, 0.2).GetMatrix()
    grid = sitk.Image(50, 60, 50, sitk.sitkUInt8)
    grid.SetSpacing((4.0, 4.0, 4.5))
    grid.SetDirection(direction)
    grid.SetOrigin(grid.TransformContinuousIndexToPhysicalPoint((-24.5, -29.5, -27.0)))
    fixed = sitk.Resample(moving, grid, TURN, sitk.sitkLinear, 0.0)
    for image, name in ((fixed, "fixed"), (moving, "moving")):
        sitk.WriteImage(image, str(folder / f"{name}.nii.gz"))
    return folder


def points():
    """Points near the middle."""
    return np.random.default_rng(0).uniform(-25, 25, (50, 3))


def error(transform, truth=TURN):
    """Largest distance, mm, from where the truth takes the points."""
    return float(
        np.linalg.norm(transform_points(transform, points()) - transform_points(truth, points()), axis=1).max()
    )


def job(pair, folder, *, linear):
    """The pair as a job."""
    from registration_peers import Job

    return Job(pair / "fixed.nii.gz", pair / "moving.nii.gz", folder, linear)


def found(method, job, repository):
    """Run a method as the benchmark does, in a process of its own, and read what it left."""
    from registration_found import read_found

    program = repository / "Testing" / "Benchmarks" / "registration_run.py"
    options = [*(["--linear"] if job.linear else []), *(["--start", str(job.start)] if job.start else [])]
    words = [sys.executable, str(program), method, str(job.fixed), str(job.moving), str(job.folder), *options]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=job.folder)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads((job.folder / "cost.json").read_text())["cpu_s"] > 0
    return read_found(method, job)


@needs("itk")
def test_the_transform_of_elastix_is_the_movement(pair, tmp_path, repository):
    assert error(found("itk-elastix", job(pair, tmp_path, linear=True), repository).transform) < 2.0


@pytest.mark.slow
@needs("ants")
def test_the_transforms_of_ants_are_the_movement(pair, tmp_path, repository):
    result = found("antspyx", job(pair, tmp_path, linear=False), repository)
    assert error(result.transform) < 1.5
    back = transform_points(result.inverse, transform_points(result.transform, points()))
    assert np.abs(back - points()).max() < 0.5


@needs("picsl_greedy")
def test_the_transforms_of_greedy_are_the_movement(pair, tmp_path, repository):
    result = found("picsl-greedy", job(pair, tmp_path, linear=False), repository)
    assert error(result.linear) < 1.0
    assert error(result.transform) < 3.0
    back = transform_points(result.inverse, transform_points(result.transform, points()))
    assert np.abs(back - points()).max() < 0.5


@pytest.mark.slow
@needs("convexAdam")
def test_the_displacement_of_convexadam_is_a_shift(tmp_path, pair, repository):
    from registration_peers import Job

    moving = sitk.ReadImage(str(pair / "moving.nii.gz"))
    shift = sitk.TranslationTransform(3, (6.0, -4.0, 8.0))
    sitk.WriteImage(sitk.Resample(moving, moving, shift, sitk.sitkLinear, 0.0), str(tmp_path / "fixed.nii.gz"))
    sitk.WriteTransform(sitk.AffineTransform(3), str(tmp_path / "start.tfm"))
    work = Job(tmp_path / "fixed.nii.gz", pair / "moving.nii.gz", tmp_path, start=tmp_path / "start.tfm")
    result = found("convexadam", work, repository)
    assert error(result.transform, shift) < 2.5
    assert error(result.transform, sitk.AffineTransform(3)) > 8.0


def test_a_voxel_field_on_a_turned_grid_is_the_shift_it_means():
    from registration_found import voxel_field

    grid = sitk.Image(40, 24, 22, sitk.sitkUInt8)
    grid.SetSpacing((2.0, 3.0, 4.0))
    grid.SetDirection(sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.0, 0.3, 0.2).GetMatrix())
    grid.SetOrigin(grid.TransformContinuousIndexToPhysicalPoint((-19.5, -11.5, -10.5)))
    displacement = np.zeros((22, 24, 40, 3))
    displacement[...] = (1.0, 2.0, -3.0)  # voxels along z, y, x
    world = np.array(grid.GetDirection()).reshape(3, 3) @ (-3.0 * 2.0, 2.0 * 3.0, 1.0 * 4.0)
    assert error(voxel_field(displacement, grid), sitk.TranslationTransform(3, world.tolist())) < 1e-6


def test_the_transform_of_simpleitk_is_the_movement(pair, tmp_path, repository):
    assert error(found("simpleitk", job(pair, tmp_path, linear=True), repository).transform) < 1.0


def test_moved_points_are_those_that_the_movement_takes_to_the_points():
    from registration_movements import moved_points, movement

    image = sitk.Image(30, 36, 32, sitk.sitkUInt8) + 1
    image.SetSpacing((5.0, 5.0, 5.0))
    image.SetOrigin((-75.0, -90.0, -80.0))
    known = movement(image, image, 4, smooth=True)
    moved = moved_points(known, points())
    np.testing.assert_allclose(transform_points(known, moved), points(), atol=1e-3)
    assert np.linalg.norm(moved - points(), axis=1).min() > 3.0


def test_chain_applies_what_is_given_first_first():
    from registration_found import chain

    double = matrix_transform(2 * np.eye(3), np.zeros(3))
    shift = sitk.TranslationTransform(3, (1.0, 0.0, 0.0))
    assert transform_points(chain(shift, double), np.zeros((1, 3))).tolist() == [[2.0, 0.0, 0.0]]


def test_a_failure_of_ours_counts_as_worse_than_the_peers_and_one_of_a_peer_as_nothing():
    from registration_tables import against

    def row(case, method, mean):
        return {"case": case, "kind": "real", "method": method, "mean_mm": mean, "failure": None if mean else "broken"}

    rows = [
        row("a", "ours", 2.0),
        row("a", "one", 4.0),
        row("a", "two", 5.0),
        row("b", "ours", None),
        row("b", "one", 3.0),
    ]
    rows += [row("b", "two", None), row("c", "ours", 3.0), row("c", "one", 2.0), row("c", "two", None)]
    (line,) = against(rows, ("one", "two"))
    assert line["cases"] == 3
    assert line["cases worse than a peer"] == 2
    assert line["median ratio to the best peer"] == pytest.approx(1.0)
    assert line["failed"] == 1
