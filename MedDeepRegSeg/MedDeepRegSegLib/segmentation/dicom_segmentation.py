"""Read a DICOM SEG (PS3.3 A.51) as a label map with names, colors and codes.

A SEG holds frames: one slice of one segment each, or of all segments (label map segmentation). Frames without a segment are
left out. They are put at their places in the patient, on the slices that they were drawn on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.segmentation.segments import (
    MAXIMUM_VALUE,
    TISSUE,
    Segment,
    default_color,
    terminology_entry,
    with_identifiers,
)
from MedDeepRegSegLib.volumes.dicom_folder import check_undamaged
from MedDeepRegSegLib.volumes.dicom_frames import functional_group, pydicom_for, read_frames
from MedDeepRegSegLib.volumes.dicom_headers import is_dicom
from MedDeepRegSegLib.volumes.dicom_stack import Plane
from MedDeepRegSegLib.volumes.geometry import LATTICE_TOLERANCE, lattice_map, size_text
from MedDeepRegSegLib.volumes.memory import check_memory

_WHAT = "a DICOM segmentation"

_WHITE = np.array([0.95047, 1.0, 1.08883])
"""CIE XYZ of the white D65, which writers of DICOM SEG use."""

_XYZ_TO_RGB = np.array(
    [[3.2404542, -1.5371385, -0.4985314], [-0.9692660, 1.8760108, 0.0415560], [0.0556434, -0.2040259, 1.0572252]]
)
"""Linear sRGB (IEC 61966-2-1) from XYZ."""


def dicom_segmentation(path: Path) -> Path | None:
    """Return the DICOM SEG that a file is or a folder holds, None where there is none.

    Raises
    ------
    InputError
        If a folder holds several, or none and a damaged file, or the file is a structure set.
    MissingPackageError
        If pydicom is not installed and is needed to tell.
    """
    files = sorted(one for one in path.iterdir() if one.is_file()) if path.is_dir() else [path]
    files = [one for one in files if is_dicom(one)]
    if not files:
        return None
    pydicom = pydicom_for(_WHAT)
    found = []
    for file in files:
        header = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=["Modality", "SeriesDescription"])
        modality = str(header.get("Modality", ""))
        if modality == "SEG":
            found.append((file, str(header.get("SeriesDescription", ""))))
        elif modality == "RTSTRUCT" and not path.is_dir():
            msg = (
                f"segmentation {file.name} is a DICOM structure set, which holds contours and no voxels: load it in Slicer "
                "(extension SlicerRT) and save it as .seg.nrrd"
            )
            raise InputError(msg)
    if len(found) > 1:
        listed = "; ".join(f"{file.name} '{said}'" if said else file.name for file, said in found)
        msg = f"segmentation {path} holds {len(found)} DICOM segmentations ({listed}), expected 1: give the wanted file"
        raise InputError(msg)
    if not found and path.is_dir():
        for file in files:
            check_undamaged(file, "segmentation")
    return found[0][0] if found else None


def read_dicom_segmentation(
    path: Path, *, grid: sitk.Image | None = None, cancel: CancelToken | None = None
) -> tuple[sitk.Image, tuple[Segment, ...], tuple[str, ...]]:
    """Read a DICOM SEG.

    Parameters
    ----------
    path:
        The file.
    grid:
        Image that was segmented, if it is known. Where frames lie on its slices the labels come out on its grid.
    cancel:
        As everywhere.

    Returns
    -------
    labels, segments, notes:
        Label map (uint8 or uint16), whose values are the numbers of the segments; segments by number; and what the user
        should know. Without ``grid`` the label map reaches from the first to the last frame that is in the file.

    Raises
    ------
    InputError
        If segments overlap, frames do not tell their places or lie on no even stack, or pixels cannot be decoded.
    MissingPackageError
        If pydicom is not installed.
    """
    what = f"segmentation {path.name}"
    frames = read_frames(path, what)
    dataset = frames.dataset
    lattice = _lattice(frames.planes, dataset, what)
    kind = str(dataset.get("SegmentationType", "BINARY"))
    described = list(dataset.get("SegmentSequence") or ())
    padding = int(dataset.get("PixelPaddingValue", 0) or 0)
    if kind == "LABELMAP":  # writers describe what is in no segment too, as a segment "Background"
        described = [item for item in described if item.get("SegmentNumber") != padding]
    segments = tuple(_segment(item, number) for number, item in enumerate(described))
    if not segments:
        msg = f"{what} describes no segment: export it again"
        raise InputError(msg)
    columns, rows = frames.planes[0].size
    shape = (lattice.count, rows, columns)
    check_memory(np.prod(shape, dtype=float) * 6, f"{what} ({size_text(shape[::-1])} voxels)", "export fewer slices")
    values = np.zeros(shape, np.uint8 if max(one.value for one in segments) <= 255 else np.uint16)
    overlaps: set[int] = set()
    for number, pixels in enumerate(_frames_of(path, what)):
        if cancel is not None:
            cancel.raise_if_canceled()
        layer = values[lattice.places[number]]
        if kind == "LABELMAP":
            inside = pixels != padding
            layer[inside] = pixels[inside]
            continue
        identified = functional_group(dataset, number, "SegmentIdentificationSequence")
        if identified is None:
            msg = f"{what}: frame {number + 1} does not tell its segment: export it again"
            raise InputError(msg)
        value = int(identified.ReferencedSegmentNumber)
        largest = int(dataset.get("MaximumFractionalValue", 255) or 255)
        inside = pixels > largest / 2 if kind == "FRACTIONAL" else pixels > 0
        others = np.unique(layer[inside])
        if others.any():
            overlaps |= {value, *(int(other) for other in others if other)}
        layer[inside] = value
    if len(overlaps) > 1:
        raise _overlapping(path, segments, overlaps)
    _check_described(values, segments, what)
    labels = sitk.GetImageFromArray(values)
    labels.SetSpacing(lattice.spacing)
    labels.SetOrigin(lattice.origin.tolist())
    labels.SetDirection(lattice.axes.ravel().tolist())
    notes: tuple[str, ...] = ()
    if kind == "FRACTIONAL":
        notes = (f"{path.name} holds fractions of voxels: those of more than a half were taken",)
    return labels if grid is None else on_grid_of(labels, grid), with_identifiers(segments), notes


def on_grid_of(labels: sitk.Image, grid: sitk.Image) -> sitk.Image:
    """Return a label map on the grid of an image, where its voxels are voxels of the image; otherwise as it is.

    Raises
    ------
    InputError
        If labels lie outside of the image.
    """
    mapped = lattice_map(labels, grid)
    if mapped is None:
        return labels
    turned, start = mapped
    inside = np.argwhere(sitk.GetArrayViewFromImage(labels) > 0)[:, ::-1] @ turned.T + start
    if ((inside < 0) | (inside >= np.array(grid.GetSize()))).any():
        msg = "the segmentation reaches beyond the image, expected it within: give the series that it was drawn on"
        raise InputError(msg)
    identity = sitk.Transform(3, sitk.sitkIdentity)
    return sitk.Resample(labels, grid, identity, sitk.sitkNearestNeighbor, 0.0, labels.GetPixelID())


@dataclass(frozen=True)
class _Lattice:
    """Even slices that frames lie on: how many, the index of each frame's, and where the first is."""

    count: int
    places: tuple[int, ...]
    spacing: tuple[float, float, float]
    origin: np.ndarray
    axes: np.ndarray


