import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.registration.known import known_rigid, known_smooth
from MedDeepRegSegLib.registration.transforms import (
    as_matrix,
    invert,
    jacobian_determinant,
    linear_and_field,
    matrix_transform,
    parts,
    read_transform,
    to_displacement_field,
    transform_points,
    write_transform,
)


def grid(direction=(1, 0, 0, 0, 1, 0, 0, 0, 1)):
    image = sitk.Image(40, 44, 36, sitk.sitkUInt8)
    image.SetSpacing([4.0, 4.0, 4.5])
    image.SetOrigin([-80.0, -90.0, 1000.0])
    image.SetDirection(direction)
    return image


@pytest.fixture(scope="module")
def composite():
    reference = grid()
    result = sitk.CompositeTransform(3)
    result.AddTransform(matrix_transform(np.diag([1.1, 0.9, 1.0]) + 0.03, [200, -1000, 3.0], [0, 0, 1080]))
    result.AddTransform(known_smooth(reference, seed=3, magnitude_mm=7))
    return result


@pytest.fixture(scope="module")
def points():
    return np.random.default_rng(0).uniform([-75, -85, 1005], [70, 75, 1150], (300, 3))


def oracle(transform, points):
    return np.array([transform.TransformPoint(p) for p in points.tolist()])


def test_points_agree_with_simpleitk(composite, points):
    outside = points + np.array([500, 0, 0])
    every = np.concatenate([points, outside])
    np.testing.assert_allclose(transform_points(composite, every), oracle(composite, every), atol=1e-9)


def test_points_agree_with_simpleitk_in_an_oblique_field(points):
    turn = known_rigid((0, 0, 0), seed=1, rotation_degrees=40, shift_mm=0)
    matrix, _ = as_matrix(turn)
    image = sitk.TransformToDisplacementField(
        known_smooth(grid(), seed=1, magnitude_mm=5),
        sitk.sitkVectorFloat64,
        [30, 30, 30],
        [-40.0, -40.0, 1040.0],
        [3.0, 2.0, 4.0],
        matrix.ravel().tolist(),
    )
    field = sitk.DisplacementFieldTransform(image)
    np.testing.assert_allclose(transform_points(field, points), oracle(field, points), atol=1e-9)


@pytest.mark.parametrize("kind", [sitk.Euler3DTransform, sitk.Similarity3DTransform, sitk.VersorRigid3DTransform])
def test_linear_kinds_are_understood(kind, points):
    transform = kind()
    parameters = list(transform.GetParameters())
    parameters[:6] = [0.1, 0.2, -0.1, 5, 6, 7]
    transform.SetParameters(parameters)
    transform.SetFixedParameters([1.0, 2.0, 3.0, *transform.GetFixedParameters()[3:]])
    np.testing.assert_allclose(transform_points(transform, points), oracle(transform, points), atol=1e-9)


def test_bspline_falls_back_to_simpleitk(points):
    spline = sitk.BSplineTransformInitializer(grid(), [4, 4, 4])
    spline.SetParameters(np.random.default_rng(0).normal(0, 3, len(spline.GetParameters())).tolist())
    np.testing.assert_allclose(transform_points(spline, points), oracle(spline, points), atol=1e-9)
    inverse = invert(spline, grid())
    middle = points[np.all(np.abs(points - [0, -5, 1080]) < 45, axis=1)]
    back = transform_points(inverse, transform_points(spline, middle))
    assert np.percentile(np.linalg.norm(back - middle, axis=1), 95) < 0.4  # a tenth of the voxel


@settings(max_examples=30, deadline=None)
@given(
    values=st.lists(st.floats(-0.3, 0.3), min_size=9, max_size=9),
    shift=st.lists(st.floats(-2000, 2000), min_size=3, max_size=3),
)
def test_inverse_of_linear_is_exact(values, shift):
    transform = matrix_transform(np.eye(3) * 1.5 + np.reshape(values, (3, 3)), np.array(shift), np.array([1, 2, 3.0]))
    points = np.random.default_rng(0).uniform(-300, 300, (50, 3))
    back = transform_points(invert(transform, grid()), transform_points(transform, points))
    np.testing.assert_allclose(back, points, atol=1e-8)


def test_inverse_of_composite_is_within_a_tenth_of_a_voxel_both_ways(composite, points):
    inverse = invert(composite, grid())
    assert [part.GetName() for part in parts(inverse)] == ["AffineTransform", "DisplacementFieldTransform"]
    back = np.linalg.norm(transform_points(inverse, transform_points(composite, points)) - points, axis=1)
    assert np.percentile(back, 95) <= 0.3
    mapped = transform_points(composite, points)
    forth = np.linalg.norm(transform_points(composite, transform_points(inverse, mapped)) - mapped, axis=1)
    assert np.percentile(forth, 95) <= 0.3


def test_inverse_far_outside_is_the_inverse_of_the_linear_part(composite):
    far = np.array([[900.0, 0, 1000], [0, 900, 3000]])
    linear = parts(composite)[1]
    np.testing.assert_allclose(transform_points(composite, far), oracle(linear, far), atol=1e-9)
    mapped = oracle(linear, far)
    np.testing.assert_allclose(transform_points(invert(composite, grid()), mapped), far, atol=1e-6)


