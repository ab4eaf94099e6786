"""Whether slices that tell their place in the patient make a volume, and which.

Slices are ordered by their place along their common normal, never by name or number. Even stacks are taken as they are. A
stack that is tilted against its normal (a gantry tilt), or whose slices lie at distances that change, is a volume too once
each slice is put at its own place: :mod:`~MedDeepRegSegLib.volumes.dicom_even` does that. Stacks with missing slices are
refused, with the places: nobody knows what was there.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.volumes.geometry import size_text

SPACING_TOLERANCE = 0.02
"""Part of the usual distance between slices by which one may differ; positions are often rounded to 0.01 mm."""

TILT_TOLERANCE_DEGREES = 0.2
LARGEST_TILT_DEGREES = 45.0
"""Gantries tilt by up to 30 degrees; slices farther off lie beside each other rather than above."""

LARGEST_STEP_MM = 12.0
"""Slices farther apart than that are not interpolated between where distances change."""

_LONGEST_RUN = 3
"""So many distances in a row that are larger than those about them count as missing slices; more as a coarser part."""

_GAPS_SHOWN = 4


@dataclass(frozen=True)
class Plane:
    """A slice in the patient.

    Attributes
    ----------
    name:
        Of its file or frame, for messages.
    size:
        Columns and rows.
    spacing:
        Distance of columns and of rows, mm.
    position:
        Center of its first pixel, LPS mm; empty where it is not told.
    orientation:
        Directions of its rows (of growing column) and columns, six numbers; empty where they are not told.
    number:
        Its number in the series (Instance Number); None where it has none.
    """

    name: str
    size: tuple[int, ...]
    spacing: tuple[float, ...]
    position: tuple[float, ...]
    orientation: tuple[float, ...]
    number: int | None = None


@dataclass(frozen=True)
class Stack:
    """Slices in order.

    Attributes
    ----------
    order:
        Indices of the planes from first to last along the normal.
    heights:
        (N,) distance of each, in this order, from the first along the normal, mm.
    sideways:
        (N, 2) how far each lies beside the first, along rows and columns, mm.
    origin:
        Center of the first pixel of the first slice, LPS mm.
    axes:
        (3, 3) unit vectors along rows, columns and normal, as columns.
    spacing:
        Of columns, rows and slices, mm; for slices the usual distance where they are not even.
    even:
        Whether slices lie straight above each other at one distance.
    said:
        What is not even, in words; empty for even stacks.
    notes:
        What else the user should know.
    """

    order: tuple[int, ...]
    heights: np.ndarray
    sideways: np.ndarray
    origin: np.ndarray
    axes: np.ndarray
    spacing: tuple[float, float, float]
    even: bool
    said: str
    notes: tuple[str, ...] = ()


def stack_planes(planes: Sequence[Plane], what: str) -> Stack:
    """Return slices in their order in space.

    Raises
    ------
    InputError
        If slices do not tell their place, differ in size, are not parallel, lie at one place, jump sideways, are missing, or
        are too far apart or too tilted to be put on an even grid.
    """
    _check_alike(planes, what)
    axes = np.array(planes[0].orientation).reshape(2, 3)
    axes = axes / np.linalg.norm(axes, axis=1, keepdims=True)
    normal = np.cross(*axes)
    places = np.array([plane.position for plane in planes])
    order = np.argsort(places @ normal, kind="stable")
    places = places[order]
    ordered = [planes[index] for index in order]
    heights = (places - places[0]) @ normal
    steps = np.diff(heights)
    _check_apart(steps, what)
    sideways = (places - places[0]) @ axes.T
    refused, said = _tilt(heights, sideways)
    gaps = find_gaps(steps)
    if gaps.any():
        refused.append(_missing(ordered, heights, float(places[0] @ normal), gaps))
    usual = float(np.median(steps))
    odd = bool((np.abs(steps - usual) > max(SPACING_TOLERANCE * usual, 0.01)).any())
    if odd and not gaps.any():
        said.append(f"the distance between them varies from {steps.min():.3g} to {steps.max():.3g} mm")
        if steps.max() > LARGEST_STEP_MM:
            refused.append(
                f"slices up to {steps.max():.3g} mm apart among others are too far to interpolate between, "
                f"expected at most {LARGEST_STEP_MM:g} mm"
            )
    if refused:
        told = "; ".join([*said, *refused])
        todo = "export the series again with all slices" if gaps.any() else "export the slices of one even stack"
        msg = f"{what}: the DICOM series is no regular volume: {told}: {todo}"
        raise InputError(msg)
    even = not said
    step = float(heights[-1] / len(steps)) if even else usual
    columns, rows = planes[0].spacing[:2]
    return Stack(
        order=tuple(int(index) for index in order),
        heights=heights,
        sideways=sideways,
        origin=places[0],
        axes=np.column_stack([*axes, normal]),
        spacing=(float(columns), float(rows), step),
        even=even,
        said=" and ".join(said),
        notes=tuple(_number_gaps(ordered)),
    )


def _check_alike(planes: Sequence[Plane], what: str) -> None:
    if len(planes) == 1:
        msg = f"{what} is a single DICOM slice ({planes[0].name}), expected a volume: pick the folder of a whole series"
        raise InputError(msg)
    lost = next((plane for plane in planes if len(plane.position) != 3 or len(plane.orientation) != 6), None)
    if lost is not None:
        msg = f"{what}: the DICOM slice {lost.name} does not tell its position in the patient: pick an axial series"
        raise InputError(msg)
    for name, values in (
        ("sizes", {plane.size[:2] for plane in planes}),
        ("pixel spacings", {plane.spacing[:2] for plane in planes}),
    ):
        if len(values) > 1:
            listed = ", ".join(size_text(value) for value in sorted(values))
            msg = f"{what}: the DICOM slices have different {name} ({listed}), expected one: remove the odd ones"
            raise InputError(msg)
    orientations = np.array([plane.orientation for plane in planes])
    turned = np.abs(orientations - orientations[0]).max(axis=1) > 1e-3
    if turned.any():
        msg = f"{what}: {int(turned.sum())} of {len(planes)} DICOM slices are not parallel to the first (a localizer?): remove them"
        raise InputError(msg)


def _check_apart(steps: np.ndarray, what: str) -> None:
    usual = float(np.median(steps))
    same = int((steps < 0.01 * max(usual, 1e-3)).sum())
    if same:
        msg = (
            f"{what}: {same} DICOM slice{'s lie' if same > 1 else ' lies'} at the place of another ({len(steps) + 1} in all), as with several time "
            "points, echoes or directions: keep the slices of one volume"
        )
        raise InputError(msg)


def _tilt(heights: np.ndarray, sideways: np.ndarray) -> tuple[list[str], list[str]]:
    """Return why slices that lie beside each other are refused, and what is said of a tilt."""
    line = np.outer(heights / heights[-1], sideways[-1])
    apart = float(np.linalg.norm(sideways - line, axis=1).max())
    degrees = float(np.degrees(np.arctan2(np.linalg.norm(sideways[-1]), heights[-1])))
    tilt = f"its slices are shifted sideways as from a gantry tilt of {degrees:.1f} degrees"
    if apart > 0.1:
        return [f"its slices jump sideways by up to {apart:.2f} mm"], []
    if degrees > LARGEST_TILT_DEGREES:
        return [f"{tilt}, expected at most {LARGEST_TILT_DEGREES:g}"], []
    return [], [tilt] if degrees > TILT_TOLERANCE_DEGREES else []


def find_gaps(steps: np.ndarray) -> np.ndarray:
    """Return where slices are missing between others: (N,) bool for distances (N,) in mm.

    A distance is a gap when it is more than 1.5 times what is usual about it: the lower median of it and three neighbors
    on each side. Four such distances in a row are a part that was scanned coarser, as the top of a head.
    """
    gaps = np.zeros(len(steps), bool)
    for index, step in enumerate(steps):
        near = np.sort(steps[max(0, index - _LONGEST_RUN) : index + _LONGEST_RUN + 1])
        gaps[index] = step > 1.5 * near[(len(near) - 1) // 2] + 0.01
    return gaps


def _missing(planes: Sequence[Plane], heights: np.ndarray, first: float, gaps: np.ndarray) -> str:
    """Return how many slices are missing, and between which."""
    steps = np.diff(heights)
    smallest = float(steps.min())
    unit = float(np.median(steps[steps < 1.05 * smallest]))
    multiples = np.rint(steps / unit)
    if (np.abs(steps / unit - multiples) < 0.1).all() and np.mean(multiples == 1) >= 0.3:
        gaps, count = multiples > 1, int((multiples - 1).sum())
    else:
        usual = float(np.median(steps[~gaps]))
        count = int(np.maximum(np.rint(steps[gaps] / usual) - 1, 1).sum())
    places = [
        f"{_place(planes[index], first + heights[index])} to {_place(planes[index + 1], first + heights[index + 1])}"
        for index in np.flatnonzero(gaps).tolist()
    ]
    shown = ", ".join(places[:_GAPS_SHOWN])
    more = f" and {len(places) - _GAPS_SHOWN} more gaps" if len(places) > _GAPS_SHOWN else ""
    named = f"{count} slice{'s are' if count > 1 else ' is'} missing"
    return f"{named} (slices are {smallest:.3g} to {steps.max():.3g} mm apart, gaps from {shown}{more})"


def _place(plane: Plane, height: float) -> str:
    numbered = "" if plane.number is None else f", image {plane.number}"
    return f"{plane.name} ({height:.1f} mm{numbered})"


def _number_gaps(planes: Sequence[Plane]) -> list[str]:
    """Return a remark where image numbers that run along the slices have gaps that the places do not have."""
    numbers = [plane.number for plane in planes if plane.number is not None]
    if len(numbers) != len(planes):
        return []
    steps = np.diff(np.array(numbers))
    if not ((steps > 0).all() or (steps < 0).all()) or np.mean(np.abs(steps) == 1) < 0.8:
        return []  # they count something else
    jumps = [sorted((numbers[index], numbers[index + 1])) for index in np.flatnonzero(np.abs(steps) > 1)]
    if not jumps:
        return []
    shown = ", ".join(f"{low} to {high}" for low, high in jumps[:_GAPS_SHOWN])
    return [f"the image numbers of the series jump ({shown}), the places of its slices show nothing missing"]
