"""The additive model as one of the learners: splines of each feature that add up, see :mod:`~MedDeepDiagnosisLib.models.additive`."""

from collections.abc import Sequence

from MedDeepDiagnosisLib.learning.sample import Sample
from MedDeepDiagnosisLib.learning.stored import StoredArrays
from MedDeepDiagnosisLib.models.additive import (
    PENALTIES,
    AdditiveModel,
    additive_from_arrays,
    fit_additive_path,
)
from MedDeepDiagnosisLib.pathology import Feature

SETTINGS = tuple({"penalty": penalty} for penalty in PENALTIES)
"""What is tried inside the folds, the strongest penalty first."""


def fit_all(sample: Sample, *, binary: bool, settings: Sequence[dict[str, float]], seed: int) -> list[AdditiveModel]:
    """Fit one model for each of some settings; each begins from the one before. Nothing here is random."""
    del seed
    penalties = [setting["penalty"] for setting in settings]
    return fit_additive_path(sample.features, sample.table, sample.target, penalties, binary=binary)


def from_arrays(features: tuple[Feature, ...], stored: StoredArrays) -> AdditiveModel:
    """Return a model from the arrays of a folder; raises InputError if they do not fit."""
    return additive_from_arrays(features, stored)
