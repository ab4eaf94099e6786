"""What would have to differ for the model to say otherwise: the smallest plausible difference that crosses a threshold.

Wachter S, Mittelstadt B, Russell C. Counterfactual explanations without opening the black box. Harv J Law Technol
2018;31:841-887; with few features changed and fixed ones left alone (Mothilal RK, Sharma A, Tan C. Explaining machine
learning classifiers through diverse counterfactual explanations. FAT* 2020). It describes the model. It says nothing of
what a change would do to a patient.

The search is greedy with a beam, over values that known cases have: first one feature, then two, then three; the changes
found are then drawn back towards the case as far as the threshold allows. No randomness is involved.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from MedDeepDiagnosisLib.pathology import Feature
from MedDeepDiagnosisLib.reasons.counterfactual_search import Search
from MedDeepDiagnosisLib.reasons.nearest import Scales
from MedDeepDiagnosisLib.reasons.predictor import Array, Predictor
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken

STATEMENT = "This describes the model: how a case would have to differ for it to say otherwise. It is no advice."

_FINEST = 3
"""So many crossing cases, the smallest differences of those tried, are drawn back to find the smallest."""


@dataclass(frozen=True)
class Change:
    """One feature that differs.

    Attributes
    ----------
    feature, title:
        Its name and title.
    before, after:
        Values as a person writes them.
    value:
        The number behind ``after``.
    size:
        Of the difference, in units of the scales.
    prediction:
        What is predicted once this and the changes before it are made.
    along:
        Which features go along in proportion, in words; empty where none does.
    """

    feature: str
    title: str
    before: str
    after: str
    value: float
    size: float
    prediction: float
    along: str = ""


@dataclass(frozen=True)
class Counterfactual:
    """The smallest difference that was found.

    Attributes
    ----------
    found:
        Whether there is one.
    changes:
        One to three, the one with most effect first; empty if none was found.
    start, end, threshold:
        Prediction of the case, with all changes, and what was to be crossed. ``end`` is nearest to the threshold of what
        was tried if none was found.
    note:
        Why there is none; empty otherwise.
    statement:
        What this is not. To be shown with it.
    """

    found: bool
    changes: tuple[Change, ...]
    start: float
    end: float
    threshold: float
    note: str = ""
    statement: str = STATEMENT


def counterfactual(
    predict: Predictor,
    row: Array,
    scales: Scales,
    known: Array,
    *,
    threshold: float,
    immutable: Collection[str] = (),
    most_changes: int = 3,
    cancel: CancelToken | None = None,
) -> Counterfactual:
    """Search the smallest difference that makes the prediction cross a threshold.

    Parameters
    ----------
    predict:
        Deterministic, from (N, F) to (N,).
    row:
        (F,) the case, in the features' units, NaN where missing. What is missing stays missing.
    scales:
        Of the F features, from :func:`~MedDeepDiagnosisLib.reasons.nearest.learn_scales`.
    known:
        (N, F) values of known cases. No changed value or ratio goes beyond them or beyond the plausible range of the
        feature; none contradicts another one (``never_above``).
    threshold:
        A prediction at or above it is on the upper side.
    immutable:
        Names of features that stay as they are: age, sex, history. What they are relative to stays as well.
    most_changes:
        1 to 3 features.

    Notes
    -----
    Fewer features come before smaller differences. A feature that is relative to another one keeps its ratio when that
    one changes: a larger lesion of the same shape is one change.

    Raises
    ------
    InputError
        If an immutable name is no feature, or ``most_changes`` is not 1 to 3.
    Canceled
        If ``cancel`` was set.
    """
    names = [feature.name for feature in scales.features]
    unknown = sorted(set(immutable) - set(names))
    if unknown:
        msg = f"{', '.join(unknown)}: no feature of the model, expected some of {', '.join(names)}: correct the name"
        raise InputError(msg)
    if not 1 <= most_changes <= 3:
        msg = f"most changes is {most_changes}, expected 1 to 3: with more it says little"
        raise InputError(msg)
    search = Search(predict, np.asarray(row, dtype=np.float64), scales, known, threshold=threshold, cancel=cancel)
    choices = search.choices(immutable)
    if not choices:
        note = "No feature may change, or those that may have no other value in the known cases."
        return Counterfactual(False, (), search.start, search.start, threshold, note)
    nearest, beam = search.start, search.own[None]
    for _ in range(most_changes):
        tried = search.extended(beam, choices)
        if not len(tried):
            break
        predicted = search.predicted(tried)
        reached = predicted >= threshold if search.upward else predicted < threshold
        if reached.any():
            crossing = tried[reached]
            smallest = crossing[np.argsort(search.sizes(crossing), kind="stable")[:_FINEST]]
            drawn = np.array([search.drawn_back(case) for case in smallest])
            return _told(search, drawn[int(np.argmin(search.sizes(drawn)))], threshold)
        order = np.argsort(-predicted if search.upward else predicted, kind="stable")
        best = float(predicted[order[0]])
        nearest = max(nearest, best) if search.upward else min(nearest, best)
        beam = search.diverse(tried[order])
    note = (
        f"No plausible difference of up to {most_changes} of the features that may change makes the prediction cross "
        f"{threshold:g}."
    )
    return Counterfactual(False, (), search.start, nearest, threshold, note)


def default_immutable(features: Sequence[Feature], *, groups: Collection[str] = ("clinical",)) -> frozenset[str]:
    """Return the names of features of groups that do not change: age, sex and history are clinical."""
    return frozenset(feature.name for feature in features if feature.group in groups)


def _told(search: Search, case: Array, threshold: float) -> Counterfactual:
    """Return the changes of a case in the order of their effect, with the prediction after each."""
    left = [int(number) for number in np.flatnonzero(search.changed(case))]
    before, values, apart = search.row, search.values(case[None])[0], search.apart(case[None])[0]
    current, predicted = search.own, search.start
    changes = []
    while left:
        trials = np.repeat(current[None], len(left), axis=0)
        trials[np.arange(len(left)), left] = case[left]
        predictions = search.predicted(trials)
        best = int(np.argmax(predictions if search.upward else -predictions))
        number, predicted, current = left.pop(best), float(predictions[best]), trials[best]
        feature = search.features[number]
        along = [
            f"{other.title} {other.display(float(before[n]))} to {other.display(float(values[n]))}"
            for n, other in search.carried_by(number, case)
        ]
        changes.append(
            Change(
                feature=feature.name,
                title=feature.title,
                before=feature.display(float(before[number])),
                after=feature.display(float(values[number])),
                value=float(values[number]),
                size=float(apart[number]),
                prediction=predicted,
                along=f"in proportion: {', '.join(along)}" if along else "",
            )
        )
    return Counterfactual(True, tuple(changes), search.start, predicted, threshold)
