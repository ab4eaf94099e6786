"""Linear maps from pairs of landmarks, by least squares."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.registration.linear import Linear

Pairs = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Fixed and moving landmarks (N, 3), LPS mm, checked by :func:`check_pairs`."""

_FLAT_MM = 1.0  # points that spread less than this beyond a line or plane do not fix a rotation


def check_pairs(fixed_points: object, moving_points: object) -> Pairs:
    """Return both as finite arrays (N, 3) of equal length.

    Raises
    ------
    InputError
    """
    arrays = []
    for points, what in ((fixed_points, "fixed"), (moving_points, "moving")):
        if points is None:
            msg = f"{what} landmarks are missing, expected as many as in the other image: give both or none"
            raise InputError(msg)
        array = np.asarray(points, dtype=np.float64)
        if array.ndim != 2 or array.shape[1] != 3 or not len(array):
            msg = f"{what} landmarks have shape {array.shape}, expected (N, 3): give one row l, p, s in mm for each"
            raise InputError(msg)
        if not np.isfinite(array).all():
            msg = f"{what} landmarks hold values that are no numbers: place every point before registering"
            raise InputError(msg)
        arrays.append(array)
    fixed, moving = arrays
    if len(fixed) != len(moving):
        msg = (
            f"{len(fixed)} fixed and {len(moving)} moving landmarks, expected pairs: "
            "place the same points in the same order in both images"
        )
        raise InputError(msg)
    return fixed, moving


def rigid_from_landmarks(fixed_points: NDArray[np.float64], moving_points: NDArray[np.float64]) -> Linear:
    """Return the rotation and shift that bring fixed nearest to moving landmarks.

    Source: S. Umeyama, "Least-squares estimation of transformation parameters between two point patterns", IEEE PAMI
    13 (1991), without scale.

    Parameters
    ----------
    fixed_points, moving_points : ndarray, shape (N, 3)
        Pairs, LPS mm; 3 or more that do not lie on a line.

    Raises
    ------
    InputError
    """
    return _umeyama(fixed_points, moving_points, kind="rigid")


def similarity_from_landmarks(fixed_points: NDArray[np.float64], moving_points: NDArray[np.float64]) -> Linear:
    """Return the rotation, enlargement and shift that bring fixed nearest to moving landmarks.

    Source and parameters as of :func:`rigid_from_landmarks`, with scale.
    """
    return _umeyama(fixed_points, moving_points, kind="similarity")


def _umeyama(fixed_points: object, moving_points: object, *, kind: Literal["rigid", "similarity"]) -> Linear:
    """Return the rigid or similarity map."""
    fixed, moving = check_pairs(fixed_points, moving_points)
    for points in (fixed, moving):
        _check_spread(points, pairs=3, dimensions=2, shape="on a line", kind=kind)
    center = fixed.mean(axis=0)
    left, stretch, right = np.linalg.svd((moving - moving.mean(axis=0)).T @ (fixed - center))
    signs = np.array([1.0, 1.0, float(np.sign(np.linalg.det(left @ right)))])
    scale = 1.0 if kind == "rigid" else float((stretch * signs).sum() / ((fixed - center) ** 2).sum())
    return Linear(scale * left @ np.diag(signs) @ right, moving.mean(axis=0) - center, center)


def affine_from_landmarks(fixed_points: NDArray[np.float64], moving_points: NDArray[np.float64]) -> Linear:
    """Return the affine map that brings fixed nearest to moving landmarks, by linear least squares.

    Parameters
    ----------
    fixed_points, moving_points : ndarray, shape (N, 3)
        Pairs, LPS mm; 4 or more that do not lie in a plane.

    Raises
    ------
    InputError
    """
    fixed, moving = check_pairs(fixed_points, moving_points)
    for points in (fixed, moving):
        _check_spread(points, pairs=4, dimensions=3, shape="in a plane", kind="affine")
    center = fixed.mean(axis=0)
    matrix = np.linalg.lstsq(fixed - center, moving - moving.mean(axis=0), rcond=None)[0].T
    if np.linalg.det(matrix) <= 0:
        msg = "the landmark pairs turn the body inside out: check that both lists have the same order"
        raise InputError(msg)
    return Linear(matrix, moving.mean(axis=0) - center, center)


def _check_spread(points: NDArray[np.float64], *, pairs: int, dimensions: int, shape: str, kind: str) -> None:
    """Raise unless there are enough points that span enough dimensions."""
    if len(points) < pairs:
        plural = "pair" if len(points) == 1 else "pairs"
        msg = (
            f"{len(points)} landmark {plural}, expected {pairs} or more for the {kind} map: place more, "
            "or only measure with them"
        )
        raise InputError(msg)
    spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False) / np.sqrt(len(points))
    if spread[dimensions - 1] < _FLAT_MM:
        msg = f"all landmarks lie {shape}, which leaves the {kind} map open: place one apart from the others"
        raise InputError(msg)
