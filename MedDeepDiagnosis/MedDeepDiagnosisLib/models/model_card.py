"""The model card: what a model is, what it is worth, and where it must not be used."""

from MedDeepDiagnosisLib.learning.fairness import largest_gap
from MedDeepDiagnosisLib.learning.learners import ADDITIVE, MEAN, learner_method
from MedDeepDiagnosisLib.learning.predictors import PredictorRecord
from MedDeepDiagnosisLib.models.metrics import Estimate, Scores
from MedDeepDiagnosisLib.models.model_folder import ModelDescription, ScoredMethod
from MedDeepDiagnosisLib.models.prediction import STATEMENT
from MedDeepDiagnosisLib.pathology import Feature


def estimate_text(estimate: Estimate) -> str:
    """Return for example ``.941 [.930, .951]``."""
    value, low, high = (f"{number:.3f}" for number in (estimate.value, estimate.low, estimate.high))
    return f"{value} [{low}, {high}]"


def calibration_text(scores: Scores) -> str:
    """Return intercept and slope, for example ``+0.01, 0.96``."""
    intercept = round(scores.calibration_intercept, 2) + 0.0  # no minus sign before zero
    return f"{intercept:+.2f}, {scores.calibration_slope:.2f}"


def score_columns(description: ModelDescription) -> tuple[str, ...]:
    """Return the heads of :func:`score_rows`."""
    if description.pathology.target.kind == "binary":
        return ("Model or baseline", "AUC", "Brier", "ECE", "Calibration intercept, slope", "Coverage", "Abstains")
    return ("Model or baseline", "Pearson R", "Mean absolute error", "R²", "Coverage", "Interval width")


def score_rows(description: ModelDescription) -> list[tuple[str, ...]]:
    """Return the scores of every method as text, in the order of :func:`score_columns`."""
    return [_score_row(method) for method in description.validation]


def model_card(description: ModelDescription) -> str:
    """Return the card as Markdown. It has no date, so that the same training gives the same card."""
    pathology, training = description.pathology, description.training
    parts = [
        f"# {pathology.title}",
        f"**{STATEMENT}**",
        f"{pathology.subject}\n\nIt predicts: {pathology.target.title}. {pathology.target.reference}",
        "## Use",
        _bullets(pathology.exclusions, "Not to be used for"),
        "## Method",
        _method(description),
        "## Training data",
        _training(description),
        "## Scores",
        (
            f"Nested cross-validation, {training.folds} folds grouped by patient; every step is learned inside the folds. "
            "95 % intervals from resampling patients. These are scores against the reference named above, nothing else."
        ),
        (
            "Coverage: how often conformal sets or intervals hold the truth on patients that their thresholds have not "
            f"seen, {100 * description.validation[0].coverage.level:.0f} % was asked for."
        ),
        _score_table(description),
        "## What it relies on",
        _importance(description),
        "## By sex and age",
        _fairness(description),
        "## Features",
        "\n".join(_feature_line(feature) for feature in pathology.features),
        "## Guidelines to read beside it",
        "\n".join(f"- [{guide.title}]({guide.url}): {guide.note}" for guide in pathology.guidelines),
        f"License of the model: {description.license}. Made with MedDeep {description.software_version}.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _bullets(items: tuple[str, ...], title: str) -> str:
    return f"{title}:\n\n" + "\n".join(f"- {item}" for item in items) if items else ""


def _training(description: ModelDescription) -> str:
    target, training = description.pathology.target, description.training
    lines = [
        f"- Source: {training.data} License: {training.license}. SHA-256 of the file: `{training.data_sha256}`.",
        f"- {training.cases} cases of {training.patients} patients{_positive(description)}.",
        *([f"- Positive: {target.positive} Negative: {target.negative}"] if target.kind == "binary" else []),
        *([f"- Left out: {target.left_out}"] if target.left_out else []),
        *(f"- {note}" for note in training.notes),
    ]
    if training.known_cases:
        lines.append(
            f"- The folder holds the values and outcomes of {training.known_cases} of the cases, without names, to compare "
            "new cases with. Do not pass it on where these are confidential: 'meddeep fit --without-cases' keeps none."
        )
    lines += _kept_in_weights(description)
    if training.excluded_patients:
        lines.append(f"- {len(training.excluded_patients)} further patients were excluded on request.")
    return "\n".join(lines)


def _kept_in_weights(description: ModelDescription) -> list[str]:
    """Return what a model needs of single cases, to work or to give reasons."""
    learners = {name for record in description.variants for name in _learners(record.predictor)}
    kept = []
    if learners != {ADDITIVE} or description.pathology.target.kind == "ordinal":
        kept.append("the values of some cases, without names, that reasons compare a case with")
    if "svm" in learners:
        kept.append("support vectors, which are values of cases")
    if not kept:
        return []
    return [
        f"- The weights hold {' and '.join(kept)}. Where these are confidential, only an additive model that was fitted "
        "without cases may be passed on."
    ]


def _learners(record: PredictorRecord) -> set[str]:
    return {record.learner}.union(*(_learners(member) for member in record.members))


def _importance(description: ModelDescription) -> str:
    parts = [
        "How much worse the score gets, on patients not learned from, when a feature is taken from another patient. About 0: "
        "the model does as well without. Features that go together can stand in for each other."
    ]
    for variant in description.pathology.variants:
        own = [one for one in description.importance if one.variant == variant.name]
        rows = [f"| {one.title} | {one.drop:.3f} [{one.low:.3f}, {one.high:.3f}] |" for one in own]
        parts.append("\n".join([f"| {variant.title} | Loss of {own[0].score} |\n|---|---|", *rows]))
    return "\n\n".join(parts)


def _positive(description: ModelDescription) -> str:
    binary = description.pathology.target.kind == "binary"
    return f"; {description.training.positive_cases} positive" if binary else ""


def _score_table(description: ModelDescription) -> str:
    columns = score_columns(description)
    head = f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}"
    return "\n".join([head, *(f"| {' | '.join(row)} |" for row in score_rows(description))])


