"""Values of labels that stand for no class."""

from collections.abc import Sequence

from MedDeepRegSegLib.datasets.checks.facts import CaseFacts
from MedDeepRegSegLib.datasets.checks.finding import Finding
from MedDeepRegSegLib.datasets.dataset import Dataset
from MedDeepRegSegLib.wording import by_number, counted


def check(facts: Sequence[CaseFacts], _dataset: Dataset) -> list[Finding]:
    """Return an error for values that are no class, and a warning for segments that count as background."""
    found = []
    for fact in facts:
        if fact.unknown:
            found.append(
                Finding(
                    case=fact.case.name,
                    check="value without class",
                    severity="error",
                    what=f"the labels have the values {', '.join(map(str, fact.unknown[:8]))} that are no class",
                    todo="name them with --classes, there 'background' takes values that are to be dropped",
                )
            )
        found += [
            Finding(
                case=fact.case.name,
                check="value without class",
                severity="warning",
                what=f"{counted(count, 'voxel')} of the value {value} {by_number(count, 'belongs', 'belong')} to no class and "
                f"{by_number(count, 'counts', 'count')} as background",
                todo="name the value with --classes if it is a class",
            )
            for value, count in fact.dropped
        ]
    return found
