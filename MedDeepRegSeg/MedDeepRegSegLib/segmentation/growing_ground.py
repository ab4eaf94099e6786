"""What one object grows in: the image, and where in it the object may be."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from MedDeepRegSegLib.segmentation.growing_parts import connected, gone_on, inner_places, within_box
from MedDeepRegSegLib.segmentation.growing_view import Prompt
from MedDeepRegSegLib.segmentation.growing_window import Block, Mask, Window, resized

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Ground:
    """The image, and where one object may grow in it. Masks are on the grid of the image, (k, j, i).

    Attributes
    ----------
    values : ndarray, shape (k, j, i), float32
    spacing : tuple of float
        (k, j, i), mm.
    reach_mm : float
        Nothing grows farther from the points inside.
    allowed : ndarray of bool, or None
        Nothing grows elsewhere.
    taken : ndarray of bool, or None
        What belongs to finished objects.
    box : tuple of slice, or None
        Nothing grows out of it.
    previous : ndarray of bool, or None
        Mask to go on from; not empty.
    """

    values: NDArray[np.float32]
    spacing: tuple[float, float, float]
    reach_mm: float
    allowed: Mask | None = None
    taken: Mask | None = None
    box: Block | None = None
    previous: Mask | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Size of the image, (k, j, i)."""
        return self.values.shape

    @property
    def start(self) -> Mask:
        """What is there before the first click."""
        return np.zeros(self.shape, bool) if self.previous is None else self.previous

    @cached_property
    def _inner(self) -> tuple[tuple[int, int, int], ...]:
        return () if self.previous is None else inner_places(self.previous, self.spacing)

    def with_inner(self, prompts: Sequence[Prompt]) -> tuple[Prompt, ...]:
        """Return the prompts, and the innermost places of the parts of a previous mask that the user did not click."""
        clicked = {prompt.voxel for prompt in prompts}
        return (*(Prompt(place, True) for place in self._inner if place not in clicked), *prompts)

    def free(self, block: Block, prompts: Sequence[Prompt]) -> Mask:
        """Return where in a block the object may grow."""
        free: Mask = within_box(self._reach(prompts), block)
        for where in (self.allowed, None if self.taken is None else ~self.taken):
            if where is not None:
                free = free & where[block]
        return free if self.box is None else free & within_box(self.box, block)

    def where_free(self, chance: NDArray[np.float32], window: Window, prompts: Sequence[Prompt]) -> NDArray[np.float32]:
        """Return chances at working voxels, 0 where the object may not grow: a click there would be refused."""
        import torch

        free = self.free(window.block, prompts)
        if free.all():
            return chance
        # Above one half would leave places whose voxel in the image is not free.
        kept = resized(torch.from_numpy(free.astype(np.float32)), window.size).numpy() > 0.99
        return np.where(kept, chance, np.float32(0))

    def mask(
        self, window: Window, chance: "Tensor", prompts: Sequence[Prompt], *, within: "Tensor | None" = None
    ) -> Mask:
        """Return the mask in the block of a window: where it may grow, connected to the seeds, which are kept.

        Parameters
        ----------
        chance : Tensor, shape (D, H, W)
            On the grid of the window, 0 to 1.
        within : Tensor, shape (D, H, W), bool, optional
            Where it may be.
        """
        block = window.block
        mask = (window.write(chance) > 0.5) & self.free(block, prompts)
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

    def whole(self, window: Window, mask: Mask, prompts: Sequence[Prompt]) -> Mask:
        """Return the mask in the block of a window on the grid of the image, and what stays of a previous one."""
        array = np.zeros(self.shape, bool)
        array[window.block] = mask
        if self.previous is None:
            return array
        return gone_on(self.previous, array, [prompt.voxel for prompt in prompts if not prompt.positive])

    def _reach(self, prompts: Sequence[Prompt]) -> Block:
        """Return the part of the image that is not too far from the points inside."""
        voxels = np.array([prompt.voxel for prompt in prompts if prompt.positive] or [prompts[0].voxel])
        reach = self.reach_mm / np.array(self.spacing)
        low = np.maximum(np.floor(voxels.min(axis=0) - reach), 0).astype(int)
        high = np.ceil(voxels.max(axis=0) + reach).astype(int) + 1
        return slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1])), slice(int(low[2]), int(high[2]))
