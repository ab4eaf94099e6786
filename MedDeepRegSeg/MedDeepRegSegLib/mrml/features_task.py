"""Features of a volume node that the shared encoder computes: in color, and of segments as a table."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.color_volumes import check_color_output, color_volume_from_image
from MedDeepRegSegLib.mrml.segmentations import check_segmentation_node, images_from_segmentation
from MedDeepRegSegLib.mrml.tables import TableColumn, rows_from_csv, table_from_rows
from MedDeepRegSegLib.mrml.task_base import node_in_scene, one_action, write_volume


class FeaturesTask:
    """Computes features of a volume, and the mean features of segments.

    Parameters
    ----------
    volume_node:
        Scalar volume node, CT or MR.
    segmentation_node:
        Segmentation whose segments get a row each in the table; its segments may overlap. No table without.
    spacing_mm:
        Voxel size to work at, in mm; chosen from the volume by default.
    color:
        Whether to make the colored volume.
    model:
        Folder of another encoder than the shipped one.
    device, backend:
        Where to compute and with what; see ``meddeep features --help``.
    color_node, table_node:
        Vector volume node and table node to fill; new ones without.

    Notes
    -----
    :meth:`collect` returns ``colored`` (vector volume node on the grid of the volume, None without ``color``),
    ``table`` (None without a segmentation), ``spacing_mm``, ``model`` (name of the encoder) and ``notes`` (tuple of str:
    what a reader should know).
    """

    def __init__(
        self,
        volume_node,
        segmentation_node=None,
        *,
        spacing_mm: float | None = None,
        color: bool = True,
        model: Path | str | None = None,
        device: str = "auto",
        backend: str = "auto",
        color_node=None,
        table_node=None,
    ) -> None:
        self._volume = volume_node
        self._segmentation = segmentation_node
        self._spacing_mm = spacing_mm
        self._color = color
        self._model = None if model is None else Path(model)
        self._device = device
        self._backend = backend
        self._color_node = color_node
        self._table_node = table_node

    def prepare(self, folder: Path) -> tuple[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        from MedDeepRegSegLib.features.features_job import Request

        if not self._color and self._segmentation is None:
            msg = "neither a colored volume nor a segmentation is asked for, expected one of them: pick a segmentation"
            raise InputError(msg)
        self._check_outputs()
        image = write_volume(self._volume, folder / "image.nrrd", "volume")
        files = self._write_segments(folder, image)
        return "features", Request(
            image=folder / "image.nrrd",
            out=folder / "features",
            segmentation=files[0] if files else None,
            overlapping=tuple(files[1:]),
            spacing_mm=self._spacing_mm,
            model=self._model,
            device=self._device,
            backend=self._backend,
            color=self._color,
            save_dense=False,  # no node holds them, and they are large
        )

    def _write_segments(self, folder: Path, image: sitk.Image) -> list[Path]:
        """Write the segments on the grid of the image; a file for each layer of segments that do not overlap."""
        from MedDeepRegSegLib.segmentation.segmentation_file import write_segmentation

        if self._segmentation is None:
            return []
        what = check_segmentation_node(self._segmentation)
        files: list[Path] = []
        for labels, segments in images_from_segmentation(self._segmentation, reference=image):
            files.append(folder / f"segments{len(files)}.seg.nrrd")
            write_segmentation(labels, segments, files[-1])
        if not files:
            msg = f"{what} has no segments: draw or grow one first"
            raise InputError(msg)
        return files

    def collect(self, _folder: Path, result: Any) -> dict[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        node_in_scene(self._volume, "the volume")
        node_in_scene(self._segmentation, "the segmentation")
        node_in_scene(self._color_node, "the output volume")
        node_in_scene(self._table_node, "the output table")
        self._check_outputs()
        # Everything is read before anything is made.
        image = sitk.ReadImage(str(result.colored)) if self._color else None
        content = rows_from_csv(result.table) if result.table is not None else None
        colored, table = None, None
        with one_action():
            if image is not None:
                name = f"{self._volume.GetName()} features"
                colored = color_volume_from_image(image, name, node=self._color_node, beside=self._volume)
            if content is not None:
                columns, rows = content
                table = table_from_rows(
                    [_described(column) for column in columns],
                    rows,
                    f"{self._segmentation.GetName()} features",
                    node=self._table_node,
                    beside=self._segmentation,
                )
        told = {"spacing_mm": result.spacing_mm, "model": result.model, "notes": tuple(result.notes)}
        return {"colored": colored, "table": table, **told}

    def _check_outputs(self) -> None:
        """Refuse what cannot be filled before the work is done, and again before anything is filled."""
        if self._color_node is not None:
            check_color_output(self._color_node)
        if self._table_node is not None and not self._table_node.IsA("vtkMRMLTableNode"):
            msg = f"output {self._table_node.GetName()!r} is a {self._table_node.GetNodeTagName()}, expected a table"
            raise InputError(msg)


_DESCRIPTIONS = {
    "Segment": "Name of the segment",
    "Voxels": "Voxels of the volume in the segment",
    "Volume": "Volume of these voxels",
    "Note": "What to know about this row",
    "Working voxel size": "Edge of the voxels at which the features were computed: only features of one size compare",
    "Encoder": "Network that computed the features: only features of one network compare",
}
_FEATURE = re.compile(r"(Local|Context) feature (\d+) (.+)")
_TELLS = {"Local": "which structure, and where in it", "Context": "which part of the body"}


def _described(column: TableColumn) -> TableColumn:
    """Return the column with what it holds in words."""
    match = _FEATURE.fullmatch(column.title)
    if match is None:
        return replace(column, description=_DESCRIPTIONS.get(column.title, ""))
    scale, number, statistic = match.groups()
    text = f"{statistic.capitalize()} over the segment of {scale.lower()} feature {number}; these features tell {_TELLS[scale]}"
    return replace(column, description=text)
