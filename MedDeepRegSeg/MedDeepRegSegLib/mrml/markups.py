"""Markups to points and boxes in world coordinates (LPS mm) and back. Parent transforms of any kind are applied."""

import logging
from collections.abc import Sequence

import numpy as np
import slicer.util

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.geometry import matrix_of_array, to_lps
from MedDeepRegSegLib.mrml.scene import headless_scene
from MedDeepRegSegLib.volumes.point_pairs import ListedPoint, pair_points


def points_from_markups(node, *, what: str = "point list") -> tuple[tuple[str, ...], np.ndarray]:
    """Return the placed control points of a markups node.

    Parameters
    ----------
    node:
        ``vtkMRMLMarkupsNode`` of any kind (point list, line, curve). Points that were skipped or are only being
        placed are left out.
    what:
        How messages call it.

    Returns
    -------
    names: tuple of str
    points: (N, 3) array
        LPS mm in world coordinates; N may be 0.

    Raises
    ------
    InputError
        If the node is no markups node.
    """
    _check(node, "vtkMRMLMarkupsNode", what)
    names, points = [], []
    for index in range(node.GetNumberOfControlPoints()):
        if node.GetNthControlPointPositionStatus(index) != node.PositionDefined:
            continue
        position = [0.0, 0.0, 0.0]
        node.GetNthControlPointPositionWorld(index, position)
        names.append(node.GetNthControlPointLabel(index))
        points.append(position)
    return tuple(names), to_lps(np.array(points).reshape(-1, 3))


def paired_points(fixed_node, moving_node) -> tuple[np.ndarray, np.ndarray]:
    """Return landmarks of two markups nodes in the order of their pairs.

    Points pair by label where both nodes have the same unique labels, otherwise by order; see
    :func:`~MedDeepRegSegLib.volumes.point_pairs.pair_points`. Pairs with a point that is not placed are left out.

    Returns
    -------
    fixed, moving: (N, 3) arrays
        LPS mm in world coordinates.

    Raises
    ------
    InputError
        If only one node is given, the numbers of points differ, only some labels match, or no pair is placed.
    """
    if (fixed_node is None) != (moving_node is None):
        missing = "fixed" if fixed_node is None else "moving"
        msg = f"landmarks are chosen for one image only: choose the {missing} points too, or none"
        raise InputError(msg)
    pairs = pair_points(
        _listed(fixed_node, "fixed points"),
        _listed(moving_node, "moving points"),
        repr(fixed_node.GetName()),
        repr(moving_node.GetName()),
    )
    if pairs.note:
        logging.getLogger(__name__).warning("%s", pairs.note)
    return np.array(pairs.fixed), np.array(pairs.moving)


def _listed(node, what: str) -> list[ListedPoint]:
    """Return all points of a list, in world coordinates (LPS mm), without a position those that are not placed."""
    _check(node, "vtkMRMLMarkupsNode", what)
    listed: list[ListedPoint] = []
    for index in range(node.GetNumberOfControlPoints()):
        status = node.GetNthControlPointPositionStatus(index)
        name = node.GetNthControlPointLabel(index) or ""
        if status == node.PositionDefined:
            position = [0.0, 0.0, 0.0]
            node.GetNthControlPointPositionWorld(index, position)
            listed.append((name, tuple(to_lps(position)[0].tolist())))
        elif status != node.PositionPreview:  # a preview follows the mouse and is no point of the list yet
            listed.append((name, None))
    return listed


