"""Partial volume and blur: every scanner smears edges, more along one axis than along another."""

from torch import Tensor

from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.synthesis.smooth import gaussian


def point_spread(image: Tensor, random: Randomness) -> Tensor:
    """Return the image smoothed by about .3 to 1 voxels, at times up to 2; a little differently along each axis."""
    sigma = random.uniform(0.3, 1.0) if random.chance(0.75) else random.uniform(1.0, 2.0)
    return gaussian(image, tuple(sigma * random.uniform(0.8, 1.25) for _ in range(3)))  # type: ignore[arg-type]
