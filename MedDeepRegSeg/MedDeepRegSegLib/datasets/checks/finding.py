"""What a check found."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]
"""``error``: the case is left out. ``warning``: look at it. ``note``: good to know."""

EVERY_CASE = "(all)"
"""Stands for the name of a case in findings on the whole dataset."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One row of the report.

    Attributes
    ----------
    case : str
        Name of the case, or ``(all)``.
    check : str
        Name of the check.
    severity : {"error", "warning", "note"}
    what : str
        What was found.
    todo : str
        What the user can do about it.
    """

    case: str
    check: str
    severity: Severity
    what: str
    todo: str
