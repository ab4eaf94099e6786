"""Copies of nodes that belong to the moving volume, carried to where they lie in the fixed one.

Copies are hardened: they lie in world coordinates under no transform, and the originals stay as they are. Points and
surfaces go through the inverse of the registration, which Slicer finds point by point; label maps are resampled on the
voxels of the fixed volume, nearest voxel first.
"""

from collections.abc import Iterable

import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.hierarchy import place_beside
from MedDeepRegSegLib.mrml.scene import headless_scene
from MedDeepRegSegLib.mrml.volumes import image_from_volume, volume_from_image
from MedDeepRegSegLib.volumes.resampling import resample_to

_CLASSES = ("vtkMRMLSegmentationNode", "vtkMRMLLabelMapVolumeNode", "vtkMRMLMarkupsNode", "vtkMRMLModelNode")


def check_carried(nodes: Iterable, *, bends: bool) -> None:
    """Raise InputError unless each node can be carried.

    Parameters
    ----------
    nodes:
        Segmentation, label map, markups and model nodes.
    bends:
        Whether the transform may be more than linear: planes and regions of interest keep their shape only then.
    """
    seen = set()
    for node in nodes:
        if node is None:
            msg = "a node to carry along is missing: choose segmentations, label maps, markups or models"
            raise InputError(msg)
        name = node.GetName()
        if not any(node.IsA(kind) for kind in _CLASSES):
            msg = f"{name!r} is a {node.GetNodeTagName()}, expected a segmentation, label map, markups or model to carry along: leave it out"
            raise InputError(msg)
        if bends and (node.IsA("vtkMRMLMarkupsROINode") or node.IsA("vtkMRMLMarkupsPlaneNode")):
            msg = f"{name!r} is a {node.GetNodeTagName()}, which cannot bend with a deformable registration: leave it out, or register rigidly"
            raise InputError(msg)
        if node.IsA("vtkMRMLLabelMapVolumeNode"):
            image_from_volume(node, what=f"label map {name!r}")  # what it refuses is to be known before the work
        if node.GetID() in seen:
            msg = f"{name!r} is to be carried along twice: leave one out"
            raise InputError(msg)
        seen.add(node.GetID())


def carry_nodes(nodes: Iterable, transform_node, transform: sitk.Transform, *, fixed) -> tuple:
    """Return hardened copies of nodes of the moving volume in the space of the fixed one.

    Parameters
    ----------
    nodes:
        See :func:`check_carried`. They may have parent transforms, label maps only rigid ones.
    transform_node:
        Transform node without parent that moves the moving volume onto the fixed one.
    transform:
        The same as a SimpleITK transform, fixed to moving points.
    fixed:
        The fixed volume node.

    Returns
    -------
    tuple of nodes
        In the order of ``nodes``, named "... registered", each beside its original.
    """
    return tuple(
        _label_map(node, transform, fixed)
        if node.IsA("vtkMRMLLabelMapVolumeNode")
        else _hardened(node, transform_node, fixed)
        for node in nodes
    )


def _label_map(node, transform: sitk.Transform, fixed):
    """Return a label map on the voxels of the fixed volume, with the colors of the original."""
    labels = image_from_volume(node, what=f"label map {node.GetName()!r}")
    grid = image_from_volume(fixed, what="fixed volume")
    image = resample_to(labels, grid, transform, interpolation="nearest", outside=0)
    copy = volume_from_image(image, f"{node.GetName()} registered", beside=node, label_map=True)
    shown, own = node.GetDisplayNode(), copy.GetDisplayNode()
    if shown is not None and own is not None and shown.GetColorNodeID():
        own.SetAndObserveColorNodeID(shown.GetColorNodeID())
    return copy


def _hardened(node, transform_node, fixed):
    """Return a copy of a segmentation, markups or model node that went through its own parents and the transform."""
    scene = headless_scene()
    copy = scene.AddNewNodeByClass(node.GetClassName(), scene.GenerateUniqueName(f"{node.GetName()} registered"))
    copy.CopyContent(node)
    copy.CreateDefaultDisplayNodes()
    if node.GetDisplayNode() is not None and copy.GetDisplayNode() is not None:
        copy.GetDisplayNode().CopyContent(node.GetDisplayNode())
    for parent in (node.GetParentTransformNode(), transform_node):
        if parent is None:
            continue
        copy.SetAndObserveTransformNodeID(parent.GetID())
        if not copy.HardenTransform():
            msg = f"{node.GetName()!r} cannot be carried along by this transform: leave it out"
            raise InputError(msg)
    if copy.IsA("vtkMRMLSegmentationNode"):
        copy.SetReferenceImageGeometryParameterFromVolumeNode(fixed)
    place_beside(copy, node)
    return copy