def test_linear_and_field_come_apart_and_make_the_whole(composite, points):
    linear, field = linear_and_field(composite)
    np.testing.assert_allclose(transform_points(linear, transform_points(field, points)), oracle(composite, points))
    nested = sitk.CompositeTransform([sitk.TranslationTransform(3, (1, 2, 3)), sitk.Euler3DTransform(), linear])
    alone, none = linear_and_field(nested)
    assert none is None
    np.testing.assert_allclose(transform_points(alone, points), oracle(nested, points))
    assert linear_and_field(sitk.CompositeTransform(3))[0].TransformPoint((1, 2, 3)) == (1, 2, 3)


def test_a_field_after_a_linear_map_does_not_come_apart(composite):
    field, linear = parts(composite)
    with pytest.raises(InputError, match="at most one displacement field"):
        linear_and_field(sitk.CompositeTransform([field, linear]))


def test_singular_transform_has_no_inverse():
    with pytest.raises(InputError, match="singular"):
        invert(matrix_transform(np.diag([1.0, 1.0, 0.0]), np.zeros(3)), grid())


def test_jacobian_of_a_linear_map_is_its_determinant_on_any_grid():
    turn, _ = as_matrix(known_rigid((0, 0, 0), seed=3, rotation_degrees=33, shift_mm=0))
    matrix = np.array([[1.2, 0.1, 0], [0, 0.8, 0.2], [0.1, 0, 1.1]])
    image = jacobian_determinant(matrix_transform(matrix, np.zeros(3)), grid(turn.ravel().tolist()))
    np.testing.assert_allclose(sitk.GetArrayFromImage(image), np.linalg.det(matrix), rtol=1e-5)


def test_jacobian_sees_a_fold():
    image = to_displacement_field(sitk.Transform(3, sitk.sitkIdentity), grid())
    array = sitk.GetArrayFromImage(image)
    array[..., 0] = -8.0 * (np.arange(array.shape[2]) > 20)
    folded = sitk.GetImageFromArray(array, isVector=True)
    folded.CopyInformation(image)
    values = sitk.GetArrayFromImage(jacobian_determinant(sitk.DisplacementFieldTransform(folded), grid()))
    assert (values[:, :, 20:22] <= 0).all()
    np.testing.assert_allclose(values[:, :, :19], 1)


@pytest.mark.parametrize("name", ["t.h5", "t.hdf5"])
def test_files_keep_composites_for_simpleitk(composite, points, tmp_path, name):
    write_transform(composite, tmp_path / name)
    np.testing.assert_allclose(transform_points(read_transform(tmp_path / name), points), oracle(composite, points))
    np.testing.assert_allclose(oracle(sitk.ReadTransform(str(tmp_path / name)), points), oracle(composite, points))


@pytest.mark.parametrize("name", ["t.tfm", "t.txt", "t.h5"])
def test_files_keep_linear_transforms(points, tmp_path, name):
    rigid = known_rigid((5, 6, 7), seed=1, rotation_degrees=10, shift_mm=1000)
    write_transform(rigid, tmp_path / name)
    np.testing.assert_allclose(transform_points(read_transform(tmp_path / name), points), oracle(rigid, points))


@pytest.mark.parametrize("name", ["d.nii.gz", "d.nrrd", "d.mha"])
def test_displacement_files_hold_the_whole_transform(composite, tmp_path, name):
    reference = grid()
    write_transform(composite, tmp_path / name, reference=reference)
    voxels = np.random.default_rng(0).integers(0, 36, (50, 3)).tolist()
    places = np.array([reference.TransformIndexToPhysicalPoint(v) for v in voxels])
    np.testing.assert_allclose(
        transform_points(read_transform(tmp_path / name), places), oracle(composite, places), atol=1e-3
    )


def test_slicer_reads_the_same_transform_from_the_file(composite, points, tmp_path):
    slicer = pytest.importorskip("slicer", reason="slicer-core is not installed")
    write_transform(composite, tmp_path / "t.h5")
    scene = slicer.vtkMRMLScene()
    node = scene.AddNewNodeByClass("vtkMRMLTransformNode")
    storage = slicer.vtkMRMLTransformStorageNode()
    scene.AddNode(storage)
    storage.SetFileName(str(tmp_path / "t.h5"))
    assert storage.ReadData(node)
    from_parent = node.GetTransformFromParent()
    flip = np.array([-1, -1, 1])
    found = np.array([from_parent.TransformPoint((p * flip).tolist()) for p in points]) * flip
    # Slicer interpolates the field cubically where SimpleITK does linearly.
    error = np.linalg.norm(found - oracle(composite, points), axis=1)
    assert error.max() < 0.1


@pytest.mark.parametrize(
    ("name", "says"),
    [("t.xyz", "suffix"), ("t.nii.gz", "reference"), ("t.tfm", "as text")],
)
def test_bad_names_are_refused_before_writing(composite, tmp_path, name, says):
    with pytest.raises(InputError, match=says):
        write_transform(composite, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_bad_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="not there"):
        read_transform(tmp_path / "absent.h5")
    (tmp_path / "damaged.h5").write_bytes(b"no transform")
    with pytest.raises(InputError, match="cannot be read"):
        read_transform(tmp_path / "damaged.h5")
    sitk.WriteImage(grid(), str(tmp_path / "scalar.nii.gz"))
    with pytest.raises(InputError, match="components"):
        read_transform(tmp_path / "scalar.nii.gz")
    sitk.WriteTransform(sitk.AffineTransform(2), str(tmp_path / "flat.tfm"))
    with pytest.raises(InputError, match="2-D"):
        read_transform(tmp_path / "flat.tfm")


def test_points_of_wrong_shape_are_refused(composite):
    with pytest.raises(InputError, match="shape"):
        transform_points(composite, np.zeros((3, 2)))
