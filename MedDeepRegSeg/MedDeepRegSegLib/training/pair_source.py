"""Where pairs of views come from: the pair of a step depends on seed, process and step alone, so a run can go on anywhere."""

from pathlib import Path

import torch

from MedDeepRegSegLib.synthesis.label_maps import LabelMap, random_label_map
from MedDeepRegSegLib.synthesis.pairs import Pair, PairSettings, make_pair
from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.synthesis.real_maps import RealMaps
from MedDeepRegSegLib.training.settings import PretrainSettings

# A random map is larger than a view, so that a turned view still shows something at its corners.
_MAP_SIDE = 1.3
# A view of a head (maps of 1 mm) has voxels of 1.2 to 3.2 mm: a part of the brain, or the whole head.
_SHAPES, _HEADS = PairSettings(), PairSettings(scale=(1.2, 3.2), bend_voxels=(0.3, 2.5))
_MAP, _PAIR = 0, 1


class PairSource:
    """Makes the pairs of one process.

    Parameters
    ----------
    settings : PretrainSettings
    maps : Path, optional
        Packed real label maps, see :mod:`MedDeepRegSegLib.synthesis.real_maps`.
    process : int
        Number of this process among those that train together.
    device : str

    Raises
    ------
    InputError
        When the maps cannot be read.
    """

    def __init__(
        self,
        settings: PretrainSettings,
        maps: Path | None = None,
        *,
        process: int = 0,
        device: str | torch.device = "cpu",
    ) -> None:
        self._settings, self._process, self._device = settings, process, device
        self._real = RealMaps(maps, device) if maps is not None else None
        self._drawn: tuple[int, LabelMap] | None = None

    @property
    def class_count(self) -> int:
        """Number of anatomical classes of the real maps; 1 without maps."""
        return len(self._real.class_values) if self._real is not None else 1

    def batch(self, step: int) -> list[Pair]:
        """Return the pairs of a step."""
        return [self._pair(step * self._settings.pairs + number) for number in range(self._settings.pairs)]

    def _pair(self, index: int) -> Pair:
        settings = self._settings
        size = (settings.side,) * 3
        random = Randomness(settings.seed, self._process, index, _PAIR, device=self._device)
        if self._real is not None and random.chance(settings.real_fraction):
            return make_pair(self._real.draw(random), size, random, _HEADS)
        group = index // settings.reuse
        if self._drawn is None or self._drawn[0] != group:
            side = round(_MAP_SIDE * settings.side)
            own = Randomness(settings.seed, self._process, group, _MAP, device=self._device)
            self._drawn = group, random_label_map((side, side, side), own)
        return make_pair(self._drawn[1], size, random, _SHAPES)
