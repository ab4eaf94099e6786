"""Answer the clicks on one object: where the network looks, and what becomes of what it says.

The window of the network follows the structure: a first look around the click, then out where the structure is cut, or
in where it is small. Then the border follows the intensities of the image.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.models.growing_loader import LoadedGrowing
from MedDeepRegSegLib.segmentation.growing_ground import Ground
from MedDeepRegSegLib.segmentation.growing_intensities import weighed_in_image
from MedDeepRegSegLib.segmentation.growing_range import value_limits
from MedDeepRegSegLib.segmentation.growing_view import GrowingView, Prompt
from MedDeepRegSegLib.segmentation.growing_window import Mask, Window, is_cut
from MedDeepRegSegLib.segmentation.growing_zoom import nearer, opening, wider
from MedDeepRegSegLib.volumes.modality import Modality

if TYPE_CHECKING:
    from torch import Tensor

_MOST_OUT = 3
_LEAST_LEFT = 0.4
_KEPT_VIEWS = 3


@dataclass(frozen=True, eq=False)
class Answer:
    """What came of the clicks on one object.

    Attributes
    ----------
    window : Window
    said : ndarray, shape of the window, float32
        By the network, 0 to 1 at working voxels.
    chance : ndarray, shape of the window, float32
        What it said weighed by intensities.
    mask : ndarray, shape of the block of the window, bool
    """

    window: Window
    said: NDArray[np.float32]
    chance: NDArray[np.float32]
    mask: Mask


@dataclass(frozen=True, eq=False)
class Question:
    """All clicks on one object, what came of those before the newest, and whether the last layer may learn from them."""

    ground: Ground
    prompts: tuple[Prompt, ...]
    before: Answer | None = None
    adapt: bool = False

    @cached_property
    def seeds(self) -> tuple[Prompt, ...]:
        """All clicks, and places inside of what was there before."""
        return self.ground.with_inner(self.prompts)

    def limits(self, modality: Modality) -> tuple[float, float] | None:
        """Return the values that are told apart."""
        first = next((prompt for prompt in self.seeds if prompt.positive), self.seeds[0])
        return value_limits(self.ground.values, first.voxel, modality)


class Looks:
    """The looks of one network at one image; the last few windows stay encoded.

    Parameters
    ----------
    loaded : LoadedGrowing
    modality : Modality
        Of the image.
    """

    def __init__(self, loaded: LoadedGrowing, modality: Modality) -> None:
        self._loaded, self._modality = loaded, modality
        self._views: dict[object, GrowingView] = {}

    def answer(self, question: Question, cancel: CancelToken) -> Answer:
        """Ask the network in a window that fits, and weigh what it says by intensities.

        Raises
        ------
        Canceled
            If ``cancel`` was set.
        """
        ground, prompts, before = question.ground, question.prompts, question.before
        shape, spacing, boxed = ground.shape, ground.spacing, ground.box is not None
        voxels = np.array([prompt.voxel for prompt in prompts])
        started = None if before is None else before.window
        window = opening(voxels, shape, spacing, before=started, box=ground.box, previous=ground.previous)
        said, mask = self._look(question, window, cancel)
        for _ in range(0 if boxed else _MOST_OUT):
            following = wider(window, mask, voxels, shape, spacing, reach_mm=ground.reach_mm)
            if following is None:
                break
            window = following
            said, mask = self._look(question, window, cancel)
        closer = None if boxed else nearer(window, mask, voxels, shape, spacing)
        if closer is not None:
            found = self._look(question, closer, cancel)
            # A closer look at the inside of something even may see nothing but noise there.
            if np.count_nonzero(found[1]) > _LEAST_LEFT * np.count_nonzero(mask):
                window, (said, mask) = closer, found
        chance, mask = self._weighed(question, window, said, mask, cancel)
        return Answer(window, said, chance, mask)

    def _look(self, question: Question, window: Window, cancel: CancelToken) -> tuple[NDArray[np.float32], Mask]:
        """Return the network's answer in a window, at working voxels, and the mask in its block."""
        import torch

        cancel.raise_if_canceled()
        ground = question.ground
        view = self._view(ground, window, question.limits(self._modality))
        chance = torch.sigmoid(view.grow(question.seeds, _earlier(question, window), ground.box, adapt=question.adapt))
        return chance.numpy(), ground.mask(window, chance, question.seeds)

    def _weighed(
        self, question: Question, window: Window, said: NDArray[np.float32], mask: Mask, cancel: CancelToken
    ) -> tuple[NDArray[np.float32], Mask]:
        """Return what the network said weighed by intensities, and the mask by that.

        The window is chosen before, and the network is told its own answer later on: it learned from such ones.
        """
        import torch

        cancel.raise_if_canceled()
        ground = question.ground
        limits, answer = question.limits(self._modality), torch.from_numpy(said)
        found = weighed_in_image(ground.values, window, limits, ground.spacing, chance=answer, mask=mask)
        if found is None:
            return said, mask
        cancel.raise_if_canceled()
        mask = ground.mask(found.grid, found.image_chance, question.seeds, within=found.within)
        return found.working_chance.numpy(), mask

    def _view(self, ground: Ground, window: Window, limits: tuple[float, float] | None) -> GrowingView:
        """Return a window encoded; the last few are kept."""
        key = tuple((part.start, part.stop) for part in window.block), window.size, limits
        view = self._views.pop(key, None)
        if view is None:
            view = GrowingView(self._loaded, ground.values, window, limits)
        self._views[key] = view
        while len(self._views) > _KEPT_VIEWS:
            self._views.pop(next(iter(self._views)))
        return view


def goes_on(answer: Answer, ground: Ground) -> bool:
    """Return whether the structure goes on beyond the part of the image that was looked at."""
    return ground.box is None and is_cut(answer.window, answer.mask, ground.shape)


def _earlier(question: Question, window: Window) -> "Tensor | None":
    """Return what was grown before at working voxels of a window, None for nothing."""
    import torch

    before, ground = question.before, question.ground
    if before is None:
        return None if ground.previous is None else window.read(ground.previous.astype(np.float32))
    if before.window == window:
        return torch.from_numpy(before.said)
    whole = np.zeros(ground.shape, np.float32)
    whole[before.window.block] = before.window.write(torch.from_numpy(before.said))
    return window.read(whole)
