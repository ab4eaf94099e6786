"""A model as a folder that anyone can read, check and pass on: no pickle, nothing that runs code.

``model.json``
    What the model is: the pathology, features, training data, license, scores, and the SHA-256 of the weights.
``model.safetensors``
    The numbers. Its header holds the SHA-256 of the description, so neither file can be changed alone.
``MODEL_CARD.md``
    The same for people.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from MedDeepDiagnosisLib.models.additive import AdditiveModel
from MedDeepDiagnosisLib.models.encoding import Encoding, column_count
from MedDeepDiagnosisLib.models.metrics import Scores
from MedDeepDiagnosisLib.pathology import Pathology
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.outputs import atomic_folder, write_json, write_text
from MedDeepRegSegLib.jobs.schema import from_json, to_json

WEIGHTS_FILE = "model.safetensors"
DESCRIPTION_FILE = "model.json"
CARD_FILE = "MODEL_CARD.md"
_HEADER_KEY = "description_sha256"


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
    from safetensors.numpy import save

    header = {_HEADER_KEY: _description_hash(model.description)}
    weights = save(_arrays(model), metadata=header)
    description = replace(model.description, weights_sha256=hashlib.sha256(weights).hexdigest())
    with atomic_folder(folder) as temporary:
        (temporary / WEIGHTS_FILE).write_bytes(weights)
        write_json(temporary / DESCRIPTION_FILE, to_json(description))
        write_text(temporary / CARD_FILE, card)
    return replace(model, description=description)


def read_model(folder: Path) -> DiagnosisModel:
    """Read and verify a model folder.

    Raises
    ------
    InputError
        If a file is missing or damaged, was changed after it was written, or the two files do not belong together.
    """
    folder = Path(folder)
    for name in (DESCRIPTION_FILE, WEIGHTS_FILE):
        if not (folder / name).is_file():
            msg = f"{folder} is not a model folder: {name} is missing; make one with 'meddeep fit'"
            raise InputError(msg)
    try:
        data = json.loads((folder / DESCRIPTION_FILE).read_text(encoding="utf-8"))
        description = from_json(ModelDescription, data)
    except ValueError as error:
        msg = f"{folder / DESCRIPTION_FILE} is not a valid model description: {error}"
        raise InputError(msg) from error
    weights = (folder / WEIGHTS_FILE).read_bytes()
    if hashlib.sha256(weights).hexdigest() != description.weights_sha256:
        msg = (
            f"{folder / WEIGHTS_FILE} is not the file that {DESCRIPTION_FILE} names (SHA-256 differs): it was changed "
            "or belongs to another model; get the model again"
        )
        raise InputError(msg)
    arrays, header = _load_arrays(weights, folder)
    if header.get(_HEADER_KEY) != _description_hash(description):
        msg = f"{folder / DESCRIPTION_FILE} was changed after the model was written; get the model again"
        raise InputError(msg)
    variants = {v.name: _variant(description, v.name, arrays) for v in description.pathology.variants}
    return DiagnosisModel(description, variants)


def _description_hash(description: ModelDescription) -> str:
    data = to_json(replace(description, weights_sha256=""))
    canonical = json.dumps(data, sort_keys=True, allow_nan=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


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


def _load_arrays(weights: bytes, folder: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays = load(weights)
        length = int.from_bytes(weights[:8], "little")
        header = json.loads(weights[8 : 8 + length]).get("__metadata__", {})
    except (SafetensorError, ValueError) as error:
        msg = f"{folder / WEIGHTS_FILE} is not a safetensors file: {error}"
        raise InputError(msg) from error
    return arrays, header


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
