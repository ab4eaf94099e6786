"""Tasks that make segments of a volume node."""

from pathlib import Path
from typing import Any

import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.markups import box_from_roi, points_from_markups
from MedDeepRegSegLib.mrml.segmentations import (
    check_segmentation_node,
    images_from_segmentation,
    segment_id_by_name,
    segmentation_from_image,
    set_segment,
)
from MedDeepRegSegLib.mrml.task_base import as_points, node_in_scene, one_action, write_volume
from MedDeepRegSegLib.segmentation.segments import Segment, named_segment


class ForegroundTask:
    """Adds a mask of the body, or of a large part of it, to a segmentation.

    Parameters
    ----------
    volume_node:
        Scalar volume node.
    what:
        ``body``, ``head``, ``thorax``, ``lungs`` or ``brain``.
    segmentation_node:
        Segmentation that gets the segments; a new one without. Segments of the same name are replaced.

    Notes
    -----
    :meth:`collect` returns ``segmentation`` and ``segment_ids``.
    """

    def __init__(self, volume_node, *, what: str = "body", segmentation_node=None) -> None:
        self._volume = volume_node
        self._what = what
        self._segmentation = segmentation_node

    def prepare(self, folder: Path) -> tuple[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        from MedDeepRegSegLib.segmentation.foreground_job import Request

        if self._segmentation is not None:
            check_segmentation_node(self._segmentation)
        write_volume(self._volume, folder / "image.nrrd", "volume")
        return "foreground", Request(image=folder / "image.nrrd", what=self._what, out=folder / "mask.seg.nrrd")

    def collect(self, _folder: Path, result: Any) -> dict[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        return collect_segments(self._volume, self._segmentation, result.segmentation)


class GrowTask:
    """Grows a structure from points and adds it to a segmentation.

    Parameters
    ----------
    volume_node:
        Scalar volume node.
    positive_markups:
        Markups node with at least one point inside the structure.
    negative_markups:
        Markups node with points outside of it.
    settings:
        Settings of the growing; the defaults without.
    segmentation_node:
        Segmentation that gets the segment; a new one without. A segment of the same name is replaced: so points can be added until it is right.
    segment_name:
        Name of the segment; known names bring their color and meaning.
    box_roi:
        ROI node that the structure must stay in.
    foreground_segmentation:
        Segmentation to stay in: all of its segments together.
    device : {"auto", "cpu", "cuda"}
        Of the network.

    Notes
    -----
    :meth:`collect` returns ``segmentation`` and ``segment_ids``.
    """

    def __init__(
        self,
        volume_node,
        positive_markups,
        *,
        negative_markups=None,
        settings: Any = None,
        segmentation_node=None,
        segment_name: str = "Structure",
        box_roi=None,
        foreground_segmentation=None,
        device: str = "auto",
    ) -> None:
        self._volume = volume_node
        self._positive = positive_markups
        self._negative = negative_markups
        self._settings = settings
        self._segmentation = segmentation_node
        self._name = segment_name
        self._box = box_roi
        self._foreground = foreground_segmentation
        self._device = device

    def prepare(self, folder: Path) -> tuple[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        from MedDeepRegSegLib.segmentation.grow_job import Request

        if not self._name.strip():
            msg = "the segment has no name: give it one"
            raise InputError(msg)
        if self._segmentation is not None:
            check_segmentation_node(self._segmentation)
        _, positive = points_from_markups(self._positive, what="positive points")
        if len(positive) == 0:
            msg = f"{self._positive.GetName()!r} has no placed points: place at least one inside the structure"
            raise InputError(msg)
        negative = () if self._negative is None else points_from_markups(self._negative, what="negative points")[1]
        box = None
        if self._box is not None:
            low, high = box_from_roi(self._box)
            box = (*low.tolist(), *high.tolist())
        image = write_volume(self._volume, folder / "image.nrrd", "volume")
        optional: dict[str, Any] = {} if self._settings is None else {"settings": self._settings}
        if self._foreground is not None:
            optional["foreground"] = _write_foreground(self._foreground, image, folder / "foreground.seg.nrrd")
        return "grow", Request(
            image=folder / "image.nrrd",
            positive=as_points(positive),
            negative=as_points(negative),
            box=box,
            out=folder / "grown.seg.nrrd",
            device=self._device,
            **optional,
        )

    def collect(self, _folder: Path, result: Any) -> dict[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        return collect_segments(self._volume, self._segmentation, result.segmentation, self._name.strip())


def _write_foreground(segmentation, image: sitk.Image, path: Path) -> Path:
    """Write all segments of a segmentation node as one on the grid of an image; returns the path."""
    from MedDeepRegSegLib.segmentation.segmentation_file import write_segmentation

    what = check_segmentation_node(segmentation)
    masks = [labels > 0 for labels, _ in images_from_segmentation(segmentation, reference=image)]
    if not masks:
        msg = f"{what} has no segments to stay in: draw the foreground first, or pick none"
        raise InputError(msg)
    union = masks[0]
    for mask in masks[1:]:
        union |= mask
    write_segmentation(sitk.Cast(union, sitk.sitkUInt8), [named_segment(1, "Foreground")], path)
    return path


def collect_segments(volume, segmentation, path: Path, name: str | None = None) -> dict[str, Any]:
    """Add the segments of a file to a segmentation node; ``name`` renames a single one."""
    from MedDeepRegSegLib.segmentation.segmentation_file import read_segmentation

    node_in_scene(volume, "the volume")
    node_in_scene(segmentation, "the segmentation")
    labels, segments = read_segmentation(Path(path))
    if name is not None:
        segments = tuple(named_segment(segment.value, name) for segment in segments[:1])
    with one_action():
        if segmentation is None:
            empty = sitk.Image(labels.GetSize(), sitk.sitkUInt8)
            empty.CopyInformation(labels)
            segmentation = segmentation_from_image(
                empty, (), f"{volume.GetName()} segmentation", reference_volume=volume
            )
        elif segmentation.GetNodeReference(segmentation.GetReferenceImageGeometryReferenceRole()) is None:
            segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
        identifiers = [_put(segmentation, labels, segment) for segment in segments]
    return {"segmentation": segmentation, "segment_ids": tuple(identifiers)}


def _put(segmentation, labels: sitk.Image, segment: Segment) -> str:
    same = segment_id_by_name(segmentation, segment.name)
    made = Segment(segment.value, segment.name, segment.color, segment.terminology, same)
    return set_segment(segmentation, labels == segment.value, made)
