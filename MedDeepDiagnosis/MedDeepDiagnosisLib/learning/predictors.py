"""What predicts a case: a calibrated model, the mean of some, or one model for each step of a scale."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from MedDeepDiagnosisLib.learning.calibration import Calibration, Method, calibration_from_arrays
from MedDeepDiagnosisLib.learning.learners import LEARNERS, MEAN, Scorer
from MedDeepDiagnosisLib.learning.sample import Task
from MedDeepDiagnosisLib.learning.stored import StoredArrays, prefixed
from MedDeepDiagnosisLib.models.additive import AdditiveModel
from MedDeepDiagnosisLib.pathology import Feature
from MedDeepRegSegLib.errors import InputError

Array = NDArray[np.float64]


class Predictor(Protocol):
    """A fitted predictor."""

    def predict(self, values: Array) -> Array:
        """Return (N,) probabilities, or expected values of a number or an ordinal, of (N, F) values; NaN is missing."""

    def arrays(self) -> dict[str, Array]:
        """Return what :func:`predictor_from_arrays` takes."""


@dataclass(frozen=True)
class PredictorRecord:
    """What must be known beside the arrays to rebuild a predictor.

    Attributes
    ----------
    learner:
        Name of the learner.
    settings:
        What was chosen inside the folds, for people.
    calibration:
        Method of calibration.
    members:
        Of the mean; of an ordinal, one for each step but the first. Empty for a single model.
    """

    learner: str
    settings: dict[str, float]
    calibration: Method
    members: tuple["PredictorRecord", ...] = ()


@dataclass(frozen=True)
class CalibratedPredictor:
    """One model and its calibration (of a binary outcome); numbers are kept within what is possible."""

    record: PredictorRecord
    task: Task
    scorer: Scorer
    calibration: Calibration

    def predict(self, values: Array) -> Array:
        """Return (N,) probabilities or numbers."""
        scores = self.scorer.score(values)
        if self.task.kind == "binary":
            return self.calibration.probability(scores)
        return np.clip(scores, self.task.lowest, self.task.highest)

    def arrays(self) -> dict[str, Array]:
        """Return the arrays of model and calibration."""
        return {**prefixed("model", self.scorer.arrays()), **prefixed("calibration", self.calibration.arrays())}


@dataclass(frozen=True)
class MeanPredictor:
    """The mean of what its members predict."""

    members: tuple["CalibratedPredictor | OrdinalPredictor", ...]

    def predict(self, values: Array) -> Array:
        """Return (N,) probabilities or numbers."""
        return np.mean([member.predict(values) for member in self.members], axis=0)

    def arrays(self) -> dict[str, Array]:
        """Return the arrays of all members."""
        return _numbered(self.members)

    @property
    def record(self) -> PredictorRecord:
        """What must be known beside the arrays."""
        return PredictorRecord(MEAN, {}, "none", tuple(member.record for member in self.members))


@dataclass(frozen=True)
class ConstantPredictor:
    """The same for every case: for a step that hardly any case reaches or misses."""

    value: float

    def predict(self, values: Array) -> Array:
        """Return (N,) times the value."""
        return np.full(len(values), self.value)

    def arrays(self) -> dict[str, Array]:
        """Return the value as an array."""
        return {"value": np.array([self.value])}

    @property
    def record(self) -> PredictorRecord:
        """What must be known beside the arrays."""
        return PredictorRecord(CONSTANT, {}, "none")


CONSTANT = "constant"


@dataclass(frozen=True)
class OrdinalPredictor:
    """One model for each step of a scale but the first: the probability that the outcome reaches it.

    Source: Frank E, Hall M, A simple approach to ordinal classification, ECML 2001.
    """

    learner: str
    steps: tuple[float, ...]
    members: tuple["CalibratedPredictor | ConstantPredictor", ...]

    def reached(self, values: Array) -> Array:
        """Return (N, S - 1) probabilities that each step after the first is reached; they fall from step to step."""
        each = np.column_stack([member.predict(values) for member in self.members])
        return np.minimum.accumulate(each, axis=1)

    def predict(self, values: Array) -> Array:
        """Return (N,) expected values."""
        return self.steps[0] + self.reached(values) @ np.diff(self.steps)

    def arrays(self) -> dict[str, Array]:
        """Return the arrays of all members."""
        return _numbered(self.members)

    @property
    def record(self) -> PredictorRecord:
        """What must be known beside the arrays."""
        return PredictorRecord(self.learner, {}, "none", tuple(member.record for member in self.members))


AnyPredictor = CalibratedPredictor | MeanPredictor | OrdinalPredictor


def additive_of(predictor: AnyPredictor) -> AdditiveModel | None:
    """Return the additive model inside a predictor if that is all there is, so that its reasons are exact."""
    if isinstance(predictor, CalibratedPredictor) and isinstance(predictor.scorer, AdditiveModel):
        return predictor.scorer
    return None


def predictor_from_arrays(
    record: PredictorRecord, task: Task, features: tuple[Feature, ...], stored: StoredArrays
) -> AnyPredictor:
    """Rebuild a predictor from its record and arrays; raises InputError if they do not fit."""
    if record.learner == MEAN:
        members = []
        for number, member in enumerate(record.members):
            part = predictor_from_arrays(member, task, features, stored.within(str(number)))
            if isinstance(part, MeanPredictor):
                msg = "the description of the model has a mean within a mean; get the model again"
                raise InputError(msg)
            members.append(part)
        if not members:
            msg = "the description of the model has a mean of nothing; get the model again"
            raise InputError(msg)
        return MeanPredictor(tuple(members))
    if task.kind == "ordinal":
        if len(record.members) != len(task.steps) - 1:
            msg = "the description of the model does not fit the steps of its outcome; get the model again"
            raise InputError(msg)
        steps = tuple(
            _step_from_arrays(member, features, stored.within(str(number)))
            for number, member in enumerate(record.members)
        )
        return OrdinalPredictor(record.learner, task.steps, steps)
    return _single_from_arrays(record, task, features, stored)


def _step_from_arrays(
    record: PredictorRecord, features: tuple[Feature, ...], stored: StoredArrays
) -> CalibratedPredictor | ConstantPredictor:
    if record.learner == CONSTANT:
        return ConstantPredictor(float(stored.get("value", 1)[0]))
    return _single_from_arrays(record, Task(), features, stored)


def _single_from_arrays(
    record: PredictorRecord, task: Task, features: tuple[Feature, ...], stored: StoredArrays
) -> CalibratedPredictor:
    if record.learner not in LEARNERS:
        msg = f"the model has a learner {record.learner[:60]!r} that this version does not know; update MedDeep"
        raise InputError(msg)
    scorer = LEARNERS[record.learner].from_arrays(features, stored.within("model"))
    calibration = calibration_from_arrays(record.calibration, stored.within("calibration"))
    return CalibratedPredictor(record, task, scorer, calibration)


def _numbered(members: Sequence[Predictor]) -> dict[str, Array]:
    arrays: dict[str, Array] = {}
    for number, member in enumerate(members):
        arrays.update(prefixed(str(number), member.arrays()))
    return arrays
