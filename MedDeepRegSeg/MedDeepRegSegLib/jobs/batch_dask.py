"""Cases of a batch on workers of Dask: in this process by default, or of any scheduler.

Without an address, scheduler and worker are threads of this process that talk in memory; nothing is opened to the network.
At a scheduler, workers may be on other machines. These need the same version of this package and must see the same files
under the same names: requests hold paths, not images. Every worker is asked for both before it gets a case, or soon after it joins.
Code and requests travel as Python's bytecode and pickles, so versions of Python and Dask are compared before anything is sent.
Keys and messages of Dask, which its pages and logs show, hold numbers and no names of cases.

Dask gives a case of a worker that was lost to another one. That it never runs twice at once is the business of
:mod:`MedDeepRegSegLib.jobs.batch_lock`. Dask cannot stop what a worker does: a cancel is told to each worker, which ends
the child process of the case.
"""

import asyncio
import concurrent.futures
import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

from distributed import LocalCluster

from MedDeepRegSegLib import __version__
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.batch_case import Case, Outcome
from MedDeepRegSegLib.jobs.batch_crew import CrewLost, Orders, Told
from MedDeepRegSegLib.jobs.batch_dask_client import CONNECT_S, connected, local_cluster, quiet
from MedDeepRegSegLib.jobs.batch_worker import cancel_batch, host_of, probe, work
from MedDeepRegSegLib.jobs.failures import describe

NO_WORKERS_S = 60.0
"""How long to wait for a worker when there is none."""
ANSWER_S = 20.0
"""How long workers may take to answer a question."""
LOOK_S = 2.0
"""Time between two looks at the workers."""
_CANCEL_S = 20.0
"""How long a worker may take to end its cases after a cancel, before it is given up."""
_COMPARED = {"python": 2, "distributed": 3, "cloudpickle": 1}
"""What must be the same here and there, and how many parts of its version."""
_TICK_S = 0.05
_REPEAT_S = 0.5
"""Time between two messages of a cancel."""


