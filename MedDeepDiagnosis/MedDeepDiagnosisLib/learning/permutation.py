"""A test for leaks: with outcomes shuffled there is nothing to learn, and whatever is scored above chance leaked."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PermutationResult:
    """Scores with true and with shuffled outcomes.

    Attributes
    ----------
    observed:
        With the true outcomes.
    permuted:
        One for each shuffle.
    p_value:
        (1 + shuffles that score at least as well) / (1 + shuffles).
    """

    observed: float
    permuted: tuple[float, ...]
    p_value: float

    @property
    def mean(self) -> float:
        """Mean score with shuffled outcomes: chance, unless something leaks."""
        return float(np.mean(self.permuted))


def shuffled_outcomes(target: Array, *, seed: int) -> Array:
    """Return the outcomes in random order, over all rows.

    Rows of one patient get outcomes of different ones. So the mean score shows leaks, but where outcomes of a patient go
    together, shuffled scores scatter less than chance does, and a p value is too small: it is no test of significance.
    """
    return np.random.default_rng(seed).permutation(target)


def permutation_test(
    target: Array,
    cross_predict: Callable[[Array], Array],
    score: Callable[[Array, Array], float],
    *,
    repeats: int,
    seed: int,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> PermutationResult:
    """Repeat a whole validation with shuffled outcomes.

    Parameters
    ----------
    target:
        (N,) outcomes.
    cross_predict:
        From (N,) outcomes to (N,) out-of-fold predictions; everything that is learned must happen inside it.
    score:
        From outcomes and predictions to a figure that is larger when better, for example the AUC.
    repeats:
        How many shuffles.

    Raises
    ------
    Canceled
        If ``cancel`` was set.
    """
    observed = score(target, cross_predict(target))
    permuted = []
    for repeat in range(repeats):
        if cancel is not None:
            cancel.raise_if_canceled()
        progress(repeat / repeats, f"validating with shuffled outcomes, {repeat + 1} of {repeats}")
        shuffled = shuffled_outcomes(target, seed=seed + repeat)
        permuted.append(score(shuffled, cross_predict(shuffled)))
    better = sum(value >= observed for value in permuted)
    return PermutationResult(observed, tuple(permuted), (1 + better) / (1 + repeats))
