"""Fields of view that end: slabs at one to three sides show nothing."""

import torch
from torch import Tensor

from MedDeepRegSegLib.synthesis.randomness import Randomness


def cut_field_of_view(image: Tensor, random: Randomness) -> tuple[Tensor, Tensor]:
    """Return the image with slabs of up to a quarter of a side set to one value, and where it still shows something."""
    valid = torch.ones(image.shape, dtype=torch.bool, device=image.device)
    for _ in range(random.integer(1, 3)):
        axis = random.integer(0, 2)
        count = max(1, int(random.uniform(0.02, 0.25) * image.shape[axis]))
        valid.narrow(axis, 0 if random.chance(0.5) else image.shape[axis] - count, count).fill_(False)
    empty = 0.0 if random.chance(0.8) else random.uniform(0, 1)
    return torch.where(valid, image, torch.full_like(image, empty)), valid