def _lattice(planes: Sequence[Plane], dataset: Any, what: str) -> _Lattice:
    axes = np.array(planes[0].orientation).reshape(2, 3)
    normal = np.cross(*axes)
    turned = max(float(np.abs(np.array(plane.orientation) - planes[0].orientation).max()) for plane in planes)
    if turned > 1e-3 or len({plane.spacing for plane in planes}) > 1:
        msg = f"{what}: its frames are not parallel or differ in pixel spacing, expected one stack: export it again"
        raise InputError(msg)
    places = np.array([plane.position for plane in planes])
    heights = (places - places[0]) @ normal
    first = int(np.argmin(heights))
    heights = heights - heights[first]
    measures = functional_group(dataset, 0, "PixelMeasuresSequence")
    told = [float((measures or {}).get(key, 0) or 0) for key in ("SpacingBetweenSlices", "SliceThickness")]
    apart = np.unique(np.round(heights, 3))
    step = _step(np.diff(apart), [*(value for value in told if value > 0), 1.0])
    sideways = np.abs((places - places[first]) @ axes.T).max()
    if step is None or sideways > 0.1:
        msg = (
            f"{what}: its frames lie at uneven distances or are tilted, expected an even stack of slices: load it in Slicer "
            "and save it as .seg.nrrd"
        )
        raise InputError(msg)
    index = np.rint(heights / step).astype(int)
    spacing = (planes[0].spacing[0], planes[0].spacing[1], step)
    axis_columns = np.column_stack([*(axis / np.linalg.norm(axis) for axis in axes), normal / np.linalg.norm(normal)])
    return _Lattice(int(index.max()) + 1, tuple(int(one) for one in index), spacing, places[first], axis_columns)


def _step(steps: np.ndarray, told: Sequence[float]) -> float | None:
    """Return the distance of slices of which all distances between frames are multiples; what is told comes first."""
    if not steps.size:
        return told[0]
    for candidate in (*told[:-1], float(steps.min())):
        multiples = np.rint(steps / candidate)
        if multiples.min() >= 1 and np.abs(steps - multiples * candidate).max() <= LATTICE_TOLERANCE * candidate:
            return float(steps.sum() / multiples.sum())
    return None


