"""The job that keeps a growing session alive and answers clicks, so that a window never waits for the network.

It ends on the command ``end``, when it is canceled, and when its owner ends. What the two say to each other is in
:mod:`MedDeepRegSegLib.segmentation.growing_exchange`; the window's side is
:class:`MedDeepRegSegLib.segmentation.growing_client.GrowingClient`.
"""

import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress, part_of
from MedDeepRegSegLib.segmentation.growing_exchange import Answer, Command, Exchange
from MedDeepRegSegLib.segmentation.growing_settings import GrowingSettings

_TICK_S = 0.01
_LOOK_S = 0.05
"""How often a running click looks whether it was taken back, s."""


@dataclass(frozen=True)
class Request:
    """What to grow in."""

    image: Path
    """Image file, or folder of one DICOM series."""
    folder: Path
    """Folder of the exchange."""
    foreground: Path | None = None
    """Mask to stay in: a file on the grid of the image."""
    settings: GrowingSettings = field(default_factory=GrowingSettings)
    """How to grow; only the network."""
    model: Path | None = None
    """Model folder; the shipped one without."""
    device: str = "cpu"
    """``cpu`` or ``cuda``."""


@dataclass(frozen=True)
class Result:
    """What was done."""

    clicks: int
    """Clicks that were answered with a mask."""


def run(request: Request, *, progress: Progress = no_progress, cancel: CancelToken | None = None) -> Result:
    """Answer commands until one says to end.

    Raises
    ------
    InputError
        If the image cannot be used. Clicks that cannot be used are answered with ``refused``.
    Canceled
        If ``cancel`` was set.
    MissingPackageError
        If PyTorch is absent.
    """
    from MedDeepRegSegLib.volumes.reading import read_volume

    cancel = CancelToken() if cancel is None else cancel
    image = read_volume(request.image, progress=part_of(progress, 0.0, 0.3), cancel=cancel)
    foreground = None if request.foreground is None else _mask_at(request.foreground, "foreground mask")
    progress(0.3, "Loading the network")
    session = open_session(request, image, foreground)
    worker = _Worker(session, Exchange(request.folder), progress, cancel)
    return Result(worker.serve())


def open_session(request: Request, image: sitk.Image, foreground: sitk.Image | None) -> Any:
    """Return the session that does the work; tests put another one in its place."""
    from MedDeepRegSegLib.segmentation.growing_session import GrowingSession

    return GrowingSession(
        image, foreground=foreground, settings=request.settings, model=request.model, device=request.device
    )


def _mask_at(path: Path, what: str) -> sitk.Image:
    """Return the mask of a file.

    Raises
    ------
    InputError
        If it cannot be read, or has several values a voxel.
    """
    try:
        return sitk.ReadImage(str(path)) > 0
    except RuntimeError as error:
        msg = f"the {what} {path.name} cannot be read as a mask: expected a whole file of one value a voxel, write it again"
        raise InputError(msg) from error


class _Worker:
    """Takes the commands in their order; a click that was taken back meanwhile is not done to the end."""

    def __init__(self, session: Any, exchange: Exchange, progress: Progress, cancel: CancelToken) -> None:
        self._session = session
        self._exchange = exchange
        self._progress = progress
        self.cancel = cancel
        self._waiting: deque[Command] = deque()
        self._done: list[int] = []
        self._clicks = 0
        self._begun = True  # a session begins with a structure without box

    def serve(self) -> int:
        """Answer until the command ``end``; return how many clicks were answered with a mask."""
        self._exchange.answer(Answer(number=0, kind="ready"))
        while True:
            self.look()
            if not self._waiting:
                self.cancel.raise_if_canceled()
                time.sleep(_TICK_S)
                continue
            command = self._waiting.popleft()
            if command.do == "end":
                return self._clicks
            try:
                answer = self._answer(command)
            except InputError as error:
                answer = Answer(number=command.number, kind="refused", message=str(error))
            self._exchange.answer(answer)

    def look(self) -> None:
        """Read what the window has said since."""
        self._waiting.extend(self._exchange.commands())

    def taken_back(self, number: int) -> bool:
        """Return whether a command that waits makes the click ``number`` needless."""
        return any(
            command.do in ("start", "end") or (command.do == "undo" and command.target == number)
            for command in self._waiting
        )

    def _answer(self, command: Command) -> Answer:
        if command.do == "start":
            return self._start(command)
        if command.do == "click":
            return self._click(command)
        if command.do == "undo":
            return self._undo(command)
        uncertainty = sitk.GetArrayFromImage(self._session.uncertainty())
        # Below a few percent nothing is to be seen, and the rest of the image need not be sent.
        name, offset = self._exchange.write_array(
            np.where(uncertainty >= 0.05, uncertainty, 0).astype(np.float32), command.number
        )
        return Answer(number=command.number, kind="uncertainty", array=name, offset=offset)

    def _start(self, command: Command) -> Answer:
        self._begun = False  # clicks after a start that is refused are meant for no other structure
        while self._done:  # an object without clicks keeps no voxels from the next one
            self._done.pop()
            self._session.undo()
        previous = None if command.previous is None else _mask_at(command.previous, "segment to start from")
        box = None if command.box is None else (command.box[:3], command.box[3:])
        self._session.start(command.name, box=box, previous=previous)
        self._begun = True
        return Answer(number=command.number, kind="started")

    def _click(self, command: Command) -> Answer:
        if not self._begun:
            return Answer(number=command.number, kind="dropped")
        token = _ClickToken(self, command.number)
        try:
            token.raise_if_canceled()
            step = self._session.click(
                positive=command.positive, negative=command.negative, progress=self._progress, cancel=token
            )
        except Canceled:
            if self.cancel.canceled:
                raise
            return Answer(number=command.number, kind="dropped")
        self._done.append(command.number)
        self._clicks += 1
        return self._step_answer(command.number, "step", step)

    def _undo(self, command: Command) -> Answer:
        if command.target not in self._done:
            return Answer(number=command.number, kind="undone")
        if self._done[-1] != command.target:
            msg = "only the last click can be taken back"
            raise InputError(msg)
        self._done.pop()
        step = self._session.undo()
        if step is None or not self._done:
            return Answer(number=command.number, kind="undone")
        return self._step_answer(command.number, "undone", step)

    def _step_answer(self, number: int, kind: Any, step: Any) -> Answer:
        name, offset = self._exchange.write_array(np.asarray(step.mask).astype(np.uint8), number)
        point, positive = (None, True) if step.suggestion is None else step.suggestion
        return Answer(
            number=number,
            kind=kind,
            array=name,
            offset=offset,
            volume_ml=float(step.volume_ml),
            changed_ml=float(step.changed_ml),
            suggestion=None if point is None else (float(point[0]), float(point[1]), float(point[2])),
            suggestion_positive=bool(positive),
            adapted=bool(step.adapted),
            notes=tuple(step.notes),
            seconds=float(step.seconds),
        )


class _ClickToken(CancelToken):
    """Canceled with the job, and when the window took the click back."""

    def __init__(self, worker: _Worker, number: int) -> None:
        super().__init__()
        self._worker = worker
        self._number = number
        self._looked_at = 0.0

    @property
    def canceled(self) -> bool:
        """Whether the click is not wanted any more."""
        if super().canceled or self._worker.cancel.canceled:
            return True
        now = time.monotonic()
        if now - self._looked_at >= _LOOK_S:
            self._looked_at = now
            self._worker.look()
            if self._worker.taken_back(self._number):
                self.cancel()
                return True
        return False
