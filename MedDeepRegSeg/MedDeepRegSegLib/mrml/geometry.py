"""Geometry at the border: voxel grids of nodes (RAS mm) and of SimpleITK images (LPS mm), and parent transforms.

A voxel grid is ``world = origin + directions @ (spacing * index)``. Turning RAS into LPS flips the sign of the first two
rows of ``directions`` and of the first two entries of ``origin``, which is exact in floating point. Left-handed grids
(determinant -1) are legal on both sides and stay as they are, so voxels are never reordered.
"""

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
import vtk

from MedDeepRegSegLib.errors import InputError

# Multiplying by it from the left turns RAS into LPS and back.
RAS_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])

# How far rows of a rotation may be from orthonormal. DICOM and NIfTI headers hold single-precision cosines.
_ORTHONORMAL = 1e-4


@dataclass(frozen=True)
class Grid:
    """A voxel grid in RAS.

    Attributes
    ----------
    origin:
        (3,) RAS mm of voxel (0, 0, 0).
    spacing:
        (3,) mm, all positive.
    directions:
        (3, 3) unit vectors of the i, j, k axes in the columns.
    """

    origin: np.ndarray
    spacing: np.ndarray
    directions: np.ndarray

    def moved(self, matrix: np.ndarray) -> "Grid":
        """Return the grid moved by a (4, 4) RAS matrix whose linear part is orthonormal."""
        if np.array_equal(matrix, np.eye(4)):
            return self
        axes = matrix[:3, :3] @ self.directions * self.spacing
        spacing = np.linalg.norm(axes, axis=0)
        return Grid(matrix[:3, :3] @ self.origin + matrix[:3, 3], spacing, axes / spacing)

    def apply_to(self, image: sitk.Image) -> None:
        """Give a SimpleITK image this grid."""
        flip = RAS_LPS[:3, :3]
        image.SetSpacing(self.spacing.tolist())
        image.SetOrigin((flip @ self.origin).tolist())
        image.SetDirection((flip @ self.directions).ravel().tolist())

    def index_to_ras(self) -> np.ndarray:
        """Return the (4, 4) matrix from voxel indices to RAS mm."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.directions * self.spacing
        matrix[:3, 3] = self.origin
        return matrix


def grid_of_image(image: sitk.Image) -> Grid:
    """Return the grid of a 3-D SimpleITK image."""
    flip = RAS_LPS[:3, :3]
    return Grid(
        flip @ np.array(image.GetOrigin()),
        np.array(image.GetSpacing()),
        flip @ np.array(image.GetDirection()).reshape(3, 3),
    )


def check_orthonormal(grid: Grid, what: str) -> None:
    """Raise InputError unless the axes are at right angles and the spacing is positive: ITK has no sheared grids."""
    numbers = np.concatenate([grid.origin, grid.spacing, grid.directions.ravel()])
    if not np.all(np.isfinite(numbers)) or np.any(grid.spacing <= 0):
        msg = f"{what} has spacing {grid.spacing} mm and origin {grid.origin} mm, expected finite numbers and spacing above 0: correct its geometry"
        raise InputError(msg)
    if not is_orthonormal(grid.directions):
        msg = f"{what} has axes that are not at right angles: resample it on a regular grid first (module Resample Scalar/Vector/DWI Volume)"
        raise InputError(msg)


def is_orthonormal(matrix: np.ndarray) -> bool:
    """Return whether a (3, 3) matrix is a rotation or a rotation with a mirror."""
    return bool(np.allclose(matrix.T @ matrix, np.eye(3), rtol=0, atol=_ORTHONORMAL))


def rigid_parent(node, what: str) -> np.ndarray:
    """Return the (4, 4) RAS matrix from the coordinates of a node to world, through all its parent transforms.

    Raises
    ------
    InputError
        If a parent transform is warped, scaled or sheared: those change voxels or angles, so a regular grid cannot
        take them up exactly, and the person must say so by hardening.
    """
    parent = node.GetParentTransformNode()
    if parent is None:
        return np.eye(4)
    if not parent.IsTransformToWorldLinear():
        msg = f"{what} is under the non-linear transform {parent.GetName()!r}: harden the transform first (Transforms module, Harden transform)"
        raise InputError(msg)
    matrix = vtk.vtkMatrix4x4()
    parent.GetMatrixTransformToWorld(matrix)
    values = array_of_matrix(matrix)
    if not is_orthonormal(values[:3, :3]) or not np.allclose(values[3], [0, 0, 0, 1]):
        msg = f"{what} is under the scaling or shearing transform {parent.GetName()!r}: harden the transform first (Transforms module, Harden transform)"
        raise InputError(msg)
    return values


def array_of_matrix(matrix) -> np.ndarray:
    """Return a ``vtkMatrix4x4`` as a (4, 4) array."""
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])


def matrix_of_array(values: np.ndarray):
    """Return a (4, 4) array as a ``vtkMatrix4x4``."""
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(np.asarray(values, dtype=float).ravel().tolist())
    return matrix


def to_lps(points: np.ndarray) -> np.ndarray:
    """Turn (N, 3) RAS points into LPS, or LPS points into RAS."""
    return np.asarray(points, dtype=float).reshape(-1, 3) * (-1.0, -1.0, 1.0)
