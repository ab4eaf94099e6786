"""What shapes are painted on."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.synthesis.smooth import Size, smooth_field, voxel_grid

MOST_LABELS = 200


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
    """

    labels: Tensor
    place: Tensor
    random: Randomness
    alike: dict[int, int] = field(default_factory=dict)
    _next: int = 1

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

    def paint(self, where: Tensor, label: int) -> None:
        """Give voxels (D, H, W) a label."""
        self.labels.masked_fill_(where, label)

    @property
    def size(self) -> Size:
        """Size of the label map."""
        depth, height, width = self.labels.shape
        return depth, height, width
