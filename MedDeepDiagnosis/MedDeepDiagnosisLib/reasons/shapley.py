"""Shapley values: how much each feature moves a prediction away from the mean over a background of cases.

The value of a set S of features is the mean prediction when those features are as in the case and the others as in the
rows of the background (*interventional*: what the model does, not which features go together in patients). A missing
value is a value like others: NaN is handed to the predictor, in the case and in the background.

Sources: Lundberg SM, Lee SI. A unified approach to interpreting model predictions. NeurIPS 2017, eq. 8 and property 1
(local accuracy). Strumbelj E, Kononenko I. Explaining prediction models and individual predictions with feature
contributions. Knowl Inf Syst 2014;41:647-665, algorithm 1 (sampling of permutations). Mitchell R, Cooper J, Frank E,
Holmes G. Sampling permutations for Shapley value estimation. JMLR 2022;23(43), section 3.2 (each permutation with its
reverse).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from MedDeepDiagnosisLib.reasons.predictor import Array, Predictor, as_groups, ask, check_row, membership
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress

MOST_EXACT_GROUPS = 10
"""Up to this many groups all sets are enumerated: 2^10 predictions for each row of the background."""

EVALUATIONS = 13_000
"""Predictions that sampling is planned for: about half a second for scikit-learn's gradient boosting with 100 trees."""

_LEAST_SAMPLES = 2
_ROWS_AT_ONCE = 4096
_ROUNDING = 1e-4
"""Part of the predictions by which single precision may let two answers for one row differ; more is an error."""


@dataclass(frozen=True, eq=False)
class Attribution:
    """What each group of features adds to a prediction.

    Attributes
    ----------
    groups:
        G groups of column numbers.
    values:
        (G,) in the units of the prediction. With ``base`` they sum up to ``prediction``.
    errors:
        (G,) standard errors from sampling permutations; 0 where all sets were enumerated.
    base, prediction:
        Mean prediction over the background, and the one of the case.
    exact:
        Whether all sets were enumerated.
    evaluations:
        How many rows were predicted.
    """

    groups: tuple[tuple[int, ...], ...]
    values: Array
    errors: Array
    base: float
    prediction: float
    exact: bool
    evaluations: int


