"""A simulated user who knows the truth: what a careful person would click.

The first click is the innermost point of the object (Euclidean distance in mm; outside of the image is outside of the
object). Each further one is the innermost point of the largest connected error (faces connect, largest by volume):
positive where something is missing, negative where something is too much.

Source: the protocol of interactive segmentation, for example K. Sofiiuk et al., "Reviving iterative training with mask
guidance for interactive segmentation", ICIP 2022. That of training, who is less careful, is
:mod:`MedDeepRegSegLib.synthesis.clicks`.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken

if TYPE_CHECKING:
    from MedDeepRegSegLib.segmentation.growing_session import GrowingSession

Voxel = tuple[int, int, int]
Box = tuple[slice, slice, slice]
Mask = NDArray[np.bool_]


class Method(Protocol):
    """A method that is clicked. Voxels are (k, j, i)."""

    def click(self, positive: list[Voxel], negative: list[Voxel]) -> Mask:
        """Return the mask, (k, j, i) bool, by all clicks so far."""


class SessionMethod:
    """A growing session that is clicked. Clicks it refuses change nothing and are kept in ``refused``.

    Parameters
    ----------
    session : GrowingSession
        Its object is the one that was started last.
    image : SimpleITK.Image
        That of the session.
    cancel : CancelToken, optional
    """

    def __init__(self, session: "GrowingSession", image: sitk.Image, cancel: CancelToken | None = None) -> None:
        self.session, self.refused = session, list[str]()
        self._image, self._cancel = image, cancel
        self._told = (0, 0)
        self._mask: Mask = np.zeros(image.GetSize()[::-1], bool)

    def click(self, positive: list[Voxel], negative: list[Voxel]) -> Mask:
        """Tell the session the clicks that are new; see :class:`Method`."""
        fresh = (positive[self._told[0] :], negative[self._told[1] :])
        self._told = len(positive), len(negative)
        inside, outside = (points_of(self._image, voxels) for voxels in fresh)
        try:
            step = self.session.click(inside, outside, cancel=self._cancel)
        except InputError as error:
            self.refused.append(str(error))
            return self._mask
        self._mask = np.asarray(step.mask, bool)
        return self._mask


def points_of(image: sitk.Image, voxels: Sequence[Voxel]) -> NDArray[np.float64]:
    """Return voxels (k, j, i) as points, (N, 3) LPS mm."""
    return np.array([image.TransformIndexToPhysicalPoint(voxel[::-1]) for voxel in voxels], float).reshape(-1, 3)


@dataclass
class Course:
    """What came of the clicks on one object."""

    dice: list[float] = field(default_factory=list)
    """After each click."""
    seconds: list[float] = field(default_factory=list)
    """Wall clock, of each click."""
    cpu_s: list[float] = field(default_factory=list)
    """CPU seconds of each click: those of a machine that does nothing else, with one thread."""
    clicks: list[tuple[Voxel, bool]] = field(default_factory=list)
    """Where, and whether positive."""
    masks: dict[int, Mask] = field(default_factory=dict)
    """Masks after some numbers of clicks."""
    wrong_seeds: int = 0
    """Clicks, over all masks, whose own voxel came out wrong."""


def dice(a: Mask, b: Mask) -> float:
    """Return the Dice overlap of two masks."""
    return 2 * int((a & b).sum()) / max(int(a.sum()) + int(b.sum()), 1)


def innermost(mask: Mask, spacing: tuple[float, ...]) -> Voxel:
    """Return the voxel of ``mask`` farthest from its outside; ``spacing`` is (k, j, i), mm."""
    part = ndimage.find_objects(mask.astype(np.uint8))[0]
    depth = ndimage.distance_transform_edt(np.pad(mask[part], 1), sampling=spacing)[1:-1, 1:-1, 1:-1]
    place = np.unravel_index(np.argmax(depth), depth.shape)
    k, j, i = (int(at) + cut.start for at, cut in zip(place, part, strict=True))
    return k, j, i


def next_click(
    truth: Mask, found: Mask, spacing: tuple[float, ...], *, positive_only: bool = False
) -> tuple[Voxel, bool] | None:
    """Return the next click and whether it is positive; None when nothing is wrong."""
    best = None
    for error, positive in ((truth & ~found, True), (found & ~truth, False)):
        if (positive_only and not positive) or not error.any():
            continue
        parts, _ = ndimage.label(error)
        sizes = np.bincount(parts.ravel())
        sizes[0] = 0
        if best is None or sizes.max() > best[0]:
            best = (sizes.max(), parts == sizes.argmax(), positive)
    return None if best is None else (innermost(best[1], spacing), best[2])


def box_around(truth: Mask, margin: int) -> Box:
    """Return the bounding box of the truth with ``margin`` voxels around, within the image."""
    part = ndimage.find_objects(truth.astype(np.uint8))[0]
    return tuple(  # type: ignore[return-value]
        slice(max(cut.start - margin, 0), min(cut.stop + margin, size))
        for cut, size in zip(part, truth.shape, strict=True)
    )


def simulate(
    method: Method,
    truth: Mask,
    spacing: tuple[float, ...],
    count: int,
    *,
    keep: tuple[int, ...] = (1, 3, 5),
) -> Course:
    """Click up to ``count`` times.

    It ends early when nothing is wrong any more. A method with ``positive_only`` cannot be told what is too much: it is
    clicked where the most is missing.
    """
    course = Course()
    positive: list[Voxel] = []
    negative: list[Voxel] = []
    only = bool(getattr(method, "positive_only", False))
    click: tuple[Voxel, bool] | None = (innermost(truth, spacing), True)
    while click is not None and len(course.dice) < count:
        (positive if click[1] else negative).append(click[0])
        course.clicks.append(click)
        wall, cpu = time.perf_counter(), time.process_time()
        found = method.click(positive, negative)
        course.seconds.append(time.perf_counter() - wall)
        course.cpu_s.append(time.process_time() - cpu)
        course.dice.append(dice(found, truth))
        course.wrong_seeds += sum(not found[place] for place in positive) + sum(
            bool(found[place]) for place in negative
        )
        if len(course.dice) in keep:
            course.masks[len(course.dice)] = found.copy()
        click = next_click(truth, found, spacing, positive_only=only)
    return course
