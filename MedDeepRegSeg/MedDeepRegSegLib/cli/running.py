"""Runs the job of a subcommand, and lets Ctrl-C end it.

The first Ctrl-C cancels; everything is gone within two seconds. The second ends the work at once.
"""

import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from MedDeepRegSegLib.cli.progress_bar import ProgressBar
from MedDeepRegSegLib.jobs.progress import CancelToken

if TYPE_CHECKING:
    from MedDeepRegSegLib.jobs.child import ChildJob

CANCELED = 130
"""Exit code of a canceled command."""


def run_in_child(name: str, request: Any, module: str, display: ProgressBar) -> Any:
    """Run the job in a child process and return its ``Result``, or raise what the job raised."""
    from MedDeepRegSegLib.jobs.child import ChildJob

    with tempfile.TemporaryDirectory(prefix="meddeep-", ignore_cleanup_errors=True) as folder:
        job = ChildJob(name, request, Path(folder) / "job", module=module)
        with job, _on_interrupt(job.cancel, job.end_now, display):
            job.start()
            while job.state in ("starting", "running"):
                _show(job, display)
                time.sleep(0.05)
            _show(job, display)  # what the job said last, for example a note on why it failed
            return job.result


def _show(job: "ChildJob", display: ProgressBar) -> None:
    """Show the progress since the last call."""
    for event in job.poll():
        if event.kind == "progress":
            display(event.fraction, event.message)


def run_here(work: Callable[[ProgressBar, CancelToken], Any], display: ProgressBar) -> Any:
    """Run ``work(progress, cancel)`` in this process."""
    from MedDeepRegSegLib.jobs.outputs import remove_temporaries
    from MedDeepRegSegLib.jobs.processes import end_tree

    def end_now() -> None:
        remove_temporaries()
        end_tree(os.getpid(), keep_root=True)
        os._exit(CANCELED)

    token = CancelToken()
    with _on_interrupt(token.cancel, end_now, display):
        return work(display, token)


@contextmanager
def _on_interrupt(cancel: Callable[[], None], end_now: Callable[[], None], display: ProgressBar) -> Iterator[None]:
    """Call ``cancel`` on the first Ctrl-C or end signal in the block, and ``end_now`` on the second."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked = False

    def handle(number: int, frame: object) -> None:
        nonlocal asked
        if asked:
            end_now()
            return
        asked = True
        cancel()
        display.note("canceling... (Ctrl-C again ends at once)")

    numbers = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGBREAK"):
        numbers.append(signal.SIGBREAK)  # Ctrl-Break on Windows
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
