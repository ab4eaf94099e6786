"""Whom a model is not for, as far as the facts of a case tell: data apart from the model, like the rules of guidelines."""

import json
from collections.abc import Mapping

from MedDeepDiagnosisLib.guidelines.applying import apply_rules
from MedDeepDiagnosisLib.guidelines.reading import rules_from_json
from MedDeepDiagnosisLib.guidelines.rule_set import RuleSet
from MedDeepDiagnosisLib.pathology import Pathology
from MedDeepDiagnosisLib.resources import resource_path


def out_of_scope(pathology: Pathology, row: Mapping[str, object]) -> tuple[str, ...]:
    """Return why a model of a pathology is not for a patient; a missing fact is no reason.

    Raises
    ------
    InputError
        If a fact is none that is allowed.
    """
    rules = scope_of(pathology)
    if rules is None:
        return ()
    outcome = apply_rules(rules, row)
    return tuple(f"the model is not for this patient: {found.reason}" for found in outcome.exclusions if found.truth)


def scope_columns(pathology: Pathology) -> frozenset[str]:
    """Return the columns of a table that say whether a model is for a patient."""
    rules = scope_of(pathology)
    return frozenset() if rules is None else frozenset(n for fact in rules.facts for n in (fact.name, *fact.aliases))


def scope_of(pathology: Pathology) -> RuleSet | None:
    """Return the rules that ship for a pathology; None where there are none."""
    path = resource_path("scopes") / f"{pathology.identifier}.json"
    if not path.is_file():
        return None
    return rules_from_json(json.loads(path.read_text(encoding="utf-8")))
