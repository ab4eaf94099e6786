"""Fitted contours as lines to draw on slices, and as markups of 3D Slicer."""

from collections.abc import Sequence

import numpy as np

from MedDeepRegSegLib.segmentation.contour_fits import FittedContour
from MedDeepRegSegLib.segmentation.contours import resampled
from MedDeepRegSegLib.segmentation.ellipse_fitting import EllipseFit
from MedDeepRegSegLib.segmentation.line_fitting import LineFit
from MedDeepRegSegLib.segmentation.overlay_text import WHITE, Color
from MedDeepRegSegLib.segmentation.projection import DrawnLine
from MedDeepRegSegLib.segmentation.segments import Segment
from MedDeepRegSegLib.volumes.curve_files import Markup

# Worse fits are in the table, but would only clutter a picture.
_LEAST_ELLIPSE, _LEAST_LINE = 0.6, 0.25
_LEAST_LENGTH = 0.4  # of the longest contour of its structure in the slice
_ELLIPSE_POINTS = 24
_MOST_POINTS = 80
_POINT_DISTANCE_MM = 3.0


def drawn_lines(
    fitted: Sequence[FittedContour], segments: Sequence[Segment]
) -> tuple[list[DrawnLine], list[DrawnLine], list[tuple[str, Color]]]:
    """Return the contours in the colors of their structures, their curves in white, and the legend."""
    colors = {segment.name: segment.color for segment in segments}
    lines = [
        DrawnLine(entry.contour.points, entry.contour.slice_index, colors[entry.name], entry.contour.closed)
        for entry in fitted
    ]
    curves: list[DrawnLine] = []
    for entry in _main(fitted):
        number, fit = entry.contour.slice_index, entry.fit
        if isinstance(fit, EllipseFit) and fit.confidence >= _LEAST_ELLIPSE:
            curves.append(DrawnLine(fit.points(), number, WHITE))
            curves += [DrawnLine(fit.axis_ends(which), number, WHITE, closed=False) for which in ("major", "minor")]
        elif isinstance(fit, LineFit) and fit.confidence >= _LEAST_LINE:
            curves.append(DrawnLine(fit.ends, number, WHITE, closed=False))
    return lines, curves, [(segment.name, segment.color) for segment in segments]


def markups_of(
    fitted: Sequence[FittedContour], segments: Sequence[Segment], most: int
) -> tuple[list[Markup], list[Markup], int]:
    """Return contours and fitted curves as markups, and the number of contours that were left out.

    Parameters
    ----------
    fitted:
        Contours with their curves.
    segments:
        Structures and their colors.
    most:
        Largest number of slices of a structure, evenly spread; small contours of a slice are left out.
    """
    outlines: list[Markup] = []
    curves: list[Markup] = []
    for segment in segments:
        own = [entry for entry in fitted if entry.name == segment.name]
        for entry in _spread(own, most):
            contour, name = entry.contour, f"{segment.name} slice {entry.contour.slice_index}"
            count = int(np.clip(contour.length_mm / _POINT_DISTANCE_MM, 16, _MOST_POINTS))
            kind = "ClosedCurve" if contour.closed else "Curve"
            outlines.append(Markup(kind, name, resampled(contour, count), segment.color))  # type: ignore[arg-type]
            fit = entry.fit
            if isinstance(fit, EllipseFit):
                curves.append(Markup("ClosedCurve", f"{name} ellipse", fit.points(_ELLIPSE_POINTS), WHITE))
                curves.append(Markup("Line", f"{name} major axis", fit.axis_ends("major"), segment.color))
                curves.append(Markup("Line", f"{name} minor axis", fit.axis_ends("minor"), segment.color))
            elif fit is not None:
                curves.append(Markup("Line", f"{name} line", fit.ends, segment.color))
    return outlines, curves, len(fitted) - len(outlines)


def _spread(entries: Sequence[FittedContour], most: int) -> list[FittedContour]:
    """Return the main contours of up to ``most`` slices, evenly spread."""
    main = _main(entries)
    numbers = sorted({entry.contour.slice_index for entry in main})
    chosen = np.unique(np.linspace(0, len(numbers) - 1, min(most, len(numbers))).round().astype(int))
    shown = {numbers[at] for at in chosen.tolist()}
    return [entry for entry in main if entry.contour.slice_index in shown]


def _main(entries: Sequence[FittedContour]) -> list[FittedContour]:
    """Return the longest contour of each structure in each slice, and those not much shorter (both eyes, both lungs)."""
    longest: dict[tuple[str, int], float] = {}
    for entry in entries:
        key = (entry.name, entry.contour.slice_index)
        longest[key] = max(longest.get(key, 0.0), entry.contour.length_mm)
    return [
        entry
        for entry in entries
        if entry.contour.length_mm >= _LEAST_LENGTH * longest[entry.name, entry.contour.slice_index]
    ]
