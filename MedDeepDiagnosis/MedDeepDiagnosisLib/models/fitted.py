"""The fitted model of one variant of a pathology, with what a prediction needs beside it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from MedDeepDiagnosisLib.cases import lesion_rows
from MedDeepDiagnosisLib.learning.conformal import IntervalWidths, SetThresholds
from MedDeepDiagnosisLib.learning.predictors import (
    AnyPredictor,
    PredictorRecord,
    additive_of,
    predictor_from_arrays,
)
from MedDeepDiagnosisLib.learning.sample import task_of
from MedDeepDiagnosisLib.learning.stored import StoredArrays, prefixed
from MedDeepDiagnosisLib.models.additive import AdditiveModel
from MedDeepDiagnosisLib.models.encoding import compared_values
from MedDeepDiagnosisLib.pathology import Feature, Target
from MedDeepRegSegLib.errors import InputError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class VariantRecord:
    """What ``model.json`` says of the model of one variant.

    Attributes
    ----------
    name:
        Of the variant.
    predictor:
        How it predicts; its numbers are in the weights.
    lesion_features:
        How many encoder features of the lesion's image it can use; 0 if none.
    sets:
        Thresholds of the conformal sets of a binary outcome, else None.
    intervals:
        Half widths of the conformal intervals of a number or a step of a scale, else None.
    """

    name: str
    predictor: PredictorRecord
    lesion_features: int
    sets: SetThresholds | None
    intervals: IntervalWidths | None


@dataclass(frozen=True)
class FittedVariant:
    """The model of one variant.

    Attributes
    ----------
    record:
        See :class:`VariantRecord`.
    features:
        The F features, in the order of the columns.
    target:
        What it predicts.
    predictor:
        From (N, F) or (N, F + D) values to predictions.
    usual:
        (F, 2) 0.5th and 99.5th percentile of what :meth:`compared` returns for the training cases: outside of it the
        model has hardly seen cases.
    band:
        (G, 3) probabilities with the interval of what was observed near them, see
        :mod:`~MedDeepDiagnosisLib.learning.bands`; no rows for numbers.
    background:
        (M, F) values of some training cases without names, NaN where missing: what a case is compared with to give
        reasons. No rows for an additive model, whose reasons need none.
    """

    record: VariantRecord
    features: tuple[Feature, ...]
    target: Target
    predictor: AnyPredictor
    usual: Array
    band: Array = field(default_factory=lambda: np.empty((0, 3)))
    background: Array = field(default_factory=lambda: np.empty((0, 0)))

    @property
    def learner(self) -> str:
        """Name of the learner."""
        return self.record.predictor.learner

    @property
    def additive(self) -> AdditiveModel | None:
        """The additive model, if that is what predicts: its reasons are exact."""
        return additive_of(self.predictor)

    def predict(self, values: Array) -> Array:
        """Return (N,) probabilities or expected values of (N, F) or (N, F + D) values, NaN where missing."""
        return self.predictor.predict(values)

    def for_case(self, raw_values: Mapping[str, object]) -> Callable[[Array], Array]:
        """Return the predictor of (N, F) values with the lesion's image as it is in a case.

        Parameters
        ----------
        raw_values:
            With the columns of encoder features, if there are any; the model does without where it can not use them.

        Raises
        ------
        InputError
            If they do not fit the model.
        """
        count = self.record.lesion_features
        if not count:
            return self.predict
        lesion = lesion_rows([raw_values], count)
        return lambda values: self.predict(np.concatenate([values, np.repeat(lesion, len(values), axis=0)], axis=1))

    def compared(self, values: Array) -> Array:
        """Return (N, F) values as they are held against :attr:`usual`: relative ones as ratios."""
        return compared_values(self.features, values[:, : len(self.features)])

    def arrays(self) -> dict[str, Array]:
        """Return what :func:`fitted_from_arrays` takes; which values of the background are given is an array of its own."""
        arrays = prefixed("predictor", self.predictor.arrays())
        arrays["usual"] = self.usual
        arrays["band"] = self.band
        if len(self.background):
            given = ~np.isnan(self.background)
            arrays["background"] = np.where(given, self.background, 0.0)
            arrays["background_given"] = given.astype(np.float64)
        return {name: np.ascontiguousarray(array, dtype=np.float64) for name, array in arrays.items()}


def fitted_from_arrays(
    record: VariantRecord, features: tuple[Feature, ...], target: Target, stored: StoredArrays
) -> FittedVariant:
    """Rebuild the model of a variant from its record and arrays; raises InputError if they do not fit."""
    if (record.sets if target.kind == "binary" else record.intervals) is None:
        msg = f"the description of the model lacks the conformal thresholds of {record.name}; get the model again"
        raise InputError(msg)
    background = np.empty((0, len(features)))
    if stored.has("background"):
        values = stored.get("background", None, len(features))
        given = stored.get("background_given", len(values), len(features)) > 0
        background = np.where(given, values, np.nan)
    predictor = predictor_from_arrays(record.predictor, task_of(target), features, stored.within("predictor"))
    if additive_of(predictor) is None and not len(background):
        msg = f"the weights lack the cases that {record.name} is compared with to give reasons; get the model again"
        raise InputError(msg)
    return FittedVariant(
        record=record,
        features=features,
        target=target,
        predictor=predictor,
        usual=stored.get("usual", len(features), 2),
        band=stored.get("band", None, 3),
        background=background,
    )
