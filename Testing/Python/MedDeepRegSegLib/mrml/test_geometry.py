import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.geometry import (
    Grid,
    array_of_matrix,
    check_orthonormal,
    grid_of_image,
    is_orthonormal,
    matrix_of_array,
    rigid_parent,
    to_lps,
)


def grid(euler=(10, 20, 30), spacing=(0.5, 1.0, 3.0), origin=(1000.0, -2000.0, 5.5)):
    return Grid(np.array(origin), np.array(spacing), Rotation.from_euler("xyz", euler, degrees=True).as_matrix())


@settings(max_examples=50, deadline=None)
@given(
    st.tuples(*[st.floats(-180, 180)] * 3),
    st.tuples(*[st.floats(0.1, 10)] * 3),
    st.tuples(*[st.floats(-5000, 5000)] * 3),
)
def test_image_and_grid_say_the_same(euler, spacing, origin):
    made = grid(euler, spacing, origin)
    image = sitk.Image([3, 4, 5], sitk.sitkUInt8)
    made.apply_to(image)
    found = grid_of_image(image)
    np.testing.assert_array_equal(found.origin, made.origin)
    np.testing.assert_array_equal(found.spacing, made.spacing)
    np.testing.assert_array_equal(found.directions, made.directions)
    lps = image.TransformIndexToPhysicalPoint((2, 3, 4))
    ras = (made.index_to_ras() @ [2, 3, 4, 1])[:3]
    np.testing.assert_allclose(to_lps(ras)[0], lps, rtol=0, atol=1e-9)


def test_moving_a_grid_moves_its_points_and_identity_changes_nothing():
    start = grid()
    assert start.moved(np.eye(4)) is start
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", [40, -50, 60], degrees=True).as_matrix()
    matrix[:3, 3] = (10, 20, 30)
    np.testing.assert_allclose(start.moved(matrix).index_to_ras(), matrix @ start.index_to_ras(), atol=1e-9)
    np.testing.assert_allclose(start.moved(matrix).spacing, start.spacing, rtol=1e-12)


def test_orthonormality():
    assert is_orthonormal(np.diag([1.0, -1.0, 1.0]))
    assert not is_orthonormal(np.diag([1.0, 1.001, 1.0]))
    sheared = grid()
    sheared.directions[0, 1] += 0.1
    with pytest.raises(InputError, match="'x' has axes that are not at right angles"):
        check_orthonormal(sheared, "'x'")
    with pytest.raises(InputError, match="expected finite numbers"):
        check_orthonormal(grid(origin=(np.nan, 0, 0)), "'x'")
    with pytest.raises(InputError, match="spacing above 0"):
        check_orthonormal(grid(spacing=(1, 0, 1)), "'x'")


def test_matrices_pass_to_vtk_and_back():
    values = np.arange(16.0).reshape(4, 4)
    np.testing.assert_array_equal(array_of_matrix(matrix_of_array(values)), values)


def test_parent_of_a_node(scene, parent_transform):
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "v")
    np.testing.assert_array_equal(rigid_parent(node, "v"), np.eye(4))
    mirrored = np.diag([-1.0, 1.0, 1.0, 1.0])
    parent_transform(node, mirrored)
    np.testing.assert_array_equal(rigid_parent(node, "v"), mirrored)
