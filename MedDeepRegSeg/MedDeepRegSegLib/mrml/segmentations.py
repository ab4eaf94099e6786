"""Segmentation nodes to label maps with segments and back.

A segmentation node keeps segments in layers; segments of one layer cannot overlap, segments of different layers can.
A label map holds one value a voxel, so overlapping segments are refused with their names instead of losing voxels.
"""

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk
import slicer
import slicer.util
import vtk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.geometry import Grid, check_orthonormal, grid_of_image, rigid_parent
from MedDeepRegSegLib.mrml.layers import grid_of_oriented, is_empty, oriented_image, sample_layer, set_reference_grid
from MedDeepRegSegLib.mrml.scene import headless_scene
from MedDeepRegSegLib.mrml.volumes import check_volume_node, grid_of_volume
from MedDeepRegSegLib.segmentation.segments import Segment, check_segments, with_identifiers

_BINARY = "Binary labelmap"
SURFACE = "Closed surface"


def image_from_segmentation(
    node, *, segment_ids: Sequence[str] | None = None, reference=None, crop: bool = False
) -> tuple[sitk.Image, tuple[Segment, ...]]:
    """Return segments of a segmentation node as one label map in world coordinates.

    Parameters
    ----------
    node:
        ``vtkMRMLSegmentationNode``. It is not changed: where it has only surfaces, a copy is converted.
    segment_ids:
        Identifiers of the segments to take; all by default.
    reference:
        Volume node or image (LPS) whose voxel grid the label map gets; nearest voxels are taken. Without it the grid of
        the segmentation itself is used, large enough for all of its segments.
    crop:
        Drop voxels outside of the reference. By default they are refused, because measurements would be wrong.

    Returns
    -------
    labels: SimpleITK.Image
        uint8 (up to 255 segments) or uint16, LPS mm, 0 outside of all segments.
    segments: tuple of Segment
        In the order of the node, with values 1, 2, ...; a segment without voxels is listed too.

    Raises
    ------
    InputError
        If the node is no segmentation, a segment identifier is unknown, segments overlap, voxels lie outside of the
        reference, no grid is known, or a parent transform scales, shears or warps.
    """
    what = check_segmentation_node(node)
    parent = rigid_parent(node, what)
    segmentation = node.GetSegmentation()
    ids = _chosen(segmentation, segment_ids, what)
    target = None if reference is None else _grid_of_reference(reference)
    segmentation = _with_label_maps(segmentation, ids, target, parent, what)
    segments = tuple(_segment(segmentation, identifier, index + 1) for index, identifier in enumerate(ids))
    grid, size = _own_grid(segmentation, parent, what) if target is None else target
    labels = np.zeros(size[::-1], np.uint8 if len(ids) <= 255 else np.uint16)
    sampled: dict = {}
    for segment in segments:
        layer = segmentation.GetSegment(segment.identifier).GetRepresentation(_BINARY)
        if is_empty(layer):
            continue
        if layer not in sampled:
            sampled[layer] = sample_layer(layer, parent, grid, size)
        values, outside = sampled[layer]
        label = segmentation.GetSegment(segment.identifier).GetLabelValue()
        lost = int(np.count_nonzero(outside == label))
        if lost and not crop:
            msg = f"segment {segment.name!r} of {what} has {lost} voxels outside of the reference: pick the volume it was drawn on"
            raise InputError(msg)
        mask = values == label
        _check_free(labels[mask], segment, segments, what)
        labels[mask] = segment.value
    image = sitk.GetImageFromArray(labels)
    grid.apply_to(image)
    return image, segments


