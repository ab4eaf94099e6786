import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from MedDeepRegSegLib.mrml.geometry import Grid
from MedDeepRegSegLib.mrml.layers import grid_of_oriented, is_empty, oriented_image, sample_layer


def unit_grid(origin=(0.0, 0.0, 0.0), euler=(0, 0, 0), spacing=(1.0, 1.0, 1.0)):
    return Grid(np.array(origin), np.array(spacing), Rotation.from_euler("xyz", euler, degrees=True).as_matrix())


def test_layer_is_cropped_to_its_voxels_and_keeps_their_places(scene):
    array = np.zeros((5, 6, 7), np.uint8)
    array[1:3, 2:5, 3:4] = 4
    layer = oriented_image(array, unit_grid((10, 20, 30), (10, 20, 30), (0.5, 1, 2)))
    assert layer.GetDimensions() == (1, 3, 2)
    assert layer.GetExtent() == (3, 3, 2, 4, 1, 2)
    start = unit_grid((10, 20, 30), (10, 20, 30), (0.5, 1, 2)).index_to_ras() @ [3, 2, 1, 1]
    np.testing.assert_allclose(grid_of_oriented(layer).origin, start[:3], atol=1e-9)
    assert is_empty(oriented_image(np.zeros((2, 2, 2), np.uint8), unit_grid()))
    assert is_empty(None)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    offset=st.tuples(*[st.integers(-6, 6)] * 3), euler=st.tuples(*[st.floats(-180, 180)] * 3), seed=st.integers(0, 99)
)
def test_shifted_lattice_is_copied_and_what_falls_outside_is_told(empty_scene, *, offset, euler, seed):
    empty_scene()
    array = np.random.default_rng(seed).integers(0, 3, (4, 5, 6)).astype(np.uint8)
    source = unit_grid((100, -50, 20), euler, (0.7, 1.1, 2.5))
    origin = source.index_to_ras() @ [*offset, 1]
    target = Grid(origin[:3], source.spacing, source.directions)
    values, outside = sample_layer(oriented_image(array, source), np.eye(4), target, (6, 5, 4))
    expected = np.zeros_like(array)
    inside = 0
    for k, j, i in np.ndindex(4, 5, 6):
        at = (k + offset[2], j + offset[1], i + offset[0])
        if all(0 <= index < length for index, length in zip(at, array.shape, strict=True)):
            expected[k, j, i] = array[at]
            inside += array[at] > 0
    np.testing.assert_array_equal(values, expected)
    assert len(outside) == np.count_nonzero(array) - inside


def test_turned_lattice_takes_the_nearest_voxel(scene):
    array = np.arange(1, 28, dtype=np.uint8).reshape(3, 3, 3)
    source = unit_grid((0, 0, 0))
    turned = Grid(np.array([2.0, 0.0, 0.0]), np.ones(3), Rotation.from_euler("z", 90, degrees=True).as_matrix())
    values, outside = sample_layer(oriented_image(array, source), np.eye(4), turned, (3, 3, 3))
    for k, j, i in np.ndindex(3, 3, 3):  # i runs along +y, j along -x
        assert values[k, j, i] == array[k, i, 2 - j]
    assert len(outside) == 0


@pytest.mark.parametrize("shift", [0.4, -0.4])
def test_less_than_half_a_voxel_outside_is_inside(scene, shift):
    array = np.ones((2, 2, 2), np.uint8)
    target = unit_grid((shift, 0, 0))
    values, outside = sample_layer(oriented_image(array, unit_grid()), np.eye(4), target, (2, 2, 2))
    assert values.all()
    assert len(outside) == 0
