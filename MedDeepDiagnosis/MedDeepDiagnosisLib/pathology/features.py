"""One thing that is measured, rated or known of a patient, and how its values are read and shown."""

import math
from dataclasses import dataclass
from typing import Literal

from MedDeepRegSegLib.errors import InputError

Group = Literal["measured", "rated", "clinical"]
"""Where a value comes from: see :class:`Feature`."""

MISSING_WORDS = frozenset({"", "na", "n/a", "nan", "none", "not given", "unknown"})
"""What stands for a missing value in tables, in lower case."""


def is_missing(cell: object) -> bool:
    """Return whether a cell of a table or a form says nothing, as an empty one or ``n/a`` does."""
    return cell is None or str(cell).strip().casefold() in MISSING_WORDS


@dataclass(frozen=True)
class RatingWord:
    """One step of a rating scale: the number that is stored and the word that a reader chooses."""

    value: int
    word: str


@dataclass(frozen=True)
class Feature:
    """One thing that is measured or rated.

    Attributes
    ----------
    name:
        Column name in tables and files.
    title, units, description:
        For people. ``units`` is empty for numbers without one and for ratings.
    group:
        ``measured`` by the extension from a segmentation; a sign ``rated`` by a reader; or ``clinical``, such as age, sex
        and history, from a table or a form.
    kind:
        ``number``; ``ordinal``, a rating whose steps have an order; ``category``, one whose steps have none.
    scale:
        How a number enters a model: as it is or as its logarithm.
    minimum, maximum:
        Smallest and largest plausible value (inclusive), in ``units``. Others are refused.
    words:
        The steps of a rating, empty for a number.
    required:
        Whether there is no assessment without it. Others may be missing.
    measurement:
        Name of the measurement of the extension that gives the value; None where there is none.
    relative_to:
        Name of the feature that this one is divided by before it enters a model, or None. Diameters of one lesion go
        together; relative to one of them they say shape, and the reasons of a prediction can be read one by one.
    never_above:
        Name of a number in the same units that this one cannot exceed in any shape, or None: a diameter in one slice
        is never above the largest in 3D. Values that do say that one of them is wrong.
    """

    name: str
    title: str
    units: str
    description: str
    group: Group
    kind: Literal["number", "ordinal", "category"]
    scale: Literal["linear", "log"]
    minimum: float
    maximum: float
    words: tuple[RatingWord, ...]
    required: bool
    measurement: str | None
    relative_to: str | None = None
    never_above: str | None = None

    @property
    def label(self) -> str:
        """Title with units, for example ``Volume (mm³)``."""
        return f"{self.title} ({self.units})" if self.units else self.title

    def parse(self, value: object) -> float:
        """Return a value of a table or a form as a number; NaN when it is missing.

        Parameters
        ----------
        value:
            A number, its text, or a word of the rating scale (upper and lower case alike). None, an empty text and
            words such as ``unknown`` mean missing.

        Raises
        ------
        InputError
            If the value is no number or word of the scale, or lies outside the plausible range.
        """
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return self._missing()
        text = str(value).strip()
        word = self._value_of_word(text)
        if word is None and text.lower() in MISSING_WORDS:
            return self._missing()
        number = self._number(text) if word is None else word
        allowed = {float(step.value) for step in self.words}
        if (self.words and number not in allowed) or not self.minimum <= number <= self.maximum:
            msg = f"{self.name} is {self._shown(text, number)}, expected {self.allowed_text}"
            raise InputError(msg)
        return number

    def display(self, number: float) -> str:
        """Return a value as a person writes it: with units, or as the word of the scale."""
        if math.isnan(number):
            return "not given"
        for step in self.words:
            if step.value == number:
                return f"{step.word} ({step.value})"
        return f"{number:.3g} {self.units}".strip() if abs(number) < 1000 else f"{number:.0f} {self.units}".strip()

    @property
    def allowed_text(self) -> str:
        """What values are allowed, in words."""
        if self.words:
            return "one of " + ", ".join(f"{step.value} ({step.word})" for step in self.words)
        return f"{self.minimum:g} to {self.maximum:g} {self.units}".strip()

    def _shown(self, text: str, number: float) -> str:
        """Return a refused number to 3 digits, unless it would then look as if it were allowed."""
        short = f"{number:.0f}" if 1000 <= abs(number) < 1e9 else f"{number:.3g}"
        return text if self.words or self.minimum <= float(short) <= self.maximum else short

    def _missing(self) -> float:
        if self.required:
            msg = f"{self.name} is missing, expected {self.allowed_text}: there is no assessment without it"
            raise InputError(msg)
        return math.nan

    def _value_of_word(self, text: str) -> float | None:
        for step in self.words:
            if step.word.casefold() == text.casefold():
                return float(step.value)
        return None

    def _number(self, text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            msg = f"{self.name} is {text[:60]!r}, expected {self.allowed_text}"
            raise InputError(msg)
        return number
