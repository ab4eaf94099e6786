"""The reasons of one prediction together with the check of whether they are faithful."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from MedDeepDiagnosisLib.reasons.faithfulness import Faithfulness, deletion_test
from MedDeepDiagnosisLib.reasons.predictor import Array, Predictor, thinned
from MedDeepDiagnosisLib.reasons.shapley import Attribution, planned_samples, shapley_values
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress, part_of

BACKGROUND_ROWS = 50
"""Cases of the background that a prediction is compared with."""


@dataclass(frozen=True, eq=False)
class Explanation:
    """What each feature adds, and whether that was shown to be faithful."""

    attribution: Attribution
    faithfulness: Faithfulness


def explain(
    predict: Predictor,
    row: Array,
    background: Array,
    *,
    seed: int,
    groups: Sequence[Sequence[int]] | None = None,
    background_rows: int = BACKGROUND_ROWS,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> Explanation:
    """Explain one prediction within about a second.

    Parameters
    ----------
    predict, row, groups:
        As for :func:`~MedDeepDiagnosisLib.reasons.shapley.shapley_values`.
    background:
        (M, F) training cases; at most ``background_rows`` of them are drawn by ``seed``. Where enumerating all sets for
        them would need more than the planned predictions, permutations are sampled.

    Raises
    ------
    ValueError
        As :func:`~MedDeepDiagnosisLib.reasons.shapley.shapley_values`.
    Canceled
        If ``cancel`` was set.
    """
    compared = thinned(np.asarray(background, dtype=np.float64), background_rows, seed=seed)
    count = len(groups) if groups is not None else np.shape(row)[-1]
    attribution = shapley_values(
        predict,
        row,
        compared,
        seed=seed,
        groups=groups,
        samples=planned_samples(count, len(compared)),
        progress=part_of(progress, 0.0, 0.7),
        cancel=cancel,
    )
    progress(0.7, "Checking whether the contributions are faithful")
    faithfulness = deletion_test(predict, row, attribution, compared, seed=seed, cancel=cancel)
    return Explanation(attribution, faithfulness)
