"""What is predicted: an outcome that is present or absent, a number, or a step of a scale."""

import math
from dataclasses import dataclass
from typing import Literal

from MedDeepDiagnosisLib.pathology.features import MISSING_WORDS, RatingWord
from MedDeepRegSegLib.errors import InputError


@dataclass(frozen=True)
class Target:
    """What is predicted.

    Attributes
    ----------
    name:
        Column of the outcome in training tables.
    title:
        What a probability is the probability of, or what a number is.
    positive, negative, left_out:
        Which cases count as present, as absent (of a binary outcome), and which are left out of learning.
    reference:
        Where the truth comes from, and what it is not.
    kind:
        ``binary``: 1 when present, 0 when not; ``number``; ``ordinal``, a step of a scale.
    units:
        Of a number.
    minimum, maximum:
        Smallest and largest possible value (inclusive) of a number or an ordinal; of an ordinal, None means its first
        and last step.
    words:
        The steps of an ordinal.
    """

    name: str
    title: str
    positive: str = ""
    negative: str = ""
    left_out: str = ""
    reference: str = ""
    kind: Literal["binary", "number", "ordinal"] = "binary"
    units: str = ""
    minimum: float | None = None
    maximum: float | None = None
    words: tuple[RatingWord, ...] = ()

    @property
    def lowest(self) -> float:
        """Smallest possible value; 0 for a binary outcome."""
        if self.minimum is not None:
            return self.minimum
        return float(min((step.value for step in self.words), default=0))

    @property
    def highest(self) -> float:
        """Largest possible value; 1 for a binary outcome."""
        if self.maximum is not None:
            return self.maximum
        return float(max((step.value for step in self.words), default=1))

    @property
    def steps(self) -> tuple[float, ...]:
        """The values of a scale, ascending: 0 and 1 of a binary outcome; empty for a number."""
        if self.kind == "binary":
            return (0.0, 1.0)
        return tuple(sorted(float(step.value) for step in self.words))

    @property
    def label(self) -> str:
        """Title with units."""
        return f"{self.title} ({self.units})" if self.units else self.title

    @property
    def allowed_text(self) -> str:
        """What values are allowed, in words."""
        if self.kind == "binary":
            return f"1 ({self.positive}) or 0"
        if self.kind == "ordinal":
            return "one of " + ", ".join(f"{step.value} ({step.word})" for step in self.words)
        return f"{self.lowest:g} to {self.highest:g} {self.units}".strip()

    def parse(self, value: object) -> float:
        """Return the outcome of a case as a number; NaN when it is missing.

        Raises
        ------
        InputError
            If it does not fit the kind of the target.
        """
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return math.nan
        text = str(value).strip()
        number = self._of_word(text)
        if number is None and text.casefold() in MISSING_WORDS:
            return math.nan
        if number is None:
            try:
                number = float(text)
            except ValueError:
                number = math.nan
        fits = self.lowest <= number <= self.highest and (not self.steps or number in self.steps)
        if isinstance(value, bool) or not fits:
            msg = f"{self.name} is {text[:60]!r}, expected {self.allowed_text}"
            raise InputError(msg)
        return number

    def display(self, number: float) -> str:
        """Return a value as a person writes it: with units, or between two steps of the scale as a number."""
        for step in self.words:
            if step.value == number:
                return f"{step.word} ({step.value})"
        return f"{number:.3g} {self.units}".strip()

    def _of_word(self, text: str) -> float | None:
        for step in self.words:
            if step.word.casefold() == text.casefold():
                return float(step.value)
        return None
