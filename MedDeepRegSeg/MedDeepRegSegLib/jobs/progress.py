"""How long work reports its progress and learns that it was canceled.

Engines take ``progress`` and ``cancel`` and never print. The same two objects serve a call in process,
a child process (:mod:`MedDeepRegSegLib.jobs.child`) and a test.
"""

import threading
from collections.abc import Callable

from MedDeepRegSegLib.errors import Canceled

Progress = Callable[[float, str], None]
"""``progress(fraction, message)``: fraction of the work done in [0, 1], and what is being done, for a person."""


NOTE = "Note: "
"""A progress message that begins so is a remark that the user should see, however short it shows."""


def no_progress(fraction: float, message: str) -> None:
    """Ignore progress. The default of every engine."""


def part_of(progress: Progress, start: float, stop: float) -> Progress:
    """Return a progress callback whose [0, 1] is the part [start, stop] of ``progress``."""

    def report(fraction: float, message: str) -> None:
        progress(start + (stop - start) * min(max(fraction, 0.0), 1.0), message)

    return report


class CancelToken:
    """A flag that another thread, a signal handler or a watcher sets, and that engines look at often.

    Engines call :meth:`raise_if_canceled` at least every 0.2 s of work where they can.
    """

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        """Ask the work to stop. Safe from any thread, and safe to call twice."""
        self._event.set()

    @property
    def canceled(self) -> bool:
        """Whether :meth:`cancel` was called."""
        return self._event.is_set()

    def raise_if_canceled(self) -> None:
        """Raise :class:`~MedDeepRegSegLib.errors.Canceled` if :meth:`cancel` was called."""
        if self.canceled:
            msg = "canceled by the user; nothing was written"
            raise Canceled(msg)
