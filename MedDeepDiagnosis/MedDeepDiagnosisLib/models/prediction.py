"""Assess one case: probability with interval, the exact reasons, and when to abstain."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from MedDeepDiagnosisLib.models.additive import AdditiveModel
from MedDeepDiagnosisLib.models.metrics import probability_of
from MedDeepDiagnosisLib.models.model_folder import DiagnosisModel
from MedDeepDiagnosisLib.pathology import Feature, Pathology

STATEMENT = "Decision support for research; not a diagnosis."

WIDEST_INTERVAL = 0.4
"""An interval of the probability wider than this says too little to be shown as an assessment."""

INTERVAL_LEVEL = 0.9

LEAST_RATED_PART = 0.5
"""The model with rated signs is used when at least this part of the signs is given."""


@dataclass(frozen=True)
class Contribution:
    """What one feature adds.

    Attributes
    ----------
    value:
        As a person writes it, with units; ``not given`` when missing.
    log_odds:
        Added to the log-odds of the mean case of the training data; 0 for a missing feature.
    odds_factor:
        exp(log_odds): by how much the odds are multiplied.
    """

    feature: str
    title: str
    value: str
    given: bool
    log_odds: float
    odds_factor: float


@dataclass(frozen=True)
class Prediction:
    """The assessment of one case.

    Attributes
    ----------
    case:
        Its name.
    variant, variant_title, variant_reason:
        Which of the models was used, and why.
    target, reference:
        What the probability is the probability of, and where the truth that was learned comes from.
    probability, low, high, interval_level:
        With the interval from models refitted on resampled patients. It says how firmly the training data fix the
        model; it does not cover disagreement of readers or a differing population.
    mean_case_probability:
        Of the mean case of the training data, where the contributions start.
    abstains, cautions:
        Whether the figures must not be taken for an assessment, and why; other things to know.
    contributions:
        Strongest first. Their log-odds and the mean case's sum up to those of the probability exactly.
    """

    case: str
    pathology: str
    variant: str
    variant_title: str
    variant_reason: str
    target: str
    reference: str
    probability: float
    low: float
    high: float
    interval_level: float
    mean_case_probability: float
    abstains: bool
    abstention_reasons: tuple[str, ...]
    cautions: tuple[str, ...]
    contributions: tuple[Contribution, ...]
    statement: str
    model_software_version: str
    model_weights_sha256: str


def choose_variant(pathology: Pathology, values: Mapping[str, float]) -> tuple[str, str]:
    """Return the variant that fits what is given, and why.

    The variant with the most features is used if at least half of its rated signs are given; otherwise the first
    that needs none.
    """
    ranked = sorted(pathology.variants, key=lambda v: len(pathology.features_of(v.name)), reverse=True)
    for variant in ranked:
        rated = [feature for feature in pathology.features_of(variant.name) if feature.group == "rated"]
        given = sum(not np.isnan(values[feature.name]) for feature in rated)
        if not rated:
            return variant.name, "no or too few signs were rated, so only what was measured is used"
        if given >= LEAST_RATED_PART * len(rated):
            return variant.name, f"{given} of {len(rated)} signs were rated"
    return ranked[
        -1
    ].name, f"fewer than {100 * LEAST_RATED_PART:.0f} % of the signs were rated, but there is no model without them"


def predict_case(
    model: DiagnosisModel,
    raw_values: Mapping[str, object],
    *,
    case: str = "case",
    variant: str | None = None,
    cautions: tuple[str, ...] = (),
) -> Prediction:
    """Assess one case.

    Parameters
    ----------
    raw_values:
        Feature name to number, text or word of the rating scale. Other keys are ignored.
    variant:
        Which model to use; chosen by :func:`choose_variant` if None.
    cautions:
        To show beside those that are found here.

    Raises
    ------
    InputError
        If a value is implausible or a required one missing; the message names the feature and what is allowed.
    """
    pathology = model.pathology
    values = pathology.parse_values(raw_values)
    reason = "chosen by the user"
    if variant is None:
        variant, reason = choose_variant(pathology, values)
    chosen = pathology.variant(variant)
    fitted = model.variants[variant]
    row = np.array([[values[feature.name] for feature in fitted.encoding.features]])
    probability = float(fitted.predict(row)[0])
    low, high = _interval(fitted, row, probability)
    outside, missing = _outside_usual(fitted, row[0])
    reasons = [*outside, *pathology.contradictions(values)]
    if high - low > WIDEST_INTERVAL:
        reasons.append(
            f"the interval from {100 * low:.0f} % to {100 * high:.0f} % is wider than {100 * WIDEST_INTERVAL:.0f} %: the training data do not settle such a case"
        )
    description = model.description
    return Prediction(
        case=case,
        pathology=pathology.title,
        variant=variant,
        variant_title=chosen.title,
        variant_reason=reason,
        target=pathology.target.title,
        reference=pathology.target.reference,
        probability=probability,
        low=low,
        high=high,
        interval_level=INTERVAL_LEVEL,
        mean_case_probability=float(probability_of(np.array(fitted.intercept))),
        abstains=bool(reasons),
        abstention_reasons=tuple(reasons),
        cautions=(*cautions, *missing),
        contributions=_contributions(fitted, row),
        statement=STATEMENT,
        model_software_version=description.software_version,
        model_weights_sha256=description.weights_sha256,
    )


def _interval(fitted: AdditiveModel, row: np.ndarray, probability: float) -> tuple[float, float]:
    if not len(fitted.draw_intercepts):
        return 0.0, 1.0
    low, high = fitted.interval(row, level=INTERVAL_LEVEL)[0]
    return float(min(low, probability)), float(max(high, probability))


def _contributions(fitted: AdditiveModel, row: np.ndarray) -> tuple[Contribution, ...]:
    shares = fitted.contributions(row)[0]
    order = np.argsort(-np.abs(shares), kind="stable")
    features = fitted.encoding.features
    return tuple(
        Contribution(
            feature=features[index].name,
            title=features[index].title,
            value=_value_text(features, row[0], index),
            given=not np.isnan(row[0, index]),
            log_odds=float(shares[index]),
            odds_factor=float(np.exp(shares[index])),
        )
        for index in order
    )


def _value_text(features: tuple[Feature, ...], row: np.ndarray, index: int) -> str:
    feature, value = features[index], float(row[index])
    if feature.relative_to is None or np.isnan(value):
        return feature.display(value)
    reference = _reference(features, feature)
    return f"{feature.display(value)}, {value / row[reference]:.2f} × {lower_first(features[reference].title)}"


def lower_first(title: str) -> str:
    """Return a title as it stands within a sentence: ``largest diameter in 3D``."""
    return title[:1].lower() + title[1:]


def _outside_usual(fitted: AdditiveModel, row: np.ndarray) -> tuple[list[str], list[str]]:
    """Return reasons to abstain (a measured value beyond the training data) and cautions (missing signs)."""
    reasons, missing = [], []
    encoding = fitted.encoding
    compared = encoding.compared(row[None])[0]
    for index, (feature, value, usual) in enumerate(zip(encoding.features, compared, encoding.usual, strict=True)):
        if np.isnan(value):
            missing.append(lower_first(feature.title))
        elif feature.kind == "number" and not usual[0] <= value <= usual[1]:
            reasons.append(_outside_words(encoding.features, row, index, usual))
    cautions = [f"Not given, so without effect: {', '.join(missing)}"] if missing else []
    return reasons, cautions


def _outside_words(features: tuple[Feature, ...], row: np.ndarray, index: int, usual: np.ndarray) -> str:
    feature, low, high = features[index], float(usual[0]), float(usual[1])
    what = f"{lower_first(feature.title)} of {feature.display(float(row[index]))}"
    if feature.relative_to is None:
        span = f"{feature.display(low)} to {feature.display(high)}"
        return f"{what} lies outside of 99 % of the training cases ({span})"
    reference = _reference(features, feature)
    ratio = f"{row[index] / row[reference]:.2f} times the {lower_first(features[reference].title)}"
    return f"{what} is {ratio}, which lies outside of 99 % of the training cases ({low:.2f} to {high:.2f} times)"


def _reference(features: tuple[Feature, ...], feature: Feature) -> int:
    return next(number for number, other in enumerate(features) if other.name == feature.relative_to)
