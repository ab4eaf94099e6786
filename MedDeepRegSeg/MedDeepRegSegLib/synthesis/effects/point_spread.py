"""Partial volume and blur: every scanner smears edges, more along one axis than along another."""

from torch import Tensor

from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.synthesis.smooth import gaussian


def point_spread(image: Tensor, random: Randomness, sigma: float = 0.6) -> Tensor:
    """Return the image smoothed by a Gaussian of about ``sigma`` voxels; a little differently along each axis."""
    return gaussian(image, tuple(sigma * random.uniform(0.8, 1.25) for _ in range(3)))  # type: ignore[arg-type]
