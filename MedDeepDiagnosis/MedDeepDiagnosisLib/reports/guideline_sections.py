"""The sections of a report that show what guidelines say of a case, apart from what a model says."""

from collections.abc import Mapping
from dataclasses import dataclass

from MedDeepDiagnosisLib.guidelines.applying import RuleOutcome, RuleResult, apply_rules
from MedDeepDiagnosisLib.guidelines.case_facts import CaseFacts, facts_from
from MedDeepDiagnosisLib.guidelines.conditions import ASSUMED, Check, Truth
from MedDeepDiagnosisLib.guidelines.conflicts import PredictionLike, conflicts
from MedDeepDiagnosisLib.guidelines.reading import load_rules
from MedDeepDiagnosisLib.guidelines.sizes import other_size_note, unused_size_facts
from MedDeepDiagnosisLib.pathology import Pathology
from MedDeepDiagnosisLib.reports.content import Fact, Section, TableSection, TextSection

_STATUS = {"applies": "applies", "refused": "does not apply", "incomplete": "cannot be applied yet"}

_HOLDS: dict[Truth, str] = {True: "yes", False: "no", None: "open"}


@dataclass(frozen=True)
class GuidelineResult:
    """What one guideline says of a case.

    Attributes
    ----------
    conflicts:
        Where it disagrees with the model, and last what the model's probability is not; empty if nowhere.
    size_note:
        Set if another measure of size would lead elsewhere.
    unused:
        Facts that reasons need not name, because the size goes by another measure.
    """

    outcome: RuleOutcome
    conflicts: tuple[str, ...]
    size_note: str
    unused: tuple[str, ...]


def fact_columns(pathology: Pathology) -> frozenset[str]:
    """Return the columns of a table that hold facts for the guidelines of a pathology; they are no features."""
    names = set()
    for guideline in pathology.guidelines:
        if guideline.rules:
            names |= {name for fact in load_rules(guideline.rules).facts for name in (fact.name, *fact.aliases)}
    return frozenset(names - {feature.name for feature in pathology.features})


@dataclass(frozen=True)
class AppliedGuidelines:
    """The guidelines of a pathology that have a rules file, applied to the facts of a case."""

    case: CaseFacts
    results: tuple[GuidelineResult, ...]


def apply_guidelines(
    pathology: Pathology,
    values: Mapping[str, object],
    facts: Mapping[str, object],
    prediction: PredictionLike | float | None,
) -> AppliedGuidelines:
    """Apply the guidelines of a pathology that have a rules file.

    Parameters
    ----------
    values:
        Feature name to value; what follows from them need not be given as facts.
    facts:
        Fact name to value, for example the row of a table. Keys that are no facts are ignored.
    prediction:
        To look for conflicts; None for none.

    Raises
    ------
    InputError
        If a fact or a value is none that is allowed, or a rules file cannot be read.
    """
    case = facts_from(pathology, values, facts)
    results = []
    for guideline in pathology.guidelines:
        if guideline.rules:
            rules = load_rules(guideline.rules)
            outcome = apply_rules(rules, case.values)
            note = other_size_note(rules, case.values, outcome)
            unused = tuple(sorted(unused_size_facts(rules, case.values)))
            results.append(GuidelineResult(outcome, conflicts(prediction, outcome), note, unused))
    return AppliedGuidelines(case, tuple(results))


def guideline_sections(applied: AppliedGuidelines) -> tuple[Section, ...]:
    """Return the sections of a report with the guidelines of a pathology.

    For each there is a summary (status and reason, rule, conflicts, what is missing), a table with text, options and
    source of the rule, a table of the reasons, and a table of the rules that do not apply, with the reason.
    """
    sections: list[Section] = []
    for result in applied.results:
        sections += [
            _summary(result, applied.case),
            *_texts(result.outcome),
            _reasons(result, applied.case),
            *_not_applied(result),
        ]
    return tuple(sections)


