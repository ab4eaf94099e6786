"""The sections of a report that show a prediction: result and reasons, values, limits."""

from MedDeepDiagnosisLib.models.metrics import NumberScores
from MedDeepDiagnosisLib.models.model_card import estimate_text, score_columns, score_rows
from MedDeepDiagnosisLib.models.model_folder import DiagnosisModel
from MedDeepDiagnosisLib.models.prediction import Prediction
from MedDeepDiagnosisLib.reports.content import (
    Contributor,
    Fact,
    PredictionSection,
    Section,
    TableSection,
    TextSection,
)
from MedDeepDiagnosisLib.reports.rendering import format_percent


def prediction_section(
    prediction: Prediction, model: DiagnosisModel, *, title: str = ""
) -> PredictionSection | TableSection:
    """Return the section with probability, interval, reasons and the summary of the model card.

    A number or a step of a scale has a table instead, with its interval and what each feature adds.
    """
    heading = title or f"Assessment: {prediction.pathology.lower()}"
    if prediction.probability is None or prediction.mean_case_probability is None:
        return _number_section(prediction, model, heading)
    description = model.description
    training = description.training
    scores = description.scores(prediction.variant)
    return PredictionSection(
        title=heading,
        outcome=prediction.target,
        probability=prediction.probability,
        low=prediction.low,
        high=prediction.high,
        interval_text=_interval_caption(prediction),
        meaning=f"{meaning_text(prediction)} {conformal_text(prediction)}",
        mean_case_probability=prediction.mean_case_probability,
        contributors=tuple(
            Contributor(part.title, part.value, part.log_odds, part.given or part.log_odds != 0)
            for part in prediction.contributions
        ),
        statement=prediction.statement,
        abstention_reasons=prediction.abstention_reasons,
        cautions=prediction.cautions,
        model_facts=(
            Fact("Model", prediction.variant_title, prediction.variant_reason),
            Fact("Learned from", f"{training.cases} cases", f"{training.patients} patients"),
            Fact("Area under the ROC curve", estimate_text(scores.auc), "out of fold, 95 % interval"),
        ),
        model_columns=score_columns(description),
        model_rows=tuple(score_rows(description)),
        model_note=(
            f"{prediction.reference} Cross-validated in {training.folds} folds that share no patient. AUC: area under "
            "the ROC curve, .5 is chance. Brier: squared error, smaller is better. ECE: calibration error, 0 is perfect. "
            "Calibration: intercept and slope, 0 and 1 are perfect. Coverage: how often the outcomes that are said to fit "
            "hold the truth; the model abstains where both fit or none."
            + ("" if prediction.contributions_exact else " What each feature adds are Shapley values of the log-odds.")
        ),
        reliability=tuple((point.predicted, point.observed, point.count) for point in scores.reliability),
    )


def worth_section(prediction: Prediction, model: DiagnosisModel) -> tuple[Section, ...]:
    """Return the summary of the model card for a number or a step of a scale: its scores, and the table of all models.

    Empty for a probability, whose section has it already.
    """
    description = model.description
    scored = description.method(prediction.variant)
    if prediction.kind == "binary" or scored.numbers is None:
        return ()
    training, coverage, units = description.training, scored.coverage, _error_units(model)
    worth = TextSection(
        "What the model is worth",
        paragraphs=(
            prediction.reference,
            f"Cross-validated in {training.folds} folds that share no patient; 95 % intervals from resampling patients.",
        ),
        facts=(
            Fact("Model", prediction.variant_title, prediction.variant_reason),
            Fact("Learned from", f"{training.cases} cases", f"{training.patients} patients"),
            Fact("Pearson R", estimate_text(scored.numbers.pearson), "out of fold, 95 % interval"),
            Fact(
                "Mean absolute error",
                f"{estimate_text(scored.numbers.mean_absolute_error)} {units}".strip(),
                "out of fold, 95 % interval",
            ),
            Fact(
                "Coverage of the intervals",
                f"{100 * coverage.coverage:.1f} %",
                f"{100 * coverage.level:.0f} % was asked for; {_amount(coverage.width, units)} wide on average",
            ),
        ),
    )
    table = TableSection(
        "The model beside others and baselines",
        score_columns(description),
        tuple(score_rows(description)),
        notes=(
            "Pearson R: correlation of prediction and truth, 0 is chance. R²: 1 is perfect, 0 is no better than the same for "
            f"all. Mean absolute error and interval width in {units or 'units of the outcome'}, smaller is better. "
            "Coverage: how often intervals hold the truth.",
        ),
    )
    return (worth, table)


def _interval_caption(prediction: Prediction) -> str:
    caption = f"{100 * prediction.interval_level:.0f} % interval {prediction.interval_text}"
    if prediction.low <= 0 and prediction.high >= 1:
        return caption  # all that can be: there is nothing that it leaves out
    return f"{caption}; it does not contain what missing values or errors of measurement add"


def _error_units(model: DiagnosisModel) -> str:
    target = model.pathology.target
    return target.units or ("steps of the scale" if target.kind == "ordinal" else "")


def _amount(value: float, units: str) -> str:
    return f"{value:.3g} {units}".strip()


