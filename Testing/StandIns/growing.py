"""A growing session without a network: balls around points. Run as a program, this file is the child of a session.

A structure named ``Slow`` takes its time with every click, and one named ``Broken`` has a fault in its program.
"""

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError

RADIUS_MM = 8.0


@dataclass(frozen=True)
class Step:
    """What a click did."""

    mask: np.ndarray
    volume_ml: float
    changed_ml: float
    suggestion: tuple | None
    adapted: bool
    notes: tuple
    seconds: float


class BallSession:
    """Each point inside adds a ball, each point outside takes one away."""

    def __init__(self, image: sitk.Image, **_options) -> None:
        self._image = image
        grid = np.indices(image.GetSize()[::-1]).reshape(3, -1)[::-1]
        matrix = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
        self._places = (matrix @ grid).T + image.GetOrigin()
        self._clicks = []
        self._name = ""

    def start(self, name="Structure", *, box=None, previous=None) -> None:
        """Begin another structure."""
        if box is not None and not np.all(
            (np.maximum(*box) >= self._places.min(0)) & (np.minimum(*box) <= self._places.max(0))
        ):
            msg = "the box lies outside of the image: move it"
            raise InputError(msg)
        self._clicks, self._name, self._box = [], name, box
        self._previous = None if previous is None else sitk.GetArrayFromImage(previous) > 0

    def click(self, positive=(), negative=(), *, progress, cancel) -> Step:
        """Add points."""
        if self._name == "Broken":
            msg = "a fault of the program"
            raise RuntimeError(msg)
        for point in (*positive, *negative):
            index = self._image.TransformPhysicalPointToIndex([float(part) for part in point])
            if any(not 0 <= part < size for part, size in zip(index, self._image.GetSize(), strict=True)):
                msg = "the point lies outside of the image: click in the image"
                raise InputError(msg)
        progress(0.5, "Growing")
        end = time.monotonic() + (30.0 if self._name == "Slow" else 0.0)
        while time.monotonic() < end:
            cancel.raise_if_canceled()
            time.sleep(0.02)
        before = self._mask()
        self._clicks.append((np.array(positive).reshape(-1, 3), np.array(negative).reshape(-1, 3)))
        return self._step(before)

    def undo(self) -> Step | None:
        """Take the last click back."""
        before = self._mask()
        self._clicks.pop()
        return self._step(before) if self._clicks else None

    def uncertainty(self) -> sitk.Image:
        """Return 0.5 in the structure."""
        image = sitk.GetImageFromArray(0.5 * self._mask().astype(np.float32))
        image.CopyInformation(self._image)
        return image

    def _mask(self) -> np.ndarray:
        shape = self._image.GetSize()[::-1]
        mask = np.zeros(shape, bool) if self._previous is None else self._previous.copy()
        for positive, negative in self._clicks:
            for value, points in ((True, positive), (False, negative)):
                for point in points:
                    near = np.linalg.norm(self._places - point, axis=1) <= RADIUS_MM
                    mask[near.reshape(shape)] = value
        if self._box is not None:
            low, high = np.minimum(*self._box), np.maximum(*self._box)
            mask &= np.all((self._places >= low) & (self._places <= high), axis=1).reshape(shape)
        return mask

    def _step(self, before: np.ndarray) -> Step:
        mask = self._mask()
        voxel_ml = float(np.prod(self._image.GetSpacing())) / 1000
        points = [point for positive, _ in self._clicks for point in positive]
        suggestion = (tuple(points[-1] + (10.0, 0.0, 0.0)), True) if points else None
        adapted = len(self._clicks) > 1
        return Step(mask, mask.sum() * voxel_ml, (mask ^ before).sum() * voxel_ml, suggestion, adapted, ("balls",), 0.0)


def child_command() -> list[str]:
    """Return the arguments that start this file as the child of a session."""
    return [sys.executable, "-P", str(Path(__file__).resolve())]


if __name__ == "__main__":
    from MedDeepRegSegLib.jobs.inside import main
    from MedDeepRegSegLib.segmentation import growing_worker

    growing_worker.open_session = lambda _request, image, _foreground: BallSession(image)
    sys.exit(main(sys.argv[1:]))
