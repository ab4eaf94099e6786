"""A window of an image as the growing network sees it: encoded once, asked again with every click."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from MedDeepRegSegLib.models.growing_loader import LoadedGrowing
from MedDeepRegSegLib.segmentation.growing_adaptation import adapted_logits
from MedDeepRegSegLib.segmentation.growing_window import Block, Window, resized

if TYPE_CHECKING:
    from torch import Tensor

    from MedDeepRegSegLib.models import growing_prompts

Range = tuple[float, float]

_MULTIPLE = 16
_MOST_POINTS = 64


@dataclass(frozen=True)
class Prompt:
    """A clicked voxel (k, j, i) of the image, and whether it lies inside the structure."""

    voxel: tuple[int, int, int]
    positive: bool


class GrowingView:
    """One window of one image.

    Parameters
    ----------
    loaded : LoadedGrowing
    image : ndarray, shape (k, j, i), float32
        The whole image.
    window : Window
    limits : tuple of float, or None
        Values that are told apart; those beyond are cut off.
    """

    def __init__(self, loaded: LoadedGrowing, image: NDArray[np.float32], window: Window, limits: Range | None) -> None:
        import torch

        from MedDeepRegSegLib.models import growing_prompts

        self.window, self._loaded = window, loaded
        values = window.read(image, limits)
        with torch.inference_mode():
            volume, self._intensity = seen(values.to(loaded.device), window)
            with _precision(loaded.device):
                self._encoded = loaded.network.encode(volume)
        self._volume = volume
        self._blank = growing_prompts.blank(volume.shape[2:], loaded.device)

    def grow(
        self, prompts: Sequence[Prompt], previous: "Tensor | None", box: Block | None, *, adapt: bool = False
    ) -> "Tensor":
        """Return the answer to clicks: logits at working voxels, (D, H, W), above 0 inside.

        Parameters
        ----------
        prompts : sequence of Prompt
            All that were made so far; where they are too many, the first and the latest count.
        previous : Tensor, shape (D, H, W), or None
            What was grown before at working voxels, 0 to 1.
        box : tuple of slice, or None
            In voxels of the image.
        adapt : bool
            Let the last layer learn from the clicks.
        """
        import torch

        from MedDeepRegSegLib.models import growing_prompts

        used = [prompts[0], *prompts[1:][-_MOST_POINTS + 1 :]] if len(prompts) > _MOST_POINTS else prompts
        given = self._blank.clone()
        depth, height, width = self.window.size
        places = [self.window.to_working(np.array(prompt.voxel)) for prompt in used]
        for place, prompt in zip(places, used, strict=True):
            growing_prompts.add_point(given, self._intensity, place, positive=prompt.positive)
        if previous is not None:
            given[growing_prompts.PREVIOUS, :depth, :height, :width] = previous.to(given.device)
        growing_prompts.set_box(given, None if box is None else self._box(box))
        signs = [1 if prompt.positive else -1 for prompt in used]
        network = self._loaded.network
        with torch.inference_mode(), _precision(self._loaded.device):
            logits, features, _ = network.grow(
                self._encoded,
                self._volume,
                given[None].contiguous(memory_format=torch.channels_last_3d),
                torch.tensor([places], device=given.device),
                torch.tensor([signs], device=given.device),
            )
        answer = logits[0, 0, :depth, :height, :width].cpu()
        return adapted_logits(network.head, features, answer, places, signs) if adapt else answer

    def _box(self, box: Block) -> Block:
        """Return a box of the image in working voxels."""
        low = self.window.to_working(np.array([part.start for part in box]))
        high = self.window.to_working(np.array([part.stop - 1 for part in box]))
        k, j, i = (slice(start, max(stop, start) + 1) for start, stop in zip(low, high, strict=True))
        return k, j, i


def seen(values: "Tensor", window: Window) -> tuple["Tensor", "growing_prompts.Intensity"]:
    """Return what the network sees of a window, and the intensities that clicks compare.

    Parameters
    ----------
    values : Tensor, shape (D, H, W)
        The image at working voxels, limited to the range that is told apart.
    window : Window

    Returns
    -------
    volume : Tensor, shape (1, 2, D', H', W')
        Standardized; the sides are multiples of 16, the last voxels repeated.
    intensity : Intensity
        On the same grid.
    """
    import torch
    import torch.nn.functional as F

    from MedDeepRegSegLib.models.encoder_input import standardize

    pads = [(-side) % _MULTIPLE for side in window.size]
    padded = F.pad(values[None, None], (0, pads[2], 0, pads[1], 0, pads[0]), mode="replicate")
    volume = standardize(padded).contiguous(memory_format=torch.channels_last_3d)
    return volume, _intensity(volume[0], window)


def _intensity(volume: "Tensor", window: Window) -> "growing_prompts.Intensity":
    """Return intensities to compare of a padded volume (2, D, H, W).

    Where the window is finer than the image, noise is that of the image: between voxels there is none.
    """
    from MedDeepRegSegLib.models import growing_prompts

    depth, height, width = window.size
    least = [min(size, side) for size, side in zip(window.size, window.shape, strict=True)]
    own = least[0], least[1], least[2]
    if own == window.size:
        return growing_prompts.intensity(volume)
    import torch
    import torch.nn.functional as F

    coarse = torch.stack([resized(part[:depth, :height, :width], own) for part in volume])
    found = growing_prompts.intensity(coarse)
    pads = [side - size for side, size in zip(volume.shape[1:], window.size, strict=True)]
    smooth, noise = (
        F.pad(resized(part, window.size)[None, None], (0, pads[2], 0, pads[1], 0, pads[0]), mode="replicate")[0, 0]
        for part in (found.smooth, found.noise)
    )
    return growing_prompts.Intensity(smooth, noise)


def _precision(device: str) -> AbstractContextManager[Any]:
    """Return the context to compute in: half precision where the processor has it, which is twice as fast."""
    import torch

    if device == "cuda":
        return torch.autocast("cuda", torch.float16)
    able = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return torch.autocast("cpu", torch.bfloat16, enabled=bool(able()))
