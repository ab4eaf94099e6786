"""Cases that may be mirrored left to right. A suspicion only: nothing here can prove it.

Three signs are looked for: a class named *left* that lies on the right of its partner; a class that lies on the other side
than in nearly all other cases; and an image that is more alike to the other cases when it is mirrored, where the anatomy is
so lopsided that all others are clearly less alike when mirrored.
"""

import re
from collections.abc import Sequence

import numpy as np

from MedDeepRegSegLib.datasets.checks.facts import CaseFacts
from MedDeepRegSegLib.datasets.checks.finding import Finding
from MedDeepRegSegLib.datasets.dataset import Dataset

_ENOUGH_CASES = 5
_CLEARLY_OFF = 0.08  # of the width of the foreground, from its middle
_AGREE = 0.8
_CLEARLY_ALIKE = 0.02  # difference of correlations
_NEARLY = 0.7
_TODO = "look at the case in Slicer beside another one; if it is mirrored, correct it or leave it out"


def check(facts: Sequence[CaseFacts], dataset: Dataset) -> list[Finding]:
    """Return a warning for each case that is suspected to be mirrored, with the reason."""
    found: dict[str, Finding] = {}
    for case, what in [*_by_names(facts, dataset), *_by_place(facts, dataset), *_by_image(facts)]:
        found.setdefault(
            case, Finding(case=case, check="left and right", severity="warning", what=f"mirrored? {what}", todo=_TODO)
        )
    return list(found.values())


def partners(dataset: Dataset) -> list[tuple[int, int]]:
    """Return values of the left and the right of each pair of classes whose names differ by the side alone."""
    sides: dict[str, dict[str, int]] = {}
    for segment in dataset.classes:
        words = re.findall(r"[a-z0-9]+", segment.name.lower())
        short = {"l": "left", "lt": "left", "r": "right", "rt": "right"}
        side = [short.get(word, word) for word in words if short.get(word, word) in ("left", "right")]
        if len(side) == 1:
            rest = " ".join(word for word in words if short.get(word, word) != side[0])
            sides.setdefault(rest, {})[side[0]] = segment.value
    return [(pair["left"], pair["right"]) for pair in sides.values() if len(pair) == 2]


def _by_names(facts: Sequence[CaseFacts], dataset: Dataset) -> list[tuple[str, str]]:
    names = {segment.value: segment.name for segment in dataset.classes}
    return [
        (fact.case.name, f"{names[left]!r} lies to the right of {names[right]!r}")
        for fact in facts
        for left, right in partners(dataset)
        if left in fact.centers and right in fact.centers and fact.centers[left] < fact.centers[right] - 0.02
    ]


def _by_place(facts: Sequence[CaseFacts], dataset: Dataset) -> list[tuple[str, str]]:
    found = []
    for segment in dataset.classes:
        places = {fact.case.name: fact.centers[segment.value] for fact in facts if segment.value in fact.centers}
        if len(places) < _ENOUGH_CASES:
            continue
        for name, place in places.items():
            others = np.array([other for key, other in places.items() if key != name])
            usual = float(np.median(others))
            agree = np.mean(np.sign(others) == np.sign(usual))
            if abs(usual) > _CLEARLY_OFF and agree >= _AGREE and place * np.sign(usual) < -0.5 * abs(usual):
                side = "left" if usual > 0 else "right"
                found.append(
                    (name, f"{segment.name!r} lies on the other side than in the other cases ({side} of the middle)")
                )
    return found


def _by_image(facts: Sequence[CaseFacts]) -> list[tuple[str, str]]:
    views = {fact.case.name: fact.small for fact in facts if fact.small is not None}
    if len(views) < _ENOUGH_CASES:
        return []
    unit = {name: view / max(float(np.linalg.norm(view)), 1e-9) for name, view in views.items()}
    total = np.sum(list(unit.values()), axis=0)
    likeness = {}  # correlation with the mean of the others: as it is, and mirrored
    for name, view in unit.items():
        mean = total - view
        size = max(float(np.linalg.norm(mean)), 1e-9)
        likeness[name] = (float((view * mean).sum()) / size, float((view[..., ::-1] * mean).sum()) / size)
    found = []
    for name, (straight, mirrored) in likeness.items():
        others = np.array([pair for key, pair in likeness.items() if key != name])
        gains = others[:, 0] - others[:, 1]
        lopsided = np.mean(gains > _CLEARLY_ALIKE) >= _AGREE
        # Mirrored, it must be nearly as alike to the others as they are to each other: not merely unlike them.
        fits = mirrored > _NEARLY * float(np.median(others[:, 0]))
        gain = mirrored - straight
        if lopsided and fits and gain > max(_CLEARLY_ALIKE, _NEARLY * float(np.median(gains)) / 2):
            what = f"the image is more alike to the other cases when mirrored (correlation {mirrored:.2f} instead of {straight:.2f})"
            found.append((name, what))
    return found
