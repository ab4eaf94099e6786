"""Assess one case: what is measured on its lesion, what a model predicts, and what a report shows of it."""

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import SimpleITK as sitk

from MedDeepDiagnosisLib.case_reasons import reason_sections
from MedDeepDiagnosisLib.cases import CASE_COLUMN, PATIENT_COLUMN, lesion_names
from MedDeepDiagnosisLib.lesion import Lesion
from MedDeepDiagnosisLib.lesion_reasons import lesion_sections, see_lesion
from MedDeepDiagnosisLib.measuring import agrees_with_measured, check_inside, measured_features
from MedDeepDiagnosisLib.models.model_folder import DiagnosisModel
from MedDeepDiagnosisLib.models.prediction import Prediction, lower_first, predict_case
from MedDeepDiagnosisLib.pathology import Pathology
from MedDeepDiagnosisLib.pathology.features import is_missing
from MedDeepDiagnosisLib.reports.assessment import (
    directions_text,
    guidelines_section,
    limits_section,
    prediction_section,
    summary_fact,
    values_section,
    worth_section,
)
from MedDeepDiagnosisLib.reports.content import Picture, PictureSection, Section
from MedDeepDiagnosisLib.reports.guideline_sections import (
    GuidelineResult,
    apply_guidelines,
    fact_columns,
    guideline_sections,
)
from MedDeepDiagnosisLib.reports.reasons_sections import importance_section
from MedDeepDiagnosisLib.reports.tables import MEASURED_SOURCE
from MedDeepDiagnosisLib.scope import out_of_scope, scope_columns
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.segmentation.overlay import slice_picture
from MedDeepRegSegLib.volumes.reading import reading_note
from MedDeepRegSegLib.wording import folded_name

_SHOWN = 6
"""So many columns that did not count are named."""

_STATUS = {"applies": "applies", "refused": "does not apply", "incomplete": "needs more facts"}


@dataclass(frozen=True)
class AssessedCase:
    """A case that was assessed.

    Attributes
    ----------
    prediction:
        What the model says.
    sections:
        Of the report.
    values, sources:
        Feature name to the value that went in, and where it came from if that is not the table.
    guidelines:
        What guidelines say, apart from the model.
    not_counted:
        Columns of the row that are neither features nor facts.
    """

    prediction: Prediction
    sections: tuple[Section, ...]
    values: dict[str, object]
    sources: dict[str, str]
    guidelines: tuple[GuidelineResult, ...]
    not_counted: tuple[str, ...] = ()


def assess(
    model: DiagnosisModel,
    row: dict[str, object],
    *,
    case: str = "case",
    lesion: Lesion | None = None,
    cancel: CancelToken | None = None,
) -> AssessedCase:
    """Assess one case.

    What the table lacks is measured on the lesion. Where both have a value the table's is used, and a difference of
    more than a tenth becomes a caution, and so does a remark on how the image was read. Columns that guidelines ask for
    are facts of theirs.

    Raises
    ------
    InputError
        If the lesion lies outside of its image, a value or fact is implausible, or a required value is neither given nor
        measured.
    Canceled
        If ``cancel`` was set.
    """
    pathology = model.pathology
    values = dict(row)
    sources: dict[str, str] = {}
    not_counted = _unknown_columns(pathology, row)
    cautions = _unknown_words(pathology, row, not_counted)
    if lesion is not None and lesion.image is not None:
        check_inside(lesion.labels, lesion.segment, lesion.image)
        cautions += [note for note in (reading_note(lesion.image),) if note]
    if lesion is not None:
        for name, measured in measured_features(lesion.labels, lesion.segment, pathology, cancel=cancel).items():
            if is_missing(values.get(name)):
                _check_measured(pathology, name, measured, lesion)
                values[name] = measured
                sources[name] = MEASURED_SOURCE
            else:
                cautions += _difference(pathology, name, values[name], measured)
        cautions += see_lesion(model, values, lesion, cancel=cancel)
    prediction = predict_case(model, values, case=case, cautions=tuple(cautions))
    if outside := out_of_scope(pathology, row):
        reasons = (*outside, *prediction.abstention_reasons)
        prediction = replace(prediction, abstains=True, abstention_reasons=reasons)
    reasoned, notes = reason_sections(model, prediction, values, cancel=cancel)
    prediction = replace(prediction, cautions=(*notes, *prediction.cautions))
    # A predicted number is no probability that could disagree with a guideline, and never a fact of one.
    opinion = None if prediction.abstains else prediction.probability
    given = {feature.name: values[feature.name] for feature in pathology.features if feature.name in values}
    guidelines = apply_guidelines(pathology, given, row, opinion)
    sections: list[Section] = [prediction_section(prediction, model)]
    if lesion is not None and lesion.image is not None:
        sections.append(lesion_pictures(lesion.image, lesion))
    if lesion is not None and not prediction.abstains:
        sections += lesion_sections(model, prediction, values, lesion, cancel=cancel)
    sections += [
        values_section(prediction, model, sources=sources),
        *worth_section(prediction, model),
        *reasoned,
        importance_section([one for one in model.description.importance if one.variant == prediction.variant]),
        *guideline_sections(guidelines),
        limits_section(model),
        *guidelines_section(model),
    ]
    return AssessedCase(prediction, tuple(sections), values, sources, guidelines.results, not_counted)


