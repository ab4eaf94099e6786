"""How many clicks one growing network saves over another: both are clicked by the simulated user on the same objects.

The protocol is that of :mod:`MedDeepRegSegLib.segmentation.simulated_user`. After its last click an object keeps its Dice:
nothing was wrong any more. An object that never reaches a level counts as one click more than were made.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress
from MedDeepRegSegLib.segmentation.growing_session import GrowingSession
from MedDeepRegSegLib.segmentation.simulated_user import SessionMethod, simulate
from MedDeepRegSegLib.training.case_objects import ObjectCases

Verdict = Literal["better", "not better", "worse"]

LEVELS = (0.7, 0.8, 0.85)
"""Dice that a user may want."""
COUNTS = (1, 3, 5, 10)
"""Clicks after which Dice is told."""

_DRAWS = 5000
_FEW_CASES = 5


@dataclass(frozen=True)
class ObjectClicks:
    """What came of the clicks on one object: Dice after each click, as many as were asked for."""

    case: str
    name: str
    part: int
    dice: tuple[float, ...]

    def clicks_to(self, level: float) -> int:
        """Return the number of clicks to a Dice; one more than were made where it is not reached."""
        reached = [number for number, value in enumerate(self.dice, start=1) if value >= level]
        return reached[0] if reached else len(self.dice) + 1


@dataclass(frozen=True)
class Difference:
    """One number before and after, and the mean difference of all objects with its 95 % interval (bootstrap)."""

    name: str
    before: float
    after: float
    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class ClicksSaved:
    """The comparison of two networks.

    Attributes
    ----------
    objects, cases : int
        How many were clicked.
    clicks : int
        Clicks on each object, at most.
    dice : tuple of Difference
        Mean Dice over all clicks first, then after some numbers of clicks; more is better.
    clicks_to : tuple of Difference
        Clicks to a Dice; ``difference`` is what was saved (before - after), so more is better here, too.
    resampled : {"cases", "objects"}
        What the intervals draw: objects of one case are alike, so cases are drawn where there are five or more.
    verdict : {"better", "not better", "worse"}
        By the interval of the mean Dice over all clicks.
    """

    objects: int
    cases: int
    clicks: int
    dice: tuple[Difference, ...]
    clicks_to: tuple[Difference, ...]
    resampled: str
    verdict: Verdict

    @property
    def text(self) -> str:
        """The comparison in one sentence."""
        dice, saved = self.dice[0], self.clicks_to[-2]
        words = {
            "better": "better than before",
            "worse": "WORSE than before: keep the model that you had",
            "not better": "NOT better than before, as far as these cases can tell",
        }
        return (
            f"{words[self.verdict]}: mean Dice over {self.clicks} clicks {dice.before:.3f} -> {dice.after:.3f} "
            f"({dice.difference:+.3f}, 95 % interval {dice.low:+.3f} to {dice.high:+.3f}), {saved.name} {saved.before:.1f} -> "
            f"{saved.after:.1f} ({saved.difference:+.1f} saved, {saved.low:+.1f} to {saved.high:+.1f}), on {self.objects} "
            f"objects of {self.cases} cases that were not trained on"
        )


def click_objects(
    model: Path | None,
    cases: ObjectCases,
    *,
    clicks: int = 10,
    most_objects: int = 40,
    device: str = "cpu",
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> tuple[ObjectClicks, ...]:
    """Click the objects of cases with a simulated user.

    Parameters
    ----------
    model : Path, optional
        Folder of the growing network; the one that ships without.
    cases : ObjectCases
    clicks : int
        On each object, at most.
    most_objects : int
        Where there are more, each case gives the largest part of each class first, then the second ones, and so on.
    device : {"auto", "cpu", "cuda"}
    progress, cancel
        See :mod:`MedDeepRegSegLib.jobs.progress`.

    Raises
    ------
    InputError
        If there is no object, or the model cannot be used.
    Canceled
        If ``cancel`` was set.
    """
    cancel = CancelToken() if cancel is None else cancel
    rows: list[ObjectClicks] = []
    share = max(most_objects // max(len(cases), 1), 1)
    for number in range(len(cases)):
        case = cases[number]
        chosen = sorted(case.objects, key=lambda found: (found.part, found.name))[:share]
        for place, found in enumerate(chosen):
            cancel.raise_if_canceled()
            progress((number + place / len(chosen)) / len(cases), f"Clicking {found.name} of {found.case}")
            session = GrowingSession(case.image, model=model, device=device)
            method = SessionMethod(session, case.image, cancel)
            course = simulate(method, found.mask(case.values.shape), case.spacing, clicks, keep=())
            values = [round(value, 5) for value in course.dice]
            values += values[-1:] * (clicks - len(values))
            rows.append(ObjectClicks(found.case, found.name, found.part, tuple(values)))
    if not rows:
        msg = "the cases have no objects to click, expected labeled parts of at least 64 voxels: choose other cases"
        raise InputError(msg)
    progress(1.0, f"Clicked {len(rows)} objects")
    return tuple(rows)


def compare(before: Sequence[ObjectClicks], after: Sequence[ObjectClicks], *, seed: int = 0) -> ClicksSaved:
    """Compare what came of the clicks on the same objects, in the same order.

    Raises
    ------
    ValueError
        If the objects are not the same.
    """
    names = [(row.case, row.name, row.part, len(row.dice)) for row in before]
    if names != [(row.case, row.name, row.part, len(row.dice)) for row in after] or not names:
        msg = "the objects before and after are not the same"
        raise ValueError(msg)
    clicks = len(before[0].dice)
    cases = np.unique([row.case for row in before], return_inverse=True)[1]
    count = int(cases.max()) + 1
    draws = _draws(cases, seed)

    def difference(name: str, measure: Callable[[ObjectClicks], float], sign: int = 1) -> Difference:
        one, other = (np.array([measure(row) for row in rows], float) for rows in (before, after))
        gain = sign * (other - one)
        low, high = np.percentile([gain[draw].mean() for draw in draws], [2.5, 97.5])
        means = float(one.mean()), float(other.mean()), float(gain.mean())
        return Difference(name, *means, round(float(low), 6), round(float(high), 6))

    dice = [difference(f"mean Dice over {clicks} clicks", lambda row: float(np.mean(row.dice)))]
    for number in COUNTS:
        if number <= clicks:
            name = f"Dice after {number} click{'s' * (number > 1)}"
            dice.append(difference(name, lambda row, at=number - 1: row.dice[at]))  # type: ignore[misc]
    saved = [
        difference(f"clicks to Dice {level:.2f}", lambda row, level=level: row.clicks_to(level), -1)  # type: ignore[misc]
        for level in LEVELS
    ]
    verdict: Verdict = "better" if dice[0].low > 0 else "worse" if dice[0].high < 0 else "not better"
    resampled = "cases" if count >= _FEW_CASES else "objects"
    return ClicksSaved(len(before), count, clicks, tuple(dice), tuple(saved), resampled, verdict)


def _draws(cases: NDArray[np.int64], seed: int) -> list[NDArray[np.int64]]:
    """Return the objects of each bootstrap sample: those of cases that were drawn, or objects where cases are few."""
    random = np.random.default_rng(seed)
    count = int(cases.max()) + 1
    if count < _FEW_CASES:
        return list(random.integers(0, len(cases), (_DRAWS, len(cases))))
    own = [np.flatnonzero(cases == number) for number in range(count)]
    return [np.concatenate([own[number] for number in draw]) for draw in random.integers(0, count, (_DRAWS, count))]
