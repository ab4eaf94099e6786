"""What a worker of Dask does for a batch. The functions run in the worker; the rest is in :mod:`MedDeepRegSegLib.jobs.batch_dask`."""

import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import dask
from distributed import get_worker

from MedDeepRegSegLib.jobs.batch_case import Case, Outcome, run_case
from MedDeepRegSegLib.jobs.progress import CancelToken

_TELL_S = 0.5
"""Time between two progress messages of a case."""

_canceled: dict[str, CancelToken] = {}
"""The batches that this worker works for."""


def work(
    case: Case,
    figures: Callable[[Any], dict[str, str]],
    *,
    again: bool,
    batch: str,
    number: int,
    threads: dict[str, int],
) -> Outcome:
    """Run a case in this worker.

    Parameters
    ----------
    case, figures, again
        See :func:`MedDeepRegSegLib.jobs.batch_case.run_case`.
    batch : str
        Identifies the batch; also the topic of its progress messages.
    number : int
        Identifies the case in these messages: its name may be that of a patient, and Dask shows and keeps messages.
    threads : dict of str to int
        How many cases the workers of each machine run at the same time: they share its cores.
    """
    worker = get_worker()
    slots = threads.get(host_of(worker.address), 0) or worker.state.nthreads
    share = max(1, (os.cpu_count() or 1) // slots)
    told_at = -_TELL_S

    def tell(fraction: float, message: str) -> None:
        nonlocal told_at
        now = time.monotonic()
        if now - told_at >= _TELL_S:
            told_at = now
            worker.log_event(batch, {"case": number, "fraction": fraction, "message": message})

    return run_case(
        case,
        figures,
        threads=share,
        environment=dict.fromkeys(set_by_dask(), str(share)),
        progress=tell,
        cancel=_token(batch),
        again=again,
    )


def _token(batch: str) -> CancelToken:
    return _canceled.setdefault(batch, CancelToken())


def cancel_batch(batch: str) -> None:
    """Cancel what this worker does for a batch, now and later."""
    _token(batch).cancel()


def set_by_dask() -> Iterator[str]:
    """Yield the numbers of threads that Dask set for its worker, which are meant for its own way of work."""
    for name, value in dask.config.get("distributed.nanny.pre-spawn-environ", {}).items():
        if name.endswith("_NUM_THREADS") and os.environ.get(name) == str(value):
            yield name


def probe(mark: str) -> Callable[[], tuple[str, bool]]:
    """Return what asks a worker for its version of this package and whether it sees a file.

    A function inside a function travels as code, so that it also runs where this package is not.
    """

    def ask() -> tuple[str, bool]:
        from pathlib import Path

        try:
            from MedDeepRegSegLib import __version__ as version
        except ImportError:
            version = ""
        path = Path(mark)
        # Listing the folder brings it up to date where it lies on a network drive.
        return version, path.parent.is_dir() and path in path.parent.iterdir()

    return ask


def host_of(address: str) -> str:
    """Return the machine in an address such as ``tcp://10.0.0.5:40123``."""
    return address.rpartition("://")[2].rpartition(":")[0]