def _number_worth(prediction: Prediction, scores: NumberScores | None, units: str) -> str:
    """Return how far a number is to be trusted, in words."""
    sentences = [
        f"The interval holds the truth in {100 * prediction.interval_level:.0f} % of cases like those learned from."
    ]
    if scores is not None:
        error = _amount(scores.mean_absolute_error.value, units)
        sentences.append(f"On average predictions are off by {error} (mean absolute error, out of fold).")
    if prediction.abstains:
        sentences.append("Neither is promised for this case, for which the model abstains.")
    return " ".join(sentences)


def _number_section(prediction: Prediction, model: DiagnosisModel, title: str) -> TableSection:
    target = model.pathology.target
    trust = _number_worth(prediction, model.description.method(prediction.variant).numbers, _error_units(model))
    value, start = prediction.value or 0.0, prediction.mean_case_value or 0.0
    low, high = target.display(prediction.low), target.display(prediction.high)
    level = f"{100 * prediction.interval_level:.0f} % interval"
    # What stands first is what is read: no figure before the reasons why it must not be taken for an assessment.
    what = (
        f"Figure of the model, not an assessment: {target.title}"
        if prediction.abstains
        else f"Predicted: {target.title}"
    )
    rows = [
        *(("No assessment", "", reason) for reason in prediction.abstention_reasons),
        (what, target.display(value), f"{level} {low} to {high}"),
        *(("Caution", "", caution) for caution in prediction.cautions),
        ("Mean case of the training data", target.display(start), "where what follows is added to"),
        *(
            (part.title, f"{part.log_odds:+.3g} {target.units}".strip(), part.value)
            for part in prediction.contributions
        ),
        ("What this is not", "", prediction.statement),
    ]
    return TableSection(
        title,
        ("What", "Value", "Remark"),
        tuple(rows),
        text="" if prediction.abstains else trust,
        notes=(trust,) if prediction.abstains else (),
    )


def meaning_text(prediction: Prediction) -> str:
    """Return the probability in words."""
    hundred = round(100 * (prediction.probability or 0.0))
    return f"Among 100 such cases of the training data it was so in about {hundred}, and not so in {100 - hundred}."


def conformal_text(prediction: Prediction) -> str:
    """Return the conformal set in words."""
    rate = f"{100 * prediction.conformal_level:.0f} %"
    held = prediction.conformal_set
    if len(held) == 1:
        return f"Only “{held[0]}” fits: a statement that is right in {rate} of cases like those learned from."
    if held:
        return f"“Present” and “absent” both fit at a rate of {rate}: the case is not settled."
    return f"Neither outcome fits at a rate of {rate}: the case is unlike those learned from."


def directions_text() -> str:
    """Return what a direction such as “margin: lowers” is worth, where readers rated what was learned from."""
    return (
        "Directions, such as “margin poorly defined: lowers”, follow the cases that were learned from, with the habits of "
        "those who rated them. They are no rules about the disease."
    )


def values_section(
    prediction: Prediction, model: DiagnosisModel, *, sources: dict[str, str] | None = None
) -> TableSection:
    """Return the table of the values that went in; ``sources`` says where a feature's value came from."""
    parts = {part.feature: part for part in prediction.contributions}
    rows = []
    for feature in model.pathology.features:
        if feature.name not in parts:
            continue
        source = (sources or {}).get(feature.name, "rated by the reader" if feature.group == "rated" else "given")
        part = parts[feature.name]
        rows.append((feature.title, part.value, source if part.given else "", feature.description))
    return TableSection("What went in", ("Feature", "Value", "Source", "How it is measured or rated"), tuple(rows))


def limits_section(model: DiagnosisModel) -> TextSection:
    """Return where the truth comes from, and what the model is not for."""
    pathology = model.pathology
    return TextSection(
        "Limits",
        paragraphs=(
            f"{pathology.target.reference} Left out of learning: {pathology.target.left_out}",
            *((directions_text(),) if any(feature.group == "rated" for feature in pathology.features) else ()),
            "Not to be used for:",
        ),
        items=pathology.exclusions,
    )


def guidelines_section(model: DiagnosisModel) -> tuple[TextSection, ...]:
    """Return the guidelines that are named and not applied, because nobody wrote down their rules; none or one section."""
    named = tuple(guide for guide in model.pathology.guidelines if not guide.rules)
    if not named:
        return ()
    section = TextSection(
        "Guidelines to read beside it",
        paragraphs=("They are named, not applied: check that the patient is one that they are for.",),
        items=tuple(f"{guide.title}. {guide.note} {guide.url}" for guide in named),
    )
    return (section,)


def summary_fact(prediction: Prediction) -> Fact:
    """Return the prediction as one fact for the top of a report."""
    if prediction.abstains:
        return Fact(prediction.pathology, "no assessment", "the model abstains, see the reasons")
    level = f"{prediction.interval_level * 100:.0f} % interval"
    if prediction.probability is None:
        text = f"{prediction.value or 0.0:.3g} {prediction.units}".strip()
        return Fact(f"Predicted: {prediction.target}", text, f"{level} {prediction.low:.3g} to {prediction.high:.3g}")
    interval = f"{format_percent(prediction.low)} to {format_percent(prediction.high)}"
    return Fact(prediction.pathology, format_percent(prediction.probability), f"{level} {interval}")
