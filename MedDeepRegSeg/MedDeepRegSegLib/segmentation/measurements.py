"""Measure segments: size, surface, place, axes, diameters, intensities; in mm, with DICOM codes.

Each family of measurements is a plugin, a function from :class:`~.measured_shape.MeasuredShape` to measurements, listed
in :data:`PLUGINS`. Centers and boxes are in RAS mm, as Slicer shows places.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress
from MedDeepRegSegLib.segmentation.measured_shape import MeasuredShape, shape_of
from MedDeepRegSegLib.segmentation.measurement import Measurement
from MedDeepRegSegLib.segmentation.measurement_diameters import measure_diameters
from MedDeepRegSegLib.segmentation.measurement_intensity import measure_intensity
from MedDeepRegSegLib.segmentation.measurement_position import measure_position
from MedDeepRegSegLib.segmentation.measurement_size import measure_size
from MedDeepRegSegLib.segmentation.segments import Segment, check_segments
from MedDeepRegSegLib.volumes.geometry import check_label_map, check_same_geometry, check_shape

Plugin = Callable[[MeasuredShape | None, str], list[Measurement]]
"""``plugin(shape, units)``: the measurements of a shape, or those of nothing for None. ``units`` are those of the
image's voxels. The same measurements come in the same order for every shape."""

PLUGINS: tuple[Plugin, ...] = (measure_size, measure_position, measure_diameters)
"""Families that need the segment only; intensities are measured after them where an image is given."""

CUT_NOTE = "cut by the image border"
EMPTY_NOTE = "empty"
SEGMENT_COLUMN = "Segment"
NOTE_COLUMN = "Note"


@dataclass(frozen=True)
class SegmentMeasurements:
    """What was measured of one segment."""

    segment: Segment
    measurements: tuple[Measurement, ...]
    notes: tuple[str, ...] = ()
    """What a reader must know, for example that the image cuts the segment."""

    def value(self, name: str) -> float | None:
        """Return the value of a measurement by its name; None where it is not defined.

        Raises
        ------
        KeyError
            If no measurement has that name.
        """
        return next_of(self.measurements, name).value


def next_of(measurements: Sequence[Measurement], name: str) -> Measurement:
    """Return the measurement of a name, or raise KeyError that lists the names."""
    for measurement in measurements:
        if measurement.name == name:
            return measurement
    msg = f"no measurement {name!r}, expected one of {', '.join(m.name for m in measurements)}"
    raise KeyError(msg)


def measure(
    labels: sitk.Image,
    segments: Sequence[Segment],
    image: sitk.Image | None = None,
    *,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> tuple[SegmentMeasurements, ...]:
    """Measure each segment of a label map.

    Parameters
    ----------
    labels:
        3-D label map.
    segments:
        The segments to measure; other labels are left out. An empty one gets zeros and a note.
    image:
        Scalar image on the grid of ``labels``, for intensity statistics.

    Returns
    -------
    tuple of SegmentMeasurements
        In the order of ``segments``, each with the same measurements in the same order.

    Raises
    ------
    InputError
        If ``labels`` is no label map, ``image`` lies on another grid or is no scalar image, or segments contradict
        each other.
    """
    cancel = CancelToken() if cancel is None else cancel
    check_label_map(labels, "segmentation")
    check_segments(segments)
    values = None
    units = ""
    if image is not None:
        check_shape(image, minimum_size=1)
        check_same_geometry(image, labels, "image", "segmentation")
        values = sitk.GetArrayViewFromImage(image)
        units = _voxel_units(image)
    array = sitk.GetArrayViewFromImage(labels)
    results = []
    for number, segment in enumerate(segments):
        cancel.raise_if_canceled()
        progress(number / max(len(segments), 1), f"Measuring {segment.name}")
        shape = shape_of(array, segment.value, labels, values)
        measurements = [measurement for plugin in PLUGINS for measurement in plugin(shape, units)]
        if image is not None:
            measurements += measure_intensity(shape, units)
        notes = [EMPTY_NOTE] if shape is None else [CUT_NOTE] if shape.cut else []
        results.append(SegmentMeasurements(segment, tuple(measurements), tuple(notes)))
    progress(1.0, "Measured")
    return tuple(results)


def _voxel_units(image: sitk.Image) -> str:
    from MedDeepRegSegLib.volumes.modality import Modality, guess_modality

    return "HU" if guess_modality(image) is Modality.CT else ""


def column_title(measurement: Measurement) -> str:
    """Return the head of a column: ``Volume (mm3)``, or the title alone where there are no units."""
    return f"{measurement.title} ({measurement.units})" if measurement.units else measurement.title


def measurement_rows(results: Sequence[SegmentMeasurements]) -> list[dict[str, object]]:
    """Return one row for each segment.

    Keys are ``Segment``, then :func:`column_title` of each measurement, then ``Note``. Values that are not defined
    are None; numbers have six significant digits.
    """
    rows = []
    for result in results:
        row: dict[str, object] = {SEGMENT_COLUMN: result.segment.name}
        for measurement in result.measurements:
            row[column_title(measurement)] = None if measurement.value is None else _rounded(measurement.value)
        row[NOTE_COLUMN] = "; ".join(result.notes)
        rows.append(row)
    return rows


def measurement_columns(results: Sequence[SegmentMeasurements]) -> tuple[Measurement, ...]:
    """Return one measurement for each column of numbers: its name, title, units, description and codes."""
    return results[0].measurements if results else ()


def _rounded(value: float) -> float | int:
    rounded = float(np.format_float_positional(value, 6, unique=False, fractional=False))
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1e15 else rounded
