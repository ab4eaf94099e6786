import numpy as np
import pytest

from MedDeepRegSegLib.segmentation.measurement_size import outline_area
from MedDeepRegSegLib.segmentation.surface_mesh import _triangles, mesh_area_and_volume


def test_one_voxel_is_an_octahedron():
    """Its corners are the middles to the six neighbors."""
    area, volume = mesh_area_and_volume(np.ones((1, 1, 1), bool), (2.0, 2.0, 2.0))
    assert volume == pytest.approx(8 / 6)
    assert area == pytest.approx(np.sqrt(3) * 4)
    area, volume = mesh_area_and_volume(np.ones((1, 1, 1), bool), (1.0, 2.0, 4.0))
    assert volume == pytest.approx(8 / 6)
    a, b, c = 0.5, 1.0, 2.0
    assert area == pytest.approx(8 * np.sqrt((a * b) ** 2 + (b * c) ** 2 + (a * c) ** 2) / 2)


def test_a_box_loses_its_edges_only():
    sizes, spacing = np.array([20, 15, 12]), (1.0, 1.5, 2.0)
    area, volume = mesh_area_and_volume(np.ones(sizes[::-1], bool), spacing)
    x, y, z = sizes * spacing
    assert outline_area(np.ones(sizes[::-1], bool), spacing) == pytest.approx(2 * (x * y + y * z + x * z))
    assert volume < x * y * z
    assert volume == pytest.approx(x * y * z, rel=0.03)
    assert area == pytest.approx(2 * (x * y + y * z + x * z), rel=0.06)


def test_every_case_and_its_opposite_fill_the_cell():
    """The mesh is closed: what is inside of a case and of its opposite makes one whole cell but for ambiguous faces."""
    from MedDeepRegSegLib.segmentation.surface_mesh import _areas_and_volumes

    areas, volumes = _areas_and_volumes((1.0, 1.0, 1.0))
    assert volumes[0] == 0
    assert volumes[255] == pytest.approx(1)
    assert ((volumes >= 0) & (volumes <= 1 + 1e-12)).all()
    plain = [1, 3, 7, 15, 23, 27, 51, 85]  # no two corners across the diagonal of a face alone
    for case in plain:
        assert volumes[case] + volumes[255 - case] == pytest.approx(1)
        assert areas[case] == pytest.approx(areas[255 - case])


@pytest.mark.parametrize("seed", range(3))
def test_meshes_of_noise_are_closed(seed):
    """Every edge of the mesh belongs to two triangles, whatever the mask: a hole would spoil the volume."""
    mask = np.pad(np.random.default_rng(seed).random((4, 5, 6)) > 0.5, 1)
    edges = {}
    for k, j, i in np.ndindex(*(size - 1 for size in mask.shape)):
        corners = mask[k : k + 2, j : j + 2, i : i + 2]
        case = sum(int(corners[c >> 2 & 1, c >> 1 & 1, c & 1]) << c for c in range(8))
        for triangle in _triangles(case) + np.array([i, j, k]):
            keys = [tuple(np.round(place * 840).astype(int)) for place in triangle]
            for one, two in zip(keys, keys[1:] + keys[:1], strict=True):
                edges[one, two] = edges.get((one, two), 0) + 1
    assert edges
    assert all(edges.get((two, one), 0) == count for (one, two), count in edges.items())


def test_a_ball_has_its_volume():
    grid = np.indices((40, 40, 40)) - 19.5
    ball = (grid**2).sum(axis=0) <= 16**2
    area, volume = mesh_area_and_volume(ball, (1.0, 1.0, 1.0))
    assert volume == pytest.approx(4 / 3 * np.pi * 16**3, rel=0.01)
    assert area == pytest.approx(4 * np.pi * 16**2, rel=0.09)  # the mesh is rough
    assert area > 4 * np.pi * 16**2
