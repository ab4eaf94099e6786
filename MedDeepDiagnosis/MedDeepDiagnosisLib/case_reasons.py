"""The reasons that a report gives for the prediction of one case, from the cases that the model learned from."""

from collections.abc import Mapping

import numpy as np

from MedDeepDiagnosisLib.cases import CaseTable
from MedDeepDiagnosisLib.models.fitted import FittedVariant
from MedDeepDiagnosisLib.models.model_folder import DiagnosisModel
from MedDeepDiagnosisLib.models.prediction import Prediction
from MedDeepDiagnosisLib.pathology import Target
from MedDeepDiagnosisLib.reasons.counterfactual import counterfactual, default_immutable
from MedDeepDiagnosisLib.reasons.faithfulness import deletion_test
from MedDeepDiagnosisLib.reasons.nearest import Scales, learn_scales, nearest_cases
from MedDeepDiagnosisLib.reasons.predictor import Array, Predictor
from MedDeepDiagnosisLib.reasons.shapley import Attribution
from MedDeepDiagnosisLib.reports.content import Section
from MedDeepDiagnosisLib.reports.reasons_sections import (
    Words,
    counterfactual_section,
    faithfulness_section,
    nearest_section,
)
from MedDeepDiagnosisLib.reports.rendering import format_percent
from MedDeepRegSegLib.jobs.progress import CancelToken

THRESHOLD = 0.5
"""Probability that a counterfactual has to cross."""


def reason_sections(
    model: DiagnosisModel,
    prediction: Prediction,
    raw_values: Mapping[str, object],
    *,
    cancel: CancelToken | None = None,
) -> tuple[tuple[Section, ...], tuple[str, ...]]:
    """Return sections on whether the contributions are faithful, the known cases most alike, and what would have to differ.

    A model without known cases and without a background has no such sections, a case without any value neither. Where
    the model abstains there is no assessment that could be otherwise.

    Parameters
    ----------
    raw_values:
        As they were predicted from, encoder features of the lesion too.

    Returns
    -------
    The sections, and what must be said beside the figure: that even the nearest known case is far, or is this very case.

    Raises
    ------
    Canceled
        If ``cancel`` was set.
    """
    fitted = model.variants[prediction.variant]
    parsed = model.pathology.parse_values(raw_values)
    row = np.array([parsed[feature.name] for feature in fitted.features])
    background = fitted.background if model.known is None else model.known.select([f.name for f in fitted.features])
    if not len(background) or np.isnan(row).all():
        return (), ()
    seed = model.description.training.seed
    predict, words = fitted.for_case(raw_values), _words(fitted.target)
    check = deletion_test(predict, row, _attribution(fitted, prediction), background, seed=seed, cancel=cancel)
    sections: list[Section] = [faithfulness_section(check, words=words)]
    notes: tuple[str, ...] = ()
    if model.known is not None:
        scales = learn_scales(fitted.features, model.known, cancel=cancel)
        nearest = nearest_cases(row, model.known, scales)
        sections.append(nearest_section(nearest, outcome=_outcome(fitted.target)))
        notes = (nearest.note,) if nearest.note else ()
        if fitted.target.kind == "binary" and not prediction.abstains:
            sections.append(_counterfactual(fitted, predict, row, scales, model.known, cancel=cancel))
    return tuple(sections), notes


def _attribution(fitted: FittedVariant, prediction: Prediction) -> Attribution:
    """Return the contributions that the report shows, in the order of the features."""
    shown = {part.feature: part.log_odds for part in prediction.contributions}
    values = np.array([shown.get(feature.name, 0.0) for feature in fitted.features])
    groups = tuple((number,) for number in range(len(values)))
    predicted = prediction.value if prediction.probability is None else prediction.probability
    return Attribution(groups, values, np.zeros(len(values)), 0.0, predicted or 0.0, prediction.contributions_exact, 0)


def _counterfactual(
    fitted: FittedVariant,
    predict: Predictor,
    row: Array,
    scales: Scales,
    known: CaseTable,
    *,
    cancel: CancelToken | None,
) -> Section:
    kept = default_immutable(fitted.features)
    values = known.select([feature.name for feature in fitted.features])
    found = counterfactual(predict, row, scales, values, threshold=THRESHOLD, immutable=kept, cancel=cancel)
    titles = tuple(feature.title for feature in fitted.features if feature.name in kept)
    return counterfactual_section(found, kept=titles)


def _words(target: Target) -> Words:
    return format_percent if target.kind == "binary" else target.display


def _outcome(target: Target) -> Words:
    if target.kind == "binary":
        return lambda value: "present" if value >= THRESHOLD else "absent"
    return target.display
