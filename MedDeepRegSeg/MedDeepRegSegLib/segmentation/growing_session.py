"""Grow structures of one image by clicks: what was computed for an earlier click is used for the next one.

Seeds are hard constraints; what is not connected to a positive seed is left out.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress
from MedDeepRegSegLib.models.growing_loader import load_growing
from MedDeepRegSegLib.segmentation.growing_air import AirCheck
from MedDeepRegSegLib.segmentation.growing_ground import Ground
from MedDeepRegSegLib.segmentation.growing_looks import Answer, Looks, Question, goes_on
from MedDeepRegSegLib.segmentation.growing_seeds import (
    Points,
    Seeds,
    check_apart,
    check_foreground,
    check_in_box,
    checked_box,
    mask_array,
    seed_indices,
)
from MedDeepRegSegLib.segmentation.growing_settings import GrowingSettings, check_settings
from MedDeepRegSegLib.segmentation.growing_step import GrowingStep, Point
from MedDeepRegSegLib.segmentation.growing_suggestion import suggest
from MedDeepRegSegLib.segmentation.growing_view import Prompt
from MedDeepRegSegLib.segmentation.growing_window import Block, Mask
from MedDeepRegSegLib.volumes.geometry import check_volume
from MedDeepRegSegLib.volumes.modality import guess_modality

_NOT_KEPT = np.zeros((0, 0, 0), bool)
_GOES_ON = "the structure goes on beyond the part of the image that was looked at: click there to go on"


@dataclass(frozen=True, eq=False)
class _State:
    """One object after some clicks; never changed, so that a click is taken back by going back to the one before."""

    prompts: tuple[Prompt, ...] = ()
    answer: Answer | None = None
    corrected: bool = False  # a click said that the mask before it was wrong
    step: GrowingStep | None = None


class GrowingSession:
    """Grows one object after another in one image. Not for more than one thread at a time.

    Parameters
    ----------
    image : SimpleITK.Image
        3-D scalar volume.
    foreground : SimpleITK.Image, optional
        Mask on its grid; nothing grows where it is 0.
    settings : GrowingSettings, optional
    model : Path, optional
        Folder of a growing network; the one that ships without.
    device : {"auto", "cpu", "cuda"}

    Raises
    ------
    InputError
        If image, mask, settings or model cannot be used.
    MissingPackageError
        If PyTorch is absent.
    """

    def __init__(
        self,
        image: sitk.Image,
        *,
        foreground: sitk.Image | None = None,
        settings: GrowingSettings | None = None,
        model: Path | None = None,
        device: str = "cpu",
    ) -> None:
        check_volume(image)
        self._settings = settings or GrowingSettings()
        check_settings(self._settings)
        self._image = image
        self._check_air = AirCheck(image)
        allowed = mask_array(image, foreground, "foreground mask")
        self._looks = Looks(load_growing(model, device), guess_modality(image))
        values: NDArray[np.float32] = sitk.GetArrayFromImage(image).astype(np.float32, copy=False)
        spacing = image.GetSpacing()
        self._ground = Ground(values, (spacing[2], spacing[1], spacing[0]), self._settings.max_extent_mm, allowed)
        self._states = [_State()]

    def start(self, name: str = "Structure", *, box: Points | None = None, previous: sitk.Image | None = None) -> None:
        """Begin a new object; the one before is finished, and its voxels stay its own.

        Parameters
        ----------
        name : str
            For messages.
        box : array_like, shape (2, 3), optional
            Opposite corners of a box around it, LPS mm.
        previous : SimpleITK.Image, optional
            Mask on the grid of the image to go on from. What of it the user does not click away stays, also outside of
            the box and the foreground; what belongs to a finished object does not.

        Raises
        ------
        InputError
            If the box or the mask cannot be used.
        """
        limits = checked_box(self._image, box, np.zeros((0, 3), int))
        earlier = mask_array(self._image, previous, f"previous mask of {name!r}")
        finished, taken = self._states[-1], self._ground.taken
        if finished.answer is not None and finished.answer.mask.any():
            whole = self._whole(finished)
            taken = whole if taken is None else taken | whole
        if earlier is not None and taken is not None:
            earlier = earlier & ~taken
        self._begin(replace(self._ground, taken=taken), limits, earlier)

    def accept(self, seeds: Seeds) -> None:
        """Begin an object with a box, a mask to stay in and a previous mask that are checked already."""
        self._begin(replace(self._ground, allowed=seeds.allowed), seeds.box, seeds.previous)

    def _begin(self, ground: Ground, box: Block | None, previous: Mask | None) -> None:
        self._ground = replace(ground, box=box, previous=previous if previous is not None and previous.any() else None)
        self._states = [_State()]

    def click(
        self,
        positive: Points = (),
        negative: Points = (),
        *,
        progress: Progress = no_progress,
        cancel: CancelToken | None = None,
    ) -> GrowingStep:
        """Grow on with more points; several at once are a stroke.

        Parameters
        ----------
        positive, negative : array_like, shape (N, 3)
            Points inside and outside of the object, LPS mm. A point where one of the other kind was replaces it.

        Raises
        ------
        InputError
            If a point lies outside of the image, the box, the foreground mask or the patient, or in another object, or
            if none was given. Nothing changes then.
        Canceled
            If ``cancel`` was set. Nothing changes then.
        """
        began = time.perf_counter()
        cancel = CancelToken() if cancel is None else cancel
        inside = seed_indices(self._image, positive, "positive")
        outside = seed_indices(self._image, negative, "negative")
        self._check(inside, outside, cancel)
        return self.click_voxels(inside, outside, progress=progress, cancel=cancel, began=began)

    def click_voxels(
        self,
        inside: NDArray[np.int64],
        outside: NDArray[np.int64],
        *,
        progress: Progress,
        cancel: CancelToken,
        began: float,
    ) -> GrowingStep:
        """Grow on with voxels (N, 3), (k, j, i), that are checked already; ``began`` is the time of the click."""
        before = self._states[-1]
        fresh = [Prompt(_index(voxel), True) for voxel in inside] + [Prompt(_index(voxel), False) for voxel in outside]
        replaced = {prompt.voxel for prompt in fresh}
        kept = [prompt for prompt in before.prompts if prompt.voxel not in replaced]
        earlier = self._whole(before)
        corrected = before.corrected or (
            before.step is not None and any(earlier[prompt.voxel] != prompt.positive for prompt in fresh)
        )
        progress(0.1, "Growing")
        ground, prompts = self._ground, (*kept, *fresh)
        adapt = self._settings.adapt and corrected
        answer = self._looks.answer(Question(ground, prompts, before.answer, adapt), cancel)
        state = _State(prompts, answer, corrected)
        mask = self._whole(state)
        cell = float(np.prod(ground.spacing)) / 1000
        changed = mask ^ earlier
        found = suggest(ground.where_free(answer.chance, answer.window, prompts), answer.window)
        suggestion = None if found is None else (self._point(found[0]), found[1])
        step = GrowingStep(
            mask,
            float(mask.sum()) * cell,
            float(changed.sum()) * cell,
            suggestion,
            adapted=adapt,
            notes=(_GOES_ON,) if goes_on(answer, ground) else (),
            seconds=time.perf_counter() - began,
        )
        # Masks of the whole image would fill the memory; that in the block is there.
        self._states.append(replace(state, step=replace(step, mask=_NOT_KEPT)))
        progress(1.0, "Grown")
        return step

    def undo(self) -> GrowingStep | None:
        """Take the last click back; returns what the one before did, None where there is none."""
        if len(self._states) > 1:
            self._states.pop()
        state = self._states[-1]
        return None if state.step is None else replace(state.step, mask=self._whole(state))

    @property
    def mask(self) -> sitk.Image:
        """The object that is being grown, uint8 on the grid of the image."""
        return self._as_image(self._whole(self._states[-1]).astype(np.uint8))

    def uncertainty(self) -> sitk.Image:
        """Return how unsure the answer is, 0 (sure) to 1 (could be either), float32 on the grid of the image.

        It is the entropy of the network's answer, weighed by intensities, in bits: about how much the answer says, not how
        often it is right.
        """
        import torch

        answer = self._states[-1].answer
        array = np.zeros(self._ground.shape, np.float32)
        if answer is not None:
            chance = answer.window.write(torch.from_numpy(answer.chance)).clip(1e-6, 1 - 1e-6)
            array[answer.window.block] = -chance * np.log2(chance) - (1 - chance) * np.log2(1 - chance)
        return self._as_image(array)

    def _whole(self, state: _State) -> Mask:
        """Return the mask of a state on the grid of the image."""
        answer = state.answer
        return self._ground.start if answer is None else self._ground.whole(answer.window, answer.mask, state.prompts)

    def _check(self, inside: NDArray[np.int64], outside: NDArray[np.int64], cancel: CancelToken) -> None:
        ground = self._ground
        known = [prompt for prompt in self._states[-1].prompts if prompt.positive]
        if len(inside) == 0 and not (len(outside) and (known or ground.previous is not None)):
            msg = "no positive point was given, expected at least one inside the structure: place one"
            raise InputError(msg)
        check_apart(inside, outside)
        check_foreground(inside, ground.allowed)
        check_in_box(inside, ground.box)
        self._check_air(inside, ground.allowed, cancel)
        if ground.taken is not None and len(inside) and ground.taken[tuple(inside.T)].any():
            msg = "a positive point lies in a structure that is finished, expected a place that is free: move it"
            raise InputError(msg)

    def _point(self, voxel: NDArray[np.int64]) -> Point:
        x, y, z = self._image.TransformIndexToPhysicalPoint([int(part) for part in voxel[::-1]])
        return x, y, z

    def _as_image(self, array: np.ndarray) -> sitk.Image:
        image = sitk.GetImageFromArray(array)
        image.CopyInformation(self._image)
        return image


def _index(voxel: Sequence[np.intp] | NDArray[np.int64]) -> tuple[int, int, int]:
    k, j, i = (int(part) for part in voxel)
    return k, j, i
