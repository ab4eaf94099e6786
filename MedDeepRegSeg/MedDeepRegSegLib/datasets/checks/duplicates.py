"""The same image in two cases: training would count it twice, and validation could be of an image that was learned."""

from collections.abc import Sequence

from MedDeepRegSegLib.datasets.checks.facts import CaseFacts
from MedDeepRegSegLib.datasets.checks.finding import Finding
from MedDeepRegSegLib.datasets.dataset import Dataset


def check(facts: Sequence[CaseFacts], _dataset: Dataset) -> list[Finding]:
    """Return an error for each case whose first image is that of a case before it."""
    found = []
    files: dict[tuple[str, tuple[int, ...]], CaseFacts] = {}
    voxels: dict[str, CaseFacts] = {}
    for fact in sorted(facts, key=lambda fact: (fact.case.labels is None, fact.case.name)):
        if fact.unreadable:
            continue
        same_file = files.setdefault((fact.content, fact.case.frames), fact)
        same_voxels = voxels.setdefault(fact.voxels, fact)
        if same_file is fact and same_voxels is fact:
            continue
        first, kind = (same_file, "file") if same_file is not fact else (same_voxels, "voxels in another file")
        found.append(
            Finding(
                case=fact.case.name,
                check="duplicate",
                severity="error",
                what=f"its first image is that of {first.case.name!r} (same {kind})",
                todo="remove one of the two; if one is named wrongly, find the right image",
            )
        )
    return found
