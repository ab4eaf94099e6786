"""Files that cannot be read, are not finite, or hold several volumes."""

from collections.abc import Sequence

from MedDeepRegSegLib.datasets.checks.facts import CaseFacts
from MedDeepRegSegLib.datasets.checks.finding import Finding
from MedDeepRegSegLib.datasets.dataset import Dataset

_KINDS = (
    ("not finite", "voxels not finite"),
    ("frames", "several volumes in a file"),
    ("components", "several volumes in a file"),
    ("overlapping segments", "segments overlap"),
    ("fractional values", "labels not whole"),
    ("negative values", "labels not whole"),
    ("same value everywhere", "empty image"),
)


def check(facts: Sequence[CaseFacts], _dataset: Dataset) -> list[Finding]:
    """Return an error for each case that cannot be read, and notes on how others were."""
    found = []
    for fact in facts:
        if fact.unreadable:
            what, _, todo = fact.unreadable.rpartition(": ")
            kind = next((name for part, name in _KINDS if part in fact.unreadable), "unreadable")
            found.append(
                Finding(case=fact.case.name, check=kind, severity="error", what=what or todo, todo=todo or "replace it")
            )
        found += [
            Finding(case=fact.case.name, check="reading", severity="note", what=note, todo="compare it in Slicer")
            for note in fact.notes
        ]
        if fact.case.labels is None and not fact.unreadable:
            found.append(
                Finding(
                    case=fact.case.name,
                    check="no labels",
                    severity="note",
                    what="the case has no labels and is not used for training",
                    todo="draw its classes, or predict them and correct",
                )
            )
    return found
