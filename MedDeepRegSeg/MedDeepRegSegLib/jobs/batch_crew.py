"""Who runs the cases of a batch: threads of this process that each start a child, or workers of Dask.

Both run :func:`~MedDeepRegSegLib.jobs.batch_case.run_case`, which does the work in a child process; they differ in where.
"""

import importlib.util
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from MedDeepRegSegLib.errors import MissingPackageError
from MedDeepRegSegLib.jobs.batch_case import Case, Outcome, run_case
from MedDeepRegSegLib.jobs.failures import one_line
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress

MOST_WORKERS = 64


class CrewLost(Exception):
    """The crew can run no more cases. The message says why and what to do."""


@dataclass(frozen=True)
class Orders:
    """What is the same for all cases of a batch."""

    figures: Callable[[Any], dict[str, str]]
    """Returns the cells of the summary of a result. A function of a module, so that another process finds it."""
    again: bool
    """Whether cases that are done are run, too."""
    out: Path
    """Folder of the batch."""


class Crew(Protocol):
    """Runs cases. Used inside a ``with`` block; at its end nothing runs any more."""

    def __enter__(self) -> Self:
        """Get ready."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all that runs."""

    def start(self, cases: Sequence[Case], orders: Orders) -> None:
        """Begin, in the order of the cases. Returns at once."""

    def ended(self, timeout_s: float) -> list[Outcome]:
        """Return what became of cases that have ended since the last call; waits for the first for a while.

        Raises
        ------
        CrewLost
            When the cases that are left will not be run.
        """

    def cancel(self) -> None:
        """Ask all cases to stop. Returns at once; all have ended soon, see :meth:`ended`."""

    def running(self) -> dict[str, tuple[float, str]]:
        """Return how far the cases are that run just now: name to fraction and message."""

    def note(self) -> str:
        """Return what the crew waits for, or an empty text."""


def make_crew(workers: int | None = None, scheduler: str | None = None) -> Crew:
    """Return who runs the cases: Dask's scheduler at that address, a local cluster of Dask, or threads without Dask.

    Parameters
    ----------
    workers : int, optional
        How many cases run at the same time; 1 here, and as many as there are threads of workers at a scheduler by default.
    scheduler : str, optional
        Address, for example ``tcp://10.0.0.5:8786``.

    Raises
    ------
    MissingPackageError
        If a scheduler is asked for and Dask is not installed, or is damaged.
    """
    problem = "is not installed"
    if _has_dask():
        try:
            from MedDeepRegSegLib.jobs.batch_dask import DaskCrew
        except ImportError as error:  # its own packages do not fit together
            problem = f"cannot be used ({one_line(str(error))})"
        else:
            return DaskCrew(scheduler, workers)
    if scheduler is not None:
        msg = (
            f"a scheduler needs the Python package distributed, which {problem}: "
            "install it with 'pip install distributed' (in Slicer: slicer.util.pip_install(\"distributed\") in the Python console), "
            "or leave out the scheduler to run the cases on this computer"
        )
        raise MissingPackageError(msg)
    return ThreadCrew(workers or 1)


def _has_dask() -> bool:
    """Whether the package distributed is installed."""
    try:
        return importlib.util.find_spec("distributed") is not None
    except ValueError:  # it was put out of reach
        return False


class Told:
    """How far cases are, as their threads or workers tell it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now: dict[str, tuple[float, str]] = {}

    def tell(self, name: str, fraction: float, message: str) -> None:
        """Note how far a case is."""
        with self._lock:
            self._now[name] = (fraction, message)

    def forget(self, name: str) -> None:
        """Note that a case has ended."""
        with self._lock:
            self._now.pop(name, None)

    def now(self) -> dict[str, tuple[float, str]]:
        """Return a copy."""
        with self._lock:
            return dict(self._now)


class ThreadCrew:
    """Threads of this process, without Dask.

    Parameters
    ----------
    workers : int
        How many cases run at the same time.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._cancel = CancelToken()
        self._told = Told()
        self._futures: dict[Future[Outcome], str] = {}

    def __enter__(self) -> Self:
        self._pool = ThreadPoolExecutor(max_workers=self._workers)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cancel.cancel()
        self._pool.shutdown()

    def start(self, cases: Sequence[Case], orders: Orders) -> None:
        """See :class:`Crew`."""
        threads = max(1, (os.cpu_count() or 2) // self._workers)
        for case in cases:
            future = self._pool.submit(
                run_case,
                case,
                orders.figures,
                threads=threads,
                progress=self._teller(case.name),
                cancel=self._cancel,
                again=orders.again,
            )
            self._futures[future] = case.name

    def _teller(self, name: str) -> Progress:
        return lambda fraction, message: self._told.tell(name, fraction, message)

    def ended(self, timeout_s: float) -> list[Outcome]:
        """See :class:`Crew`."""
        done, _ = wait(self._futures, timeout=timeout_s, return_when=FIRST_COMPLETED)
        for future in done:
            self._told.forget(self._futures.pop(future))
        return [future.result() for future in done]

    def cancel(self) -> None:
        """See :class:`Crew`."""
        self._cancel.cancel()

    def running(self) -> dict[str, tuple[float, str]]:
        """See :class:`Crew`."""
        return self._told.now()

    def note(self) -> str:
        """See :class:`Crew`."""
        return ""
