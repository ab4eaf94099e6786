"""Connects a batch with Dask: with a cluster in this process, or with the scheduler of an address."""

import logging
import re
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import dask
from distributed import Client, LocalCluster

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.failures import one_line

CONNECT_S = 10.0
"""How long a scheduler may take to answer."""
_ADDRESS = re.compile(r"(\w+://)?\S+:\d+")


@contextmanager
def local_cluster(workers: int) -> Iterator[LocalCluster]:
    """Give a cluster in this process whose servers for pictures, which Dask always starts, serve nothing and nobody else."""
    here = "127.0.0.1:0"
    with tempfile.TemporaryDirectory(prefix="meddeep-dask-", ignore_cleanup_errors=True) as scratch:
        settings = {
            "temporary-directory": scratch,
            "distributed.scheduler.http.routes": [],
            "distributed.worker.http.routes": [],
        }
        with (
            dask.config.set(settings),
            LocalCluster(
                n_workers=1,
                threads_per_worker=workers,
                processes=False,
                dashboard_address=here,
                worker_dashboard_address=here,
                memory_limit=0,  # it would be that of this process, not of the children that do the work
                silence_logs=False,
            ) as cluster,
        ):
            yield cluster


def connected(where: "str | LocalCluster") -> Client:
    """Return a client of a scheduler.

    Raises
    ------
    InputError
        When the address has no port, or none answers.
    """
    if isinstance(where, str) and not _ADDRESS.fullmatch(where):  # Dask would wait, and end with a traceback
        raise _no_answer(where, "it has no port")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of other versions of packages that the cases do not use
            return Client(where, set_as_default=False, timeout=CONNECT_S)
    except (OSError, ValueError, RuntimeError) as error:
        raise _no_answer(where, one_line(str(error))[:120]) from error


def _no_answer(where: "str | LocalCluster", why: str) -> InputError:
    msg = (
        f"no Dask scheduler answers at {where} ({why}): expected its address, for example tcp://127.0.0.1:8786; "
        f"start one with 'dask scheduler'"
    )
    return InputError(msg)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what Dask logs off the terminal: what matters is told as an error."""
    names = [name for name in logging.root.manager.loggerDict if name.split(".")[0] in ("distributed", "tornado")]
    loggers: Iterable[logging.Logger] = [logging.getLogger(name) for name in (*names, "asyncio")]
    before = [(logger, logger.level) for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in before:
            logger.setLevel(level)
