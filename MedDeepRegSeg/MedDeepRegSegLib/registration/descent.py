"""Quasi-Newton minimization that reports, stops when flat, and can be canceled between evaluations."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from MedDeepRegSegLib.jobs.progress import CancelToken

Objective = Callable[[NDArray[np.float64]], tuple[float, NDArray[np.float64]]]


@dataclass(frozen=True)
class Minimum:
    """Where a descent ended, its value, and the value after each iteration."""

    parameters: NDArray[np.float64]
    value: float
    curve: tuple[float, ...]


def descend(
    objective: Objective,
    start: NDArray[np.float64],
    *,
    iterations: int,
    tolerance: float = 1e-6,
    memory: int = 10,
    on_iteration: Callable[[int, float], None] | None = None,
    cancel: CancelToken | None = None,
) -> Minimum:
    """Minimize with L-BFGS (Byrd, Lu, Nocedal, Zhu 1995, as in scipy).

    Parameters
    ----------
    objective : callable
        Parameters -> (value, gradient).
    start : ndarray, shape (P,)
    iterations : int
        Largest number of iterations.
    tolerance : float
        Stop when an iteration lowers the value by less than this.
    memory : int
        Number of corrections kept.
    on_iteration : callable, optional
        Called with the iteration's number and value.
    cancel : CancelToken, optional

    Raises
    ------
    Canceled
    """
    curve: list[float] = []
    last = [np.inf]
    best: list = [np.inf, start]

    def evaluate(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        if cancel is not None:
            cancel.raise_if_canceled()
        value, gradient = objective(parameters)
        last[0] = value
        if value < best[0]:
            best[0], best[1] = value, parameters.copy()
        return value, gradient

    def after_iteration(intermediate_result: optimize.OptimizeResult) -> None:
        value = float(intermediate_result.fun)
        curve.append(value)
        if on_iteration is not None:
            on_iteration(len(curve), value)
        # Two flat iterations in a row: nothing more to win.
        if len(curve) > 3 and curve[-3] - curve[-1] < 2 * tolerance:
            raise StopIteration

    first, gradient = objective(start)
    curve.append(float(first))
    # L-BFGS takes its first step along the raw gradient; scaling makes that step about one unit (1 mm) at most.
    scale = max(float(np.abs(gradient).max()), 1e-12)

    def scaled(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        value, slope = evaluate(parameters)
        return value / scale, slope / scale

    def unscaled_callback(intermediate_result: optimize.OptimizeResult) -> None:
        intermediate_result.fun = intermediate_result.fun * scale
        after_iteration(intermediate_result)

    optimize.minimize(
        scaled,
        start,
        jac=True,
        method="L-BFGS-B",
        callback=unscaled_callback,
        options={"maxiter": iterations, "maxcor": memory, "ftol": 0.0, "gtol": 1e-9, "maxls": 12},
    )
    if first < best[0]:
        best[0], best[1] = first, start
    return Minimum(np.asarray(best[1]), float(best[0]), tuple(curve))
