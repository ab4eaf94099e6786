"""Cases whose voxels, size or intensities are far from those of the others: robust z-scores.

The score is the distance from the median over 1.4826 times the median absolute deviation (Iglewicz and Hoaglin 1993). Sizes are
compared by their logarithm, so that half and double are as far. A floor keeps small differences of uniform data quiet.
"""

from collections.abc import Callable, Sequence

import numpy as np

from MedDeepRegSegLib.datasets.checks.facts import CaseFacts
from MedDeepRegSegLib.datasets.checks.finding import Finding, Severity
from MedDeepRegSegLib.datasets.dataset import Dataset
from MedDeepRegSegLib.datasets.fingerprint import CaseFingerprint

_FAR = 5.0
_ENOUGH_CASES = 5
_LEAST_LOG = 0.1  # 10 %
_CT_FLOOR = 15.0  # HU


def check(facts: Sequence[CaseFacts], dataset: Dataset) -> list[Finding]:
    """Return a warning for each case that is far from the others; none with fewer than five cases."""
    known = [(fact, fact.described) for fact in facts if fact.described is not None and not fact.unknown]
    if len(known) < _ENOUGH_CASES:
        return []
    cases = [described for _, described in known]
    found: list[Finding] = []

    def compare(
        check_name: str,
        of: Callable[[CaseFingerprint], float],
        *,
        unit: str,
        what: str,
        todo: str,
        floor: float | None = None,
        severity: Severity = "warning",
    ) -> None:
        values = np.array([of(case) for case in cases], float)
        scores = robust_scores(values if floor else np.log(np.maximum(values, 1e-6)), floor or _LEAST_LOG)
        for (fact, _), value, score in zip(known, values, scores, strict=True):
            if abs(score) > _FAR:
                text = f"{what} is {value:.4g}{unit}, the median of all cases is {np.median(values):.4g}{unit} (score {score:+.1f})"
                found.append(Finding(case=fact.case.name, check=check_name, severity=severity, what=text, todo=todo))

    sides = ("left-right", "front-back", "bottom-top")
    for axis, side in enumerate(sides):
        compare(
            "unusual spacing",
            lambda case, axis=axis: case.spacing_mm[axis],  # type: ignore[misc]
            unit=" mm",
            what=f"the size of a voxel {side}",
            todo="check that the header is right and that it is the same kind of scan",
        )
        compare(
            "unusual size",
            lambda case, axis=axis: case.size[axis] * case.spacing_mm[axis],  # type: ignore[misc]
            unit=" mm",
            what=f"the extent {side}",
            todo="check that it shows the same part of the body",
        )
    for number, channel in enumerate(dataset.channels):
        is_ct = np.mean([case.channels[number].modality == "CT" for case in cases]) > 0.5
        spread = max(float(np.median([case.channels[number].deviation for case in cases])), 1e-6)
        compare(
            "unusual intensity",
            lambda case, number=number: case.channels[number].mean,  # type: ignore[misc]
            unit=" HU" if is_ct else "",
            what=f"the mean intensity of {channel} inside of the labels",
            todo="check modality, contrast agent and rescaling" if is_ct else "check that it is the same kind of MR",
            floor=_CT_FLOOR if is_ct else 0.5 * spread,
            severity="warning" if is_ct else "note",  # scanners scale MR as they like
        )
        modalities = [case.channels[number].modality for case in cases]
        usual = max(set(modalities), key=modalities.count)
        for (fact, _), modality in zip(known, modalities, strict=True):
            if "unknown" not in {modality, usual} and modality != usual:
                found.append(
                    Finding(
                        case=fact.case.name,
                        check="unusual intensity",
                        severity="warning",
                        what=f"{channel} looks like {modality}, most cases look like {usual}",
                        todo="check that it is the right image",
                    )
                )
    return found


def robust_scores(values: np.ndarray, floor: float) -> np.ndarray:
    """Return the distance of each value from the median, in robust standard deviations of at least ``floor``."""
    middle = np.median(values)
    deviation = 1.4826 * np.median(np.abs(values - middle))
    return (values - middle) / max(float(deviation), floor)
