"""How long a job still takes, by how fast it has been of late."""

import time
from collections import deque
from collections.abc import Callable

_LEAST_SECONDS = 4.0
"""Before this, too little is known."""

_LEAST_FRACTION = 0.02

_REMEMBERED = 0.5
"""Part of the time so far that the rate is taken from: the first steps of a job tell little about the last ones."""


class TimeLeft:
    """Follows the fractions that a job reports.

    Parameters
    ----------
    clock:
        Returns seconds; replaced in tests.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._told: deque[tuple[float, float]] = deque([(self._began, 0.0)])

    def update(self, fraction: float) -> None:
        """Take in that this part of the work (0 to 1) is done now; the same one again changes nothing."""
        if fraction > self._told[-1][1]:
            self._told.append((self._clock(), fraction))

    def seconds(self) -> float | None:
        """Return how many seconds are left, or None where that cannot be told yet."""
        now = self._clock()
        last, fraction = self._told[-1]
        if now - self._began < _LEAST_SECONDS or fraction < _LEAST_FRACTION:
            return None
        oldest = now - _REMEMBERED * (now - self._began)
        while len(self._told) > 2 and self._told[1][0] <= oldest:
            self._told.popleft()
        since, before = self._told[0]
        if last <= since:
            return None
        left = (1.0 - fraction) * (last - since) / (fraction - before)
        return max(0.0, left - (now - last))
