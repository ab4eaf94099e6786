"""The folder of a diagnosis model; see :mod:`MedDeepRegSegLib.models.sealed_folder` for its files and their seal."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from MedDeepDiagnosisLib.cases import CaseTable
from MedDeepDiagnosisLib.learning.conformal import Coverage
from MedDeepDiagnosisLib.learning.fairness import GroupScores
from MedDeepDiagnosisLib.learning.stored import StoredArrays, prefixed
from MedDeepDiagnosisLib.models.fitted import FittedVariant, VariantRecord, fitted_from_arrays
from MedDeepDiagnosisLib.models.known_cases import known_arrays, known_from_arrays
from MedDeepDiagnosisLib.models.metrics import NumberScores, Scores
from MedDeepDiagnosisLib.models.relied_on import FeatureImportance
from MedDeepDiagnosisLib.pathology import Pathology
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.models.sealed_folder import DESCRIPTION_FILE, read_sealed, write_sealed

_KNOWN = "/known"  # no variant has this name


@dataclass(frozen=True)
class ScoredMethod:
    """Out-of-fold scores of a variant, a further learner or a baseline: of a binary outcome, or of a number."""

    name: str
    title: str
    binary: Scores | None
    numbers: NumberScores | None
    coverage: Coverage


@dataclass(frozen=True)
class TrainingRecord:
    """What the model was trained on.

    Attributes
    ----------
    data, license:
        Source and license of the data.
    data_sha256:
        Of the file that was read.
    cases, positive_cases, patients:
        How many were learned from; ``positive_cases`` is 0 for numbers and steps of a scale.
    excluded_patients:
        Left out on request, beside those that are kept back: public names, and ``not named`` for each other one.
    notes:
        What else one must know.
    seed, folds:
        Of the cross-validation.
    known_cases:
        How many of the cases lie in the folder, without names.
    """

    data: str
    license: str
    data_sha256: str
    cases: int
    positive_cases: int
    patients: int
    excluded_patients: tuple[str, ...]
    notes: tuple[str, ...]
    seed: int
    folds: int
    known_cases: int


@dataclass(frozen=True)
class ModelDescription:
    """The content of ``model.json``.

    Attributes
    ----------
    pathology:
        With the one target that is predicted.
    variants:
        One record for each variant of the pathology, in their order.
    draws:
        Refits on resampled patients that an additive model keeps.
    validation:
        Scores of every variant, of further learners and of baselines.
    fairness:
        Scores by sex and age, of the variant with the most features; empty if the pathology has neither.
    importance:
        What the model of each variant relies on, the most important first.
    """

    format: Literal["meddeep-diagnosis"]
    format_version: Literal[4]
    software_version: str
    license: str
    pathology: Pathology
    training: TrainingRecord
    variants: tuple[VariantRecord, ...]
    draws: int
    validation: tuple[ScoredMethod, ...]
    fairness: tuple[GroupScores, ...]
    importance: tuple[FeatureImportance, ...]
    weights_sha256: str

    def method(self, name: str) -> ScoredMethod:
        """Return the out-of-fold scores of a variant, a further learner or a baseline; raises InputError if it has none."""
        for scored in self.validation:
            if scored.name == name:
                return scored
        msg = f"model has no scores of {name!r}, expected one of {', '.join(s.name for s in self.validation)}"
        raise InputError(msg)

    def scores(self, method: str) -> Scores:
        """Return the scores of probabilities of a method; raises InputError if it has none."""
        found = self.method(method).binary
        if found is None:
            msg = f"the model predicts {self.pathology.target.title.lower()}, which is no probability: it has no such scores"
            raise InputError(msg)
        return found


@dataclass(frozen=True)
class DiagnosisModel:
    """A model ready to predict.

    Attributes
    ----------
    description:
        What ``model.json`` says.
    variants:
        One fitted model for each variant of its pathology.
    known:
        Cases that it learned from, without names; None where none were kept. See
        :mod:`~MedDeepDiagnosisLib.models.known_cases`.
    """

    description: ModelDescription
    variants: dict[str, FittedVariant]
    known: CaseTable | None = None

    @property
    def pathology(self) -> Pathology:
        """What the model assesses."""
        return self.description.pathology


def write_model(model: DiagnosisModel, card: str, folder: Path) -> DiagnosisModel:
    """Write a model folder, whole or not at all, and return the model with the hash of its weights set."""
    return replace(model, description=write_sealed(folder, _arrays(model), model.description, card))


def read_model(folder: Path) -> DiagnosisModel:
    """Read and verify a model folder.

    Raises
    ------
    InputError
        If a file is missing or damaged, was changed after it was written, or the two files do not belong together.
    MissingPackageError
        If safetensors is not installed.
    """
    description, arrays = read_sealed(folder, ModelDescription, hint="make one with 'meddeep fit'")
    pathology = description.pathology
    if [record.name for record in description.variants] != [variant.name for variant in pathology.variants]:
        msg = f"{Path(folder) / DESCRIPTION_FILE} does not name the models of its pathology; get the model again"
        raise InputError(msg)
    variants = {
        record.name: fitted_from_arrays(
            record, pathology.features_of(record.name), pathology.target, StoredArrays(arrays).within(record.name)
        )
        for record in description.variants
    }
    names = tuple(feature.name for feature in pathology.features)
    return DiagnosisModel(description, variants, known_from_arrays(names, StoredArrays(arrays).within(_KNOWN)))


def _arrays(model: DiagnosisModel) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    for name, fitted in model.variants.items():
        arrays.update(prefixed(name, fitted.arrays()))
    if model.known is not None:
        arrays.update(prefixed(_KNOWN, known_arrays(model.known)))
    return arrays
