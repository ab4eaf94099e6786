"""The features of a pathology that the extension measures itself, on one segment."""

import numpy as np
import SimpleITK as sitk

from MedDeepDiagnosisLib.pathology import Pathology
from MedDeepDiagnosisLib.stroke.measuring import measure_lesion, wants_lesion_loads
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.segmentation.measured_shape import shape_of
from MedDeepRegSegLib.segmentation.measurement_diameters import measure_diameters
from MedDeepRegSegLib.segmentation.measurement_size import measure_size
from MedDeepRegSegLib.segmentation.measurements import EMPTY_NOTE, measure
from MedDeepRegSegLib.segmentation.segments import Segment
from MedDeepRegSegLib.volumes.geometry import index_to_world, volume_corners

AGREES_WITHIN = 0.1
"""A value of a table that differs from the measured one by more than this part of it is pointed out."""


def agrees_with_measured(given: float, measured: float) -> bool:
    """Return whether a value that was given is near what the segmentation measures."""
    return abs(given - measured) <= AGREES_WITHIN * abs(measured)


def check_inside(labels: sitk.Image, segment: Segment, image: sitk.Image) -> None:
    """Raise InputError unless a segment lies within an image; grids may differ by a voxel at the border.

    Parameters
    ----------
    labels:
        Label map that holds the segment, on its own grid.
    image:
        The volume that the segment is said to have been drawn on.
    """
    voxels = np.argwhere(sitk.GetArrayViewFromImage(labels) == segment.value)[:, ::-1]
    if not len(voxels):
        return
    to_lps = index_to_world(labels)
    points = voxels @ to_lps[:3, :3].T + to_lps[:3, 3]
    to_index = np.linalg.inv(index_to_world(image))
    indices = points @ to_index[:3, :3].T + to_index[:3, 3]
    outside = ((indices < -1) | (indices > np.array(image.GetSize()))).any(axis=1).mean()
    if outside == 0:
        return
    to_ras = (-1, -1, 1)
    corners = volume_corners(image) * to_ras
    spans = ", ".join(
        f"{axis} {low:.0f} to {high:.0f}" for axis, low, high in zip("RAS", corners.min(0), corners.max(0), strict=True)
    )
    center = ", ".join(f"{axis} {place:.0f}" for axis, place in zip("RAS", points.mean(0) * to_ras, strict=True))
    part = "the segmentation lies" if outside == 1 else f"{max(100 * outside, 1):.0f} % of the segmentation lies"
    msg = (
        f"{part} outside the image: give the volume it was drawn on (segment {segment.name!r} is around {center} mm, "
        f"the image spans {spans} mm)"
    )
    raise InputError(msg)


def measured_features(
    labels: sitk.Image, segment: Segment, pathology: Pathology, *, cancel: CancelToken | None = None
) -> dict[str, float]:
    """Measure one segment and return the features of the pathology that the extension measures.

    Parameters
    ----------
    labels:
        Label map that holds the segment.

    Returns
    -------
    Feature name to value in the feature's units. What is not defined for the segment is absent.

    Raises
    ------
    InputError
        If the segment is empty, or the extension knows no measurement of a name that the pathology wants; for a stroke,
        if the arterial atlas was not fetched or the segment is not in its space.
    """
    (measured,) = measure(labels, (segment,), cancel=cancel)
    if EMPTY_NOTE in measured.notes:
        msg = f"segment {segment.name!r} is empty, expected the voxels of one lesion: draw or grow it first"
        raise InputError(msg)
    wanted = [feature.measurement for feature in pathology.features]
    loads = measure_lesion(labels, segment.value) if wants_lesion_loads(wanted) else {}
    values = {}
    for feature in pathology.features:
        if feature.measurement is None:
            continue
        if feature.measurement in loads:
            values[feature.name] = loads[feature.measurement]
            continue
        try:
            value = measured.value(feature.measurement)
        except KeyError as error:
            msg = f"feature {feature.name} wants a measurement that there is not: {error.args[0]}"
            raise InputError(msg) from error
        if value is not None:
            values[feature.name] = value
    return values


def quickly_measured_features(labels: sitk.Image, pathology: Pathology) -> dict[str, float]:
    """Return what :func:`measured_features` returns for label 1, several times faster.

    Thousands of readers' outlines are measured to fit a model. This takes the same measurements by the same functions,
    and leaves those out that no feature wants. Boxes are read off the voxel grid, so it must lie along the axes of the
    patient. A test holds both to equal values.

    Raises
    ------
    ValueError
        If the grid is turned.
    """
    if not np.array_equal(labels.GetDirection(), np.eye(3).ravel()):
        msg = "the grid of the labels is turned, expected one along the patient's axes"
        raise ValueError(msg)
    shape = shape_of(sitk.GetArrayViewFromImage(labels), 1, labels, None)
    known = {m.name: m.value for m in (*measure_size(shape), *measure_diameters(shape))}
    if shape is not None:
        extent = np.multiply(shape.mask.shape[::-1], shape.spacing)
        known |= {
            f"box_size_{axis}_mm": float(e) for axis, e in zip(("right", "anterior", "superior"), extent, strict=True)
        }
    wanted = {f.name: f.measurement for f in pathology.features if f.measurement is not None}
    if shape is None or not known.keys() >= set(wanted.values()):
        return measured_features(labels, Segment(1, "lesion", (1.0, 0.0, 0.0)), pathology)
    return {name: value for name, m in wanted.items() if (value := known[m]) is not None}
