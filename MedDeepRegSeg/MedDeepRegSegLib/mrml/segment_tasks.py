"""Tasks that make segments of a volume node."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.display import style_uncertainty
from MedDeepRegSegLib.mrml.markups import box_from_roi, points_from_markups
from MedDeepRegSegLib.mrml.segmentations import (
    check_segmentation_node,
    images_from_segmentation,
    segment_id_by_name,
    segmentation_from_image,
    set_segment,
)
from MedDeepRegSegLib.mrml.task_base import as_points, node_in_scene, one_action, write_volume
from MedDeepRegSegLib.mrml.volumes import volume_from_image
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
    adapt:
        Whether the network learns from negative points that lie in what it grew; as ``settings`` say without.
    uncertainty:
        Make a volume of how unsure the network is, too.
    uncertainty_node:
        Scalar volume node that gets it; a new one without.
    model:
        Folder of a growing network of one's own, see :class:`~MedDeepRegSegLib.mrml.train_growing_task.TrainGrowingTask`; the
        one that ships without.
    box_roi:
        ROI node that the structure must stay in.
    foreground_segmentation:
        Segmentation to stay in: all of its segments together.
    device : {"auto", "cpu", "cuda"}
        Of the network.

    Notes
    -----
    :meth:`collect` returns ``segmentation`` and ``segment_ids``; ``uncertainty``, a volume node of 0 (sure) to 1 (could be
    either), or None; and ``suggestion``, where the next point would tell most: (RAS mm, whether it would be inside), or
    None.
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
        adapt: bool | None = None,
        uncertainty: bool = False,
        uncertainty_node=None,
        model: Path | str | None = None,
        device: str = "auto",
    ) -> None:
        self._adapt = adapt
        self._uncertainty = uncertainty
        self._uncertainty_node = uncertainty_node
        self._model = None if model is None else Path(model)
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
        from MedDeepRegSegLib.segmentation.growing_settings import GrowingSettings

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
        if self._adapt is not None:
            optional["settings"] = replace(self._settings or GrowingSettings(), adapt=self._adapt)
        if self._uncertainty:
            optional["uncertainty"] = folder / "uncertainty.nrrd"
        if self._foreground is not None:
            optional["foreground"] = _write_foreground(self._foreground, image, folder / "foreground.seg.nrrd")
        return "grow", Request(
            image=folder / "image.nrrd",
            positive=as_points(positive),
            negative=as_points(negative),
            box=box,
            out=folder / "grown.seg.nrrd",
            model=self._model,
            device=self._device,
            **optional,
        )

    def collect(self, _folder: Path, result: Any) -> dict[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        node_in_scene(self._uncertainty_node, "the volume of the uncertainty")
        unsure = None if result.uncertainty is None else sitk.ReadImage(str(result.uncertainty))
        told = None if result.suggestion is None else (result.suggestion.ras_mm, result.suggestion.inside)
        read = _read_segments(self._volume, self._segmentation, result.segmentation, self._name.strip())
        with one_action():
            made = _put_segments(self._volume, self._segmentation, *read)
            node = None if unsure is None else self._put_uncertainty(unsure)
        return {**made, "uncertainty": node, "suggestion": told}

    def _put_uncertainty(self, image: sitk.Image):
        name = f"{self._name.strip()} uncertainty"
        node = volume_from_image(image, name, node=self._uncertainty_node, beside=self._volume, window_level=(1.0, 0.5))
        style_uncertainty(node)
        return node


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
    labels, segments = _read_segments(volume, segmentation, path, name)
    with one_action():
        return _put_segments(volume, segmentation, labels, segments)


def _read_segments(volume, segmentation, path: Path, name: str | None) -> tuple[sitk.Image, tuple[Segment, ...]]:
    """Read a file whose segments go into nodes that are still there."""
    from MedDeepRegSegLib.segmentation.segmentation_file import read_segmentation

    node_in_scene(volume, "the volume")
    node_in_scene(segmentation, "the segmentation")
    labels, segments = read_segmentation(Path(path))
    if name is not None:
        segments = tuple(named_segment(segment.value, name) for segment in segments[:1])
    return labels, segments


def _put_segments(volume, segmentation, labels: sitk.Image, segments: tuple[Segment, ...]) -> dict[str, Any]:
    """Put segments into a segmentation node, a new one where there is none."""
    if segmentation is None:
        empty = sitk.Image(labels.GetSize(), sitk.sitkUInt8)
        empty.CopyInformation(labels)
        segmentation = segmentation_from_image(empty, (), f"{volume.GetName()} segmentation", reference_volume=volume)
    elif segmentation.GetNodeReference(segmentation.GetReferenceImageGeometryReferenceRole()) is None:
        segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    identifiers = [_put(segmentation, labels, segment) for segment in segments]
    return {"segmentation": segmentation, "segment_ids": tuple(identifiers)}


def _put(segmentation, labels: sitk.Image, segment: Segment) -> str:
    same = segment_id_by_name(segmentation, segment.name)
    made = Segment(segment.value, segment.name, segment.color, segment.terminology, same)
    return set_segment(segmentation, labels == segment.value, made)
