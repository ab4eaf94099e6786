"""Assess one case: probability or value with interval, conformal set, reasons, and when to abstain."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from MedDeepDiagnosisLib.learning.bands import band_at
from MedDeepDiagnosisLib.models.fitted import FittedVariant
from MedDeepDiagnosisLib.models.metrics import probability_of
from MedDeepDiagnosisLib.models.model_folder import DiagnosisModel
from MedDeepDiagnosisLib.pathology import Feature, Pathology
from MedDeepRegSegLib.wording import folded_name

Array = NDArray[np.float64]

STATEMENT = "Decision support for research; not a diagnosis."

WIDEST_INTERVAL = 0.4
"""An interval of the probability wider than this says too little to be shown as an assessment."""

INTERVAL_LEVEL = 0.9

LEAST_RATED_PART = 0.5
"""A model with rated signs or clinical features is used when at least this part of each is given."""

REASON_EVALUATIONS = 8_000
"""Predictions that the reasons of one case may take: half a second for the learners here."""

_FILLED_IN = {"rated": "signs were rated", "clinical": "clinical features were given"}


@dataclass(frozen=True)
class Contribution:
    """What one feature adds.

    Attributes
    ----------
    value:
        As a person writes it, with units; ``not given`` when missing.
    log_odds:
        Added to the log-odds of the mean case of the training data; for a number or a step of a scale, added to the
        mean prediction, in its units. 0 for a missing feature of an additive model.
    odds_factor:
        exp(log_odds): by how much the odds are multiplied; 1 for a number.
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
    variant, variant_title, variant_reason, learner:
        Which of the models was used, why, and what kind it is.
    kind:
        Whether a probability (``binary``) or a value (``number``, ``ordinal``) is predicted.
    target, units, reference:
        What the probability is the probability of, or what the value is, and where the truth that was learned comes
        from.
    probability:
        Of a binary outcome, else None.
    value:
        Expected value of a number or of the steps of a scale, in ``units``; None for a binary outcome.
    low, high, interval_level, interval_text:
        Bounds of the probability or value, and what they are. For a number they are the conformal interval, which
        holds the truth at that rate. For a probability they say how firmly the training data fix it; they cover
        neither the disagreement of readers nor a differing population.
    conformal_level, conformal_set:
        Which outcomes, ``present`` and ``absent``, a set that holds the truth at that rate must hold; both or none
        mean that the case is not settled. Empty for a number.
    mean_case_probability:
        Of the mean case of the training data, where the contributions start; with the lesion's image of this case if the
        model uses it. None for a number.
    mean_case_value:
        The same of a number; None for a probability.
    abstains, abstention_reasons, cautions:
        Whether the figures must not be taken for an assessment, and why; other things to know.
    contributions:
        Strongest first. Their log-odds and the mean case's sum up to those of the probability.
    contributions_exact:
        Whether the model is a sum of them; else they are Shapley values.
    """

    case: str
    pathology: str
    variant: str
    variant_title: str
    variant_reason: str
    learner: str
    kind: Literal["binary", "number", "ordinal"]
    target: str
    units: str
    reference: str
    probability: float | None
    value: float | None
    low: float
    high: float
    interval_level: float
    interval_text: str
    conformal_level: float
    conformal_set: tuple[Literal["present", "absent"], ...]
    mean_case_probability: float | None
    mean_case_value: float | None
    abstains: bool
    abstention_reasons: tuple[str, ...]
    cautions: tuple[str, ...]
    contributions: tuple[Contribution, ...]
    contributions_exact: bool
    statement: str
    model_software_version: str
    model_weights_sha256: str


def choose_variant(pathology: Pathology, values: Mapping[str, float]) -> tuple[str, str]:
    """Return the variant that fits what is given, and why.

    The variant with the most features is used if at least half of its rated signs and half of its clinical features
    are given; otherwise the next one.
    """
    ranked = sorted(pathology.variants, key=lambda v: len(pathology.features_of(v.name)), reverse=True)
    for variant in ranked:
        features = pathology.features_of(variant.name)
        counts = []
        for group, word in _FILLED_IN.items():
            asked = [feature for feature in features if feature.group == group]
            if asked:
                given = sum(not np.isnan(values[feature.name]) for feature in asked)
                counts.append((given, len(asked), word))
        if not counts:
            return variant.name, "too few signs or clinical features were given, so only what was measured is used"
        if all(given >= LEAST_RATED_PART * count for given, count, _ in counts):
            return variant.name, " and ".join(f"{given} of {count} {word}" for given, count, word in counts)
    return (
        ranked[-1].name,
        f"fewer than {100 * LEAST_RATED_PART:.0f} % of the signs or clinical features were given, but there is no model without them",
    )


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
    row = np.array([[values[feature.name] for feature in fitted.features]])
    predict = fitted.for_case(raw_values)
    predicted = float(predict(row)[0])
    binary = pathology.target.kind == "binary"
    low, high, interval_text = _interval(fitted, row, predicted)
    outside, missing = _outside_usual(fitted, row[0])
    reasons = [*outside, *pathology.contradictions(values)]
    if binary and high - low > WIDEST_INTERVAL:
        reasons.append(
            f"the interval from {100 * low:.0f} % to {100 * high:.0f} % is wider than {100 * WIDEST_INTERVAL:.0f} %: the training data do not settle such a case"
        )
    held = _conformal_set(fitted, predicted)
    level = _conformal_level(fitted)
    if binary and len(held) != 1:
        reasons.append(_unsettled(held, level))
    missing = [*_without_effect(pathology, fitted, values), *missing]
    contributions, start = _contributions(fitted, row, predict)
    description = model.description
    return Prediction(
        case=case,
        pathology=pathology.title,
        variant=variant,
        variant_title=chosen.title,
        variant_reason=reason,
        learner=fitted.learner,
        kind=pathology.target.kind,
        target=pathology.target.title,
        units=pathology.target.units,
        reference=pathology.target.reference,
        probability=predicted if binary else None,
        value=None if binary else predicted,
        low=low,
        high=high,
        interval_level=INTERVAL_LEVEL if binary else level,
        interval_text=interval_text,
        conformal_level=level,
        conformal_set=held,
        mean_case_probability=float(probability_of(np.array(start))) if binary else None,
        mean_case_value=None if binary else start,
        abstains=bool(reasons),
        abstention_reasons=tuple(reasons),
        cautions=(*cautions, *missing),
        contributions=contributions,
        contributions_exact=fitted.additive is not None,
        statement=STATEMENT,
        model_software_version=description.software_version,
        model_weights_sha256=description.weights_sha256,
    )


def _interval(fitted: FittedVariant, row: Array, predicted: float) -> tuple[float, float, str]:
    """Return the bounds of a prediction, which they hold, and what they are."""
    if fitted.record.intervals is not None:
        low, high = fitted.record.intervals.intervals(np.array([predicted]))[0]
        level = fitted.record.intervals.level
        return float(low), float(high), f"holds the true value in {100 * level:.0f} % of cases like those learned from"
    additive = fitted.additive
    if additive is not None and len(additive.draw_intercepts):
        low, high = additive.interval(row, level=INTERVAL_LEVEL)[0]
        text = "from models refitted on resampled patients"
        return float(min(low, predicted)), float(max(high, predicted)), text
    if len(fitted.band):
        return *band_at(fitted.band, predicted), "of what was observed in cases of like prediction"
    return 0.0, 1.0, "not known"


def _without_effect(pathology: Pathology, fitted: FittedVariant, values: Mapping[str, float]) -> list[str]:
    """Say what was given that the model which was chosen does not use."""
    used = {feature.name for feature in fitted.features}
    given = [f for f in pathology.features if f.name not in used and not np.isnan(values[f.name])]
    if not given:
        return []
    names = ", ".join(_titled(feature) for feature in given)
    return [
        f"Given, but without effect on the model: {names}. The model that uses such values needs at least "
        f"{100 * LEAST_RATED_PART:.0f} % of the signs that it knows, and of the clinical features; guidelines use what "
        "they ask for all the same"
    ]


def _conformal_set(fitted: FittedVariant, predicted: float) -> tuple[Literal["present", "absent"], ...]:
    if fitted.record.sets is None:
        return ()
    absent, present = fitted.record.sets.sets(np.array([predicted]))[0]
    names: list[Literal["present", "absent"]] = []
    if present:
        names.append("present")
    if absent:
        names.append("absent")
    return tuple(names)


def _conformal_level(fitted: FittedVariant) -> float:
    widths = fitted.record.sets or fitted.record.intervals
    return INTERVAL_LEVEL if widths is None else widths.level


def _unsettled(held: tuple[str, ...], level: float) -> str:
    rate = f"{100 * level:.0f} %"
    if held:
        return (
            f"the model cannot tell: neither present nor absent can be ruled out, if that is to be right in {rate} of "
            "cases"
        )
    return f"the case is unlike those learned from: neither present nor absent fits as it does in {rate} of them"


def _contributions(
    fitted: FittedVariant, row: Array, predict: Callable[[Array], Array]
) -> tuple[tuple[Contribution, ...], float]:
    """Return what each feature adds, and the log-odds or the number that it is added to.

    ``predict`` sees the lesion's image of this case, whatever the features: so they sum up to what was predicted.
    """
    binary = fitted.target.kind == "binary"
    additive = fitted.additive
    if additive is not None:
        shares, start = additive.contributions(row)[0], additive.intercept
    else:
        from MedDeepDiagnosisLib.reasons import on_log_odds, planned_samples, shapley_values

        scale = on_log_odds(predict) if binary else predict
        samples = planned_samples(row.shape[1], len(fitted.background), evaluations=REASON_EVALUATIONS)
        found = shapley_values(scale, row[0], fitted.background, seed=0, samples=samples)
        shares, start = found.values, found.base
    order = np.argsort(-np.abs(shares), kind="stable")
    return tuple(
        Contribution(
            feature=fitted.features[index].name,
            title=fitted.features[index].title,
            value=_value_text(fitted.features, row[0], index),
            given=not np.isnan(row[0, index]),
            log_odds=float(shares[index]),
            odds_factor=float(np.exp(shares[index])) if binary else 1.0,
        )
        for index in order
    ), float(start)


def _value_text(features: tuple[Feature, ...], row: np.ndarray, index: int) -> str:
    feature, value = features[index], float(row[index])
    if feature.relative_to is None or np.isnan(value):
        return feature.display(value)
    reference = _reference(features, feature)
    return f"{feature.display(value)}, {value / row[reference]:.2f} × {lower_first(features[reference].title)}"


def lower_first(title: str) -> str:
    """Return a title as it stands within a sentence: ``largest diameter in 3D``."""
    return title[:1].lower() + title[1:]


def _outside_usual(fitted: FittedVariant, row: np.ndarray) -> tuple[list[str], list[str]]:
    """Return reasons to abstain (a measured value beyond the training data) and cautions (missing signs)."""
    reasons, missing = [], []
    compared = fitted.compared(row[None])[0]
    for index, (feature, value, usual) in enumerate(zip(fitted.features, compared, fitted.usual, strict=True)):
        if np.isnan(value):
            missing.append(_titled(feature))
        elif feature.kind == "number" and not usual[0] <= value <= usual[1]:
            reasons.append(_outside_words(fitted.features, row, index, usual))
    # Of other models than the additive one, what is missing has an effect: other cases, with which it is compared, have it.
    what = "Not given, so without effect" if fitted.additive is not None else "Not given, so taken as usual"
    cautions = [f"{what}: {', '.join(missing)}"] if missing else []
    return reasons, cautions


def _titled(feature: Feature) -> str:
    """Return the title of a feature, and the column of a table where that has another name."""
    title = lower_first(feature.title)
    alike = folded_name(title) == folded_name(feature.name)
    return title if alike else f"{title} (column {feature.name})"


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
