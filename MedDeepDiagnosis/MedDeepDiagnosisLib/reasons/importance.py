"""Permutation importance: how much worse held-out predictions get when a feature is taken from another patient.

Breiman L. Random forests. Mach Learn 2001;45:5-32, section 10; for models of any kind: Fisher A, Rudin C, Dominici F.
All models are wrong, but many are useful. JMLR 2019;20(177). Features that go together hide each other when they are
permuted one by one (Strobl C et al. Conditional variable importance for random forests. BMC Bioinformatics 2008;9:307):
put them in one group.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from MedDeepDiagnosisLib.reasons.predictor import Array, Predictor, as_groups, ask
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress

Score = Callable[[Array, Array, Array], float]
"""``score(target, prediction, weight)``, as those of :mod:`MedDeepDiagnosisLib.models.metrics`."""

_LEVEL = 95.0


@dataclass(frozen=True)
class Importance:
    """What permuting one group of features costs.

    Attributes
    ----------
    group:
        Column numbers.
    drop:
        By how much the score gets worse, mean over repeats; in units of the score. About 0 for what is not used.
    low, high:
        95 % interval from resampling patients and repeats.
    deviation:
        Standard deviation over repeats.
    """

    group: tuple[int, ...]
    drop: float
    low: float
    high: float
    deviation: float


def permutation_importance(
    predict: Predictor,
    values: Array,
    target: Array,
    patients: NDArray[np.str_],
    score: Score,
    *,
    seed: int,
    groups: Sequence[Sequence[int]] | None = None,
    larger_is_better: bool = True,
    repeats: int = 10,
    draws: int = 200,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> tuple[Importance, ...]:
    """Return the importance of each group of features on held-out rows.

    Parameters
    ----------
    values, target, patients:
        (N, F), (N,), (N,) rows that the predictor did not learn from, of two or more patients.
    score:
        For example :func:`~MedDeepDiagnosisLib.models.metrics.auc`, or a Brier score with ``larger_is_better=False``.
    groups:
        Columns to permute together, each column in one group. None: each alone.
    repeats:
        Permutations; each gives every patient the values of another one, so that rows of one patient, which are alike,
        are not exchanged among themselves.
    draws:
        Resamplings for the intervals.

    Returns
    -------
    tuple of Importance
        In the order of the groups.

    Raises
    ------
    ValueError
        If shapes do not fit, or there are fewer than two patients, one repeat or one draw.
    Canceled
        If ``cancel`` was set.
    """
    names, index, rows = np.unique(patients, return_inverse=True, return_counts=True)
    if values.ndim != 2 or len(target) != len(values) or len(patients) != len(values):
        msg = f"values {values.shape}, target {target.shape}, patients {patients.shape}, expected (N, F), (N,), (N,)"
        raise ValueError(msg)
    if len(names) < 2 or repeats < 1 or draws < 1:
        msg = f"{len(names)} patients, {repeats} repeats and {draws} draws, expected at least 2, 1 and 1"
        raise ValueError(msg)
    checked = as_groups(groups, values.shape[1])
    generator = np.random.default_rng(seed)
    sources = [_rows_of_others(index, rows, generator) for _ in range(repeats)]
    weights = [
        np.bincount(generator.integers(len(names), size=len(names)), minlength=len(names))[index].astype(float)
        for _ in range(draws)
    ]
    chosen = generator.integers(repeats, size=(draws, repeats))
    sign = 1.0 if larger_is_better else -1.0
    given = ask(predict, values, cancel)
    equal = np.ones(len(target))
    whole = score(target, given, equal)
    by_draw = np.array([score(target, given, weight) for weight in weights])
    found = []
    for number, group in enumerate(checked):
        columns = list(group)
        permuted = []
        for repeat, source in enumerate(sources):
            progress((number + repeat / repeats) / len(checked), "Permuting features")
            changed = values.copy()
            changed[:, columns] = values[source][:, columns]
            permuted.append(ask(predict, changed, cancel))
        drops = sign * (whole - np.array([score(target, other, equal) for other in permuted]))
        resampled = np.empty(draws)
        for draw, weight in enumerate(weights):
            if cancel is not None:
                cancel.raise_if_canceled()
            kinds, counts = np.unique(chosen[draw], return_counts=True)
            scores = np.array([score(target, permuted[kind], weight) for kind in kinds])
            resampled[draw] = sign * (by_draw[draw] - counts @ scores / repeats)
        low, high = np.nanpercentile(resampled, [(100 - _LEVEL) / 2, (100 + _LEVEL) / 2])
        deviation = float(drops.std(ddof=1)) if repeats > 1 else 0.0
        found.append(Importance(group, float(drops.mean()), float(low), float(high), deviation))
    return tuple(found)


def _rows_of_others(
    index: NDArray[np.int64], rows: NDArray[np.int64], generator: np.random.Generator
) -> NDArray[np.int64]:
    """Return (N,) for each row one of another patient, who is the same for all rows of a patient.

    A patient with more rows than the other one gets some of them twice.
    """
    patients = len(rows)
    order = generator.permutation(patients)
    other = np.empty(patients, dtype=np.int64)
    # One ring through all patients in random order: nobody stays with the own values.
    other[order] = np.roll(order, 1)
    by_patient = np.argsort(index, kind="stable")
    first = np.cumsum(rows) - rows
    within = np.empty(len(index), dtype=np.int64)
    within[by_patient] = np.arange(len(index)) - np.repeat(first, rows)
    taken = other[index]
    turn = generator.integers(1 << 30, size=patients)[index]  # so that not always the first rows are taken
    return by_patient[first[taken] + (within + turn) % rows[taken]]
