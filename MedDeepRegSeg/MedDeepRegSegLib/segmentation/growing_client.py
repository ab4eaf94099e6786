"""The window's side of a growing session that lives in a child process: clicks go out, masks come in, nothing blocks."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from MedDeepRegSegLib.jobs.child import ChildJob
from MedDeepRegSegLib.jobs.launching import Launch, launch
from MedDeepRegSegLib.segmentation.growing_exchange import Answer, Command, Exchange, Point
from MedDeepRegSegLib.segmentation.growing_settings import GrowingSettings
from MedDeepRegSegLib.segmentation.growing_worker import Request


class GrowingClient:
    """A growing session in a child process, which ends with :meth:`close` and with this process.

    Parameters
    ----------
    image:
        Image file to grow in.
    folder:
        Folder of the session: absent or empty. It is not removed.
    foreground, settings, model, device:
        See :class:`MedDeepRegSegLib.segmentation.growing_worker.Request`.
    launch:
        Starts a process, as ``slicer.util.launchConsoleProcess`` does.
    command:
        Arguments to start instead of the usual ones; the job folder is added.

    Notes
    -----
    Every method but :meth:`close` returns at once. Answers come in the order of the commands.
    """

    def __init__(
        self,
        image: Path,
        folder: Path,
        *,
        foreground: Path | None = None,
        settings: GrowingSettings | None = None,
        model: Path | None = None,
        device: str = "cpu",
        launch: Launch = launch,
        command: Sequence[str] | None = None,
    ) -> None:
        self._exchange = Exchange(Path(folder) / "exchange")
        self._exchange.create()
        job_folder = Path(folder) / "job"
        request = Request(
            image=Path(image),
            folder=self._exchange.folder,
            foreground=foreground,
            settings=settings or GrowingSettings(),
            model=model,
            device=device,
        )
        arguments = None if command is None else [*command, str(job_folder)]
        self._job = ChildJob("grow-session", request, job_folder, launch=launch, command=arguments)
        self._number = 0
        self._ready = False
        self._message = ""
        self._job.start()

    @property
    def alive(self) -> bool:
        """Whether the process takes commands."""
        return self._job.state in ("starting", "running")

    @property
    def ready(self) -> bool:
        """Whether the image is read and the network loaded."""
        return self._ready

    @property
    def message(self) -> str:
        """What the process does, one line for a person."""
        return self._message

    @property
    def error(self) -> str:
        """Why the process ended, or an empty text."""
        error = self._job.error
        return "" if error is None else error.message

    def start(
        self,
        name: str = "Structure",
        *,
        box: tuple[float, float, float, float, float, float] | None = None,
        previous: Path | None = None,
    ) -> int:
        """Begin another structure; clicks before are dropped. Returns the number of the command."""
        return self._send(Command(number=self._next(), do="start", name=name, box=box, previous=previous))

    def click(self, positive: Sequence[Point] = (), negative: Sequence[Point] = ()) -> int:
        """Add points, LPS mm; several at once are a scribble. Returns the number of the click."""
        return self._send(Command(number=self._next(), do="click", positive=tuple(positive), negative=tuple(negative)))

    def undo(self, click: int) -> int:
        """Take the last click back, also one that is not answered yet."""
        return self._send(Command(number=self._next(), do="undo", target=click))

    def uncertainty(self) -> int:
        """Ask how sure the network is."""
        return self._send(Command(number=self._next(), do="uncertainty"))

    def poll(self) -> list[Answer]:
        """Return the answers since the last call."""
        for event in self._job.poll():
            if event.kind == "progress":
                self._message = event.message
        answers = self._exchange.answers()
        self._ready = self._ready or any(answer.kind == "ready" for answer in answers)
        return answers

    def take_array(self, answer: Answer) -> np.ndarray | None:
        """Return the array of an answer, cropped; None where it is empty. It can be taken once."""
        return self._exchange.take_array(answer)

    def close(self) -> None:
        """End the process, and wait until it is gone (two seconds at most)."""
        if self.alive:
            with contextlib.suppress(OSError):  # the folder may be gone; what does not read the command is canceled
                self._send(Command(number=self._next(), do="end"))
        self._job.close()

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _send(self, command: Command) -> int:
        self._exchange.send(command)
        return command.number
