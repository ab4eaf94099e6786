"""Patches of cases, each around a place that is drawn so that small structures are seen as often as large ones."""

from dataclasses import replace

import numpy as np
import torch

from MedDeepRegSegLib.augmentation.pipeline import Augmenter, load_preset
from MedDeepRegSegLib.training.cases.objective import CaseBatch
from MedDeepRegSegLib.training.cases.prepared import PreparedCase, PreparedCases
from MedDeepRegSegLib.training.cases.settings import UNKNOWN, CaseTrainSettings

_PLACE, _CHANGE = 0, 1


class CaseSource:
    """Makes the patches of one process; a patch depends on seed, process and number alone.

    Parameters
    ----------
    settings : CaseTrainSettings
    cases : PreparedCases
    process : int
        Number of this process among those that train together.
    device : torch.device
    """

    def __init__(
        self, settings: CaseTrainSettings, cases: PreparedCases, *, process: int = 0, device: torch.device | str = "cpu"
    ) -> None:
        self._settings, self._cases, self._process, self._device = settings, cases, process, device
        self._augmenter: Augmenter | None = None
        if settings.augmentation:
            preset = load_preset(settings.augmentation)
            # The labels of patches are outputs, numbered from 1 in the order of the classes.
            outputs = [replace(segment, value=number) for number, segment in enumerate(cases.classes, start=1)]
            spacing = settings.preprocessing.spacing_mm
            self._augmenter = Augmenter(preset, spacing_mm=spacing, label_outside=UNKNOWN, segments=outputs)

    def batch(self, number: int) -> CaseBatch:
        """Return a batch of patches."""
        count = self._settings.batch
        drawn = [self._patch(number * count + part) for part in range(count)]
        values, classes, looked_for = zip(*drawn, strict=True)
        return CaseBatch(
            torch.from_numpy(np.stack(values)).to(self._device),
            torch.from_numpy(np.stack(classes).astype(np.int64)).to(self._device),
            torch.tensor(looked_for, device=self._device),
        )

    def _patch(self, index: int) -> tuple[np.ndarray, np.ndarray, tuple[bool, ...]]:
        settings = self._settings
        rng = np.random.default_rng((settings.seed, self._process, index, _PLACE))
        case = self._cases[self._case_of(index)]
        center = self._center(case, rng)
        if self._augmenter is None:
            values, classes = _window(case, center, settings.patch)
        else:
            seed = (settings.seed, self._process, index, _CHANGE)
            done = self._augmenter(case.values, case.classes, seed=seed, patch=settings.patch, center=center)
            assert done.labels is not None
            values, classes = done.values, done.labels
        return np.ascontiguousarray(values, np.float32), classes, case.looked_for

    def _case_of(self, index: int) -> int:
        """Return the case of a patch: all of them in turn, in another order each time."""
        turn, place = divmod(index, len(self._cases))
        return int(
            np.random.default_rng((self._settings.seed, self._process, turn)).permutation(len(self._cases))[place]
        )

    def _center(self, case: PreparedCase, rng: np.random.Generator) -> tuple[float, float, float]:
        """Return the voxel (z, y, x) that a patch lies around."""
        there = [places for places in case.places if len(places)]
        size, patch = np.array(case.classes.shape), np.array(self._settings.patch)
        if there and rng.random() < self._settings.foreground_fraction:
            places = there[rng.integers(len(there))]
            # The place need not be in the middle: what lies at the border of a patch is learned, too.
            center = places[rng.integers(len(places))] + rng.uniform(-0.25, 0.25, 3) * patch
        else:
            center = rng.uniform(0, size - 1)
        # A patch beyond the image shows nothing: it stays inside where it fits, and in the middle where it does not.
        low, high = (patch - 1) / 2, size - 1 - (patch - 1) / 2
        middle = (size - 1) / 2
        z, y, x = np.where(low <= high, np.clip(center, low, np.maximum(low, high)), middle)
        return float(z), float(y), float(x)


def _window(
    case: PreparedCase, center: tuple[float, float, float], patch: tuple[int, int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return a window as it is; what lies beyond the image is repeated from its border, and its class unknown."""
    start = np.floor(np.array(center) - (np.array(patch) - 1) / 2 + 0.5).astype(int)
    index = [np.arange(first, first + side) for first, side in zip(start, patch, strict=True)]
    inside = [np.clip(part, 0, side - 1) for part, side in zip(index, case.classes.shape, strict=True)]
    values = case.values[:, inside[0][:, None, None], inside[1][:, None], inside[2]]
    classes = np.array(case.classes[inside[0][:, None, None], inside[1][:, None], inside[2]])
    for axis, (part, clipped) in enumerate(zip(index, inside, strict=True)):
        classes[tuple(part != clipped if k == axis else slice(None) for k in range(3))] = UNKNOWN
    return values, classes
