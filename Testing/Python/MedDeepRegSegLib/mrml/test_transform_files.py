"""The files that a registration writes mean the same to SimpleITK, to 3D Slicer's own storage, and to ANTs."""

import shutil

import numpy as np
import pytest
import SimpleITK as sitk
import slicer

from MedDeepRegSegLib.registration.known import known_rigid, known_smooth
from MedDeepRegSegLib.registration.transforms import (
    invert,
    linear_and_field,
    matrix_transform,
    read_transform,
    transform_points,
    write_transform,
)

FLIP = np.array([-1.0, -1.0, 1.0])


def grid():
    image = sitk.Image(36, 40, 32, sitk.sitkUInt8)
    image.SetSpacing((4.0, 4.0, 4.5))
    image.SetOrigin((-70.0, -82.0, 900.0))
    return image


@pytest.fixture(scope="module")
def composite():
    """Affine map after a field, fixed to moving points, as engines return it."""
    turn = known_rigid((0, 0, 970), seed=3, rotation_degrees=12, shift_mm=25)
    stretch = matrix_transform(np.diag([1.04, 0.97, 1.02]), np.array([0.0, 5.0, -100.0]), np.array([0.0, 0.0, 970.0]))
    both = sitk.CompositeTransform([turn, stretch, known_smooth(grid(), seed=4, magnitude_mm=8)])
    linear, field = linear_and_field(both)
    return sitk.CompositeTransform([linear, field])


@pytest.fixture(scope="module")
def folder(composite, tmp_path_factory):
    """Folder with the files of the job."""
    out = tmp_path_factory.mktemp("transforms")
    linear, field = linear_and_field(composite)
    write_transform(composite, out / "transform.h5")
    write_transform(invert(composite, grid()), out / "inverse.h5")
    write_transform(linear, out / "linear.tfm")
    write_transform(field, out / "deformation.nii.gz")
    write_transform(composite, out / "displacement.nii.gz", reference=grid())
    return out


def voxels_of(image, count=60):
    """Return centers of voxels, LPS mm; there every reader agrees, however it interpolates between them."""
    rng = np.random.default_rng(0)
    indices = np.stack([rng.integers(1, size - 1, count) for size in image.GetSize()], axis=1)
    return np.array([image.TransformIndexToPhysicalPoint(index) for index in indices.tolist()])


def places(composite, name):
    """Return points at which to compare a file: centers of voxels of its field."""
    field = linear_and_field(composite)[1].GetDisplacementField()
    if name == "displacement.nii.gz":
        return voxels_of(grid())
    points = voxels_of(field)
    if name == "inverse.h5":  # the linear map is undone first: these points come to lie at voxels of its field
        return transform_points(linear_and_field(composite)[0], points)
    return points


def expected(composite, name, points):
    linear, field = linear_and_field(composite)
    whole = {"linear.tfm": linear, "deformation.nii.gz": field, "inverse.h5": invert(composite, grid())}
    return transform_points(whole.get(name, composite), points)


def by_slicer(path, points):
    """Map LPS points with what Slicer's own storage node reads from a file."""
    scene = slicer.vtkMRMLScene()
    node = scene.AddNewNodeByClass("vtkMRMLTransformNode")
    storage = slicer.vtkMRMLTransformStorageNode()
    scene.AddNode(storage)
    storage.SetFileName(str(path))
    assert storage.ReadData(node)
    general = node.GetTransformFromParent()
    return np.array([general.TransformPoint(point) for point in (points * FLIP).tolist()]) * FLIP


FILES = ("transform.h5", "inverse.h5", "linear.tfm", "deformation.nii.gz", "displacement.nii.gz")


@pytest.mark.parametrize("name", FILES)
def test_simpleitk_reads_the_same(composite, folder, name):
    points = places(composite, name)
    wanted = expected(composite, name, points)
    assert np.linalg.norm(wanted - points, axis=1).max() > 3
    np.testing.assert_allclose(transform_points(read_transform(folder / name), points), wanted, atol=1e-3)
    if name.endswith(".nii.gz"):
        field = sitk.ReadImage(str(folder / name), sitk.sitkVectorFloat64)
        read = sitk.DisplacementFieldTransform(field)
    else:
        read = sitk.ReadTransform(str(folder / name))
    np.testing.assert_allclose([read.TransformPoint(point) for point in points.tolist()], wanted, atol=1e-3)


@pytest.mark.parametrize("name", FILES)
def test_slicer_reads_the_same(composite, folder, name):
    points = places(composite, name)
    np.testing.assert_allclose(by_slicer(folder / name, points), expected(composite, name, points), atol=1e-3)


def test_slicer_differs_little_between_voxels(composite, folder):
    points = places(composite, "transform.h5") + np.array([1.3, -0.7, 2.0])
    away = np.linalg.norm(by_slicer(folder / "transform.h5", points) - transform_points(composite, points), axis=1)
    assert away.max() < 0.1  # Slicer interpolates the vectors of files cubically, ITK linearly


def test_there_and_back_by_slicer(composite, folder):
    points = places(composite, "transform.h5")
    back = by_slicer(folder / "inverse.h5", by_slicer(folder / "transform.h5", points))
    assert np.linalg.norm(back - points, axis=1).max() < 0.4  # a tenth of a voxel


def test_outside_of_the_field_only_the_linear_map_is_left(composite, folder):
    linear, _ = linear_and_field(composite)
    far = np.array([[400.0, 0, 970], [0, -300, 900], [0, 0, 1500.0]])
    np.testing.assert_allclose(transform_points(composite, far), transform_points(linear, far), atol=1e-9)
    # Slicer goes on with the vectors of the border, which the field tapers to nothing.
    np.testing.assert_allclose(by_slicer(folder / "transform.h5", far), transform_points(linear, far), atol=1e-3)


@pytest.mark.parametrize("name", FILES)
def test_ants_reads_the_same(composite, folder, name, tmp_path):
    ants = pytest.importorskip("ants", reason="antspyx is not installed (pip install antspyx)")
    import pandas

    path = tmp_path / name
    shutil.copy(folder / name, path)
    points = places(composite, name)
    table = pandas.DataFrame(points, columns=["x", "y", "z"])
    found = ants.apply_transforms_to_points(3, table, [str(path)])[["x", "y", "z"]].to_numpy()
    np.testing.assert_allclose(found, expected(composite, name, points), atol=1e-3)
