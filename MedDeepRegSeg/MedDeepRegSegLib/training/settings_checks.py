"""What the settings of all trainings refuse: each check names the first of some fields that no run can use."""

import math
from collections.abc import Callable

from MedDeepRegSegLib.errors import InputError


def check_counts(settings: object, *names: str) -> None:
    """Raise InputError unless these fields are 1 or more."""
    _check(settings, names, lambda value: value >= 1, "1 or more")


def check_fractions(settings: object, *names: str) -> None:
    """Raise InputError unless these fields are 0 to 1."""
    _check(settings, names, lambda value: 0 <= value <= 1, "a fraction from 0 to 1")


def check_positive(settings: object, *names: str) -> None:
    """Raise InputError unless these fields are positive and finite."""
    _check(settings, names, lambda value: 0 < value < math.inf, "more than 0 and finite")


def check_not_negative(settings: object, *names: str) -> None:
    """Raise InputError unless these fields are 0 or more, and finite."""
    _check(settings, names, lambda value: 0 <= value < math.inf, "0 or more, and finite")


def check_side(side: int, multiple: int, usual: int) -> None:
    """Raise InputError unless the side of a volume, voxels, is a multiple that has another one inside."""
    if side < 2 * multiple or side % multiple:
        msg = f"side is {side} voxels, expected a multiple of {multiple} from {2 * multiple}: choose {usual}"
        raise InputError(msg)


def _check(settings: object, names: tuple[str, ...], is_right: Callable[[float], bool], expected: str) -> None:
    for name in names:
        value = getattr(settings, name)
        if not is_right(value):
            msg = f"{name} is {value}, expected {expected}: correct it"
            raise InputError(msg)
