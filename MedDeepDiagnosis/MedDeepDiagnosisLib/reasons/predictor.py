"""What the reasons ask of a predictor, and how they ask it: in blocks, so that memory is bounded and one can cancel."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from MedDeepDiagnosisLib.models.metrics import log_odds
from MedDeepRegSegLib.jobs.progress import CancelToken

Array = NDArray[np.float64]
Predictor = Callable[[Array], Array]
"""``predict(values)``: from (N, F) values, NaN where missing, to (N,) predictions."""

_ROWS_AT_ONCE = 4096


def on_log_odds(predict: Predictor) -> Predictor:
    """Return a predictor of log-odds from one of probabilities: there, effects of features add up more nearly."""
    return lambda values: log_odds(predict(values))


def ask(predict: Predictor, values: Array, cancel: CancelToken | None = None) -> Array:
    """Return (N,) predictions for (N, F) values, asked for in blocks of a few thousand rows.

    Raises
    ------
    ValueError
        If the predictor gives another shape or values that are not finite.
    Canceled
        If ``cancel`` was set.
    """
    parts = []
    for first in range(0, len(values), _ROWS_AT_ONCE):
        if cancel is not None:
            cancel.raise_if_canceled()
        block = values[first : first + _ROWS_AT_ONCE]
        given = np.asarray(predict(block), dtype=np.float64)
        if given.shape != (len(block),) or not np.isfinite(given).all():
            msg = (
                f"the predictor gave shape {given.shape} for {len(block)} rows, expected ({len(block)},) finite numbers"
            )
            raise ValueError(msg)
        parts.append(given)
    return np.concatenate(parts) if parts else np.empty(0)


def as_groups(groups: Sequence[Sequence[int]] | None, features: int) -> tuple[tuple[int, ...], ...]:
    """Return groups of columns; each column alone if None.

    Raises
    ------
    ValueError
        Unless every column is in exactly one group and no group is empty.
    """
    if groups is None:
        return tuple((index,) for index in range(features))
    checked = tuple(tuple(int(index) for index in group) for group in groups)
    if sorted(index for group in checked for index in group) != list(range(features)) or not all(checked):
        msg = f"groups {checked}, expected each of the {features} columns in exactly one group"
        raise ValueError(msg)
    return checked


def check_row(row: Array, background: Array) -> tuple[Array, Array]:
    """Return a row as (F,) and a background as (M, F) float64; raises ValueError where they do not fit."""
    row, background = np.asarray(row, dtype=np.float64), np.asarray(background, dtype=np.float64)
    if row.ndim != 1 or background.ndim != 2 or background.shape[1] != len(row) or not len(background) or not len(row):
        msg = f"row {row.shape} and background {background.shape}, expected (F,) and (M, F) with at least one row"
        raise ValueError(msg)
    return row, background


def membership(groups: Sequence[Sequence[int]], features: int) -> NDArray[np.int64]:
    """Return (F,) the number of the group that each column is in."""
    owner = np.zeros(features, dtype=np.int64)
    for number, group in enumerate(groups):
        owner[list(group)] = number
    return owner


def thinned(background: Array, count: int, *, seed: int) -> Array:
    """Return at most ``count`` rows of a background, drawn without replacement, in their order."""
    if len(background) <= count:
        return background
    chosen = np.random.default_rng(seed).choice(len(background), count, replace=False)
    return background[np.sort(chosen)]