def _summary(result: GuidelineResult, case: CaseFacts) -> TextSection:
    outcome = result.outcome
    facts = [Fact("This guideline", _STATUS[outcome.status], outcome.reason)]
    for rule in _shown(outcome):
        label = rule.group if rule.leads else f"{rule.group} (not settled)"
        facts.append(Fact(label, rule.title, f"grade {rule.evidence}" if rule.evidence else ""))
    items = [f"Model and rule disagree. {text}" for text in result.conflicts[:-1]] + list(result.conflicts[-1:])
    items += [f"Missing: {fact.question} Column {fact.name}: {fact.allowed}." for fact in outcome.missing]
    if outcome.status != "refused":
        items += [f"Assumed, because nothing else was said: {text}." for text in outcome.assumed]
    if result.size_note:
        items.append(result.size_note)
    if outcome.missing:
        items += list(case.notes)
    return TextSection(
        f"Guideline: {outcome.title}",
        paragraphs=(f"For: {outcome.subject}", outcome.statement),
        facts=tuple(facts),
        items=tuple(items),
    )


def _shown(outcome: RuleOutcome) -> tuple[RuleResult, ...]:
    """Return the rules to show in full: those that lead, or else those that hold while something is missing."""
    return outcome.leading or (outcome.matched if outcome.status == "incomplete" else ())


def _texts(outcome: RuleOutcome) -> tuple[TableSection, ...]:
    rows = [
        (rule.title, rule.text, "; ".join(rule.options), rule.evidence or "not graded here", rule.source)
        for rule in _shown(outcome)
    ]
    columns = ("Rule", "What it says", "Options", "Grade", "Source")
    return (TableSection(f"Text of the rule: {outcome.title}", columns, tuple(rows)),) if rows else ()


def _reasons(result: GuidelineResult, case: CaseFacts) -> TableSection:
    outcome = result.outcome
    rows: list[tuple[str, ...]] = []
    excluded = any(exclusion.truth for exclusion in outcome.exclusions)
    for exclusion in outcome.exclusions:
        if excluded and exclusion.truth is None:
            continue  # nothing would change if it were known
        rows += [_row(f"Exclusion: {exclusion.title}", check, case) for check in _useful(exclusion.why, result)]
    if not excluded:
        for rule in outcome.results:
            if rule.truth is not False:
                rows += [_row(rule.title, check, case) for check in _useful(rule.why, result)]
    return TableSection(
        f"Why: {outcome.title}",
        ("Exclusion or rule", "Condition", "This case", "Holds", "Where the fact comes from"),
        tuple(rows),
        notes=("Open: the fact is missing. A missing fact never counts as no.", f"About this file: {outcome.note}"),
    )


def _useful(checks: tuple[Check, ...], result: GuidelineResult) -> tuple[Check, ...]:
    """Return the checks without those of an unused measure of size, unless nothing else is left."""
    return tuple(check for check in checks if check.fact not in result.unused) or checks


def _row(title: str, check: Check, case: CaseFacts) -> tuple[str, ...]:
    given = check.value != "not given" and not check.value.endswith(ASSUMED)
    origin = case.origins.get(check.fact, "given" if given else "")
    return (title, check.condition, check.value, _HOLDS[check.truth], origin)


def _not_applied(result: GuidelineResult) -> tuple[TableSection, ...]:
    outcome = result.outcome
    title = f"Rules that do not apply: {outcome.title}"
    columns = ("Rule", "Because this does not hold", "Place in the source")
    if any(exclusion.truth for exclusion in outcome.exclusions):
        rows = [(f"All rules: {e.title}", e.reason, e.source) for e in outcome.exclusions if e.truth]
        return (TableSection(title, columns, tuple(rows)),)
    rows = [
        (
            rule.title,
            "; ".join(f"{check.condition} (here: {check.value})" for check in _useful(rule.why, result)),
            rule.place,
        )
        for rule in outcome.results
        if rule.truth is False
    ]
    return (TableSection(title, columns, tuple(rows)),) if rows else ()
