"""Which point of one list belongs to which point of another.

A point that was left out in one list must not shift the partners of those after it, so pairs are made of the
full lists, with their unplaced points, and only then are pairs left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from MedDeepRegSegLib.errors import InputError

Point = tuple[float, float, float]
ListedPoint = tuple[str, Point | None]
"""Name ("" without one) and position, LPS mm; None if the point is not placed."""

_NAMES_SHOWN = 5


@dataclass(frozen=True)
class PointPairs:
    """Points in the order of their pairs.

    Attributes
    ----------
    fixed, moving : tuple of (l, p, s)
        As many of each, LPS mm.
    note : str
        Which pairs were left out, for the user; "" if none was.
    """

    fixed: tuple[Point, ...]
    moving: tuple[Point, ...]
    note: str


def pair_points(
    fixed: Sequence[ListedPoint], moving: Sequence[ListedPoint], what_fixed: str, what_moving: str
) -> PointPairs:
    """Pair two lists by name if both have the same names, each once; else by their order.

    Parameters
    ----------
    fixed, moving:
        All points of the lists, also those that are not placed.
    what_fixed, what_moving:
        How the user calls the lists, for messages: names of files or nodes.

    Returns
    -------
    PointPairs
        In the order of ``fixed``. Pairs are left out where either point is not placed.

    Raises
    ------
    InputError
        If the lists share some names but not all (the missing ones are named), have different lengths, or no
        pair is placed.
    """
    fixed_names, moving_names = ([name for name, _ in points if name] for points in (fixed, moving))
    _check_names(fixed_names, moving_names, what_fixed, what_moving)
    if len(fixed) != len(moving):
        msg = (
            f"{len(fixed)} points in {what_fixed} and {len(moving)} in {what_moving}, expected as many in both: "
            "place the same points in the same order"
        )
        raise InputError(msg)
    partners = list(moving)
    if set(fixed_names) == set(moving_names) and len(set(fixed_names)) == len(fixed):
        by_name = {point[0]: point for point in moving}
        partners = [by_name[name] for name, _ in fixed]
    pairs = [(a, b) for (_, a), (_, b) in zip(fixed, partners, strict=True) if a is not None and b is not None]
    left_out = [
        repr(name) if name else f"number {index + 1}"
        for index, ((name, a), (_, b)) in enumerate(zip(fixed, partners, strict=True))
        if a is None or b is None
    ]
    if not pairs:
        msg = f"no point is placed in both {what_fixed} and {what_moving}, expected at least one pair: place the points"
        raise InputError(msg)
    note = f"points left out, because they are not placed in both lists: {_shown(left_out)}" if left_out else ""
    return PointPairs(tuple(a for a, _ in pairs), tuple(b for _, b in pairs), note)


def _check_names(fixed: Sequence[str], moving: Sequence[str], what_fixed: str, what_moving: str) -> None:
    """Refuse lists of which some names match: whether the others are meant to pair cannot be known."""
    if not set(fixed) & set(moving):
        return
    lacks = [
        f"{what} lacks {_shown(sorted(map(repr, set(others) - set(own))))}"
        for what, own, others in ((what_fixed, fixed, moving), (what_moving, moving, fixed))
        if set(others) - set(own)
    ]
    if lacks:
        msg = f"the lists share only some names ({'; '.join(lacks)}), expected the same names in both: add or rename points"
        raise InputError(msg)


def _shown(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMES_SHOWN]) + (", ..." if len(names) > _NAMES_SHOWN else "")