def _frames_of(path: Path, what: str) -> Iterator[np.ndarray]:
    """Go over the frames (rows, columns), one by one: a segmentation of a whole body has thousands."""
    pydicom = pydicom_for(_WHAT)
    try:
        dataset = pydicom.dcmread(path)
        if int(dataset.BitsAllocated) == 1 and not dataset.file_meta.TransferSyntaxUID.is_compressed:
            yield from _packed_frames(dataset)
        else:
            yield from pydicom.pixels.iter_pixels(dataset)
    except (RuntimeError, NotImplementedError, AttributeError, ValueError) as error:
        check_undamaged(path, "segmentation")
        msg = f"{what}: its frames cannot be decoded ({str(error)[:120]}): export it without compression"
        raise InputError(msg) from error


def _packed_frames(dataset: Any) -> Iterator[np.ndarray]:
    """Go over frames of single bits; they follow each other without a gap, also within a byte (PS3.5 8.1.1)."""
    stored = np.frombuffer(dataset.PixelData, np.uint8)
    shape = (int(dataset.Rows), int(dataset.Columns))
    length = shape[0] * shape[1]
    for number in range(int(dataset.get("NumberOfFrames", 1) or 1)):
        first = number * length
        bits = np.unpackbits(stored[first // 8 : (first + length + 7) // 8], bitorder="little")
        yield bits[first % 8 : first % 8 + length].reshape(shape)


def _segment(item: Any, number: int) -> Segment:
    value = int(item.get("SegmentNumber", number + 1))
    category = _code(item, "SegmentedPropertyCategoryCodeSequence")
    kind = _code(item, "SegmentedPropertyTypeCodeSequence")
    none = ("", "", "")
    modifier, entry = none, TISSUE
    if none not in (category, kind):
        (typed,) = item.SegmentedPropertyTypeCodeSequence
        modifier = _code(typed, "SegmentedPropertyTypeModifierCodeSequence")
        entry = terminology_entry(category, kind, modifier, _code(item, "AnatomicRegionSequence"))
    label = str(item.get("SegmentLabel", "") or "").strip() or kind[2] or f"Segment {value}"
    color = item.get("RecommendedDisplayCIELabValue")
    shown = (
        default_color(number) if color is None or len(color) != 3 else color_from_cielab([int(one) for one in color])
    )
    return Segment(value, label, shown, entry)


def _code(item: Any, name: str) -> tuple[str, str, str]:
    sequence = item.get(name)
    if not sequence:
        return "", "", ""
    code = sequence[0]
    value = code.get("CodeValue") or code.get("LongCodeValue") or code.get("URNCodeValue") or ""
    parts = (str(code.get("CodingSchemeDesignator", "")), str(value), str(code.get("CodeMeaning", "")))
    # These signs part the pieces of a terminology entry.
    scheme, value, meaning = (part.translate(str.maketrans("~^|\n", "-- ,")).strip() for part in parts)
    return (scheme, value, meaning) if scheme and value and meaning else ("", "", "")


def color_from_cielab(stored: Sequence[int]) -> tuple[float, float, float]:
    """Return red, green and blue in [0, 1] of a color as DICOM stores it (PS3.3 C.10.7.1.1, three 16-bit numbers).

    Examples
    --------
    >>> [round(part, 2) for part in color_from_cielab([65535, 32896, 32896])]
    [1.0, 1.0, 1.0]
    """
    lightness, a, b = stored[0] * 100 / 65535, stored[1] * 255 / 65535 - 128, stored[2] * 255 / 65535 - 128
    y = (lightness + 16) / 116
    part = np.array([y + a / 500, y, y - b / 200])
    xyz = np.where(part > 6 / 29, part**3, 3 * (6 / 29) ** 2 * (part - 4 / 29)) * _WHITE
    linear = np.clip(_XYZ_TO_RGB @ xyz, 0, 1)
    shown = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    red, green, blue = (round(float(one), 4) for one in np.clip(shown, 0, 1))
    return red, green, blue


def _overlapping(path: Path, segments: Sequence[Segment], numbers: set[int]) -> InputError:
    names = [repr(one.name) for one in segments if one.value in numbers]
    return InputError(
        f"segmentation {path.name} has overlapping segments ({', '.join(names[:5])}{', ...' if len(names) > 5 else ''}), "
        "expected each voxel in one segment: load it in Slicer, remove the overlap, and save it as .seg.nrrd"
    )


def _check_described(values: np.ndarray, segments: Sequence[Segment], what: str) -> None:
    if len({one.value for one in segments}) != len(segments) or any(
        not 1 <= one.value <= MAXIMUM_VALUE for one in segments
    ):
        msg = f"{what} numbers its segments wrongly ({[one.value for one in segments][:5]}): export it again"
        raise InputError(msg)
    without = sorted({int(value) for value in np.unique(values) if value} - {one.value for one in segments})
    if without:
        msg = f"{what} has frames of segments that it does not describe ({without[:5]}): export it again"
        raise InputError(msg)
