"""Progress for a person at a terminal, or for a log."""

import os
import shutil
import sys
import time
from types import TracebackType
from typing import Any, Self

from MedDeepRegSegLib.jobs.progress import NOTE
from MedDeepRegSegLib.jobs.time_left import TimeLeft

_SHOW_AFTER_S = 1.0
"""Work that takes less shows no bar, in seconds."""

_LINE_EVERY_S = 5.0
"""Where there is no terminal: the time before the first line and between two lines, in seconds."""

_LONGEST_MESSAGE = 48


class ProgressBar:
    """Shows progress on standard error: a bar at a terminal, sparse lines elsewhere, nothing when quiet.

    A note (see :data:`~MedDeepRegSegLib.jobs.progress.NOTE`) gets a line of its own, once.

    Call it as a progress callback inside ``with``.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._began = time.monotonic()
        self._line_at = self._began
        self._last_line = ""
        self._notes: set[str] = set()
        self._bar: Any = None
        self._time_left = TimeLeft()
        self._terminal = sys.stderr is not None and sys.stderr.isatty()

    def __call__(self, fraction: float, message: str) -> None:
        """Show that ``fraction`` (0 to 1) of the work is done, and what is being done."""
        now = time.monotonic()
        if self._quiet:
            return
        if message.startswith(NOTE):
            if message not in self._notes:
                self._notes.add(message)
                self.note(message)
            return
        self._time_left.update(fraction)
        if self._terminal:
            if now - self._began >= _SHOW_AFTER_S:
                self._show_bar(fraction, message)
        elif now - self._line_at >= _LINE_EVERY_S:
            line = f"{100 * fraction:3.0f} % {message}"
            if line != self._last_line:
                print(line, file=sys.stderr, flush=True)
                self._last_line, self._line_at = line, now

    def _show_bar(self, fraction: float, message: str) -> None:
        if self._bar is None:
            from tqdm import tqdm

            form = "{percentage:3.0f} %|{bar:24}| {elapsed} {desc}"
            # Some terminals, such as those of containers, do not know their size; tqdm would draw nothing there.
            size = shutil.get_terminal_size()
            self._bar = tqdm(
                total=1.0,
                bar_format=form,
                file=sys.stderr,
                leave=False,
                mininterval=0.05,
                ncols=size.columns - 1,
                nrows=size.lines,
            )
        shown = message if len(message) <= _LONGEST_MESSAGE else message[: _LONGEST_MESSAGE - 3] + "..."
        self._bar.n = min(max(fraction, 0.0), 1.0)
        self._bar.set_description_str(self._left() + shown)

    def _left(self) -> str:
        """Return the time left as a clock shows it, where it is known."""
        seconds = self._time_left.seconds()
        if seconds is None:
            return ""
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes}:{rest:02d} left, "

    def note(self, text: str) -> None:
        """Show a line, also from a signal handler, where the usual streams may be in the middle of a write."""
        if not self._quiet:
            start = "\r" if self._bar is not None else ""
            os.write(2, f"{start}{text}\n".encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
