"""Known cases that are most like a new one, and whether even these are unlike it.

The distance is the mean difference over the features that the new case has, each on a scale of its own (Gower JC. A
general coefficient of similarity and some of its properties. Biometrics 1971;27:857-871): numbers, on the scale on which
they enter a model, by the range of the central 90 % of the known cases; ordered ratings by the part of the scale;
categories 0 or 1. Other than Gower's, differences of numbers are not limited to 1, so that what lies far outside of all
known cases is far from them. Where a known case lacks a value, the mean difference between known cases counts: a gap
makes a case neither near nor far.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from MedDeepDiagnosisLib.cases import CaseTable
from MedDeepDiagnosisLib.models.encoding import on_scale
from MedDeepDiagnosisLib.pathology import Feature
from MedDeepDiagnosisLib.reasons.predictor import Array
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken

FAR_PERCENTILE = 95.0
_CENTRAL = (5.0, 95.0)
_PAIRS = 2000
_LEAST_SPREAD = 1e-9
_SAME = 1e-9  # distance of two cases with equal values
_AT_ONCE = 64
_MOST_TRIED = 400  # known cases whose nearest is looked for: enough for a percentile, and fast in large tables


@dataclass(frozen=True, eq=False)
class Scales:
    """How differences are measured, learned from the known cases.

    Attributes
    ----------
    features:
        The F features, in the order of columns.
    spread:
        (F,) difference that counts as 1, on the scale of :func:`~MedDeepDiagnosisLib.models.encoding.on_scale`.
    usual:
        (F,) mean difference between two known cases, in these units.
    far:
        Distance beyond which a nearest case is called far: the 95th percentile of the distances from a known case to the
        nearest one of another patient (of 400 cases where there are more). NaN with fewer than two patients.
    """

    features: tuple[Feature, ...]
    spread: Array
    usual: Array
    far: float

    def differences(self, row: Array, others: Array) -> Array:
        """Return (N, F) differences of a case (F,) to others (N, F), on scale. NaN where the case has no value."""
        gap = np.abs(others - row) / self.spread
        category = np.array([feature.kind == "category" for feature in self.features])
        gap = np.where(category & ~np.isnan(gap), gap > 0, gap)
        return np.where(np.isnan(row), np.nan, np.where(np.isnan(gap), self.usual, gap))

    def distances(self, row: Array, others: Array) -> Array:
        """Return (N,) mean differences over the features that the case has; NaN where it has none."""
        given = ~np.isnan(row)
        if not given.any():
            return np.full(len(others), np.nan)
        return self.differences(row, others)[:, given].mean(axis=1)


@dataclass(frozen=True)
class FeatureDifference:
    """One feature of two cases: values as a person writes them, and their difference in units of the scale.

    ``known`` is whether both have a value; otherwise ``difference`` is the usual one, or 0 where the new case has none.
    """

    title: str
    own: str
    other: str
    difference: float
    known: bool


@dataclass(frozen=True)
class KnownCase:
    """A case of the table. It is named by its row alone: names of cases and patients stay in the table.

    Attributes
    ----------
    row:
        Number of its row, from 0.
    label:
        For people, for example ``Known case 12`` (rows from 1).
    outcome:
        Value of the target.
    distance:
        Mean difference.
    differences:
        In the order of the features.
    """

    row: int
    label: str
    outcome: float
    distance: float
    differences: tuple[FeatureDifference, ...]


@dataclass(frozen=True)
class NearestCases:
    """The nearest known cases, and whether even the nearest is far; ``note`` says so in words."""

    cases: tuple[KnownCase, ...]
    far: bool
    note: str


def learn_scales(features: Sequence[Feature], table: CaseTable, *, cancel: CancelToken | None = None) -> Scales:
    """Learn how to measure differences from the known cases.

    Raises
    ------
    InputError
        If the table has no rows.
    Canceled
        If ``cancel`` was set.
    """
    if not len(table):
        msg = "the table of known cases is empty, expected one row for each case: import cases first"
        raise InputError(msg)
    features = tuple(features)
    scaled = on_scale(features, table.select([feature.name for feature in features]))
    spread = np.array([_spread(feature, scaled[:, number]) for number, feature in enumerate(features)])
    generator = np.random.default_rng(0)  # the same pairs for the same table
    pairs = generator.integers(len(table), size=(_PAIRS, 2))
    gaps = np.abs(scaled[pairs[:, 0]] - scaled[pairs[:, 1]]) / spread
    category = np.array([feature.kind == "category" for feature in features])
    gaps = np.where(category & ~np.isnan(gaps), gaps > 0, gaps)
    known = ~np.isnan(gaps)
    usual = np.where(known, gaps, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return Scales(
        features, spread, usual, _far(Scales(features, spread, usual, np.nan), scaled, table.patients, cancel)
    )


def nearest_cases(
    row: Array, table: CaseTable, scales: Scales, k: int = 5, *, patient: str | None = None, one_each: bool = True
) -> NearestCases:
    """Return the known cases nearest to a new one.

    Parameters
    ----------
    row:
        (F,) values of the scales' features, in their units, NaN where missing.
    table:
        That the scales were learned from.
    k:
        How many cases.
    patient:
        Cases of this patient are left out: a case must not explain itself.
    one_each:
        At most one case of each patient: repeated readings would fill the list.

    Raises
    ------
    InputError
        If the case has no value at all, or no known case is left.
    """
    own = on_scale(scales.features, np.asarray(row, dtype=np.float64)[None])[0]
    raw = table.select([feature.name for feature in scales.features])
    distances = scales.distances(own, on_scale(scales.features, raw))
    if np.isnan(own).all():
        msg = "the case has no value of any feature, expected at least one to compare with known cases: enter values first"
        raise InputError(msg)
    chosen: list[int] = []
    seen: set[str] = set()
    for number in np.argsort(distances, kind="stable"):
        name = str(table.patients[number])
        if len(chosen) == k:
            break
        if name != patient and not (one_each and name in seen):
            chosen.append(int(number))
            seen.add(name)
    if not chosen:
        msg = "there is no known case of another patient, expected at least one: add cases to the table"
        raise InputError(msg)
    apart = scales.differences(own, on_scale(scales.features, raw[chosen]))
    cases = tuple(
        KnownCase(
            row=number,
            label=f"Known case {number + 1}",
            outcome=float(table.target[number]),
            distance=float(distances[number]),
            differences=_in_words(scales.features, np.asarray(row, dtype=np.float64), raw[number], apart[place]),
        )
        for place, number in enumerate(chosen)
    )
    far = bool(cases[0].distance > scales.far)
    note = ""
    if far:
        note = (
            f"No known case is very like this one (distance {cases[0].distance:.2f}; for {FAR_PERCENTILE:.0f} % of known "
            f"cases the nearest one of another patient is within {scales.far:.2f}): trust the figure less."
        )
    elif cases[0].distance < _SAME:
        note = (
            "The nearest known case has the very same values. It may be this case itself: then the model has learned its "
            "outcome, and neither this list nor the prediction says anything of how well it does on new cases."
        )
    elif np.isnan(scales.far):
        note = "There are too few known cases to say whether the nearest is far."
    return NearestCases(cases, far, note)


def _spread(feature: Feature, column: Array) -> float:
    """Return the difference that counts as 1."""
    if feature.kind == "category":
        return 1.0
    if feature.kind == "ordinal":
        return max(float(feature.maximum - feature.minimum), _LEAST_SPREAD)
    present = column[~np.isnan(column)]
    if not len(present):
        return 1.0
    low, high = np.percentile(present, _CENTRAL)
    spread = float(high - low) if high - low > _LEAST_SPREAD else float(np.ptp(present))
    return spread if spread > _LEAST_SPREAD else 1.0


def _far(scales: Scales, scaled: Array, patients: NDArray[np.str_], cancel: CancelToken | None) -> float:
    """Return the percentile of the distances of each case to the nearest one of another patient."""
    _, person = np.unique(patients, return_inverse=True)
    if person.max() < 1:
        return float("nan")
    tried = np.arange(len(scaled))
    if len(tried) > _MOST_TRIED:
        tried = np.random.default_rng(0).choice(tried, _MOST_TRIED, replace=False)
    nearest = []
    for count, number in enumerate(tried):
        if cancel is not None and count % _AT_ONCE == 0:
            cancel.raise_if_canceled()
        row = scaled[number]
        if not np.isnan(row).all():
            nearest.append(scales.distances(row, scaled[person != person[number]]).min())
    return float(np.percentile(nearest, FAR_PERCENTILE)) if nearest else float("nan")


def _in_words(features: Sequence[Feature], own: Array, other: Array, apart: Array) -> tuple[FeatureDifference, ...]:
    return tuple(
        FeatureDifference(
            title=feature.title,
            own=feature.display(float(mine)),
            other=feature.display(float(theirs)),
            difference=0.0 if np.isnan(gap) else float(gap),
            known=not (np.isnan(mine) or np.isnan(theirs)),
        )
        for feature, mine, theirs, gap in zip(features, own, other, apart, strict=True)
    )
