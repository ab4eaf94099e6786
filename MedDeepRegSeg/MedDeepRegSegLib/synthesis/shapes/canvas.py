"""What shapes are painted on."""

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.synthesis.smooth import Size, size_of, smooth_field, voxel_grid

MOST_LABELS = 200

Box = tuple[slice, slice, slice]


@dataclass
class Canvas:
    """A label map in the making.

    Attributes
    ----------
    labels : Tensor, shape (D, H, W), int16
        0 is outside of the body.
    place : Tensor, shape (3, D, H, W)
        Bent coordinates: -1 to 1 from border to border along the longest side, so that straight shapes come out bent.
    random : Randomness
    alike : dict
        Label to the label that it resembles in contrast.
    bone : list of int
        Labels that are bone.
    organs : list of tuple of int
        Labels that are one organ together.
    """

    labels: Tensor
    place: Tensor
    random: Randomness
    alike: dict[int, int] = field(default_factory=dict)
    bone: list[int] = field(default_factory=list)
    organs: list[tuple[int, ...]] = field(default_factory=list)
    _next: int = 1

    def __post_init__(self) -> None:
        """Note the least and the greatest coordinate in every slice across each axis."""
        others = ((1, 2), (0, 2), (0, 1))
        self._spans = [
            torch.stack((part.amin(across), part.amax(across))).cpu().numpy()
            for part, across in zip(self.place, others, strict=True)
        ]

    @classmethod
    def blank(cls, size: Size, random: Randomness) -> "Canvas":
        """Return an empty canvas with randomly bent coordinates."""
        grid = voxel_grid(size, random.device)
        center = torch.tensor(size, device=random.device, dtype=torch.float32).view(3, 1, 1, 1) / 2 - 0.5
        place = (grid - center) / (max(size) / 2)
        place = place + random.uniform(0.03, 0.18) * smooth_field(random, 3, size, random.integer(3, 6))
        if random.chance(0.7):
            place = place + random.uniform(0.005, 0.03) * smooth_field(random, 3, size, random.integer(10, 20))
        return cls(torch.zeros(size, dtype=torch.int16, device=random.device), place, random)

    def new_label(self, alike: int | None = None) -> int:
        """Return a label that is not used yet; ``alike`` names one whose contrast it has almost."""
        label = self._next
        if label < MOST_LABELS:
            self._next += 1
        if alike is not None and alike != label:
            self.alike[label] = alike
        return label

    def paint(self, where: Tensor, label: int, box: Box | None = None) -> None:
        """Give voxels a label; ``where`` has the size of the canvas, or of a box of it."""
        (self.labels if box is None else self.labels[box]).masked_fill_(where, label)

    def box(self, center: Tensor, reach: float) -> Box:
        """Return a box that holds every voxel whose place is within ``reach`` of a center (3,); it may be empty."""
        slices = []
        for (low, high), middle in zip(self._spans, center.tolist(), strict=True):
            hit = np.flatnonzero((low <= middle + reach) & (high >= middle - reach))
            slices.append(slice(int(hit[0]), int(hit[-1]) + 1) if hit.size else slice(0, 0))
        return slices[0], slices[1], slices[2]

    @property
    def half_sides(self) -> Tensor:
        """Half of each side in the unit of ``place``, (3,): 1 along the longest."""
        return torch.tensor(self.size, device=self.labels.device) / max(self.size)

    @property
    def size(self) -> Size:
        """Size of the label map."""
        return size_of(self.labels)


def radial(place: Tensor, power: float) -> Tensor:
    """Return (sum of |x|^power)^(1/power) over coordinates (3, ...): round for 2, boxy above, pointed below.

    Whole and half powers are products and roots, which are several times faster than a general power.
    """
    if power == 2:
        return place.square().sum(dim=0).sqrt()
    if power == 4:
        return place.square().square().sum(dim=0).sqrt().sqrt()
    away = place.abs()
    whole, rest = divmod(power, 1)
    raised = away**whole * away.sqrt() if rest == 0.5 else away**power
    return raised.sum(dim=0).pow(1 / power)
