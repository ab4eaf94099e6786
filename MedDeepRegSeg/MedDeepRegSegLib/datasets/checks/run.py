"""Runs all checks on a dataset, and leaves out the cases that cannot be used."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from MedDeepRegSegLib.datasets.checks import amounts, duplicates, grids, outliers, patients, reading, sides, unnamed
from MedDeepRegSegLib.datasets.checks.facts import CaseFacts, gather
from MedDeepRegSegLib.datasets.checks.finding import EVERY_CASE, Finding
from MedDeepRegSegLib.datasets.dataset import Dataset
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress, part_of

CHECKS = (reading, grids, amounts, unnamed, duplicates, patients, outliers, sides)
"""Each has ``check(facts, dataset) -> list of Finding``."""

_ORDER = {"error": 0, "warning": 1, "note": 2}


@dataclass(frozen=True, eq=False)
class Checked:
    """What the checks found.

    Attributes
    ----------
    dataset : Dataset
        Cases with errors are left out, with the reason.
    facts : tuple of CaseFacts
        In the order of the cases.
    findings : tuple of Finding
        Errors first.
    """

    dataset: Dataset
    facts: tuple[CaseFacts, ...]
    findings: tuple[Finding, ...]


def check_dataset(
    dataset: Dataset,
    *,
    more: Sequence[Finding] = (),
    keep_empty: bool = False,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> Checked:
    """Read all cases once, check them, and leave out those with errors.

    Parameters
    ----------
    dataset : Dataset
    more : sequence of Finding
        Findings from before, for the same report.
    keep_empty : bool
        Whether cases without any labeled voxel are kept: truly none of the classes is there.
    progress, cancel
        As everywhere.
    """
    facts = []
    for number, case in enumerate(dataset.cases):
        progress(number / len(dataset.cases), f"Checking {case.name}")
        if cancel is not None:
            cancel.raise_if_canceled()
        part = part_of(progress, number / len(dataset.cases), (number + 1) / len(dataset.cases))
        facts.append(gather(case, dataset, progress=part, cancel=cancel))
    findings = [*more]
    for module in CHECKS:
        findings += module.check(facts, dataset)
    if keep_empty:
        findings = [
            replace(found, severity="note", todo="nothing, it was asked to keep it")
            if found.check == "empty labels"
            else found
            for found in findings
        ]
    findings.sort(key=lambda found: (_ORDER[found.severity], found.case != EVERY_CASE, found.case, found.check))
    reasons: dict[str, str] = {}
    for found in findings:
        if found.severity == "error":
            reasons.setdefault(found.case, f"{found.check}: {found.what}")
    cases = tuple(
        replace(case, role="unused", left_out=reasons[case.name]) if case.name in reasons else case
        for case in dataset.cases
    )
    progress(1.0, "Checked the cases")
    return Checked(replace(dataset, cases=cases), tuple(facts), tuple(findings))
