"""Whether the size class would be another one by volume: guidelines give limits of both, and they can disagree."""

from collections.abc import Mapping

from MedDeepDiagnosisLib.guidelines.applying import RuleOutcome, apply_rules
from MedDeepDiagnosisLib.guidelines.rule_facts import FactValue
from MedDeepDiagnosisLib.guidelines.rule_set import RuleSet

SIZE_FACT = "size_by"
"""Fact of a rules file that says whether its limits of diameter or of volume are used."""

_MEASURES = {"diameter": "mean_diameter_mm", "volume": "volume_mm3"}
"""Value of that fact to the fact that is compared then."""


def unused_size_facts(rules: RuleSet, facts: Mapping[str, object]) -> frozenset[str]:
    """Return the facts that say nothing to a reader because the size goes by another measure, and the choice itself.

    Every limit is written for both measures, so that reasons would name the unused one again and again.
    """
    if SIZE_FACT not in rules.fact_by_name:
        return frozenset()
    used = _used(rules, facts)
    return frozenset({SIZE_FACT, *(name for measure, name in _MEASURES.items() if measure != used)})


def other_size_note(rules: RuleSet, facts: Mapping[str, object], outcome: RuleOutcome) -> str:
    """Return a remark if the rules would say something else by the other measure of size; otherwise an empty text.

    Parameters
    ----------
    facts, outcome:
        What the rules were applied to, and what they said.
    """
    if SIZE_FACT not in rules.fact_by_name or outcome.status != "applies":
        return ""
    fact = rules.fact_by_name[SIZE_FACT]
    used = _used(rules, facts)
    for word in fact.words:
        if word.value == used:
            continue
        other = apply_rules(rules, {**facts, SIZE_FACT: word.value})
        names = [rule.name for rule in other.leading]
        if other.status == "applies" and names != [rule.name for rule in outcome.leading]:
            titles = "; ".join(rule.title for rule in other.leading)
            return f"Size by {word.title.lower()} would lead to another rule: {titles}."
        if other.status == "refused":
            return f"Size by {word.title.lower()} would change the outcome. {other.reason}"
    return ""


def _used(rules: RuleSet, facts: Mapping[str, object]) -> FactValue | None:
    fact = rules.fact_by_name[SIZE_FACT]
    return fact.parse(facts.get(SIZE_FACT)) or fact.default