def markups_from_points(points, names: Sequence[str] | None, name: str, *, node=None, beside=None):
    """Put points into a point list.

    Parameters
    ----------
    points:
        (N, 3) LPS mm in world coordinates.
    names:
        N labels; ``name-1``, ``name-2``... by default.
    name:
        Name of a new node, made unique. A node that is given keeps its own.
    node:
        Markups node whose control points are replaced. Its parent transforms are allowed for, so that the points lie where they are meant to.
    beside:
        Node beside which a new node is placed in the subject hierarchy.

    Returns
    -------
    vtkMRMLMarkupsFiducialNode

    Raises
    ------
    InputError
        If a coordinate is not finite, the number of names differs, or ``node`` is no markups node.
    """
    positions = to_lps(points)
    if not np.all(np.isfinite(positions)):
        msg = f"points of {name!r} have coordinates that are not finite"
        raise InputError(msg)
    labels = [f"{name}-{index + 1}" for index in range(len(positions))] if names is None else list(names)
    if len(labels) != len(positions):
        msg = f"{len(labels)} names are given for {len(positions)} points of {name!r}, expected as many"
        raise InputError(msg)
    new = node is None
    if new:
        scene = headless_scene()
        node = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", scene.GenerateUniqueName(name))
        node.CreateDefaultDisplayNodes()
    else:
        _check(node, "vtkMRMLMarkupsNode", "output points")
    with slicer.util.NodeModify(node):
        node.RemoveAllControlPoints()
        for position, label in zip(positions, labels, strict=True):
            node.AddControlPointWorld(*position.tolist(), label)
    if new and beside is not None:
        from MedDeepRegSegLib.mrml.hierarchy import place_beside

        place_beside(node, beside)
    return node


def box_from_roi(node) -> tuple[np.ndarray, np.ndarray]:
    """Return the smallest box along the axes of the world that holds a ROI.

    Parameters
    ----------
    node:
        ``vtkMRMLMarkupsROINode``. A rotated ROI gives a box that is larger than it.

    Returns
    -------
    minimum, maximum: (3,) arrays
        Corners in LPS mm, to about 1e-3 mm: Slicer keeps the size of a ROI in single precision.

    Raises
    ------
    InputError
        If the node is no ROI or is not placed yet.
    """
    _check(node, "vtkMRMLMarkupsROINode", "region of interest")
    size = np.array(node.GetSize())
    if node.GetNumberOfDefinedControlPoints() == 0 or not np.all(size > 0):
        msg = f"region of interest {node.GetName()!r} is not placed yet: draw it in a view"
        raise InputError(msg)
    matrix = slicer.util.arrayFromVTKMatrix(node.GetObjectToNodeMatrix())
    corners = []
    for signs in np.ndindex(2, 2, 2):
        local = (matrix @ [*((np.array(signs) - 0.5) * size), 1.0])[:3]
        world = [0.0, 0.0, 0.0]
        node.TransformPointToWorld(local.tolist(), world)
        corners.append(world)
    points = to_lps(np.array(corners))
    return points.min(axis=0), points.max(axis=0)


def roi_from_box(minimum, maximum, name: str, *, node=None, beside=None):
    """Put a box along the axes of the world into a ROI node.

    Parameters
    ----------
    minimum, maximum:
        (3,) LPS mm; every maximum is above its minimum.
    name, node, beside:
        As in :func:`markups_from_points`. A node that is given must be without parent transform.

    Returns
    -------
    vtkMRMLMarkupsROINode
    """
    low, high = np.asarray(minimum, dtype=float), np.asarray(maximum, dtype=float)
    if low.shape != (3,) or high.shape != (3,) or not np.all(np.isfinite([low, high])) or not np.all(high > low):
        msg = f"box of {name!r} goes from {low} to {high}, expected three finite numbers each, the second ones larger"
        raise InputError(msg)
    new = node is None
    if new:
        scene = headless_scene()
        node = scene.AddNewNodeByClass("vtkMRMLMarkupsROINode", scene.GenerateUniqueName(name))
        node.CreateDefaultDisplayNodes()
    else:
        _check(node, "vtkMRMLMarkupsROINode", "output region of interest")
        if node.GetParentTransformNode() is not None:
            msg = f"output region {node.GetName()!r} is under a transform: take it out or harden it first"
            raise InputError(msg)
    matrix = np.eye(4)
    matrix[:3, 3] = to_lps(0.5 * (low + high))[0]
    with slicer.util.NodeModify(node):
        node.SetSize(*(high - low).tolist())
        node.SetAndObserveObjectToNodeMatrix(matrix_of_array(matrix))
    if new and beside is not None:
        from MedDeepRegSegLib.mrml.hierarchy import place_beside

        place_beside(node, beside)
    return node


def _check(node, class_name: str, what: str) -> None:
    if node is None:
        msg = f"no {what} is chosen: pick or place it"
        raise InputError(msg)
    if not node.IsA(class_name):
        msg = f"{what} {node.GetName()!r} is a {node.GetNodeTagName()}, expected markups" + (
            " of the kind ROI" if class_name.endswith("ROINode") else ""
        )
        raise InputError(msg)
