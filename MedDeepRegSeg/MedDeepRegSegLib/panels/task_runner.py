"""Runs one node task in a child process while the panel stays alive.

The pressed button turns into Cancel, the progress bar and the status label follow the job, and the nodes are
made only when the job has ended well. So a cancel or an error leaves the scene as it was.
"""

import logging
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from MedDeepRegSegLib.errors import Canceled, InputError, MissingPackageError
from MedDeepRegSegLib.jobs.child import ChildJob
from MedDeepRegSegLib.jobs.time_left import TimeLeft

POLL_INTERVAL_MS = 100
FOLLOW_INTERVAL_S = 2.0
"""Time between two looks at what a running job has written."""
_MINUTE_S, _MOST_MINUTES = 60, 90


class TaskRunner:
    """Owns the progress bar and the status label of a panel, and at most one running job.

    Parameters
    ----------
    progressBar, statusLabel:
        Widgets that show how far the job is and what it does.
    onStateChanged:
        Called without arguments when a job starts or ends, so that the panel can enable its buttons.
    """

    def __init__(self, progressBar, statusLabel, onStateChanged: Callable[[], None]) -> None:
        self._progressBar = progressBar
        self._statusLabel = statusLabel
        self._onStateChanged = onStateChanged
        self._job: ChildJob | None = None
        self._timer = qt.QTimer()
        self._timer.interval = POLL_INTERVAL_MS
        self._timer.connect("timeout()", self._poll)

    @property
    def busy(self) -> bool:
        """Whether a job is running."""
        return self._job is not None

    def start(
        self,
        task,
        button,
        onDone: Callable[[dict], None],
        module: str = "MedDeepRegSegLib.jobs",
        *,
        follow: Callable[[object], None] | None = None,
        canceledText: str | None = None,
    ) -> None:
        """Start a task; the button becomes Cancel until it has ended.

        Parameters
        ----------
        task:
            A node task of :mod:`MedDeepRegSegLib.mrml.tasks`.
        button:
            The button that was pressed.
        onDone:
            Gets the dictionary of nodes and values that ``task.collect`` returns.
        module:
            The library's job module that the child process runs.
        follow:
            Gets the task every two seconds at most while the job runs, to show what it has written so far.
        canceledText:
            What to say after a cancel, where something was kept.
        """
        if self.busy:
            msg = _("Another job of this panel is running: wait for it or cancel it.")
            raise InputError(msg)
        folder = Path(tempfile.mkdtemp(prefix="MedDeep-", dir=slicer.app.temporaryPath))
        try:
            name, request = task.prepare(folder)
            job = ChildJob(name, request, folder / "job", module=module, launch=slicer.util.launchConsoleProcess)
            job.start()
        except Exception:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self._job, self._task, self._folder, self._onDone = job, task, folder, onDone
        self._follow, self._followAt = follow, time.monotonic() + FOLLOW_INTERVAL_S
        self._canceledText = canceledText or _("Canceled. Nothing was changed.")
        self._button, self._buttonText = button, button.text
        button.text = _("Cancel")
        self._timeLeft = TimeLeft()
        self._progressBar.value = 0
        self._progressBar.format = "%p%"
        self._progressBar.visible = True
        self._statusLabel.text = _("Starting...")
        self._timer.start()
        self._onStateChanged()

    def isCancelButton(self, button) -> bool:
        """Whether this button cancels the running job at present."""
        return self.busy and button is self._button

    def cancel(self) -> None:
        """Ask the job to end, with every process it started; returns at once. The scene stays as it was."""
        if self.busy:
            self._statusLabel.text = _("Canceling...")
            self._job.cancel()

    def close(self) -> None:
        """End the job and wait until it is gone (two seconds at most), because its nodes or its panel go away."""
        if self.busy:
            self._job.close()
            self._finish(self._canceledText)

    def _poll(self) -> None:
        if not self.busy:
            return
        ended = self._job.state not in ("starting", "running")
        for event in self._job.poll():
            if event.kind == "progress":
                self._progressBar.value = round(100 * event.fraction)
                self._timeLeft.update(event.fraction)
                self._statusLabel.text = event.message
        if not ended:
            self._progressBar.format = progressText(self._timeLeft.seconds())
            self._lookOn()
            return
        try:
            outputs = self._task.collect(self._folder, self._job.result)
        except Canceled:
            self._finish(self._canceledText)
        except (InputError, MissingPackageError) as error:
            self._fail(str(error))
        except Exception as error:
            logging.exception("MedDeep job failed")
            self._fail(_("The job failed: {error}").format(error=error))
        else:
            onDone = self._onDone
            self._finish(_("Done."))
            onDone(outputs)

    def _lookOn(self) -> None:
        """Show what the job has written so far. A failure ends the looking on, not the job."""
        if self._follow is None or time.monotonic() < self._followAt:
            return
        try:
            self._follow(self._task)
        except Exception:
            logging.exception("a running MedDeep job cannot be followed")
            self._follow = None
        self._followAt = time.monotonic() + FOLLOW_INTERVAL_S

    def _fail(self, message: str) -> None:
        self._finish(message)
        slicer.util.errorDisplay(message)

    def _finish(self, status: str) -> None:
        self._timer.stop()
        self._button.text = self._buttonText
        self._progressBar.visible = False
        self._statusLabel.text = status
        shutil.rmtree(self._folder, ignore_errors=True)
        self._job = None
        self._onStateChanged()


def progressText(secondsLeft: float | None) -> str:
    """Return what a progress bar says (Qt puts in the percentage): with the time left in words, where it is known."""
    if secondsLeft is None:
        return "%p%"
    if secondsLeft < _MINUTE_S:
        return _("%p%, less than a minute left")
    minutes = round(secondsLeft / _MINUTE_S)
    if minutes == 1:
        return _("%p%, about a minute left")
    if minutes < _MOST_MINUTES:
        return _("%p%, about {minutes} minutes left").format(minutes=minutes)
    return _("%p%, about {hours} hours left").format(hours=f"{minutes / 60:.1f}")
