"""The gray scale: a robust range, the display window of CT, gamma, and inversion."""

from torch import Tensor

from MedDeepRegSegLib.synthesis.randomness import Randomness


def robust_range(image: Tensor, low: float = 0.005, high: float = 0.995) -> Tensor:
    """Return the image with these quantiles at 0 and 1, cut there."""
    flat = image.reshape(-1)
    ordered = flat[:: max(1, flat.numel() // 8192) | 1].sort().values
    bottom, top = ordered[round(low * (ordered.numel() - 1))], ordered[round(high * (ordered.numel() - 1))]
    return ((image - bottom) / (top - bottom).clamp_min(1e-4)).clamp(0, 1)


def window(image: Tensor, level: float, width: float) -> Tensor:
    """Return the image cut to a display window, from 0 to 1."""
    return ((image - level) / width + 0.5).clamp(0, 1)


def gamma(image: Tensor, random: Randomness, strength: float = 0.35) -> Tensor:
    """Return the image (0 to 1) to the power exp(strength x normal)."""
    return image.clamp(0, 1) ** (2.718281828 ** (strength * random.gaussian()))
