"""Grow structures of one image by clicks: what was computed for an earlier click is used for the next one.

The window of the network follows the structure: a first look around the click, then out where the structure is cut, or
in where it is small. Then the border follows the intensities of the image. Seeds are hard constraints; what is not
connected to a positive seed is left out.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress
from MedDeepRegSegLib.models.growing_loader import load_growing
from MedDeepRegSegLib.segmentation.growing_air import AirCheck
from MedDeepRegSegLib.segmentation.growing_intensities import weighed_in_image
from MedDeepRegSegLib.segmentation.growing_parts import connected, gone_on, inner_places, within_box
from MedDeepRegSegLib.segmentation.growing_range import value_limits
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
from MedDeepRegSegLib.segmentation.growing_view import GrowingView, Prompt
from MedDeepRegSegLib.segmentation.growing_window import (
    Block,
    Window,
    is_cut,
    resized,
)
from MedDeepRegSegLib.segmentation.growing_zoom import nearer, opening, wider
from MedDeepRegSegLib.volumes.geometry import check_volume
from MedDeepRegSegLib.volumes.modality import guess_modality

if TYPE_CHECKING:
    from torch import Tensor

Mask = NDArray[np.bool_]

_MOST_OUT = 3
_LEAST_LEFT = 0.4
_KEPT_VIEWS = 3
_NOT_KEPT = np.zeros((0, 0, 0), bool)


@dataclass(frozen=True, eq=False)
class _State:
    """One object after some clicks; never changed, so that a click is taken back by going back to the one before."""

    prompts: tuple[Prompt, ...] = ()
    window: Window | None = None
    said: NDArray[np.float32] | None = None  # by the network, at working voxels of the window
    chance: NDArray[np.float32] | None = None  # what it said weighed by intensities
    mask: Mask | None = None  # in the block of the window
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
        self._allowed = mask_array(image, foreground, "foreground mask")
        self._loaded = load_growing(model, device)
        self._values: NDArray[np.float32] = sitk.GetArrayFromImage(image).astype(np.float32, copy=False)
        self._modality = guess_modality(image)
        spacing = image.GetSpacing()
        self._spacing = spacing[2], spacing[1], spacing[0]
        self._views: dict[object, GrowingView] = {}
        self._taken: Mask | None = None
        self._box: Block | None = None
        self._previous: Mask | None = None
        self._inner: tuple[tuple[int, int, int], ...] | None = None
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
        finished = self._states[-1]
        if finished.mask is not None and finished.mask.any():
            taken = np.zeros(self._values.shape, bool) if self._taken is None else self._taken
            self._taken = taken | self._whole(finished)
        self._begin(limits, earlier if earlier is None or self._taken is None else earlier & ~self._taken)

    def accept(self, seeds: Seeds) -> None:
        """Begin an object with a box, a mask to stay in and a previous mask that are checked already."""
        self._allowed = seeds.allowed
        self._begin(seeds.box, seeds.previous)

    def _begin(self, box: Block | None, previous: Mask | None) -> None:
        self._box = box
        self._previous = previous if previous is not None and previous.any() else None
        self._inner = None
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
        earlier = self._whole(before) if before.step is not None else self._start_mask()
        corrected = before.corrected or (
            before.step is not None and any(earlier[prompt.voxel] != prompt.positive for prompt in fresh)
        )
        progress(0.1, "Growing")
        state, notes = self._grown(replace(before, prompts=(*kept, *fresh), corrected=corrected), cancel)
        mask = self._whole(state)
        cell = float(np.prod(self._spacing)) / 1000
        changed = mask ^ earlier
        assert state.chance is not None
        assert state.window is not None
        found = suggest(self._where_free(state.chance, state.window, state.prompts), state.window)
        suggestion = None if found is None else (self._point(found[0]), found[1])
        step = GrowingStep(
            mask,
            float(mask.sum()) * cell,
            float(changed.sum()) * cell,
            suggestion,
            adapted=self._settings.adapt and state.corrected,
            notes=notes,
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
        state = self._states[-1]
        array = self._start_mask() if state.step is None else self._whole(state)
        return self._as_image(array.astype(np.uint8))

    def uncertainty(self) -> sitk.Image:
        """Return how unsure the answer is, 0 (sure) to 1 (could be either), float32 on the grid of the image.

        It is the entropy of the network's answer, weighed by intensities, in bits: about how much the answer says, not how
        often it is right.
        """
        import torch

        state = self._states[-1]
        array = np.zeros(self._values.shape, np.float32)
        if state.chance is not None and state.window is not None:
            chance = state.window.write(torch.from_numpy(state.chance)).clip(1e-6, 1 - 1e-6)
            array[state.window.block] = -chance * np.log2(chance) - (1 - chance) * np.log2(1 - chance)
        return self._as_image(array)

    def _grown(self, state: _State, cancel: CancelToken) -> tuple[_State, tuple[str, ...]]:
        """Return the state after its prompts: the network asked, in a window that fits."""
        shape, spacing, boxed = self._values.shape, self._spacing, self._box is not None
        voxels = np.array([prompt.voxel for prompt in state.prompts])
        window = opening(voxels, shape, spacing, before=state.window, box=self._box, previous=self._previous)
        said, mask = self._look(state, window, cancel)
        for _ in range(0 if boxed else _MOST_OUT):
            following = wider(window, mask, voxels, shape, spacing, reach_mm=self._settings.max_extent_mm)
            if following is None:
                break
            window = following
            said, mask = self._look(state, window, cancel)
        closer = None if boxed else nearer(window, mask, voxels, shape, spacing)
        if closer is not None:
            found = self._look(state, closer, cancel)
            # A closer look at the inside of something even may see nothing but noise there.
            if np.count_nonzero(found[1]) > _LEAST_LEFT * np.count_nonzero(mask):
                window, (said, mask) = closer, found
        chance, mask = self._weighed(state, window, said, mask, cancel)
        notes: tuple[str, ...] = ()
        if not boxed and is_cut(window, mask, shape):
            notes = ("the structure goes on beyond the part of the image that was looked at: click there to go on",)
        return replace(state, window=window, said=said, chance=chance, mask=mask), notes

    def _look(self, state: _State, window: Window, cancel: CancelToken) -> tuple[NDArray[np.float32], Mask]:
        """Return the network's answer in a window, at working voxels, and the mask in its block."""
        import torch

        cancel.raise_if_canceled()
        prompts = self._with_inner(state)
        view = self._view(window, prompts)
        adapt = self._settings.adapt and state.corrected
        chance = torch.sigmoid(view.grow(prompts, self._earlier(state, window), self._box, adapt=adapt))
        return chance.numpy(), self._mask(window, chance, prompts)

    def _weighed(
        self, state: _State, window: Window, said: NDArray[np.float32], mask: Mask, cancel: CancelToken
    ) -> tuple[NDArray[np.float32], Mask]:
        """Return what the network said weighed by intensities, and the mask by that.

        The window is chosen before, and the network is told its own answer later on: it learned from such ones.
        """
        import torch

        cancel.raise_if_canceled()
        prompts = self._with_inner(state)
        limits = self._limits(prompts)
        answer = torch.from_numpy(said)
        found = weighed_in_image(self._values, window, limits, self._spacing, chance=answer, mask=mask)
        if found is None:
            return said, mask
        cancel.raise_if_canceled()
        return found.working_chance.numpy(), self._mask(found.grid, found.image_chance, prompts, within=found.within)

    def _view(self, window: Window, prompts: Sequence[Prompt]) -> GrowingView:
        """Return a window encoded; the last few are kept."""
        limits = self._limits(prompts)
        key = tuple((part.start, part.stop) for part in window.block), window.size, limits
        view = self._views.pop(key, None)
        if view is None:
            view = GrowingView(self._loaded, self._values, window, limits)
        self._views[key] = view
        while len(self._views) > _KEPT_VIEWS:
            self._views.pop(next(iter(self._views)))
        return view

    def _limits(self, prompts: Sequence[Prompt]) -> tuple[float, float] | None:
        """Return the values that are told apart."""
        first = next((prompt for prompt in prompts if prompt.positive), prompts[0])
        return value_limits(self._values, first.voxel, self._modality)

    def _with_inner(self, state: _State) -> tuple[Prompt, ...]:
        """Return the prompts, and the innermost places of the parts of a previous mask that the user did not click."""
        if self._previous is None:
            return state.prompts
        if self._inner is None:
            self._inner = inner_places(self._previous, self._spacing)
        clicked = {prompt.voxel for prompt in state.prompts}
        return (*(Prompt(place, True) for place in self._inner if place not in clicked), *state.prompts)

    def _earlier(self, state: _State, window: Window) -> "Tensor | None":
        """Return what was grown before at working voxels of a window, None for nothing."""
        import torch

        if state.said is None or state.window is None:
            return None if self._previous is None else window.read(self._previous.astype(np.float32))
        if state.window == window:
            return torch.from_numpy(state.said)
        whole = np.zeros(self._values.shape, np.float32)
        whole[state.window.block] = state.window.write(torch.from_numpy(state.said))
        return window.read(whole)

    def _mask(
        self, window: Window, chance: "Tensor", prompts: Sequence[Prompt], *, within: "Tensor | None" = None
    ) -> Mask:
        """Return the mask in the block of a window: where it may grow, connected to the seeds, which are kept."""
        block = window.block
        mask = (window.write(chance) > 0.5) & self._free(block, prompts)
        if within is not None:
            mask &= window.write(within) > 0.5
        offset = np.array([part.start for part in block])
        near = [
            (np.array(prompt.voxel) - offset, prompt.positive)
            for prompt in prompts
            if all(part.start <= at < part.stop for part, at in zip(block, prompt.voxel, strict=True))
        ]
        for place, positive in near:
            if not positive:
                mask[tuple(place)] = False
        kept = connected(mask, [place for place, positive in near if positive])
        for place, positive in near:
            kept[tuple(place)] = positive
        return kept

    def _free(self, block: Block, prompts: Sequence[Prompt]) -> Mask:
        """Return where in a block the structure may grow."""
        free: Mask = within_box(self._reach(prompts), block)
        for where in (self._allowed, None if self._taken is None else ~self._taken):
            if where is not None:
                free = free & where[block]
        return free if self._box is None else free & within_box(self._box, block)

    def _where_free(
        self, chance: NDArray[np.float32], window: Window, prompts: Sequence[Prompt]
    ) -> NDArray[np.float32]:
        """Return chances at working voxels, 0 where the structure may not grow: a click there would be refused."""
        import torch

        free = self._free(window.block, prompts)
        if free.all():
            return chance
        # Above one half would leave places whose voxel in the image is not free.
        kept = resized(torch.from_numpy(free.astype(np.float32)), window.size).numpy() > 0.99
        return np.where(kept, chance, np.float32(0))

    def _reach(self, prompts: Sequence[Prompt]) -> Block:
        """Return the part of the image that is not too far from the points inside."""
        voxels = np.array([prompt.voxel for prompt in prompts if prompt.positive] or [prompts[0].voxel])
        reach = self._settings.max_extent_mm / np.array(self._spacing)
        low = np.maximum(np.floor(voxels.min(axis=0) - reach), 0).astype(int)
        high = np.ceil(voxels.max(axis=0) + reach).astype(int) + 1
        return slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1])), slice(int(low[2]), int(high[2]))

    def _whole(self, state: _State) -> Mask:
        """Return the mask of a state on the grid of the image."""
        array = np.zeros(self._values.shape, bool)
        if state.mask is not None and state.window is not None:
            array[state.window.block] = state.mask
        if self._previous is None:
            return array
        return gone_on(self._previous, array, [prompt.voxel for prompt in state.prompts if not prompt.positive])

    def _start_mask(self) -> Mask:
        return np.zeros(self._values.shape, bool) if self._previous is None else self._previous

    def _check(self, inside: NDArray[np.int64], outside: NDArray[np.int64], cancel: CancelToken) -> None:
        known = [prompt for prompt in self._states[-1].prompts if prompt.positive]
        if len(inside) == 0 and not (len(outside) and (known or self._previous is not None)):
            msg = "no positive point was given, expected at least one inside the structure: place one"
            raise InputError(msg)
        check_apart(inside, outside)
        check_foreground(inside, self._allowed)
        check_in_box(inside, self._box)
        self._check_air(inside, self._allowed, cancel)
        if self._taken is not None and len(inside) and self._taken[tuple(inside.T)].any():
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
