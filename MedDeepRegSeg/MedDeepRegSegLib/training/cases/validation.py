"""How good a network is on whole validation cases, on the grid it works with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from torch import nn

from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.prediction.metrics import dice
from MedDeepRegSegLib.prediction.sliding_window import class_labels
from MedDeepRegSegLib.training.cases.prepared import PreparedCase
from MedDeepRegSegLib.training.cases.settings import UNKNOWN, CaseTrainSettings

_OVERLAP = 0.25  # of windows: half of it would take eight times as long and changes Dice little


@dataclass(frozen=True, eq=False)
class CheckedCase:
    """What a network found in a case.

    Attributes
    ----------
    case : PreparedCase
    found : numpy.ndarray, shape (z, y, x)
        Most likely output at each voxel.
    dice : tuple of float or None
        Of each output from 1, where it was looked for and its truth is not empty; None elsewhere.
    """

    case: PreparedCase
    found: np.ndarray
    dice: tuple[float | None, ...]


def check_case(
    network: nn.Module, case: PreparedCase, settings: CaseTrainSettings, device: str, cancel: CancelToken
) -> CheckedCase:
    """Segment a case and compare it with the truth.

    Raises
    ------
    Canceled
        If ``cancel`` was set.
    """
    found = class_labels(
        network,
        np.ascontiguousarray(case.values, np.float32),
        patch=settings.patch,
        classes=settings.network.classes,
        overlap=_OVERLAP,
        device=device,
        cancel=cancel,
    )
    known = case.classes != UNKNOWN
    scores: list[float | None] = []
    for output in range(1, settings.network.classes):
        truth = case.classes == output
        counts = case.looked_for[output] and bool(truth.any())
        scores.append(dice(truth, (found == output) & known) if counts else None)
    return CheckedCase(case, found, tuple(scores))


def class_means(checked: Sequence[CheckedCase], names: Sequence[str]) -> dict[str, float]:
    """Return the mean Dice of each class over the cases that have it; NaN where none has."""
    means = {}
    for number, name in enumerate(names):
        scores = [score for one in checked if (score := one.dice[number]) is not None]
        means[name] = float(np.mean(scores)) if scores else float("nan")
    return means


def mean_score(means: Mapping[str, float]) -> float:
    """Return the mean over the classes that some case has; 0 where none has."""
    known = [score for score in means.values() if np.isfinite(score)]
    return float(np.mean(known)) if known else 0.0
