"""What the models of a pathology rely on: how much worse they get on patients not learned from, when a feature is taken from
another patient. See :mod:`MedDeepDiagnosisLib.reasons.importance`.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from MedDeepDiagnosisLib.cases import CaseTable
from MedDeepDiagnosisLib.models.metrics import auc, pearson
from MedDeepDiagnosisLib.models.validation import Validation
from MedDeepDiagnosisLib.pathology import Feature
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress

LESION_TITLE = "Image of the lesion"

_REPEATS = 5


@dataclass(frozen=True)
class FeatureImportance:
    """What taking one feature from other patients costs the model of a variant.

    Attributes
    ----------
    variant, title:
        Of which model, and which feature; the features of the lesion's image count as one.
    score:
        What gets worse: the area under the ROC curve, or Pearson's correlation.
    drop, low, high:
        By how much, with the 95 % interval over patients and repeats. About 0: the model does as well without.
    """

    variant: str
    title: str
    score: Literal["AUC", "R"]
    drop: float
    low: float
    high: float


def relied_on(
    validation: Validation,
    table: CaseTable,
    features: tuple[Feature, ...],
    *,
    seed: int,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> tuple[FeatureImportance, ...]:
    """Return the importance of each feature to the models of the folds of a variant, most important first.

    Every case is predicted by the model that has not seen its patient.

    Raises
    ------
    Canceled
        If ``cancel`` was set.
    """
    from MedDeepDiagnosisLib.reasons.importance import permutation_importance

    values = table.learning_values([feature.name for feature in features])
    # The number of the fold goes along as the last column, so that each row finds its model however rows are asked for.
    with_fold = np.column_stack([values, validation.folds])

    def predict(rows: NDArray[np.float64]) -> NDArray[np.float64]:
        predicted = np.empty(len(rows))
        for fold, model in validation.models.items():
            own = rows[:, -1] == fold
            if own.any():
                predicted[own] = model(rows[own, :-1])
        return predicted

    groups: list[tuple[int, ...]] = [(number,) for number in range(len(features))]
    titles = [feature.title for feature in features]
    if values.shape[1] > len(features):
        groups.append(tuple(range(len(features), values.shape[1])))
        titles.append(LESION_TITLE)
    binary = validation.binary is not None
    found = permutation_importance(
        predict,
        with_fold,
        table.target,
        table.patients,
        auc if binary else pearson,
        seed=seed,
        groups=[*groups, (values.shape[1],)],
        repeats=_REPEATS,
        progress=progress,
        cancel=cancel,
    )
    importances = [
        FeatureImportance(validation.name, title, "AUC" if binary else "R", one.drop, one.low, one.high)
        for title, one in zip(titles, found, strict=False)  # without the fold
    ]
    return tuple(sorted(importances, key=lambda one: -one.drop))
