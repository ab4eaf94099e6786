"""What a report says, apart from how it looks.

All text is plain text: it is escaped when the report is rendered, so names from scenes and files are safe.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from MedDeepDiagnosisLib.models.prediction import STATEMENT


@dataclass(frozen=True)
class Fact:
    """A labeled value, for example ``Fact("Mean target registration error", "1.8 mm", "before 9.0 mm")``.

    Attributes
    ----------
    label, value, note:
        Shown as text; the value carries its units. ``note`` may be empty.
    """

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Picture:
    """A picture with what it shows.

    Attributes
    ----------
    pixels:
        (H, W, 3) or (H, W) uint8.
    caption:
        Below the picture.
    description:
        For readers who do not see it; the caption is used when empty.
    legend:
        Names and colors (red, green, blue in 0..1) of what is tinted or outlined.
    """

    pixels: NDArray[np.uint8]
    caption: str
    description: str = ""
    legend: tuple[tuple[str, tuple[float, float, float]], ...] = ()

    def __post_init__(self) -> None:
        """Check the pixels; raises ValueError."""
        shape_fits = self.pixels.ndim == 2 or (self.pixels.ndim == 3 and self.pixels.shape[2] == 3)
        if self.pixels.dtype != np.uint8 or not shape_fits or 0 in self.pixels.shape:
            msg = f"picture {self.caption!r} is {self.pixels.dtype} {self.pixels.shape}, expected uint8 (H, W) or (H, W, 3)"
            raise ValueError(msg)


@dataclass(frozen=True)
class PictureSection:
    """Pictures side by side, ``columns`` in a row."""

    title: str
    pictures: tuple[Picture, ...]
    text: str = ""
    columns: int = 2


@dataclass(frozen=True)
class TableSection:
    """A table.

    Attributes
    ----------
    columns:
        Titles, with units where all cells of a column share them, for example ``Volume (mm³)``.
    rows:
        One cell for each column. Numbers are shown with ``digits`` significant digits, texts as they are.
    notes:
        Below the table.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | float | int, ...], ...]
    text: str = ""
    notes: tuple[str, ...] = ()
    digits: int = 4

    def __post_init__(self) -> None:
        """Check the number of cells; raises ValueError."""
        for row in self.rows:
            if len(row) != len(self.columns):
                msg = f"table {self.title!r}: a row has {len(row)} cells, expected {len(self.columns)}"
                raise ValueError(msg)


@dataclass(frozen=True)
class TextSection:
    """Paragraphs, then facts, then a list."""

    title: str
    paragraphs: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()
    items: tuple[str, ...] = ()


@dataclass(frozen=True)
class Contributor:
    """What one feature adds to a prediction, in log-odds; positive raises the probability."""

    title: str
    value: str
    log_odds: float
    given: bool = True


@dataclass(frozen=True)
class PredictionSection:
    """A probability with interval and reasons.

    Attributes
    ----------
    outcome:
        What the probability is the probability of.
    probability, low, high:
        In [0, 1].
    interval_text:
        What the interval is, for example ``90 % interval, models refitted on resampled patients``.
    meaning:
        One sentence that puts the probability in words.
    abstention_reasons:
        If there are any, the report says first that there is no assessment, and why. The figure then follows in small
        type, without ``meaning`` and without a drawing.
    cautions:
        Further remarks.
    mean_case_probability:
        Where the contributions start.
    contributors:
        Strongest first.
    model_facts, model_columns, model_rows, model_note:
        Summary of the model card: facts, the table of scores, and a remark on them.
    reliability:
        Predicted probability, observed fraction and number of cases, in ascending order, for a small plot.
    statement:
        What this is not. Always shown.
    """

    title: str
    outcome: str
    probability: float
    low: float
    high: float
    interval_text: str
    meaning: str
    mean_case_probability: float
    contributors: tuple[Contributor, ...]
    statement: str
    abstention_reasons: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()
    model_facts: tuple[Fact, ...] = ()
    model_columns: tuple[str, ...] = ()
    model_rows: tuple[tuple[str, ...], ...] = ()
    model_note: str = ""
    reliability: tuple[tuple[float, float, int], ...] = ()

    def __post_init__(self) -> None:
        """Check the probabilities; raises ValueError."""
        if not 0 <= self.low <= self.probability <= self.high <= 1:
            msg = f"probability {self.probability} with interval [{self.low}, {self.high}], expected 0 <= low <= probability <= high <= 1"
            raise ValueError(msg)


Section = PictureSection | TableSection | TextSection | PredictionSection


@dataclass(frozen=True)
class Provenance:
    """How a report came about, so that it can be made again.

    Attributes
    ----------
    created:
        Day of the report; shown as year-month-day.
    versions:
        Name and version of software.
    inputs:
        Name of an input and its SHA-256 or other identity.
    seed, command:
        None and empty where there is none.
    """

    created: date
    versions: tuple[tuple[str, str], ...] = ()
    inputs: tuple[tuple[str, str], ...] = ()
    seed: int | None = None
    command: str = ""


@dataclass(frozen=True)
class Report:
    """A whole report.

    Attributes
    ----------
    title, subject:
        What the report is, and of whom or what (a pseudonym).
    summary:
        The few facts to see first.
    sections:
        In order.
    statement:
        What the report is not; shown at the top and on every printed page's end.
    """

    title: str
    subject: str
    sections: tuple[Section, ...]
    provenance: Provenance
    summary: tuple[Fact, ...] = ()
    statement: str = STATEMENT