def named_alike(pathology: Pathology, row: Mapping[str, object]) -> dict[str, object]:
    """Return a row of a table under the names that features and facts have.

    Upper and lower case, spaces and underscores, and blanks around a name make no difference. Other columns keep their
    names.

    Raises
    ------
    InputError
        If two columns mean the same.
    """
    known = _known_columns(pathology, row)
    folded: dict[str, str] = {}
    for name in sorted(known):
        folded.setdefault(folded_name(name), name)
    origins: dict[str, str] = {}
    for column in row:
        name = column if column in known else folded.get(folded_name(column), column)
        if name in origins:
            msg = f"the columns {origins[name]!r} and {column!r} both mean {name}, expected one of them: remove one"
            raise InputError(msg)
        origins[name] = column
    return {name: row[column] for name, column in origins.items()}


def lesion_pictures(image: sitk.Image, lesion: Lesion) -> PictureSection:
    """Return axial, coronal and sagittal pictures through the lesion."""
    legend = ((lesion.segment.name, lesion.segment.color),)
    pictures = tuple(
        Picture(
            slice_picture(image, axis, labels=lesion.labels, segments=(lesion.segment,), margin_mm=30.0, fill=0.0),
            caption=f"{axis.capitalize()} slice where the lesion is largest.",
            description=f"{axis.capitalize()} picture of the lesion with its outline.",
            legend=legend,
        )
        for axis in ("axial", "coronal", "sagittal")
    )
    return PictureSection("The lesion", pictures, columns=3)


def guideline_lines(results: tuple[GuidelineResult, ...]) -> tuple[str, ...]:
    """Return what guidelines say in a few lines of plain text: rules, what is missing, and where they disagree."""
    lines = []
    for result in results:
        outcome = result.outcome
        rules = "; ".join(rule.title for rule in outcome.leading)
        said = f": {rules}" if rules else f" ({lower_first(outcome.reason)})" if outcome.reason else ""
        lines.append(f"{outcome.title} {_STATUS[outcome.status]}{said}")
        if outcome.missing:
            lines.append(f"Missing for it: {', '.join(fact.name for fact in outcome.missing)}")
        lines += [f"Model and rule disagree: {text}" for text in result.conflicts[:-1]]
    return tuple(lines)


def summary_lines(prediction: Prediction, *, rated: bool = False) -> tuple[str, ...]:
    """Return the assessment in a few lines of plain text; ``rated`` says that readers rated what was learned from."""
    fact = summary_fact(prediction)
    # Without an assessment there is nothing to give reasons for.
    given = [part for part in prediction.contributions if part.given and part.log_odds != 0]
    strongest = [] if prediction.abstains else given[:3]
    reasons = ", ".join(
        f"{lower_first(part.title)} ({part.value}) {'raises' if part.log_odds > 0 else 'lowers'} it"
        for part in strongest
    )
    return tuple(
        line
        for line in (
            f"{fact.label}: {fact.value} ({fact.note})",
            f"Model: {lower_first(prediction.variant_title)}, because {prediction.variant_reason}",
            *(f"Abstains: {reason}" for reason in prediction.abstention_reasons),
            *(f"Caution: {caution}" for caution in prediction.cautions),
            f"Why: {reasons}" if reasons else "",
            directions_text() if reasons and rated else "",
            prediction.reference,
            prediction.statement,
        )
        if line
    )


def _known_columns(pathology: Pathology, row: Mapping[str, object]) -> set[str]:
    known = {CASE_COLUMN, PATIENT_COLUMN, pathology.target.name, *(feature.name for feature in pathology.features)}
    known |= fact_columns(pathology) | scope_columns(pathology)
    known.update(lesion_names(row))
    return known


def _unknown_columns(pathology: Pathology, row: Mapping[str, object]) -> tuple[str, ...]:
    known = _known_columns(pathology, row)
    return tuple(name for name in row if name not in known)


def _unknown_words(pathology: Pathology, row: Mapping[str, object], unknown: tuple[str, ...]) -> list[str]:
    """Point out columns that no feature has: a misspelled sign would otherwise silently not count."""
    if not unknown:
        return []
    known = _known_columns(pathology, row)
    shown = [f"{name}{_meant(name, known)}" for name in unknown[:_SHOWN]]
    more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
    return [f"these columns of the table did not count, because they are no features: {', '.join(shown)}{more}"]


def _meant(name: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(name.lower(), sorted(known), n=1, cutoff=0.75)
    return f" (did you mean {close[0]}?)" if close else ""


def _check_measured(pathology: Pathology, name: str, measured: float, lesion: Lesion) -> None:
    """Refuse a segment whose measurements no lesion of the pathology has."""
    feature = pathology.feature(name)
    try:
        feature.parse(measured)
    except InputError as error:
        how = "large" if measured > feature.maximum else "small"
        msg = (
            f"{error}: the segment {lesion.segment.name!r} is too {how} for this model; choose that of the lesion "
            "(with the command: --segment NAME)"
        )
        raise InputError(msg) from error


def _difference(pathology: Pathology, name: str, given: object, measured: float) -> list[str]:
    feature = pathology.feature(name)
    value = feature.parse(given)
    if agrees_with_measured(value, measured):
        return []
    return [
        f"{feature.title}: the table says {feature.display(value)}, the segmentation measures "
        f"{feature.display(measured)}; the table's value was used"
    ]
