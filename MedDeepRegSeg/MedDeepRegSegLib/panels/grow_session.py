"""The child process that grows for the effect, on the nodes of the scene: the volume goes there once, then clicks."""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import slicer
from slicer.i18n import tr as _

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.markups import box_from_roi
from MedDeepRegSegLib.mrml.segmentations import image_from_segmentation
from MedDeepRegSegLib.mrml.task_base import write_plain, write_volume
from MedDeepRegSegLib.mrml.volumes import grid_of_volume
from MedDeepRegSegLib.panels.grow_strokes import Target
from MedDeepRegSegLib.segmentation.growing_client import GrowingClient
from MedDeepRegSegLib.segmentation.growing_exchange import Answer, Point
from MedDeepRegSegLib.segmentation.growing_settings import GrowingSettings


class GrowSession:
    """At most one child process, for one volume.

    Parameters
    ----------
    launch, command:
        How the process is started; see :class:`~MedDeepRegSegLib.segmentation.growing_client.GrowingClient`.
    """

    def __init__(self, launch: Callable | None = None, command: Sequence[str] | None = None) -> None:
        self._options = {"command": command, "launch": launch or slicer.util.launchConsoleProcess}
        self._source: tuple = ()
        self._volume = None
        self._client: GrowingClient | None = None
        self._folder: Path | None = None
        self._files = 0
        self.begun = False
        """Whether the process knows the structure that is grown; who changes its box or start sets it back."""

    @property
    def preparing(self) -> str:
        """What the process does before it can answer; nothing once it can."""
        return self.message if self.running and not self.ready else ""

    @property
    def running(self) -> bool:
        """Whether there is a process, or one that ended and was not closed yet."""
        return self._client is not None

    @property
    def ready(self) -> bool:
        """Whether the process has read the volume and loaded the network."""
        return self._client is not None and self._client.ready

    @property
    def message(self) -> str:
        """What the process is doing before it is ready."""
        return (self._client.message if self._client is not None else "") or _("starting")

    def open(self, volume, adapt: bool = False) -> None:
        """Start the process for a volume, unless it runs already. Returns before it is ready.

        A process that has ended, or whose volume has changed in place since, is replaced by another one, in which no
        structure is begun. ``adapt`` says whether the network learns from the corrections of a structure while it grows.

        Raises
        ------
        InputError
            If the volume cannot be used.
        """
        source = (*_state_of(volume), adapt)
        if self._client is not None and self._client.alive and source == self._source:
            return
        self.close()
        if volume is None:
            msg = _("no source volume is chosen: pick one")
            raise InputError(msg)
        folder = Path(tempfile.mkdtemp(prefix="MedDeep-grow-", dir=slicer.app.temporaryPath))
        try:
            write_volume(volume, folder / "image.nrrd", "volume")
            self._client = GrowingClient(
                folder / "image.nrrd",
                folder / "session",
                settings=GrowingSettings(adapt=adapt),
                device="auto",
                **self._options,
            )
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self._folder, self._volume, self._source = folder, volume, source

    def begin(self, target: Target) -> int:
        """Begin a structure; what was clicked before is dropped. Returns the number that the answer will have.

        Raises
        ------
        InputError
            If the ROI or the segment cannot be used.
        """
        box = None
        if target.roi is not None:
            low, high = box_from_roi(target.roi)
            box = (*low.tolist(), *high.tolist())
        previous = None
        if target.mode == "correct" and target.segmentation is not None and target.segmentID:
            labels, _segments = image_from_segmentation(
                target.segmentation, segment_ids=[target.segmentID], reference=self._volume, crop=True
            )
            self._files += 1
            previous = self._folder / f"previous{self._files}.nrrd"
            write_plain(labels, previous)
        number = self._client.start(target.name, box=box, previous=previous)
        self.begun = True
        return number

    def drop(self) -> None:
        """Stop what is computed and forget the clicks; the process stays."""
        self.begun = False
        if self._client is not None:
            self._client.start()

    def click(self, points: Sequence[Point], positive: bool) -> int:
        """Send points, LPS mm; returns the number that the answer will have."""
        return self._client.click(positive=points) if positive else self._client.click(negative=points)

    def undo(self, number: int) -> None:
        """Take the last click back."""
        if self._client is not None:
            self._client.undo(number)

    def askUncertainty(self) -> int:
        """Ask how sure the network is; returns the number that the answer will have."""
        return self._client.uncertainty()

    def poll(self) -> list[tuple[Answer, object]]:
        """Return the answers since the last call, each with its array or None."""
        if self._client is None:
            return []
        return [(answer, self._client.take_array(answer)) for answer in self._client.poll()]

    def takeFailure(self) -> str:
        """Return why the process has ended, and clear it away; an empty text while it runs."""
        if self._client is None or self._client.alive:
            return ""
        reason = self._client.error or _("the process ended")
        self.close()
        return reason

    def close(self) -> None:
        """End the process, and wait until it is gone (two seconds at most)."""
        if self._client is not None:
            self._client.close()
            self._client = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
        self._volume, self._source, self.begun = None, (), False


def _state_of(volume) -> tuple:
    """Return what is another one after a volume node has got other voxels or another place."""
    if volume is None:
        return (None,)
    image = volume.GetImageData()
    grid = grid_of_volume(volume, f"volume {volume.GetName()!r}")
    return volume, None if image is None else image.GetMTime(), grid.index_to_ras().tobytes()
