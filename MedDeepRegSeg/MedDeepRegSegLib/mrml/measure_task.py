"""The task that measures the segments of a segmentation node into a table node."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import slicer

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.segmentations import check_segmentation_node, images_from_segmentation
from MedDeepRegSegLib.mrml.tables import TableColumn, rows_from_csv, table_from_rows
from MedDeepRegSegLib.mrml.task_base import node_in_scene, one_action, write_volume

# As Slicer's SegmentStatistics names them, so that what reads its tables reads these.
_CODES = (
    ("DICOM.QuantityCode", "quantity_code"),
    ("DICOM.UnitsCode", "units_code"),
    ("DICOM.DerivationCode", "derivation_code"),
    ("DICOM.MeasurementMethodCode", "method_code"),
)


class MeasureTask:
    """Measures shape, size and place of all segments, and intensities where a volume is given.

    Parameters
    ----------
    segmentation_node:
        Segmentation; its segments may overlap.
    volume_node:
        Volume that was segmented, or None.
    table_node:
        Table to fill; a new one without.
    families:
        ``shape``, ``intensity``, ``texture``, or the parts of shape ``size``, ``position`` and ``diameters``; without,
        all but texture, and those of the volume where there is one.
    bin_width, bin_count:
        Gray levels for texture: width in units of the volume, or their number; without either 25 HU wide for CT, 32
        for all else.

    Notes
    -----
    :meth:`collect` returns ``table``.
    """

    def __init__(
        self,
        segmentation_node,
        volume_node=None,
        *,
        table_node=None,
        families: Sequence[str] | None = None,
        bin_width: float | None = None,
        bin_count: int | None = None,
    ) -> None:
        self._segmentation = segmentation_node
        self._volume = volume_node
        self._table = table_node
        self._families = (families,) if isinstance(families, str) else tuple(families or ())
        self._bin_width = bin_width
        self._bin_count = bin_count

    def prepare(self, folder: Path) -> tuple[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        from MedDeepRegSegLib.segmentation.measure_job import Request
        from MedDeepRegSegLib.segmentation.segmentation_file import write_segmentation

        what = check_segmentation_node(self._segmentation)
        image, image_path = None, None
        if self._volume is not None:
            image_path = folder / "image.nrrd"
            image = write_volume(self._volume, image_path, "volume")
        files = []
        for labels, segments in images_from_segmentation(self._segmentation, reference=image):
            files.append(folder / f"segments{len(files)}.seg.nrrd")
            write_segmentation(labels, segments, files[-1])
        if not files:
            msg = f"{what} has no segments: draw or grow one first"
            raise InputError(msg)
        return "measure", Request(
            image=image_path,
            segmentation=files[0],
            overlapping=tuple(files[1:]),
            out=folder / "measurements.csv",
            families=self._families,
            bin_width=self._bin_width,
            bin_count=self._bin_count,
        )

    def collect(self, _folder: Path, result: Any) -> dict[str, Any]:
        """See :class:`MedDeepRegSegLib.mrml.task_base.NodeTask`."""
        node_in_scene(self._segmentation, "the segmentation")
        columns, rows = rows_from_csv(result.table)
        measured = {column.head: column for column in result.columns}
        with one_action():
            table = table_from_rows(
                [_described(column, measured.get(column.key)) for column in columns],
                rows,
                f"{self._segmentation.GetName()} measurements",
                node=self._table,
                beside=self._segmentation,
            )
        return {"table": table}


def _described(column: TableColumn, measured: Any) -> TableColumn:
    """Return a column with what is known of its measurement; the column itself where it holds none."""
    if measured is None:
        return column
    codes = [(key, getattr(measured, name)) for key, name in _CODES]
    properties = [(key, _coded(code)) for key, code in codes if code is not None]
    return TableColumn(
        column.key,
        measured.title,
        measured.units,
        measured.description,
        properties=(*properties, ("MedDeep.Name", measured.name)),
    )


def _coded(code: tuple[str, str, str]) -> str:
    """Return a code as text, as SegmentStatistics writes it."""
    scheme, value, meaning = code
    entry = slicer.vtkCodedEntry()
    entry.SetValueSchemeMeaning(value, scheme, meaning)
    return entry.GetAsString()
