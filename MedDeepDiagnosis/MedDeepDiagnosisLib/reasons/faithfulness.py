"""Are reasons faithful? Taking away what they name first must change the prediction faster than a random order does.

Features are taken away one after the other, once from the one that raises the prediction most and once from the one
that lowers it most. The area between the two curves is large for faithful reasons. It is compared with that of random
orders and their reverse. This is the deletion test of Petsiuk V, Das A, Saenko K. RISE: randomized input sampling for
explanation of black-box models. BMVC 2018, section 4.3, in both directions (Samek W et al. Evaluating the visualization
of what a deep neural network has learned. IEEE TNNLS 2017;28:2660-2673), with a permutation test.
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from MedDeepDiagnosisLib.reasons.predictor import Array, Predictor, ask, check_row, membership, thinned
from MedDeepDiagnosisLib.reasons.shapley import Attribution
from MedDeepRegSegLib.jobs.progress import CancelToken

LEVEL = 0.05
"""Reasons pass where at most this part of random orders does as well."""

ORDERS = 59
_MOST_STEPS = 6
_BACKGROUND = 8
_LEAST_CHANGE = 1e-9

Worth = Callable[[NDArray[np.bool_]], Array]
"""From (K, G) which parts are kept to (K,) predictions."""


@dataclass(frozen=True)
class Faithfulness:
    """Outcome of a deletion test.

    Attributes
    ----------
    verdict:
        ``faithful`` where p is at most :data:`LEVEL`, ``not shown`` where not, and ``not testable`` where there are too
        few features for a p value that small, or removing features changes nothing.
    area, random_area:
        Mean distance of the two curves for the reasons, and its mean over random orders; units of the prediction.
    p_value:
        Part of the orders that do at least as well as the reasons, these among them.
    orders:
        How many orders that is.
    removed, falling, rising:
        Parts removed at each step, and the prediction then: when what raises it goes first, and when what lowers it
        goes first.
    """

    verdict: Literal["faithful", "not shown", "not testable"]
    area: float
    random_area: float
    p_value: float
    orders: int
    removed: tuple[int, ...]
    falling: tuple[float, ...]
    rising: tuple[float, ...]


def deletion_test(
    predict: Predictor,
    row: Array,
    attribution: Attribution,
    background: Array,
    *,
    seed: int,
    orders: int = ORDERS,
    cancel: CancelToken | None = None,
) -> Faithfulness:
    """Test whether an attribution is faithful to a predictor.

    Parameters
    ----------
    predict, row, background:
        As for :func:`~MedDeepDiagnosisLib.reasons.shapley.shapley_values`; a removed feature gets the values of the
        background (8 rows of it, drawn by ``seed``), and the predictions are averaged.
    attribution:
        From any method; its groups are removed as wholes.
    orders:
        Random orders (19 or more); all orders where there are fewer.

    Raises
    ------
    ValueError
        If shapes do not fit or there are too few orders.
    Canceled
        If ``cancel`` was set.
    """
    row, background = check_row(row, background)
    owner = membership(attribution.groups, len(row))
    others = thinned(background, _BACKGROUND, seed=seed)

    def worth(kept: NDArray[np.bool_]) -> Array:
        rows = np.where(kept[:, owner][:, None, :], row, others[None])
        return ask(predict, rows.reshape(-1, len(row)), cancel).reshape(len(kept), -1).mean(axis=1)

    return order_test(worth, attribution.values, seed=seed, orders=orders)


def order_test(worth: Worth, values: Array, *, seed: int, orders: int = ORDERS) -> Faithfulness:
    """Test an order of parts by what they are said to add, against random orders.

    Parameters
    ----------
    worth:
        Prediction of what is kept. It is never asked about nothing kept.
    values:
        (G,) what each part is said to add.

    Raises
    ------
    ValueError
        If there are fewer than 19 orders asked for: no p value could be .05.
    """
    if orders < 19:
        msg = f"orders is {orders}, expected 19 or more: fewer cannot give a p value of .05"
        raise ValueError(msg)
    count = len(values)
    if count < 2:
        return Faithfulness("not testable", 0.0, 0.0, 1.0, 1, (), (), ())
    # Equal values are in the order of their number.
    own = np.argsort(-np.asarray(values), kind="stable")
    if math.factorial(count) <= orders + 1:
        ways = np.array(list(itertools.permutations(range(count))))
        ways = np.vstack([own, ways[(ways != own).any(axis=1)]])
    else:
        generator = np.random.default_rng(seed)
        ways = np.vstack([own, generator.permuted(np.tile(np.arange(count), (orders, 1)), axis=1)])
    steps = np.unique(np.rint(np.linspace(1, count - 1, min(_MOST_STEPS, count - 1))).astype(int))
    rank = np.argsort(ways, axis=1)
    forward = rank[:, None, :] >= steps[:, None]
    backward = (count - 1 - rank)[:, None, :] >= steps[:, None]
    asked = np.concatenate([forward, backward]).reshape(-1, count)
    # Small sets of parts come up again and again: each is predicted once.
    different, place = np.unique(asked, axis=0, return_inverse=True)
    curves = worth(different)[place.reshape(-1)].reshape(2, len(ways), len(steps))
    areas = (curves[1] - curves[0]).mean(axis=1)
    p_value = float((areas >= areas[0] - _LEAST_CHANGE).mean())
    testable = 1 / len(ways) <= LEVEL and np.ptp(areas) > _LEAST_CHANGE
    verdict: Literal["faithful", "not shown", "not testable"] = "not testable"
    if testable:
        verdict = "faithful" if p_value <= LEVEL else "not shown"
    return Faithfulness(
        verdict=verdict,
        area=float(areas[0]),
        random_area=float(areas[1:].mean()),
        p_value=p_value,
        orders=len(ways),
        removed=tuple(steps.tolist()),
        falling=tuple(curves[0, 0].tolist()),
        rising=tuple(curves[1, 0].tolist()),
    )
