"""Settings of transforms: how often each is drawn, and from which range its numbers are drawn."""

import math
from dataclasses import dataclass

from MedDeepRegSegLib.errors import InputError

Range = tuple[float, float]
"""Lowest and highest value that is drawn, both included."""


@dataclass(frozen=True, kw_only=True)
class TransformSettings:
    """What the settings of all transforms have.

    Attributes
    ----------
    probability : float
        Of every sample to be changed so, from 0 to 1.
    """

    probability: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is no probability."""
        check_probability("probability", self.probability)


def check_probability(name: str, value: float) -> None:
    """Raise InputError unless a number is from 0 to 1."""
    if not 0 <= value <= 1:
        msg = f"{name} is {value:g}, expected 0 to 1: correct it"
        raise InputError(msg)


def check_range(name: str, values: Range, lowest: float, highest: float = math.inf) -> None:
    """Raise InputError unless a range is in order and within limits, both included."""
    low, high = values
    if not lowest <= low <= high <= highest:
        limits = f"from {lowest:g}" if math.isinf(highest) else f"within {lowest:g} to {highest:g}"
        msg = f"{name} is {low:g} to {high:g}, expected the lower number first and both {limits}: correct it"
        raise InputError(msg)
