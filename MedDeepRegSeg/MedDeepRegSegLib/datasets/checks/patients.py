"""Patients whose cases are on two sides of the split."""

from collections.abc import Sequence

from MedDeepRegSegLib.datasets.checks.facts import CaseFacts
from MedDeepRegSegLib.datasets.checks.finding import Finding
from MedDeepRegSegLib.datasets.dataset import Dataset


def check(_facts: Sequence[CaseFacts], dataset: Dataset) -> list[Finding]:
    """Return an error for each case whose patient has another role elsewhere: the first role counts."""
    found = []
    roles: dict[str, tuple[str, str]] = {}
    for case in dataset.cases:
        if case.role == "unused":
            continue
        name, role = roles.setdefault(case.patient, (case.name, case.role))
        if role != case.role:
            found.append(
                Finding(
                    case=case.name,
                    check="patient in two roles",
                    severity="error",
                    what=f"patient {case.patient!r} is for {case.role} here and for {role} in {name!r}",
                    todo="give all cases of a patient the same role: draw the split anew",
                )
            )
    return found
