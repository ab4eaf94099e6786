"""The steps of the search for a counterfactual: which cases are tried, which are plausible, how changes get small."""

import math
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from MedDeepDiagnosisLib.pathology import CONTRADICTION, Feature
from MedDeepDiagnosisLib.reasons.nearest import Scales
from MedDeepDiagnosisLib.reasons.predictor import Array, Predictor, ask
from MedDeepRegSegLib.jobs.progress import CancelToken

_GRID = np.linspace(0, 100, 21)  # percentiles of the known cases that are tried for a number
_BEAM = 4
_ROUNDS, _POINTS = 2, 24  # 625 steps between a value that crosses and the case's own
_ROOM = 1e-9


class Search:
    """What the steps share.

    Cases are (F,) *coordinates*: values in the features' units, but ratios for features that are relative to another.

    Attributes
    ----------
    features:
        The F features.
    row, own:
        (F,) values and coordinates of the case to start from.
    start:
        Its prediction.
    upward:
        Whether the prediction has to rise.
    """

    def __init__(
        self,
        predict: Predictor,
        row: Array,
        scales: Scales,
        known: Array,
        *,
        threshold: float,
        cancel: CancelToken | None,
    ) -> None:
        self.features, self.row = scales.features, row
        self._predict, self._scales, self._threshold, self._cancel = predict, scales, threshold, cancel
        self._known = known
        names = [feature.name for feature in self.features]
        self._reference = {
            number: names.index(feature.relative_to)
            for number, feature in enumerate(self.features)
            if feature.relative_to in names
        }
        self._bound = {
            number: names.index(feature.never_above)
            for number, feature in enumerate(self.features)
            if feature.never_above in names
        }
        self.own = self._coordinates(row[None])[0]
        self.start = float(self.predicted(self.own[None])[0])
        self.upward = self.start < threshold

    def choices(self, immutable: Collection[str]) -> dict[int, Array]:
        """Return for each feature that may change the coordinates to try: those of known cases."""
        fixed = {number for number, feature in enumerate(self.features) if feature.name in immutable}
        fixed |= {self._reference[n] for n in fixed if n in self._reference and not np.isnan(self.own[n])}
        known = self._coordinates(self._known)
        found = {
            number: _choices(feature, self.own[number], known[:, number])
            for number, feature in enumerate(self.features)
            if number not in fixed
        }
        return {number: values for number, values in found.items() if len(values)}

    def values(self, cases: Array) -> Array:
        """Return (N, F) values in the features' units for (N, F) coordinates."""
        found = np.array(cases, dtype=np.float64)
        for number, reference in self._reference.items():
            # Kept to the last digit where nothing changed.
            still = (cases[:, number] == self.own[number]) & (cases[:, reference] == self.own[reference])
            found[:, number] = np.where(still, self.row[number], cases[:, number] * cases[:, reference])
        return found

    def predicted(self, cases: Array) -> Array:
        """Return (N,) predictions for (N, F) coordinates."""
        return ask(self._predict, self.values(cases), self._cancel)

    def extended(self, beam: Array, choices: dict[int, Array]) -> Array:
        """Return all plausible cases with one more feature changed."""
        rows = []
        for case in beam:
            for number, values in choices.items():
                if case[number] == self.own[number]:
                    more = np.repeat(case[None], len(values), axis=0)
                    more[:, number] = values
                    rows.append(more)
        tried = np.vstack(rows) if rows else np.empty((0, len(self.own)))
        return tried[self._plausible(tried)]

    def diverse(self, ranked: Array) -> Array:
        """Return the first cases of a ranking, at most one for each set of changed features."""
        chosen: list[Array] = []
        seen: set[bytes] = set()
        for case in ranked:
            key = self.changed(case).tobytes()
            if key not in seen and len(chosen) < _BEAM:
                seen.add(key)
                chosen.append(case)
        return np.array(chosen)

    def changed(self, cases: Array) -> NDArray[np.bool_]:
        """Return which coordinates differ from those of the case; what is missing never does."""
        return (cases != self.own) & ~np.isnan(self.own)

    def apart(self, cases: Array) -> Array:
        """Return (N, F) differences from the case, in units of the scales."""
        gaps = np.zeros(cases.shape)
        for number, feature in enumerate(self.features):
            column, own = cases[:, number], self.own[number]
            if np.isnan(own):
                continue
            if feature.scale == "log":
                column, own = np.log(column), np.log(own)
            category = feature.kind == "category"
            gaps[:, number] = (column != own) if category else np.abs(column - own) / self._scales.spread[number]
        return gaps

    def sizes(self, cases: Array) -> Array:
        """Return (N,) sums of the differences from the case."""
        return self.apart(cases).sum(axis=1)

    def drawn_back(self, case: Array) -> Array:
        """Return a crossing case with each change as small as the threshold allows."""
        current = case.copy()
        # The largest change first: it has most to give back.
        gaps = self.apart(case[None])[0]
        for number in sorted(np.flatnonzero(self.changed(case)).tolist(), key=lambda n: -gaps[n]):
            feature = self.features[number]
            without = current.copy()
            without[number] = self.own[number]
            if self._cross(without[None])[0]:
                current = without
            elif feature.kind == "number":
                current = self._narrowed(current, number)
            elif feature.kind == "ordinal":
                current = self._stepped(current, number)
        return current

    def carried_by(self, changed: int, case: Array) -> list[tuple[int, Feature]]:
        """Return the features that go along in proportion with one that changes, and have a value."""
        return [
            (number, self.features[number])
            for number, reference in self._reference.items()
            if reference == changed and case[number] == self.own[number]
        ]

    def _coordinates(self, values: Array) -> Array:
        found = np.array(values, dtype=np.float64)
        for number, reference in self._reference.items():
            found[:, number] = values[:, number] / values[:, reference]
        return found

    def _cross(self, cases: Array) -> NDArray[np.bool_]:
        """Return (N,) whether plausible cases are on the other side of the threshold."""
        return ((self.predicted(cases) >= self._threshold) == self.upward) & self._plausible(cases)

    def _narrowed(self, case: Array, number: int) -> Array:
        """Return the case with one number as near to its own value as crosses; the case itself always does."""
        log = self.features[number].scale == "log"
        inside, outside = (np.log(v) if log else v for v in (case[number], self.own[number]))
        best = case
        for _ in range(_ROUNDS):
            # From near to far, so that the first that crosses is the nearest, however the prediction goes up and down.
            between = np.linspace(outside, inside, _POINTS + 2)[1:-1]
            trials = np.repeat(case[None], _POINTS, axis=0)
            trials[:, number] = np.exp(between) if log else between
            crossing = np.flatnonzero(self._cross(trials))
            if len(crossing):
                first = int(crossing[0])
                best, inside = trials[first], between[first]
                outside = between[first - 1] if first else outside
            else:
                outside = between[-1]
        # What a person reads must cross as well: the value as shown, rounded towards the case or else away from it.
        shown = _as_shown(float(best[number]), float(self.own[number]))
        trials = np.repeat(best[None], len(shown), axis=0)
        trials[:, number] = shown
        rounded = trials[self._cross(trials)] if len(shown) else trials
        return rounded[0] if len(rounded) else best

    def _stepped(self, case: Array, number: int) -> Array:
        """Return the case with one rating as few steps from its own as crosses."""
        steps = np.array([step.value for step in self.features[number].words], dtype=float)
        own = self.own[number]
        between = steps[(np.minimum(own, case[number]) < steps) & (steps < np.maximum(own, case[number]))]
        between = between[np.argsort(np.abs(between - own))]
        trials = np.repeat(case[None], len(between), axis=0)
        trials[:, number] = between
        crossing = trials[self._cross(trials)] if len(between) else trials
        return crossing[0] if len(crossing) else case

    def _plausible(self, cases: Array) -> NDArray[np.bool_]:
        """Return (N,) whether changed values are plausible, within those of known cases, and contradict no other."""
        values = self.values(cases)
        moved = (values != self.row) & ~np.isnan(self.row)
        fits = np.ones(len(cases), dtype=bool)
        for number, feature in enumerate(self.features):
            column, known = values[:, number], self._known[:, number]
            known = known[~np.isnan(known)]
            if len(known):
                low, high = max(known.min(), feature.minimum), min(known.max(), feature.maximum)
                fits &= ~moved[:, number] | ((column >= low - _ROOM) & (column <= high + _ROOM))
            if number in self._bound:
                bound = self._bound[number]
                touched = moved[:, number] | moved[:, bound]
                fits &= ~(touched & (column > CONTRADICTION * values[:, bound]))
        return fits


def _choices(feature: Feature, own: float, known: Array) -> Array:
    """Return the coordinates to try for a feature: those of known cases, other than its own."""
    present = known[~np.isnan(known)]
    if np.isnan(own) or not len(present):
        return np.empty(0)
    values = np.unique(np.percentile(present, _GRID)) if feature.kind == "number" else np.unique(present)
    return values[values != own]


def _as_shown(value: float, own: float) -> tuple[float, ...]:
    """Return a value with the three digits that are shown (whole from 1000 on): first nearer to ``own``, then farther."""
    if value == 0:
        return ()
    digits = max(2 - math.floor(math.log10(abs(value))), 0)
    unit = 10.0**-digits
    below, above = round(math.floor(value / unit) * unit, digits), round(math.ceil(value / unit) * unit, digits)
    return (below, above) if value > own else (above, below)
