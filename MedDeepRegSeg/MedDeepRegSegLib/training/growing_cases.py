"""Where objects of one's own cases come from: seen as a growing session shows them to the network, mixed with synthetic ones.

A window is one of those that the session would look at on the way to the object, and what it shows is made by the same
code (:func:`MedDeepRegSegLib.segmentation.growing_view.seen`). The objects of a step depend on seed, process and step alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.models.growing_prompts import Block, Intensity
from MedDeepRegSegLib.segmentation.growing_range import value_limits
from MedDeepRegSegLib.segmentation.growing_view import seen
from MedDeepRegSegLib.segmentation.growing_window import Mask, Window
from MedDeepRegSegLib.segmentation.growing_zoom import nearer, opening, wider
from MedDeepRegSegLib.synthesis.clicks import draw_box, first_click
from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.training.case_objects import CaseObject, ObjectCase, ObjectCases
from MedDeepRegSegLib.training.growing_settings import GrowingTrainSettings
from MedDeepRegSegLib.training.growing_source import GrowingSource, ObjectSample

_CASE = 4
_TRIES = 50
_MULTIPLE = 16
_MOST_OUT = 3
_REACH_MM = 250.0
_LAST = 0.6
"""Chance of the window in which the session ends; else it is one of those on the way."""


@dataclass(frozen=True)
class GrowingTuning:
    """Settings of a fine-tuning on cases.

    Attributes
    ----------
    growing : GrowingTrainSettings
        Steps, learning rate and all else that every training of this network has; ``sides`` are those of synthetic objects.
    synthetic_fraction : float
        Fraction (0 to 1) of objects that are synthetic, so that what was learned from them is not lost.
    most_voxels : int
        Larger windows are cut to this many working voxels around a place of the object.
    channel : int
        The image of a case that is clicked in.
    cases_sha256 : str
        Of the cases that are learned from.
    """

    growing: GrowingTrainSettings = field(default_factory=GrowingTrainSettings)
    synthetic_fraction: float = 0.25
    most_voxels: int = 64**3
    channel: int = 0
    cases_sha256: str = ""

    def __post_init__(self) -> None:
        """Refuse values that no run can use."""
        if not 0 <= self.synthetic_fraction < 1:
            msg = f"synthetic_fraction is {self.synthetic_fraction}, expected 0 to below 1: .25 is usual"
            raise InputError(msg)
        if self.most_voxels < (2 * _MULTIPLE) ** 3:
            msg = f"most_voxels is {self.most_voxels}, expected at least {(2 * _MULTIPLE) ** 3}: 262144 is usual"
            raise InputError(msg)

    @property
    def steps(self) -> int:
        """See :class:`~MedDeepRegSegLib.training.run.RunSettings`; so are the others."""
        return self.growing.steps

    @property
    def learning_rate(self) -> float:
        """Of AdamW."""
        return self.growing.learning_rate

    @property
    def weight_decay(self) -> float:
        """Of AdamW."""
        return self.growing.weight_decay

    @property
    def warmup(self) -> int:
        """Steps over which the learning rate rises."""
        return self.growing.warmup

    @property
    def average(self) -> float:
        """Decay of the moving average of the weights."""
        return self.growing.average

    @property
    def seed(self) -> int:
        """Of everything random."""
        return self.growing.seed


class CaseSource:
    """Makes the objects of one process.

    Parameters
    ----------
    settings : GrowingTuning
    cases : ObjectCases
    process : int
    device : str
    """

    def __init__(
        self,
        settings: GrowingTuning,
        cases: ObjectCases,
        *,
        process: int = 0,
        device: str | torch.device = "cpu",
    ) -> None:
        self._settings, self._cases = settings, cases
        self._process, self._device = process, device
        self._synthetic = GrowingSource(replace(settings.growing, objects=1), process=process, device=device)

    def batch(self, step: int) -> list[ObjectSample]:
        """Return the objects of a step."""
        count = self._settings.growing.objects
        return [self._sample(step * count + number) for number in range(count)]

    def _sample(self, number: int) -> ObjectSample:
        random = Randomness(self._settings.seed, self._process, number, _CASE)
        if random.chance(self._settings.synthetic_fraction):
            return self._synthetic.batch(number)[0]
        for _ in range(_TRIES):
            case = self._cases[random.integer(0, len(self._cases) - 1)]
            if case.objects:
                # Every class as often as the others, however many parts it has.
                name = random.choice(sorted({part.name for part in case.objects}))
                found = random.choice([part for part in case.objects if part.name == name])
                sample = draw_view(case, found, self._settings, random, self._device)
                if sample is not None:
                    return sample
        msg = (
            f"no object to grow was found in {_TRIES} draws of the training cases, expected connected parts of at least "
            "64 voxels: check that the cases for training have labels"
        )
        raise InputError(msg)


def windows_to(
    truth: Mask, voxel: NDArray[np.int64], spacing: tuple[float, float, float], box: Block | None = None
) -> list[Window]:
    """Return the windows that a session looks at on the way to an object, if the network finds what each of them shows.

    Parameters
    ----------
    truth : ndarray, shape (k, j, i), bool
    voxel : ndarray, shape (3,)
        The first click.
    spacing : tuple of float
        Of the voxels (k, j, i), mm.
    box : tuple of slice, optional
        What the user drew around it, in voxels.
    """
    voxels, shape = voxel[None], truth.shape
    windows = [opening(voxels, shape, spacing, before=None, box=box, previous=None)]
    if box is not None:
        return windows
    for _ in range(_MOST_OUT):
        following = wider(windows[-1], truth[windows[-1].block], voxels, shape, spacing, reach_mm=_REACH_MM)
        if following is None:
            break
        windows.append(following)
    closer = nearer(windows[-1], truth[windows[-1].block], voxels, shape, spacing)
    return windows if closer is None else [*windows, closer]


def draw_view(
    case: ObjectCase, found: CaseObject, settings: GrowingTuning, random: Randomness, device: str | torch.device = "cpu"
) -> ObjectSample | None:
    """Return a view of an object, drawn; None where the view does not show it.

    Light augmentation: voxels of another size by up to 15 %, flips, gamma, shading and noise.
    """
    truth = found.mask(case.values.shape)
    corner = np.array([part.start for part in found.block])
    voxel = np.array(first_click(found.inside, random).points[0]) + corner
    box = draw_box(truth, random) if random.chance(settings.growing.box_fraction) else None
    windows = windows_to(truth, voxel, case.spacing, box)
    window = windows[-1] if random.chance(_LAST) else random.choice(windows)
    zoom = random.uniform(0.87, 1.15)
    k, j, i = (max(round(side * zoom), 1) for side in window.size)
    window = replace(window, size=(k, j, i))
    values = window.read(case.values)
    limits = value_limits(case.values, _index(voxel), case.modality)
    if limits is not None:
        values = values.clamp(*limits)
    inside = window.read(truth.astype(np.float32)) > 0.5
    if not inside.any():
        return None
    known = torch.ones_like(inside) if case.known is None else window.read(case.known.astype(np.float32)) > 0.99
    volume, intensity = seen(_varied(values, random), window)
    pads = [padded - side for padded, side in zip(volume.shape[2:], window.size, strict=True)]
    pad = (0, pads[2], 0, pads[1], 0, pads[0])
    # Beyond the image, nothing is asked and nothing is clicked.
    inside, known = (torch.nn.functional.pad(part, pad) for part in (inside & known, known))
    if not inside.any():
        return None
    part = _cut(inside, settings.most_voxels, random)
    flips = [axis for axis in range(3) if random.chance(0.5)]
    first = [volume[0][(slice(None), *part)], intensity.smooth[part], intensity.noise[part], inside[part], known[part]]
    shown, smooth, noise, inside, known = (
        torch.flip(each, [axis + each.ndim - 3 for axis in flips]).contiguous() for each in first
    )
    drawn = inside.numpy()
    return ObjectSample(
        shown.to(device),
        drawn,
        draw_box(drawn, random) if box is not None else None,
        intensity=Intensity(smooth.to(device), noise.to(device)),
        known=None if bool(known.all()) else known.numpy(),
    )


def _varied(values: Tensor, random: Randomness) -> Tensor:
    """Return an image (D, H, W) with another gamma, some shading and noise; the range stays."""
    low, high = torch.aminmax(values)
    unit = (values - low) / (high - low).clamp_min(1e-30)
    unit = unit ** random.log_uniform(0.75, 1.33)
    places = torch.meshgrid(*(torch.linspace(-1, 1, side) for side in values.shape), indexing="ij")
    for place in places:
        unit = unit * torch.exp(random.uniform(-0.15, 0.15) * place)
    if random.chance(0.5):
        unit = unit + random.uniform(0, 0.03) * random.normal(*values.shape)
    return unit


def _cut(inside: Tensor, most: int, random: Randomness) -> Block:
    """Return the part of a window to learn from: all of it, or as much as is allowed around a place of the object."""
    sides = list(inside.shape)
    while np.prod(sides) > most:
        sides[int(np.argmax(sides))] -= _MULTIPLE
    places = torch.nonzero(inside)
    place = places[random.integer(0, len(places) - 1)].tolist()
    starts = [
        min(max(at - random.integer(0, side - 1), 0), whole - side)
        for at, side, whole in zip(place, sides, inside.shape, strict=True)
    ]
    k, j, i = (slice(start, start + side) for start, side in zip(starts, sides, strict=True))
    return k, j, i


def _index(voxel: Sequence[int] | NDArray[np.int64]) -> tuple[int, int, int]:
    k, j, i = (int(part) for part in voxel)
    return k, j, i
