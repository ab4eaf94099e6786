"""Guideline rules as data, apart from any model: read, apply, check, and compare with a prediction."""

from MedDeepDiagnosisLib.guidelines.applying import (
    ExclusionResult,
    MissingFact,
    RuleOutcome,
    RuleResult,
    apply_rules,
)
from MedDeepDiagnosisLib.guidelines.case_facts import CaseFacts, facts_from
from MedDeepDiagnosisLib.guidelines.checking import CoverageReport, check_coverage, fact_grid
from MedDeepDiagnosisLib.guidelines.conflicts import conflicts
from MedDeepDiagnosisLib.guidelines.reading import load_rules, rules_from_json, rules_names
from MedDeepDiagnosisLib.guidelines.rule_set import RuleSet

__all__ = [
    "CaseFacts",
    "CoverageReport",
    "ExclusionResult",
    "MissingFact",
    "RuleOutcome",
    "RuleResult",
    "RuleSet",
    "apply_rules",
    "check_coverage",
    "conflicts",
    "fact_grid",
    "facts_from",
    "load_rules",
    "rules_from_json",
    "rules_names",
]
