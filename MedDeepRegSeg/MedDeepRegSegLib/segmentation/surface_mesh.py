"""Surface and volume of the mesh around a mask: marching cubes with vertices in the middle between two voxels.

The cells of the grid have the centers of eight voxels as corners; which of these lie inside is one of 256 cases. The
piece of the mesh in a cell depends on the case only, so area and volume are sums over how often each case occurs, and
the mesh itself is never made. The pieces are not from a table but follow from one rule: on each face of a cell, every
run of inside corners is cut off by one line; the lines of the six faces join into closed loops, which are the borders
of the pieces (after Lorensen and Cline, SIGGRAPH 1987; the rule leaves no holes where their cases were ambiguous).
Corners that touch across the diagonal of a face only are taken apart. Defined as by the Image Biomarker
Standardisation Initiative (C0JK, RNU0); the mesh of a ball overstates its surface by some percent on any grid.
"""

import functools

import numpy as np

# Corners of a face in the order in which they are met counterclockwise, seen from the side that its axis points to.
_AROUND = ((0, 0), (1, 0), (1, 1), (0, 1))
_INSIDE_AREA = {0: 0.0, 1: 1 / 8, 2: 1 / 2, 3: 7 / 8, 4: 1.0}  # of a face, by its inside corners
_INSIDE_AREA_DIAGONAL = 1 / 4


def mesh_area_and_volume(mask: np.ndarray, spacing: tuple[float, float, float]) -> tuple[float, float]:
    """Return the area (mm2) and the volume (mm3) of the mesh around a boolean array (k, j, i).

    Parameters
    ----------
    mask:
        What touches the border of the array is closed there.
    spacing:
        mm along (i, j, k).
    """
    padded = np.pad(mask, 1).view(np.uint8)
    cases = np.zeros([size - 1 for size in padded.shape], np.uint8)
    for corner in range(8):
        cut = tuple(slice(1, None) if corner >> axis & 1 else slice(None, -1) for axis in (2, 1, 0))
        cases |= padded[cut] << corner
    counts = np.bincount(cases.ravel(), minlength=256)
    areas, volumes = _areas_and_volumes(tuple(float(step) for step in spacing))
    return float(counts @ areas), float(counts @ volumes) * float(np.prod(spacing))


@functools.lru_cache(maxsize=64)
def _areas_and_volumes(spacing: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return the area in mm2 and the inside volume in voxels of each case, (256,) each."""
    areas, volumes = np.zeros(256), np.zeros(256)
    for case in range(256):
        triangles = _triangles(case)
        edges = (triangles[:, 1:] - triangles[:, :1]) * spacing
        areas[case] = np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=1).sum() / 2
        # Gauss: the volume is a third of the flux of the place through the mesh and the three far faces of the cell.
        flux = np.linalg.det(triangles).sum() / 2
        flux += sum(_inside_area(case, axis) for axis in range(3))
        volumes[case] = flux / 3
    return areas, volumes


def _inside_area(case: int, axis: int) -> float:
    """Return the part of the face at the far end of ``axis`` that is inside."""
    inside = [bool(case >> corner & 1) for corner in _face(axis, 1)]
    if inside in ([True, False, True, False], [False, True, False, True]):
        return _INSIDE_AREA_DIAGONAL
    return _INSIDE_AREA[sum(inside)]


def _face(axis: int, side: int) -> list[int]:
    """Return the four corners of a face, counterclockwise seen from outside of the cell."""
    first, second = (axis + 1) % 3, (axis + 2) % 3
    corners = [side << axis | u << first | v << second for u, v in _AROUND]
    return corners if side else corners[::-1]


def _triangles(case: int) -> np.ndarray:
    """Return the mesh in a cell of size 1, (N, 3, 3): triangles, corners, (i, j, k); normals point outside."""
    following: dict[frozenset[int], frozenset[int]] = {}
    for axis in range(3):
        for side in (0, 1):
            corners = _face(axis, side)
            inside = [bool(case >> corner & 1) for corner in corners]
            for number in range(4):
                if inside[number] or not inside[(number + 1) % 4]:
                    continue  # not where a run of inside corners begins
                end = number + 1
                while inside[(end + 1) % 4]:
                    end += 1
                begins = frozenset((corners[number], corners[(number + 1) % 4]))
                ends = frozenset((corners[end % 4], corners[(end + 1) % 4]))
                following[begins] = ends
    found = []
    while following:
        first, vertex = following.popitem()
        loop = [first]
        while vertex != first:
            loop.append(vertex)
            vertex = following.pop(vertex)
        places = np.array([_middle(edge) for edge in loop])
        center = places.mean(axis=0)
        found += [(center, places[n], places[(n + 1) % len(loop)]) for n in range(len(loop))]
    return np.array(found).reshape(-1, 3, 3)


def _middle(edge: frozenset[int]) -> list[float]:
    return [sum(corner >> axis & 1 for corner in edge) / 2 for axis in range(3)]
