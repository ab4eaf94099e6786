"""From feature values to the columns of a logistic model.

A number (or its logarithm) becomes a restricted cubic spline: straight outside of the outer knots, so that rare
extremes are not thrown about (Harrell FE, Regression Modeling Strategies, 2015, eq. 2.25). An ordered rating becomes
one column for each step that it reaches; a category one for each of its words. A number that
is relative to another is divided by it first. Columns are centered on the mean of the training cases. A missing value gets the column means, so it pulls neither way.

Everything here is learned from the training rows of a fold alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from MedDeepDiagnosisLib.learning.stored import StoredArrays
from MedDeepDiagnosisLib.pathology import Feature

_KNOT_QUANTILES = (0.05, 0.35, 0.65, 0.95)
_LEAST_KNOTS = 3


@dataclass(frozen=True)
class Encoding:
    """How the values of F features become C columns.

    Attributes
    ----------
    features:
        The F features.
    knots:
        For each feature, ascending knots on its scale; empty for ratings and for numbers that enter as a line.
    center, scale:
        (C,) mean and divisor of the columns.
    owner:
        (C,) index of the feature that a column belongs to.
    usual:
        (F, 2) 0.5th and 99.5th percentile of what :meth:`compared` returns for the training cases: outside of it the
        model has hardly seen cases.
    """

    features: tuple[Feature, ...]
    knots: tuple[NDArray[np.float64], ...]
    center: NDArray[np.float64]
    scale: NDArray[np.float64]
    owner: NDArray[np.int64]
    usual: NDArray[np.float64]

    def compared(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (N, F) values as they are held against :attr:`usual`: relative ones as ratios, others in their units."""
        return compared_values(self.features, values)

    def columns(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (N, C) centered and scaled columns of (N, F) values; NaN becomes 0, the mean case."""
        scaled = on_scale(self.features, values)
        raw = np.concatenate(
            [
                _raw_columns(feature, knots, scaled[:, index])
                for index, (feature, knots) in enumerate(zip(self.features, self.knots, strict=True))
            ],
            axis=1,
        )
        return np.nan_to_num((raw - self.center) / self.scale, nan=0.0)


def column_count(feature: Feature, knots: NDArray[np.float64]) -> int:
    """Return how many columns a feature has."""
    return _raw_columns(feature, knots, np.ones(1)).shape[1]


def learn_encoding(features: Sequence[Feature], values: NDArray[np.float64], *, splines: bool = True) -> Encoding:
    """Learn knots, means and scales from (N, F) training values (NaN where missing).

    Without ``splines`` every number enters as a line.
    """
    scaled = on_scale(features, values)
    knots = tuple(
        _learn_knots(feature, scaled[:, index]) if splines else np.empty(0) for index, feature in enumerate(features)
    )
    center, scale, owner = [], [], []
    for index, (feature, own_knots) in enumerate(zip(features, knots, strict=True)):
        given = ~np.isnan(scaled[:, index])
        raw = _raw_columns(feature, own_knots, scaled[given, index])
        known = bool(given.any())
        mean = raw.mean(axis=0) if known else np.zeros(raw.shape[1])
        spread = raw.std(axis=0) if known and feature.kind == "number" else np.ones(raw.shape[1])
        center.append(mean)
        # A step of a rating keeps its size: scaling it up where it is rare would undo the penalty that it needs.
        scale.append(np.where(spread > 1e-12, spread, 1.0))
        owner.append(np.full(raw.shape[1], index))
    return Encoding(
        tuple(features),
        knots,
        np.concatenate(center),
        np.concatenate(scale),
        np.concatenate(owner),
        usual_range(features, values),
    )


def encoding_arrays(encoding: Encoding) -> dict[str, NDArray[np.float64]]:
    """Return what :func:`encoding_from_arrays` takes, beside the features."""
    arrays = {"center": encoding.center, "scale": encoding.scale, "usual": encoding.usual}
    knots = {f"knots/{feature.name}": own for feature, own in zip(encoding.features, encoding.knots, strict=True)}
    return {**arrays, **knots}


def encoding_from_arrays(features: tuple[Feature, ...], stored: StoredArrays) -> Encoding:
    """Return an encoding from the arrays of a model folder; raises InputError if they do not fit the features."""
    knots = tuple(stored.get(f"knots/{feature.name}", None) for feature in features)
    counts = [column_count(feature, own) for feature, own in zip(features, knots, strict=True)]
    return Encoding(
        features=features,
        knots=knots,
        center=stored.get("center", sum(counts)),
        scale=stored.divisors("scale", sum(counts)),
        owner=np.repeat(np.arange(len(features)), counts),
        usual=stored.get("usual", len(features), 2),
    )


def _whole_range(feature: Feature) -> list[float]:
    """Return what is usual where no case says so: all that is plausible, and any ratio."""
    return [feature.minimum, feature.maximum] if feature.relative_to is None else [0.0, float(np.finfo(float).max)]


def _learn_knots(feature: Feature, values: NDArray[np.float64]) -> NDArray[np.float64]:
    present = values[~np.isnan(values)]
    if feature.kind != "number" or len(present) == 0:
        return np.empty(0)
    knots = np.unique(np.quantile(present, _KNOT_QUANTILES))
    return knots if len(knots) >= _LEAST_KNOTS else np.empty(0)


def usual_range(features: Sequence[Feature], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (F, 2) the 0.5th and 99.5th percentile of what :func:`compared_values` returns; see :attr:`Encoding.usual`."""
    compared = compared_values(features, values)
    return np.array(
        [
            np.percentile(column[~np.isnan(column)], [0.5, 99.5])
            if (~np.isnan(column)).any()
            else _whole_range(feature)
            for feature, column in zip(features, compared.T, strict=True)
        ]
    )


def compared_values(features: Sequence[Feature], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (N, F) values as they are held against the usual ones: relative ones as ratios, others in their units."""
    relative = np.array([feature.relative_to is not None for feature in features])
    return np.where(relative, np.exp(np.where(relative, on_scale(features, values), 0.0)), values)


def on_scale(features: Sequence[Feature], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (N, F) values with logarithms taken, and relative ones divided by their reference if it is among them."""
    scaled = values.copy()
    names = [feature.name for feature in features]
    for index, feature in enumerate(features):
        if feature.scale == "log":
            scaled[:, index] = np.log(values[:, index])
        if feature.relative_to in names:
            scaled[:, index] -= np.log(values[:, names.index(feature.relative_to)])
    return scaled


def _raw_columns(feature: Feature, knots: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    if feature.kind == "number":
        return _spline(values, knots)
    steps = np.array([step.value for step in feature.words], dtype=float)
    column = values[:, None]
    reached = column >= np.sort(steps)[1:] if feature.kind == "ordinal" else column == steps
    return np.where(np.isnan(column), np.nan, reached)


def _spline(values: NDArray[np.float64], knots: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the line and the len(knots) - 2 curved terms of a restricted cubic spline, (N, len(knots) - 1)."""
    columns = [values]
    if len(knots):
        last, before = knots[-1], knots[-2]
        width = (last - knots[0]) ** 2

        def cubed(knot: float) -> NDArray[np.float64]:
            return np.maximum(values - knot, 0) ** 3

        for knot in knots[:-2]:
            right = cubed(before) * (last - knot) - cubed(last) * (before - knot)
            columns.append((cubed(knot) - right / (last - before)) / width)
    return np.column_stack(columns)
