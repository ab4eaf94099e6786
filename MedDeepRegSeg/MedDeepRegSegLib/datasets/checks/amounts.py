"""Labels without voxels, or with strangely few of a class."""

from collections.abc import Sequence

import numpy as np

from MedDeepRegSegLib.datasets.checks.facts import CaseFacts
from MedDeepRegSegLib.datasets.checks.finding import EVERY_CASE, Finding
from MedDeepRegSegLib.datasets.dataset import Dataset
from MedDeepRegSegLib.wording import counted

_FEW_VOXELS = 10
_FEW_OF_USUAL = 0.05
_ENOUGH_CASES = 4


def check(facts: Sequence[CaseFacts], dataset: Dataset) -> list[Finding]:
    """Return what is missing or tiny: an error where a case has no labeled voxel at all."""
    found = []
    held: dict[int, list[float]] = {segment.value: [] for segment in dataset.classes}
    for fact in facts:
        if fact.described is not None:
            for amount in fact.described.classes:
                if amount.voxels:
                    held[amount.value].append(amount.volume_ml)
    for segment in dataset.classes:
        if facts and not held[segment.value]:
            found.append(
                Finding(
                    case=EVERY_CASE,
                    check="class without voxels",
                    severity="warning",
                    what=f"no case has a voxel of {segment.name!r}",
                    todo="draw it in some cases, or leave the class out",
                )
            )
    for fact in facts:
        if fact.described is None or fact.case.labels is None or fact.unknown:
            continue
        if not fact.present:
            found.append(
                Finding(
                    case=fact.case.name,
                    check="empty labels",
                    severity="error",
                    what="the labels have no voxel of any class",
                    todo="draw them; a case that truly has none of them can be kept with --keep-empty",
                )
            )
            continue
        for amount in fact.described.classes:
            usual = float(np.median(held[amount.value])) if len(held[amount.value]) >= _ENOUGH_CASES else 0.0
            if 0 < amount.voxels < _FEW_VOXELS or (amount.voxels and amount.volume_ml < _FEW_OF_USUAL * usual):
                compared = f", the median of all cases is {usual:.3g} ml" if usual else ""
                found.append(
                    Finding(
                        case=fact.case.name,
                        check="tiny label",
                        severity="warning",
                        what=f"{amount.name!r} has {counted(amount.voxels, 'voxel')} ({amount.volume_ml:.3g} ml){compared}",
                        todo="look for stray voxels or an unfinished drawing",
                    )
                )
    return found