class DaskCrew:
    """Workers of Dask.

    Parameters
    ----------
    address : str, optional
        Of a scheduler; None for a cluster in this process.
    workers : int, optional
        How many cases run at the same time. 1 in this process, all threads of all workers at a scheduler by default.
    """

    def __init__(self, address: str | None = None, workers: int | None = None) -> None:
        self._address = address
        self._most = workers if address else workers or 1
        self._batch = f"meddeep-{secrets.token_hex(8)}"
        self._told = Told()
        self._stack = ExitStack()
        self._unsent: list[Case] = []
        self._sent: dict[str, Any] = {}
        self._numbers: dict[str, int] = {}
        self._problem: CrewLost | None = None
        self._threads: dict[str, int] = {}
        self._checked: set[str] = set()
        self._looked_at = -LOOK_S
        self._none_since: float | None = None
        self._canceled_at: float | None = None
        self._teller: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Connect.

        Raises
        ------
        InputError
            When no scheduler answers, or it has other versions of Python or Dask.
        """
        with ExitStack() as stack:
            stack.enter_context(quiet())
            where: str | LocalCluster
            where = self._address if self._address else stack.enter_context(local_cluster(self._most or 1))
            self._client = stack.enter_context(connected(where))
            if self._address:
                try:
                    self._compare_versions(())
                except CrewLost as error:
                    raise InputError(str(error)) from error
            self._client.subscribe_topic(self._batch, self._hear)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._sent:  # an error here: nothing may run on behind it
                self.cancel()
                with contextlib.suppress(CrewLost):
                    while self._sent:
                        self.ended(_TICK_S)
        finally:
            self._stack.close()

    def start(self, cases: Sequence[Case], orders: Orders) -> None:
        """See :class:`MedDeepRegSegLib.jobs.batch_crew.Crew`."""
        self._unsent, self._orders = list(cases), orders
        self._numbers = {case.name: number for number, case in enumerate(cases, start=1)}
        # Workers must see this very file, not a folder of the same name on their own disk.
        self._mark = orders.out / f".{self._batch}"
        self._mark.touch()
        self._stack.callback(self._mark.unlink, missing_ok=True)

    def ended(self, timeout_s: float) -> list[Outcome]:
        """See :class:`MedDeepRegSegLib.jobs.batch_crew.Crew`."""
        if self._problem is not None:
            raise self._problem
        done: list[Outcome] = []
        try:
            self._await(done, time.monotonic() + timeout_s)
        except CrewLost as error:
            with contextlib.suppress(CrewLost):
                self._collect(done)
            if not done:
                raise
            self._problem = error  # for the next call, so that what has ended is not lost with it
        return done

    def _await(self, done: list[Outcome], deadline: float) -> None:
        """Add what became of cases that have ended; waits for the first."""
        if self._canceled_at is None:
            self._look()
            self._send()
        else:
            self._tell_of_cancel()
        while True:
            self._collect(done)
            done += self._given_up()
            if done or time.monotonic() >= deadline:
                return
            time.sleep(_TICK_S)

    def _collect(self, done: list[Outcome]) -> None:
        """Add what became of cases that have ended."""
        for name in list(self._sent):
            outcome = self._outcome(name)
            if outcome is not None:
                done.append(outcome)

    def cancel(self) -> None:
        """See :class:`MedDeepRegSegLib.jobs.batch_crew.Crew`."""
        if self._canceled_at is None:
            self._canceled_at = time.monotonic()

    def running(self) -> dict[str, tuple[float, str]]:
        """See :class:`MedDeepRegSegLib.jobs.batch_crew.Crew`."""
        return self._told.now()

    def note(self) -> str:
        """See :class:`MedDeepRegSegLib.jobs.batch_crew.Crew`."""
        return f"waiting for a worker at {self._address}" if self._none_since is not None else ""

    # ---- cases

    def _send(self) -> None:
        """Give out as many cases as may run, once there is a worker that can."""
        while self._unsent and self._checked and (self._most is None or len(self._sent) < self._most):
            case = self._unsent.pop(0)
            self._sent[case.name] = self._client.submit(
                work,
                case,
                self._orders.figures,
                again=self._orders.again,
                batch=self._batch,
                number=self._numbers[case.name],
                threads=dict(self._threads),
                key=f"{self._batch}-{self._numbers[case.name]}",
                pure=False,
                retries=0,
            )

    def _outcome(self, name: str) -> Outcome | None:
        """Return what became of a case that was sent, or None while it runs."""
        future = self._sent[name]
        if future.status == "pending":
            return None
        try:
            outcome = self._fetched(name, future)
        except TimeoutError:  # its worker was lost meanwhile, and another one repeats it
            return None
        except (asyncio.CancelledError, concurrent.futures.CancelledError) as error:
            raise self._lost() from error
        self._told.forget(name)
        del self._sent[name]
        future.release()
        return outcome

    def _fetched(self, name: str, future: Any) -> Outcome:
        if future.status == "finished":
            outcome: Outcome = future.result(timeout=CONNECT_S)
            return outcome
        if future.status == "error":
            error = future.exception(timeout=CONNECT_S)
            if type(error).__name__ == "KilledWorker":
                return Outcome(name, "failed", "the workers that ran it were lost, again and again: see their logs")
            if isinstance(error, ImportError | AttributeError):
                msg = f"a worker at {self._address} cannot run MedDeep ({describe(error)[1]}): {_what_to_install()}"
                raise CrewLost(msg)
            return Outcome(name, "failed", describe(error)[1])
        raise self._lost()

    def _given_up(self) -> list[Outcome]:
        """Return the cases that nobody runs after a cancel: those not sent, and at the end those of deaf workers."""
        if self._canceled_at is None:
            return []
        names = [case.name for case in self._unsent]
        self._unsent = []
        if time.monotonic() - self._canceled_at > _CANCEL_S:
            names += self._sent
            self._sent = {}
        return [Outcome(name, "canceled") for name in names]

    def _hear(self, event: tuple[float, dict[str, Any]]) -> None:
        """Note how far a case is, as its worker tells it."""
        told = event[1]
        name = next((name for name, number in self._numbers.items() if number == told["case"]), "")
        if name in self._sent:
            self._told.tell(name, told["fraction"], told["message"])

    # ---- workers

    def _look(self) -> None:
        """Look for workers that were lost or have joined."""
        now = time.monotonic()
        if now - self._looked_at < LOOK_S:
            return
        self._looked_at = now
        try:
            if self._client.status != "running":
                raise self._lost()
            threads: dict[str, int] = self._client.nthreads()
        except (OSError, RuntimeError) as error:
            raise self._lost() from error
        self._threads = {}
        for worker, count in threads.items():
            self._threads[host_of(worker)] = self._threads.get(host_of(worker), 0) + count
        if threads:
            self._none_since = None
            self._check(sorted(set(threads) - self._checked))
        elif self._none_since is None:
            self._none_since = now
        elif now - self._none_since > NO_WORKERS_S:
            msg = (
                f"the scheduler at {self._address} has had no workers for {NO_WORKERS_S:.0f} s: "
                f"start some with 'dask worker {self._address}'"
            )
            raise CrewLost(msg)

    def _check(self, workers: list[str]) -> None:
        """Refuse workers that lack the package or do not see the files."""
        if not workers:
            return
        if self._address:
            self._compare_versions(workers)
        ask = probe(str(self._mark))
        found: dict[str, Any] = self._answer(lambda: self._client.run(ask, workers=workers, on_error="return"))
        for worker, answer in found.items():
            if isinstance(answer, OSError):  # lost meanwhile
                continue
            if isinstance(answer, BaseException):
                msg = f"the worker {worker} cannot be used: {describe(answer)[1]}"
                raise CrewLost(msg)
            version, sees = answer
            if version != __version__:
                has = f"has MedDeep {version}" if version else "lacks the Python package meddeep"
                msg = f"the worker {worker} {has}, expected version {__version__}: {_what_to_install()}"
                raise CrewLost(msg)
            if not sees:
                msg = (
                    f"the worker {worker} does not see the folder {self._mark.parent}: "
                    f"use a folder that all machines share under one name"
                )
                raise CrewLost(msg)
            self._checked.add(worker)

    def _compare_versions(self, workers: Sequence[str]) -> None:
        """Refuse a scheduler or workers whose versions of Python and Dask do not understand what is sent."""
        found: dict[str, Any] = self._answer(self._client.get_versions)
        here = found["client"]["packages"]
        for who, told in [
            ("scheduler", found["scheduler"]),
            *((worker, found["workers"].get(worker)) for worker in workers),
        ]:
            if not isinstance(told, Mapping):  # lost meanwhile
                continue
            for package, parts in _COMPARED.items():
                theirs, ours = (_first(versions.get(package), parts) for versions in (told["packages"], here))
                if theirs != ours:
                    name = f"the scheduler at {self._address}" if who == "scheduler" else f"the worker {who}"
                    title = "Python" if package == "python" else package
                    msg = (
                        f"{name} has {title} {theirs or 'of an unknown version'}, expected {ours} as here, because programs "
                        f"and requests travel in a form of that version: start it with {title} {ours}"
                    )
                    raise CrewLost(msg)

    def _answer(self, ask: Callable[[], Any]) -> Any:
        """Return what a question to workers gives, which Dask itself would wait for without end."""
        found: list[Any] = []

        def work() -> None:
            try:
                found.append((ask(), None))
            except Exception as error:
                found.append((None, error))

        thread = threading.Thread(target=work, daemon=True, name="batch question")
        thread.start()
        thread.join(ANSWER_S)
        if not found:
            msg = (
                f"a worker at {self._address or 'this computer'} has not answered for {ANSWER_S:g} s: "
                f"see whether all still run, and end those that hang"
            )
            raise CrewLost(msg)
        answer, error = found[0]
        if isinstance(error, OSError | RuntimeError):
            raise self._lost() from error
        if error is not None:
            raise error
        return answer

    def _tell_of_cancel(self) -> None:
        """Tell all workers of the cancel, more than once because some may join late; never waits for a deaf one."""
        if self._teller is not None and self._teller.is_alive():
            return
        client, batch = self._client, self._batch

        def tell() -> None:
            with contextlib.suppress(Exception):
                client.run(cancel_batch, batch, on_error="ignore")
            time.sleep(_REPEAT_S)

        self._teller = threading.Thread(target=tell, daemon=True, name="batch cancel")
        self._teller.start()

    def _lost(self) -> CrewLost:
        msg = f"the Dask scheduler at {self._address or 'this computer'} was lost: see whether it still runs"
        return CrewLost(msg)


def _first(version: str | None, parts: int) -> str:
    """Return the first parts of a version such as ``3.11.4.final.0``."""
    return ".".join((version or "").split(".")[:parts])


def _what_to_install() -> str:
    return f'install the same version there ("meddeep[batch]=={__version__}") and start its worker again'
