"""The model card: what a model is, what it is worth, and where it must not be used."""

from MedDeepDiagnosisLib.models.metrics import Estimate, Scores
from MedDeepDiagnosisLib.models.model_folder import ModelDescription
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


def score_rows(description: ModelDescription) -> list[tuple[str, str, str, str, str]]:
    """Return method, AUC, Brier score, expected calibration error, and calibration intercept and slope as text."""
    return [(method.title, *_score_cells(method.scores)) for method in description.validation]


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
        (
            "Additive logistic regression: numbers as restricted cubic splines, ratings step by step, ridge penalty chosen "
            "inside the folds. Missing signs have no effect. The interval of a prediction comes from "
            f"{description.draws} refits on resampled patients; it covers neither the disagreement of readers nor a "
            "differing population."
        ),
        "## Training data",
        _training(description),
        "## Scores",
        (
            f"Nested cross-validation, {training.folds} folds grouped by patient; every step is learned inside the folds. "
            "95 % intervals from resampling patients. These are scores against the reference named above, nothing else."
        ),
        _score_table(description),
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
        f"- {training.cases} cases of {training.patients} patients; {training.positive_cases} positive.",
        f"- Positive: {target.positive} Negative: {target.negative} Left out: {target.left_out}",
        *(f"- {note}" for note in training.notes),
    ]
    if training.excluded_patients:
        lines.append(f"- {len(training.excluded_patients)} further patients were excluded on request.")
    return "\n".join(lines)


def _score_table(description: ModelDescription) -> str:
    head = "| Model | AUC | Brier | ECE | Calibration intercept, slope |\n|---|---|---|---|---|"
    return "\n".join([head, *(f"| {' | '.join(row)} |" for row in score_rows(description))])


def _score_cells(scores: Scores) -> tuple[str, str, str, str]:
    return (
        estimate_text(scores.auc),
        estimate_text(scores.brier),
        f"{scores.expected_calibration_error:.3f}",
        calibration_text(scores),
    )


def _feature_line(feature: Feature) -> str:
    need = "required" if feature.required else "may be missing"
    allowed = feature.allowed_text.replace("one of ", "")
    return f"- `{feature.name}` ({feature.group}, {need}): {feature.label}. {feature.description} Values: {allowed}."
