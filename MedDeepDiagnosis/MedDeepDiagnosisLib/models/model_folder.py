"""The folder of a diagnosis model; see :mod:`MedDeepRegSegLib.models.sealed_folder` for its files and their seal."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from MedDeepDiagnosisLib.models.additive import AdditiveModel
from MedDeepDiagnosisLib.models.encoding import Encoding, column_count
from MedDeepDiagnosisLib.models.metrics import Scores
from MedDeepDiagnosisLib.pathology import Pathology
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.models.sealed_folder import DESCRIPTION_FILE, WEIGHTS_FILE, read_sealed, write_sealed


@dataclass(frozen=True)
class ScoredMethod:
    """Out-of-fold scores of a variant or a baseline."""

    name: str
    title: str
    scores: Scores


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
        How many were learned from.
    excluded_patients:
        Left out on request, beside those that are kept back.
    notes:
        What else one must know.
    seed, folds:
        Of the cross-validation.
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


@dataclass(frozen=True)
class ModelDescription:
    """The content of ``model.json``."""

    format: Literal["meddeep-additive-logistic"]
    format_version: Literal[2]
    software_version: str
    license: str
    pathology: Pathology
    training: TrainingRecord
    penalties: dict[str, float]
    draws: int
    validation: tuple[ScoredMethod, ...]
    weights_sha256: str

    def scores(self, method: str) -> Scores:
        """Return the out-of-fold scores of a variant or baseline; raises InputError if it has none."""
        for scored in self.validation:
            if scored.name == method:
                return scored.scores
        msg = f"model has no scores of {method!r}, expected one of {', '.join(s.name for s in self.validation)}"
        raise InputError(msg)


@dataclass(frozen=True)
class DiagnosisModel:
    """A model ready to predict: one fitted model for each variant of its pathology."""

    description: ModelDescription
    variants: dict[str, AdditiveModel]

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
    variants = {v.name: _variant(description, v.name, arrays) for v in description.pathology.variants}
    return DiagnosisModel(description, variants)


def _arrays(model: DiagnosisModel) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    for name, fitted in model.variants.items():
        encoding = fitted.encoding
        arrays[f"{name}/center"] = encoding.center
        arrays[f"{name}/scale"] = encoding.scale
        arrays[f"{name}/usual"] = encoding.usual
        arrays[f"{name}/coefficients"] = np.vstack([fitted.coefficients, fitted.draw_coefficients])
        arrays[f"{name}/intercepts"] = np.append(fitted.intercept, fitted.draw_intercepts)
        for feature, knots in zip(encoding.features, encoding.knots, strict=True):
            arrays[f"{name}/knots/{feature.name}"] = knots
    return {key: np.ascontiguousarray(array, dtype=np.float64) for key, array in arrays.items()}


def _variant(description: ModelDescription, name: str, arrays: dict[str, np.ndarray]) -> AdditiveModel:
    features = description.pathology.features_of(name)

    def array(key: str, shape: tuple[int, ...] | None = None) -> np.ndarray:
        found = arrays.get(f"{name}/{key}")
        if found is None or found.dtype != np.float64 or (shape is not None and found.shape != shape):
            msg = (
                f"{WEIGHTS_FILE}: array {name}/{key} is missing or does not fit {DESCRIPTION_FILE}; get the model again"
            )
            raise InputError(msg)
        if not np.isfinite(found).all():
            msg = f"{WEIGHTS_FILE}: array {name}/{key} holds values that are not finite; get the model again"
            raise InputError(msg)
        return found

    knots = tuple(array(f"knots/{feature.name}") for feature in features)
    counts = [column_count(feature, own) for feature, own in zip(features, knots, strict=True)]
    columns, rows = sum(counts), 1 + description.draws
    encoding = Encoding(
        features=features,
        knots=knots,
        center=array("center", (columns,)),
        scale=array("scale", (columns,)),
        owner=np.repeat(np.arange(len(features)), counts),
        usual=array("usual", (len(features), 2)),
    )
    coefficients, intercepts = array("coefficients", (rows, columns)), array("intercepts", (rows,))
    penalty = description.penalties.get(name, 0.0)
    return AdditiveModel(encoding, coefficients[0], float(intercepts[0]), coefficients[1:], intercepts[1:], penalty)
