"""Measure segments: size, surface, place, axes, diameters, intensities, texture; in mm, with DICOM codes.

Each family of measurements is a plugin, a function from :class:`~.measured_shape.MeasuredShape` to measurements, listed
in :data:`~.measurement_families.FAMILIES`. Centers, boxes and axes are in RAS, as Slicer shows places.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress
from MedDeepRegSegLib.segmentation.measured_shape import MeasuredShape, shape_of
from MedDeepRegSegLib.segmentation.measurement import Measurement
from MedDeepRegSegLib.segmentation.measurement_families import Family, chosen_families, plugin_of
from MedDeepRegSegLib.segmentation.segments import Segment, check_segments
from MedDeepRegSegLib.segmentation.texture_matrices import TextureSettings
from MedDeepRegSegLib.volumes.geometry import check_label_map, check_same_geometry, check_shape

CUT_NOTE = "cut by the image border"
EMPTY_NOTE = "empty"
SEGMENT_COLUMN = "Segment"
NOTE_COLUMN = "Note"
_UNEVEN = 2.0  # beyond this, neighbors in 3D are at too different distances for their texture to be compared


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
    families: Sequence[str] | None = None,
    texture: TextureSettings | None = None,
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
        Scalar image on the grid of ``labels``, for intensities and texture.
    families:
        Names of families or groups (:func:`~.measurement_families.family_names`); by default all but texture, and
        those of the image where there is one.
    texture:
        How intensities become gray levels.

    Returns
    -------
    tuple of SegmentMeasurements
        In the order of ``segments``, each with the same measurements in the same order.

    Raises
    ------
    InputError
        If ``labels`` is no label map, ``image`` lies on another grid or is no scalar image, segments contradict
        each other, or families are unknown or need an image that is not given.
    """
    cancel = CancelToken() if cancel is None else cancel
    chosen = chosen_families(families, has_image=image is not None)
    texture = TextureSettings() if texture is None else texture
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
        shape = shape_of(array, segment.value, labels, values)
        measurements = []
        for place, family in enumerate(chosen):
            cancel.raise_if_canceled()
            done = (number + place / len(chosen)) / len(segments)
            progress(done, f"Measuring {family.title.lower()} of {segment.name}")
            measurements += plugin_of(family, texture)(shape, units)
        results.append(SegmentMeasurements(segment, tuple(measurements), tuple(_notes(shape, chosen))))
    progress(1.0, "Measured")
    return tuple(results)


def _notes(shape: MeasuredShape | None, families: Sequence[Family]) -> list[str]:
    if shape is None:
        return [EMPTY_NOTE]
    notes = [CUT_NOTE] if shape.cut else []
    if shape.intensities is not None and any(family.needs_image for family in families):
        missing = int(np.count_nonzero(~np.isfinite(shape.intensities)))
        if missing:
            notes.append(
                f"{missing} voxel{' has' if missing == 1 else 's have'} no number and {'is' if missing == 1 else 'are'} left out"
            )
    thickest, thinnest = max(shape.spacing), min(shape.spacing)
    if thickest > _UNEVEN * thinnest and any(family.name == "texture" for family in families):
        notes.append(f"texture of uneven voxels: {thickest:.3g} mm against {thinnest:.3g} mm")
    return notes


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