def shapley_values(
    predict: Predictor,
    row: Array,
    background: Array,
    *,
    seed: int,
    groups: Sequence[Sequence[int]] | None = None,
    samples: int | None = None,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> Attribution:
    """Return the Shapley values of a case.

    Parameters
    ----------
    predict:
        Deterministic, from (N, F) to (N,).
    row:
        (F,) the case.
    background:
        (M, F) cases to compare with. 50 to 100 do; cost grows with them.
    groups:
        Columns that belong together, each column in one group. None: each alone.
    samples:
        Pairs of permutations for each row of the background (2 or more). None: all sets are enumerated for up to
        :data:`MOST_EXACT_GROUPS` groups, and otherwise as many pairs as :data:`EVALUATIONS` allows.

    Raises
    ------
    ValueError
        If shapes do not fit, or the predictor gives different values for the same row.
    Canceled
        If ``cancel`` was set.

    Notes
    -----
    Each pair walks from a row of the background to the case, one group after the other, and once more in reverse. Every
    row gets the same number of pairs, so the values sum up exactly, and for a model without interactions each walk
    gives the exact value. Standard errors are those within rows of the background, which are fixed, not sampled.
    """
    row, background = check_row(row, background)
    checked = as_groups(groups, len(row))
    if samples is not None and samples < _LEAST_SAMPLES:
        msg = f"samples is {samples}, expected {_LEAST_SAMPLES} or more: one pair has no standard error"
        raise ValueError(msg)
    owner = membership(checked, len(row))
    ends = _ends(predict, row, background, cancel)
    game = _Game(predict, row, background, owner, ends, cancel)
    if len(checked) == 1:
        values, errors, evaluations = np.array([ends[0] - ends[1:].mean()]), np.zeros(1), 0
    elif samples is None and len(checked) <= MOST_EXACT_GROUPS:
        values, evaluations = _enumerated(game, progress)
        errors = np.zeros(len(checked))
    else:
        per_pair = 2 * (len(checked) - 1) * len(background)
        pairs = max(_LEAST_SAMPLES, EVALUATIONS // per_pair) if samples is None else samples
        walks = _sampled(game, pairs, seed, progress)
        values, evaluations = walks.mean(axis=(0, 1)), pairs * per_pair
        errors = np.sqrt(walks.var(axis=0, ddof=1).mean(axis=0) / (pairs * len(background)))
    exact = len(checked) == 1 or (samples is None and len(checked) <= MOST_EXACT_GROUPS)
    base, prediction = float(ends[1:].mean()), float(ends[0])
    values = _locally_accurate(values, prediction - base)
    return Attribution(checked, values, errors, base, prediction, exact, evaluations + 2 * len(ends))


def planned_samples(groups: int, rows: int, *, evaluations: int = EVALUATIONS) -> int | None:
    """Return how many pairs of permutations for each of some rows of a background a number of predictions allows.

    None where it allows to enumerate all sets of groups.
    """
    if groups < 2 or 2**groups * rows <= evaluations:
        return None
    return max(_LEAST_SAMPLES, evaluations // (2 * (groups - 1) * rows))


@dataclass(frozen=True, eq=False)
class _Game:
    """What is asked of a predictor: rows in which some groups are as in the case, and the others as in the background."""

    predict: Predictor
    row: Array
    background: Array
    owner: np.ndarray
    ends: Array
    cancel: CancelToken | None

    @property
    def count(self) -> int:
        """Number of groups."""
        return int(self.owner.max()) + 1

    def predicted(self, inside: np.ndarray) -> Array:
        """Return (K, M) predictions for (K, M or 1, G) which groups are as in the case."""
        rows = np.where(inside[:, :, self.owner], self.row, self.background[None])
        return ask(self.predict, rows.reshape(-1, len(self.row)), self.cancel).reshape(len(inside), -1)


def _enumerated(game: _Game, progress: Progress) -> tuple[Array, int]:
    """Return the values from all 2^G sets; set number s holds group g where bit g of s is set."""
    count = game.count
    sets = np.arange(2**count)
    inside = (sets[:, None] >> np.arange(count)) & 1 == 1
    worth = np.empty(len(sets))
    worth[0], worth[-1] = game.ends[1:].mean(), game.ends[0]
    at_once = max(1, _ROWS_AT_ONCE // len(game.background))
    for first in range(1, len(sets) - 1, at_once):
        progress(first / len(sets), "Computing contributions")
        chosen = sets[first : min(first + at_once, len(sets) - 1)]
        worth[chosen] = game.predicted(inside[chosen][:, None]).mean(axis=1)
    sizes = inside.sum(axis=1)
    # Weight of a set without g: |S|! (G - |S| - 1)! / G! (Lundberg & Lee, eq. 8).
    weights = np.array([1 / (count * math.comb(count - 1, size)) for size in range(count)])
    values = np.empty(count)
    for group in range(count):
        without = sets[~inside[:, group]]
        values[group] = weights[sizes[without]] @ (worth[without | (1 << group)] - worth[without])
    return values, (len(sets) - 2) * len(game.background)


def _sampled(game: _Game, pairs: int, seed: int, progress: Progress) -> Array:
    """Return (pairs, M, G) contributions, each the mean of a walk and its reverse."""
    count, cases = game.count, len(game.background)
    generator = np.random.default_rng(seed)
    found = np.empty((pairs, cases, count))
    for pair in range(pairs):
        progress(pair / pairs, "Computing contributions")
        rank = generator.permuted(np.tile(np.arange(count), (cases, 1)), axis=1)
        found[pair] = (_walks(game, rank) + _walks(game, count - 1 - rank)) / 2
    return found


def _walks(game: _Game, rank: np.ndarray) -> Array:
    """Return (M, G) contributions of one walk for each row; ``rank`` (M, G) says when a group is taken over."""
    cases, count = rank.shape
    worth = np.empty((count + 1, cases))
    worth[0], worth[count] = game.ends[1:], game.ends[0]
    worth[1:count] = game.predicted(rank[None] < np.arange(1, count)[:, None, None])
    steps = np.diff(worth, axis=0).T
    return np.take_along_axis(steps, rank, axis=1)


def _locally_accurate(values: Array, total: float) -> Array:
    """Return values that sum up to ``total``: what rounding left goes to each in proportion to its size."""
    size = np.abs(values).sum()
    return values + (total - values.sum()) * (np.abs(values) / size if size > 0 else 1 / len(values))


def _ends(predict: Predictor, row: Array, background: Array, cancel: CancelToken | None) -> Array:
    """Return (1 + M,) predictions of the case and of the background, asked for twice in differing order.

    The steps of a walk sum up whatever a predictor answers, so that nothing else would show one whose answers mean
    nothing: with dropout left on, or that looks at the other rows it gets.
    """
    rows = np.vstack([row, background])
    ends = ask(predict, rows, cancel)
    again = ask(predict, rows[::-1], cancel)[::-1]
    apart = float(np.abs(ends - again).max())
    if apart > _ROUNDING * max(float(np.ptp(ends)), float(np.abs(ends).max()), 1e-12):
        msg = f"the predictor gives different values for the same row (by {apart:.3g}), expected one value: switch off what is random in it"
        raise ValueError(msg)
    return ends
