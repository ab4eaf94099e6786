"""The box (ROI) that a structure stays in, while the user draws and drags it."""

import time

import slicer

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.markups import box_from_roi

REST_S = 0.3
"""How long a box stays where it is before what has grown follows it, s."""


def placing() -> bool:
    """Return whether the user places something, as the box: clicks are not for growing then."""
    interaction = slicer.app.applicationLogic().GetInteractionNode()
    return interaction is not None and interaction.GetCurrentInteractionMode() == interaction.Place


def placed(roi):
    """Return a ROI node, or None where it has no place yet."""
    return roi if roi is not None and roi.GetNumberOfDefinedControlPoints() > 0 else None


def corners_of(roi) -> tuple[float, ...] | None:
    """Return two opposite corners of the box of a ROI, LPS mm to 1e-3; None where there is none or it cannot be used."""
    if placed(roi) is None:
        return None
    try:
        low, high = box_from_roi(roi)
    except InputError:
        return None
    return tuple(round(float(part), 3) for part in (*low, *high))


class BoxWatch:
    """Tells when a box was moved and has come to rest; a drag would begin the structure anew all the time."""

    def __init__(self) -> None:
        self._corners: tuple[float, ...] | None = None
        self._since = 0.0

    def moved(self, roi, known: tuple[float, ...] | None) -> bool:
        """Return whether a box rests at other corners than the known ones; ask often."""
        corners, now = corners_of(roi), time.monotonic()
        if corners != self._corners:
            self._corners, self._since = corners, now
        return corners != known and now - self._since >= REST_S and not placing()
