"""Where objects to grow come from: the object of a step depends on seed, process and step alone."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from MedDeepRegSegLib.models.encoder_input import standardize
from MedDeepRegSegLib.models.growing_prompts import Block, Intensity
from MedDeepRegSegLib.synthesis.clicks import draw_box
from MedDeepRegSegLib.synthesis.label_maps import LabelMap, random_label_map
from MedDeepRegSegLib.synthesis.objects import compactness, draw_object, visibility
from MedDeepRegSegLib.synthesis.pairs import PairSettings, view_of
from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.synthesis.real_maps import RealMaps
from MedDeepRegSegLib.synthesis.rendering import render
from MedDeepRegSegLib.training.growing_settings import GrowingTrainSettings

_OBJECT = 3
_TRIES = 12
_VISIBLE, _CLEAR, _COMPACT, _HIDDEN = 0.8, 1.5, 0.12, 0.12
# Voxels of a head (maps of 1 mm) of .8 to 2 mm: a deep structure alone, or most of the brain.
_HEADS = PairSettings(scale=(0.8, 2.0))


@dataclass(frozen=True, eq=False)
class ObjectSample:
    """A standardized volume (2, D, H, W), the object in it (D, H, W), and its box where the user draws one.

    ``intensity`` is what clicks compare, computed from the volume where it is not given. Where ``known`` is given,
    nothing is asked and clicked in its other voxels; the object has none of them.
    """

    volume: Tensor
    truth: NDArray[np.bool_]
    box: Block | None
    intensity: Intensity | None = None
    known: NDArray[np.bool_] | None = None


class GrowingSource:
    """Makes the objects of one process.

    Parameters
    ----------
    settings : GrowingTrainSettings
    maps : Path, optional
        Packed real label maps.
    process : int
    device : str

    Raises
    ------
    InputError
        When the maps cannot be read.
    """

    def __init__(
        self,
        settings: GrowingTrainSettings,
        maps: Path | None = None,
        *,
        process: int = 0,
        device: str | torch.device = "cpu",
    ) -> None:
        self._settings, self._process, self._device = settings, process, device
        self._real = RealMaps(maps, device) if maps is not None else None

    def batch(self, step: int) -> list[ObjectSample]:
        """Return the objects of a step."""
        count = self._settings.objects
        random = Randomness(self._settings.seed, self._process, step * count, _OBJECT, device=self._device)
        side = random.choice(self._settings.sides)
        samples: list[ObjectSample] = []
        while len(samples) < count:
            samples += self._draw(side, random, count - len(samples))
        return samples

    def _draw(self, side: int, random: Randomness, count: int) -> list[ObjectSample]:
        """Return up to this many objects of one new image; the image is what costs time."""
        size = (side, side, side)
        if self._real is not None and random.chance(self._settings.real_fraction):
            drawn = self._real.draw(random)
            labels = view_of(drawn, size, random, _HEADS)
            label_map = replace(drawn, labels=labels)
        else:
            label_map = random_label_map(size, random)
        volume = self._image(label_map, random)
        shown = volume[0].cpu().numpy()
        array = label_map.labels.cpu().numpy()
        samples: list[ObjectSample] = []
        for _ in range(_TRIES):
            truth = draw_object(array, random, label_map.organs)
            # Of what can hardly be seen, little can be learned but to doubt what can.
            # Of skins and mazes, which random maps are full of, little that helps with organs.
            if truth is None:
                continue
            seen = visibility(shown, truth)
            if seen < _VISIBLE and not random.chance(_HIDDEN):
                continue
            # What stands out clearly is grown whole, long and thin or not.
            if compactness(truth) < (_COMPACT if seen < _CLEAR else _COMPACT / 8) and not random.chance(_HIDDEN):
                continue
            box = draw_box(truth, random) if random.chance(self._settings.box_fraction) else None
            samples.append(ObjectSample(volume, truth, box))
            if len(samples) == count:
                break
        return samples

    @staticmethod
    def _image(label_map: LabelMap, random: Randomness) -> Tensor:
        image = render(label_map, random).image
        return standardize(image[None, None])[0]