def images_from_segmentation(
    node, *, reference=None, crop: bool = False
) -> list[tuple[sitk.Image, tuple[Segment, ...]]]:
    """Return all segments as label maps, one for each layer of the node, so that overlaps are no error.

    Parameters and other errors are those of :func:`image_from_segmentation`. A segmentation without segments gives an
    empty list.
    """
    check_segmentation_node(node)
    segmentation = node.GetSegmentation()
    layers: dict[object, list[str]] = {}
    for index in range(segmentation.GetNumberOfSegments()):
        identifier = segmentation.GetNthSegmentID(index)
        # Segments of one layer cannot overlap. Those without a label map yet (surfaces) stand alone.
        layer = segmentation.GetSegment(identifier).GetRepresentation(_BINARY)
        layers.setdefault(identifier if layer is None else layer, []).append(identifier)
    return [
        image_from_segmentation(node, segment_ids=identifiers, reference=reference, crop=crop)
        for identifiers in layers.values()
    ]


def segmentation_from_image(
    labels: sitk.Image,
    segments: Sequence[Segment],
    name: str,
    *,
    reference_volume=None,
    node=None,
    beside=None,
    surface: bool = False,
):
    """Put a label map into a segmentation node, all segments in one layer.

    Parameters
    ----------
    labels:
        3-D image of whole numbers, LPS mm in world coordinates. Every value above 0 must belong to a segment.
    segments:
        Names, colors and terminology; segments may be without voxels.
    name:
        Name of a new node, made unique. A node that is given keeps its own.
    reference_volume:
        Volume node that was segmented: it becomes the reference geometry, as if drawn on it. Without it, the grid of
        the label map does.
    node:
        Segmentation node whose segments are all replaced.
    beside:
        Node beside which a new node is placed in the subject hierarchy; the reference volume by default.
    surface:
        Also make the closed surface for 3D views, which takes time and memory.

    Returns
    -------
    vtkMRMLSegmentationNode

    Raises
    ------
    InputError
        If the labels are no whole numbers or not 3-D, a value has no segment, the segments do not fit together, or
        ``node`` is under a transform that scales, shears or warps. The scene is then unchanged.
    """
    complete, array = _checked(labels, segments, name)
    parent = np.eye(4)
    if node is not None:
        parent = rigid_parent(node, check_segmentation_node(node))
    grid = grid_of_image(labels)
    check_orthonormal(grid, f"label map {name!r}")
    grid = grid.moved(np.linalg.inv(parent))
    new = node is None
    if new:
        scene = headless_scene()
        node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", scene.GenerateUniqueName(name))
    segmentation = node.GetSegmentation()
    with slicer.util.NodeModify(node):
        segmentation.RemoveAllSegments()
        segmentation.SetSourceRepresentationName(_BINARY)
        _set_reference(node, reference_volume, grid, labels.GetSize())
        layer = oriented_image(array, grid)
        for segment in complete:
            segmentation.AddSegment(_vtk_segment(segment, layer, segment.value), segment.identifier)
    if node.GetDisplayNode() is None:
        node.CreateDefaultDisplayNodes()
    if surface:
        node.CreateClosedSurfaceRepresentation()
    neighbor = beside if beside is not None else reference_volume
    if new and neighbor is not None:
        from MedDeepRegSegLib.mrml.hierarchy import place_beside

        place_beside(node, neighbor)
    return node


