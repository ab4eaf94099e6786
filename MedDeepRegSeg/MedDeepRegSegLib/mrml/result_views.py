"""What came of a task in the views: its volume below, the slices through it, in the middle of the 3D views."""

from collections.abc import Sequence

import slicer
import slicer.util

from MedDeepRegSegLib.mrml.display import show_volumes
from MedDeepRegSegLib.mrml.scene import add_view_nodes, headless_scene, in_application
from MedDeepRegSegLib.mrml.segmentations import SURFACE

_MOST_SURFACES = 60
"""Surfaces of more segments than this would hold up the window; the user can show them in the module Segmentations."""


def show_segments(volume, segmentation, segment_ids: Sequence[str]) -> None:
    """Show new segments on their volume: slices go through their middle, and 3D views show their surfaces.

    Views that show the volume already keep their zoom, and 3D views their camera unless nothing was to be seen before.

    Parameters
    ----------
    volume:
        Scalar volume node that the segments were made on, or None to leave the layers as they are.
    segmentation:
        Segmentation node.
    segment_ids:
        Identifiers of the segments; empty ones have no middle and are left out.
    """
    jump_to_segments(volume, segmentation, segment_ids)
    segments = segmentation.GetSegmentation()
    if segments.GetNumberOfSegments() > _MOST_SURFACES:
        return
    first = not segments.ContainsRepresentation(SURFACE)
    segmentation.CreateClosedSurfaceRepresentation()
    if first and in_application() and slicer.app.layoutManager() is not None:
        slicer.app.layoutManager().resetThreeDViews()


def jump_to_segments(volume, segmentation, segment_ids: Sequence[str]) -> None:
    """Move the slice views through the middle of segments, on their volume; parameters as for :func:`show_segments`."""
    if volume is not None and not _is_shown(volume):
        show_volumes(volume)
    center = _center(segmentation, segment_ids)
    if center is not None:
        jump_to(center)


def jump_to(ras: Sequence[float]) -> None:
    """Move all slice views to a point (RAS mm)."""
    add_view_nodes()
    slicer.vtkMRMLSliceNode.JumpAllSlices(headless_scene(), *ras)


def _is_shown(volume) -> bool:
    nodes = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    return any(volume.GetID() in (node.GetBackgroundVolumeID(), node.GetForegroundVolumeID()) for node in nodes)


def _center(segmentation, segment_ids: Sequence[str]) -> tuple[float, ...] | None:
    """Return the middle of the points in which segments have theirs, RAS mm; None where all are empty."""
    points = [segmentation.GetSegmentCenterRAS(identifier) for identifier in segment_ids]
    inside = [point for point in points if point is not None]
    if not inside:
        return None
    return tuple(0.5 * (min(values) + max(values)) for values in zip(*inside, strict=True))
