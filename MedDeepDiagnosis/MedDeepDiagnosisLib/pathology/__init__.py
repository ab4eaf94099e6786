"""A typed description of a condition to assess: its features, what is predicted, and what it does not apply to.

A pathology is data, not code: one JSON file in ``Resources/pathologies`` (or one's own file). It says how each
feature is measured or rated, in which units, and which values are plausible, so that a form can be generated from
it and a value can be refused with a reason.
"""

from MedDeepDiagnosisLib.pathology.checks import NO_INFORMATION, ONLY_CLINICAL
from MedDeepDiagnosisLib.pathology.description import CONTRADICTION, Guideline, Pathology, Variant
from MedDeepDiagnosisLib.pathology.features import Feature, Group, RatingWord
from MedDeepDiagnosisLib.pathology.loading import load_pathology
from MedDeepDiagnosisLib.pathology.targets import Target

__all__ = [
    "CONTRADICTION",
    "NO_INFORMATION",
    "ONLY_CLINICAL",
    "Feature",
    "Group",
    "Guideline",
    "Pathology",
    "RatingWord",
    "Target",
    "Variant",
    "load_pathology",
]
