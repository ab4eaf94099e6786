"""Ellipses and lines fitted to contours, and the tables of a structure's axes through its slices.

Positions and directions in tables are RAS, as in 3D Slicer; slices count from 0 along the image axis across them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress
from MedDeepRegSegLib.segmentation.contours import Contour, resampled
from MedDeepRegSegLib.segmentation.ellipse_fitting import EllipseFit, fit_ellipse
from MedDeepRegSegLib.segmentation.line_fitting import LineFit, fit_line

FitKind = Literal["ellipse", "line"]
Row = dict[str, str | int | float | None]
_POINTS = 120  # points of a contour that a fit looks at
_CLEAN = 0.95  # share of points on a plain fit that makes a search for points that belong elsewhere needless
_LARGEST = 1.3  # an ellipse that is longer than its contour by more is a guess
_SHORTEST_SEARCH = 20.0  # tolerances: on a shorter contour nothing can be told from noise
_LEAST_AREA_TOLERANCES = 4.0  # a closed contour of a few pixels has no shape


@dataclass(frozen=True)
class FittedContour:
    """A contour with its curve.

    Attributes
    ----------
    name:
        Structure, or the edge's number.
    contour:
        The contour.
    fit:
        The ellipse or line; None where there is none.
    note:
        Why there is none, or empty.
    """

    name: str
    contour: Contour
    fit: EllipseFit | LineFit | None
    note: str = ""


def fit_contours(
    contours: Mapping[str, Sequence[Contour]],
    kind: FitKind,
    *,
    tolerance_mm: float,
    robust: bool = True,
    seed: int = 0,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> list[FittedContour]:
    """Fit an ellipse or a line to every contour, at points of even distances.

    Parameters
    ----------
    contours:
        Contours of each structure.
    kind:
        ``ellipse`` or ``line``.
    tolerance_mm:
        Largest distance of a point that belongs to the curve, mm.
    robust:
        Leave out what lies farther away; otherwise all points count.
    seed:
        Of the random consensus.
    progress, cancel:
        As everywhere.
    """
    listed = [(name, contour) for name, own in contours.items() for contour in own]
    fitted = []
    for number, (name, contour) in enumerate(listed):
        if cancel is not None:
            cancel.raise_if_canceled()
        points = resampled(contour, min(_POINTS, max(16, 2 * len(contour.points))))
        fit: EllipseFit | LineFit | None = None
        note = ""
        try:
            if contour.closed and contour.area_mm2 < _LEAST_AREA_TOLERANCES * tolerance_mm**2:
                note = "too small for a curve"
            elif kind == "ellipse":
                fit = _ellipse(points, contour, tolerance_mm=tolerance_mm, robust=robust, seed=seed)
            else:
                fit = fit_line(points, robust=robust, tolerance_mm=tolerance_mm, seed=seed)
        except InputError as error:
            note = str(error)
        fitted.append(FittedContour(name, contour, fit, note))
        progress((number + 1) / len(listed), f"Fitting {'ellipses' if kind == 'ellipse' else 'lines'}")
    return fitted


def _ellipse(
    points: np.ndarray, contour: Contour, *, tolerance_mm: float, robust: bool, seed: int
) -> EllipseFit | None:
    """Return the plain fit, or the robust one where points lie off the plain one and it explains more.

    Raises
    ------
    InputError
        If neither gives an ellipse of the size of the contour.
    """
    longest = _LARGEST * float(np.linalg.norm(np.ptp(points, axis=0)))
    best: EllipseFit | None = None
    search = robust and contour.length_mm >= _SHORTEST_SEARCH * tolerance_mm
    for searching in (False, True) if search else (False,):
        try:
            fit = fit_ellipse(points, normal=contour.normal, robust=searching, tolerance_mm=tolerance_mm, seed=seed)
        except InputError:
            continue
        credible = fit.major_mm <= longest or not contour.closed
        if credible and (best is None or fit.confidence > best.confidence):
            best = fit
        if best is not None and best.inlier_share >= _CLEAN:
            break
    if best is None:
        msg = "the contour is like no ellipse"
        raise InputError(msg)
    return best


def contour_rows(fitted: Sequence[FittedContour], kind: FitKind, *, named: str = "Segment") -> list[Row]:
    """Return a row for each contour: where it is, how large, its curve, and how well that fits.

    ``named`` is the head of the first column. A fit that is not there leaves its cells empty and says why in ``Note``.
    """
    rows = []
    parts: dict[tuple[str, int], int] = {}
    for entry in fitted:
        contour = entry.contour
        key = (entry.name, contour.slice_index)
        parts[key] = parts.get(key, 0) + 1
        row: Row = {
            named: entry.name,
            "Slice": contour.slice_index,
            "Contour": parts[key],
            "Kind": ("hole" if contour.hole else "closed") if contour.closed else "open",
            **_position("Contour center", contour.center),
            "Length (mm)": _rounded(contour.length_mm),
            "Area (mm2)": _rounded(contour.area_mm2) if contour.closed else None,
        }
        row |= _ellipse_cells(entry.fit) if kind == "ellipse" else _line_cells(entry.fit)
        fit = entry.fit
        row |= {
            "Residual mean (mm)": None if fit is None else _rounded(fit.residual_mean_mm),
            "Residual 95th percentile (mm)": None if fit is None else _rounded(fit.residual_p95_mm),
            "Inlier share": None if fit is None else _rounded(fit.inlier_share),
            "Coverage": None if fit is None else _rounded(fit.coverage),
            "Confidence": None if fit is None else _rounded(fit.confidence),
            "Note": entry.note,
        }
        rows.append(row)
    return rows


def structure_rows(fitted: Sequence[FittedContour]) -> list[Row]:
    """Return a row for each structure: its axes through the slices, and the line through their centers.

    The largest outer contour of each slice counts.
    """
    rows: list[Row] = []
    for name in dict.fromkeys(entry.name for entry in fitted):
        main: dict[int, FittedContour] = {}
        for entry in fitted:
            if entry.name == name and not entry.contour.hole:
                known = main.get(entry.contour.slice_index)
                if known is None or entry.contour.area_mm2 > known.contour.area_mm2:
                    main[entry.contour.slice_index] = entry
        chosen = [entry for _, entry in sorted(main.items())]
        fits = [(entry, entry.fit) for entry in chosen if isinstance(entry.fit, EllipseFit)]
        row: Row = {"Segment": name, "Slices": len(chosen)}
        widest = max(fits, key=lambda pair: pair[1].major_mm, default=None)
        row |= {
            "Largest major axis (mm)": None if widest is None else _rounded(widest[1].major_mm),
            "Minor axis there (mm)": None if widest is None else _rounded(widest[1].minor_mm),
            "Slice of it": None if widest is None else widest[0].contour.slice_index,
            "Mean major axis (mm)": _rounded(float(np.mean([fit.major_mm for _, fit in fits]))) if fits else None,
            "Mean minor axis (mm)": _rounded(float(np.mean([fit.minor_mm for _, fit in fits]))) if fits else None,
            "Mean confidence": _rounded(float(np.mean([entry.fit.confidence for entry in chosen if entry.fit])))
            if any(entry.fit for entry in chosen)
            else None,
        }
        row |= _center_line(chosen, [fit for _, fit in fits])
        rows.append(row)
    return rows


def _center_line(chosen: Sequence[FittedContour], fits: Sequence[EllipseFit]) -> Row:
    """Return the cells of the line through the centers of the slices."""
    centers = np.array([fit.center for fit in fits] if fits else [entry.contour.center for entry in chosen])
    line = None
    if len(centers) >= 3:
        line = fit_line(centers, robust=False)
    normal = np.array(chosen[0].contour.normal) if chosen else np.zeros(3)
    tilt = None
    if line is not None:
        tilt = float(np.degrees(np.arccos(min(1.0, abs(float(normal @ line.direction))))))
    return {
        "Center line length (mm)": None if line is None else _rounded(line.length_mm),
        **_direction("Center line", None if line is None else line.direction),
        "Center line tilt to the slices' normal (degree)": None if tilt is None else _rounded(tilt),
        "Center line residual mean (mm)": None if line is None else _rounded(line.residual_mean_mm),
    }


def _ellipse_cells(fit: EllipseFit | LineFit | None) -> Row:
    found = fit if isinstance(fit, EllipseFit) else None
    return {
        **_position("Ellipse center", None if found is None else np.array(found.center)),
        "Major axis (mm)": None if found is None else _rounded(found.major_mm),
        "Minor axis (mm)": None if found is None else _rounded(found.minor_mm),
        **_direction("Major axis", None if found is None else found.major_direction),
    }


def _line_cells(fit: EllipseFit | LineFit | None) -> Row:
    found = fit if isinstance(fit, LineFit) else None
    return {
        **_position("Line center", None if found is None else np.array(found.center)),
        "Line length (mm)": None if found is None else _rounded(found.length_mm),
        **_direction("Line", None if found is None else found.direction),
    }


def _position(what: str, lps: np.ndarray | None) -> Row:
    if lps is None:
        return {f"{what} {letter} (mm)": None for letter in "RAS"}
    ras = (-lps[0], -lps[1], lps[2])
    return {f"{what} {letter} (mm)": _rounded(value) for letter, value in zip("RAS", ras, strict=True)}


def _direction(what: str, lps: Sequence[float] | None) -> Row:
    if lps is None:
        return {f"{what} direction {letter}": None for letter in "RAS"}
    ras = (-lps[0], -lps[1], lps[2])
    return {f"{what} direction {letter}": _rounded(value) for letter, value in zip("RAS", ras, strict=True)}


def _rounded(value: float) -> float:
    return round(float(value), 4) + 0.0