def set_segment(node, mask: sitk.Image, segment: Segment) -> str:
    """Add one segment to a segmentation node, or replace the voxels of the one with the same identifier.

    Other segments keep their voxels, also where the new one overlaps them. A replaced segment keeps its name, color and terminology.

    Parameters
    ----------
    node:
        Segmentation node.
    mask:
        3-D image of whole numbers, LPS mm in world coordinates; voxels above 0 belong to the segment.
    segment:
        The segment; its value does not matter. Without an identifier a new one is made.

    Returns
    -------
    str
        Identifier of the segment in the node.
    """
    what = check_segmentation_node(node)
    parent = rigid_parent(node, what)
    if mask.GetDimension() != 3 or mask.GetNumberOfComponentsPerPixel() != 1:
        msg = f"mask of segment {segment.name!r} is not a 3-D image with one component"
        raise InputError(msg)
    grid = grid_of_image(mask)
    check_orthonormal(grid, f"mask of segment {segment.name!r}")
    image = oriented_image((sitk.GetArrayViewFromImage(mask) > 0).astype(np.uint8), grid.moved(np.linalg.inv(parent)))
    segmentation = node.GetSegmentation()
    if segment.identifier and segmentation.GetSegment(segment.identifier) is not None:
        _replace_voxels(segmentation, segment.identifier, image, what)
        return segment.identifier
    identifier = segment.identifier or segmentation.GenerateUniqueSegmentID("Segment")
    if not segmentation.AddSegment(_vtk_segment(segment, image, 1), identifier):
        msg = (
            f"segment {segment.name!r} could not be added to {what}: convert the segmentation to binary labelmap first"
        )
        raise InputError(msg)
    if node.GetDisplayNode() is None:
        node.CreateDefaultDisplayNodes()
    return identifier


def _replace_voxels(segmentation, identifier: str, image, what: str) -> None:
    if segmentation.GetSourceRepresentationName() != _BINARY:
        msg = f"{what} was made from {segmentation.GetSourceRepresentationName().lower()}: convert it to binary labelmap in the Segmentations module first"
        raise InputError(msg)
    surface = segmentation.ContainsRepresentation(SURFACE)
    segmentation.SeparateSegmentLabelmap(identifier)  # the other segments of the layer keep their voxels
    target = segmentation.GetSegment(identifier)
    target.SetLabelValue(1)
    target.GetRepresentation(_BINARY).DeepCopy(image)
    if surface:
        segmentation.CreateRepresentation(SURFACE, True)


def check_segmentation_node(node) -> str:
    """Raise InputError unless this is a segmentation node; return how messages call it."""
    if node is None:
        msg = "no segmentation is chosen: pick a segmentation"
        raise InputError(msg)
    if not node.IsA("vtkMRMLSegmentationNode"):
        msg = f"{node.GetName()!r} is a {node.GetNodeTagName()}, expected a segmentation"
        raise InputError(msg)
    return f"segmentation {node.GetName()!r}"


def segment_id_by_name(node, name: str) -> str:
    """Return the identifier of the segment with a name, or an empty text."""
    return node.GetSegmentation().GetSegmentIdBySegmentName(name)


def _checked(labels: sitk.Image, segments: Sequence[Segment], name: str) -> tuple[tuple[Segment, ...], np.ndarray]:
    if labels.GetDimension() != 3 or labels.GetNumberOfComponentsPerPixel() != 1:
        msg = f"label map {name!r} has {labels.GetDimension()} dimensions and {labels.GetNumberOfComponentsPerPixel()} components, expected 3 and 1"
        raise InputError(msg)
    array = sitk.GetArrayViewFromImage(labels)
    if array.dtype.kind not in "iu":
        msg = (
            f"label map {name!r} has voxels of type {labels.GetPixelIDTypeAsString()}, expected whole numbers: cast it"
        )
        raise InputError(msg)
    complete = with_identifiers(segments)
    check_segments(complete)
    values = np.unique(array)
    unknown = sorted({int(value) for value in values if value != 0} - {segment.value for segment in complete})
    if unknown:
        msg = f"label map {name!r} has the values {unknown[:5]} that no segment has: name every value"
        raise InputError(msg)
    largest = max((segment.value for segment in complete), default=0)
    return complete, array.astype(np.uint8 if largest <= 255 else np.uint16)


def _set_reference(node, reference_volume, grid: Grid, size: Sequence[int]) -> None:
    if reference_volume is not None:
        check_volume_node(reference_volume, f"reference volume {reference_volume.GetName()!r}")
        node.SetReferenceImageGeometryParameterFromVolumeNode(reference_volume)
        return
    set_reference_grid(node.GetSegmentation(), grid, size)
    node.SetNodeReferenceID(node.GetReferenceImageGeometryReferenceRole(), None)