def _score_row(method: ScoredMethod) -> tuple[str, ...]:
    coverage = method.coverage
    if method.binary is not None:
        scores = method.binary
        return (
            method.title,
            estimate_text(scores.auc),
            estimate_text(scores.brier),
            f"{scores.expected_calibration_error:.3f}",
            calibration_text(scores),
            f"{coverage.coverage:.3f}",
            f"{coverage.abstention:.3f}",
        )
    if method.numbers is None:
        return (method.title,)
    numbers = method.numbers
    return (
        method.title,
        estimate_text(numbers.pearson),
        estimate_text(numbers.mean_absolute_error),
        estimate_text(numbers.determination),
        f"{coverage.coverage:.3f}",
        f"{coverage.width:.2f}",
    )


def _method(description: ModelDescription) -> str:
    first = description.variants[0].predictor
    members = tuple(member.learner for member in first.members) if first.learner == MEAN else ()
    sentences = [learner_method(first.learner, members), "What can be set is chosen inside the folds."]
    if first.learner == ADDITIVE:
        sentences.append("Missing values have no effect.")
    kind = description.pathology.target.kind
    if kind == "ordinal":
        sentences.append(
            "One model for each step of the scale gives the probability that it is reached (Frank, Hall 2001)."
        )
    if kind != "binary":
        sentences.append("The interval of a prediction is conformal, from out-of-fold residuals.")
    elif description.draws:
        sentences.append(
            f"The interval of a prediction comes from {description.draws} refits on resampled patients; it covers neither "
            "the disagreement of readers nor a differing population."
        )
    else:
        sentences.append("The interval of a prediction is that of what was observed in cases of like prediction.")
    if kind == "binary":
        sentences.append(
            "Conformal sets (Mondrian) hold the outcomes that fit; where they hold both, or none, the model abstains."
        )
    return " ".join(sentences)


def _fairness(description: ModelDescription) -> str:
    if not description.fairness:
        return "The features hold neither sex nor age: whether it is as good for all is not known."
    binary = description.pathology.target.kind == "binary"
    columns = ("Group", "Cases", "AUC" if binary else "R", "Brier" if binary else "MAE", "Bias", "Coverage")
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    for group in description.fairness:
        cells = (
            f"{group.feature}: {group.group}",
            f"{group.cases} of {group.patients} patients",
            estimate_text(group.discrimination) if group.discrimination else "too few outcomes",
            estimate_text(group.error),
            estimate_text(group.bias),
            estimate_text(group.coverage) if group.coverage else "",
        )
        lines.append(f"| {' | '.join(cells)} |")
    gap = largest_gap(description.fairness)
    return "\n".join(lines) + (f"\n\n{gap}." if gap else "")


def _feature_line(feature: Feature) -> str:
    need = "required" if feature.required else "may be missing"
    allowed = feature.allowed_text.replace("one of ", "")
    return f"- `{feature.name}` ({feature.group}, {need}): {feature.label}. {feature.description} Values: {allowed}."
