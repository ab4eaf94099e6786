"""Contours of a volume or segmentation node with fitted curves, and contours aligned to the mask of another one."""

from pathlib import Path
from typing import Any

import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.color_volumes import color_volume_from_image
from MedDeepRegSegLib.mrml.contour_nodes import nodes_from_markups
from MedDeepRegSegLib.mrml.hierarchy import study_folder
from MedDeepRegSegLib.mrml.segmentations import (
    check_segmentation_node,
    image_from_segmentation,
    images_from_segmentation,
)
from MedDeepRegSegLib.mrml.tables import rows_from_csv, table_from_rows
from MedDeepRegSegLib.mrml.task_base import node_in_scene, one_action, write_plain, write_volume
from MedDeepRegSegLib.mrml.transforms import check_transform_output, node_from_transform


class ContoursTask:
    """Outlines the slices of a segmentation, or the edges of a volume, and fits ellipses or lines.

    Parameters
    ----------
    volume_node:
        Scalar volume node: what to outline, or what the segmentation was drawn on. None with a segmentation alone.
    segmentation_node:
        Segmentation to outline; its segments may overlap. The edges of the volume without.
    fit:
        ``ellipse`` or ``line``.
    axis:
        ``axial``, ``coronal`` or ``sagittal``.
    level:
        Of a volume: outline what lies above this value instead of its edges.
    marked:
        Largest number of slices of each structure whose contours become nodes, evenly spread; the table has all.
    projection:
        Whether to make the volume with contours and labels drawn in color.

    Notes
    -----
    :meth:`collect` returns ``contours`` and ``fits`` (lists of locked curve and line nodes in a folder beside the input),
    ``table`` (a row for each contour), ``structures`` (table with a row for each segment; None for a volume),
    ``projection`` (vector volume node, or None), ``mean_confidence`` and ``notes``.
    """

    def __init__(
        self,
        volume_node,
        segmentation_node=None,
        *,
        fit: str = "ellipse",
        axis: str = "axial",
        level: float | None = None,
        marked: int = 16,
        projection: bool = True,
    ) -> None:
        self._volume = volume_node
        self._segmentation = segmentation_node
        self._options = {"fit": fit, "axis": axis, "level": level, "marked": marked, "projection": projection}

    def prepare(self, folder: Path) -> tuple[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        from MedDeepRegSegLib.segmentation.contours_job import Request

        if self._volume is None and self._segmentation is None:
            msg = "neither a volume nor a segmentation is chosen: pick one"
            raise InputError(msg)
        path, image = folder / "image.nrrd", None
        if self._volume is not None:
            image = write_volume(self._volume, path, "volume")
        out = folder / "contours"
        if self._segmentation is None:
            return "contours", Request(source=path, out=out, source_is="image", **self._options)
        files = _segment_files(self._segmentation, image, folder)
        return "contours", Request(
            source=files[0],
            out=out,
            source_is="segmentation",
            image=None if image is None else path,
            overlapping=tuple(files[1:]),
            **self._options,
        )

    def collect(self, _folder: Path, result: Any) -> dict[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        from MedDeepRegSegLib.volumes.curve_files import read_markups

        node_in_scene(self._volume, "the volume")
        node_in_scene(self._segmentation, "the segmentation")
        source = self._segmentation if self._segmentation is not None else self._volume
        # Everything is read before anything is made.
        markups = [read_markups(path) for path in result.markups]
        rows = rows_from_csv(result.table)
        own = None if result.structures is None else rows_from_csv(result.structures)
        image = None if result.projection is None else sitk.ReadImage(str(result.projection))
        name = f"{source.GetName()} contours"
        structures = projection = None
        with one_action():
            folder = study_folder(name, beside=source)
            outlines, fits = ([nodes_from_markups(part, folder) for part in markups] + [[]])[:2]
            table = table_from_rows(*rows, name, beside=source)
            if own is not None:
                structures = table_from_rows(*own, f"{source.GetName()} axes", beside=source)
            if image is not None:
                projection = color_volume_from_image(image, f"{name} projection", beside=source)
        return {
            "contours": outlines,
            "fits": fits,
            "table": table,
            "structures": structures,
            "projection": projection,
            "mean_confidence": result.mean_confidence,
            "notes": tuple(result.notes),
        }


class AlignContoursTask:
    """Finds the matrix that brings the outlines of one segmentation onto the mask of another.

    Parameters
    ----------
    segmentation_node:
        Moving: segmentation whose outlines are taken, all segments together.
    mask_node:
        Fixed: segmentation, or label map or scalar volume (above 0), all of it one mask.
    kind:
        ``rigid``, ``similarity`` or ``affine``.
    transform_node:
        Linear transform node to fill; a new one without.

    Notes
    -----
    :meth:`collect` returns ``transform`` (linear transform node: what is put under it moves from the moving onto the fixed
    side), ``mean_mm``, ``p95_mm`` and ``matched_share`` of the contours, and ``notes``.
    """

    def __init__(self, segmentation_node, mask_node, *, kind: str = "rigid", transform_node=None) -> None:
        self._moving = segmentation_node
        self._mask = mask_node
        self._kind = kind
        self._transform = transform_node

    def prepare(self, folder: Path) -> tuple[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        from MedDeepRegSegLib.segmentation.align_contours_job import Request

        self._check_output()
        files = []
        for node, name in ((self._moving, "contours"), (self._mask, "mask")):
            files.append(folder / f"{name}.nrrd")
            write_plain(_as_mask(node, name), files[-1])
        return "align-contours", Request(contours=files[0], mask=files[1], out=folder / "aligned", kind=self._kind)

    def collect(self, _folder: Path, result: Any) -> dict[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        from MedDeepRegSegLib.registration.transforms import read_transform

        node_in_scene(self._moving, "the segmentation")
        node_in_scene(self._mask, "the mask")
        node_in_scene(self._transform, "the output transform")
        self._check_output()
        transform = read_transform(result.transform)
        name = f"{self._moving.GetName()} to {self._mask.GetName()}"
        with one_action():
            node = node_from_transform(
                transform, name, fixed=self._mask, moving=self._moving, node=self._transform, beside=self._moving
            )
        told = {"mean_mm": result.mean_mm, "p95_mm": result.p95_mm, "matched_share": result.matched_share}
        return {"transform": node, **told, "notes": tuple(result.notes)}

    def _check_output(self) -> None:
        if self._transform is not None:
            check_transform_output(self._transform, ["vtkMRMLLinearTransformNode"])


def _segment_files(segmentation, image: sitk.Image | None, folder: Path) -> list[Path]:
    """Write the segments; a file for each layer of segments that do not overlap."""
    from MedDeepRegSegLib.segmentation.segmentation_file import write_segmentation

    what = check_segmentation_node(segmentation)
    files: list[Path] = []
    for labels, segments in images_from_segmentation(segmentation, reference=image):
        files.append(folder / f"segments{len(files)}.seg.nrrd")
        write_segmentation(labels, segments, files[-1])
    if not files:
        msg = f"{what} has no segments: draw or grow one first"
        raise InputError(msg)
    return files


def _as_mask(node, what: str) -> sitk.Image:
    """Return a segmentation (all segments), label map or scalar volume as 0 and 1."""
    from MedDeepRegSegLib.mrml.volumes import image_from_volume

    if node is None or node.IsA("vtkMRMLSegmentationNode"):
        name = check_segmentation_node(node)
        mask: sitk.Image | None = None
        for identifier in _segment_ids(node):
            labels, _ = image_from_segmentation(node, segment_ids=[identifier], reference=mask)
            mask = labels if mask is None else sitk.Or(mask, labels)
        if mask is None:
            msg = f"{name} has no segments: draw or grow one first"
            raise InputError(msg)
        return mask
    return sitk.Cast(image_from_volume(node, what=what) > 0, sitk.sitkUInt8)


def _segment_ids(node) -> list[str]:
    segmentation = node.GetSegmentation()
    return [segmentation.GetNthSegmentID(index) for index in range(segmentation.GetNumberOfSegments())]