def _vtk_segment(segment: Segment, layer, value: int):
    made = slicer.vtkSegment()
    made.SetName(segment.name)
    made.SetColor(*segment.color)
    if segment.terminology:
        made.SetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), segment.terminology)
    made.SetLabelValue(value)
    made.AddRepresentation(_BINARY, layer)
    return made


def _segment(segmentation, identifier: str, value: int) -> Segment:
    found = segmentation.GetSegment(identifier)
    terminology = vtk.reference("")
    found.GetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), terminology)
    color = tuple(float(min(max(part, 0.0), 1.0)) for part in found.GetColor())
    return Segment(value, found.GetName() or identifier, color, terminology=str(terminology), identifier=identifier)


def _chosen(segmentation, segment_ids: Sequence[str] | None, what: str) -> list[str]:
    known = [segmentation.GetNthSegmentID(index) for index in range(segmentation.GetNumberOfSegments())]
    if segment_ids is None:
        return known
    unknown = [identifier for identifier in segment_ids if identifier not in known]
    if unknown:
        msg = f"{what} has no segment {unknown[0]!r}, expected one of {', '.join(known) or 'none'}"
        raise InputError(msg)
    return [identifier for identifier in known if identifier in set(segment_ids)]


def _with_label_maps(segmentation, ids: list[str], target, parent: np.ndarray, what: str):
    """Return the segmentation itself where it has label maps, otherwise a converted copy of it."""
    if not ids or segmentation.ContainsRepresentation(_BINARY):
        return segmentation
    copy = slicer.vtkSegmentation()
    copy.DeepCopy(segmentation)
    if target is not None:
        set_reference_grid(copy, target[0].moved(np.linalg.inv(parent)), target[1])
    if not copy.CreateRepresentation(_BINARY):
        msg = f"{what} has no label maps and cannot be converted to them: convert it in the Segmentations module"
        raise InputError(msg)
    return copy


def _grid_of_reference(reference) -> tuple[Grid, tuple[int, ...]]:
    if isinstance(reference, sitk.Image):
        return grid_of_image(reference), reference.GetSize()
    what = f"reference {reference.GetName()!r}"
    check_volume_node(reference, what)
    return grid_of_volume(reference, what), reference.GetImageData().GetDimensions()


def _own_grid(segmentation, parent: np.ndarray, what: str) -> tuple[Grid, tuple[int, ...]]:
    """Return grid (world) and size (i, j, k) that hold the reference geometry and all segments."""
    geometry = slicer.vtkOrientedImageData()
    mode = segmentation.EXTENT_UNION_OF_EFFECTIVE_SEGMENTS_AND_REFERENCE_GEOMETRY
    text = segmentation.DetermineCommonLabelmapGeometry(mode, None)
    if not text:
        text = segmentation.GetConversionParameter(
            slicer.vtkSegmentationConverter.GetReferenceImageGeometryParameterName()
        )
    known = bool(text) and slicer.vtkSegmentationConverter.DeserializeImageGeometry(text, geometry, False)
    if not known or min(geometry.GetDimensions()) < 1:
        msg = f"{what} has no voxel grid: choose a reference volume"
        raise InputError(msg)
    grid = grid_of_oriented(geometry)
    check_orthonormal(grid, what)
    return grid.moved(parent), geometry.GetDimensions()


def _check_free(taken: np.ndarray, segment: Segment, segments: Sequence[Segment], what: str) -> None:
    values, counts = np.unique(taken[taken > 0], return_counts=True)
    if values.size:
        names = {other.value: other.name for other in segments}
        parts = ", ".join(
            f"{names[int(value)]!r} ({count} voxels)" for value, count in zip(values, counts, strict=True)
        )
        msg = f"segment {segment.name!r} of {what} overlaps {parts}: choose segments that do not overlap, or one at a time"
        raise InputError(msg)
