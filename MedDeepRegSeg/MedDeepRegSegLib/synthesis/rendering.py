"""An image of a label map: contrast, then what a scanner and a workstation do to it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from MedDeepRegSegLib.synthesis.contrast import Contrast, draw_contrast
from MedDeepRegSegLib.synthesis.effects.bias_field import bias_field
from MedDeepRegSegLib.synthesis.effects.field_of_view import cut_field_of_view
from MedDeepRegSegLib.synthesis.effects.ghosting import ghosting
from MedDeepRegSegLib.synthesis.effects.gray_scale import gamma, robust_range, window
from MedDeepRegSegLib.synthesis.effects.noise import gaussian_noise, rician_noise, salt_and_pepper
from MedDeepRegSegLib.synthesis.effects.point_spread import point_spread
from MedDeepRegSegLib.synthesis.effects.streaks import streaks
from MedDeepRegSegLib.synthesis.effects.texture import texture
from MedDeepRegSegLib.synthesis.effects.thick_slices import low_resolution, thick_slices
from MedDeepRegSegLib.synthesis.label_maps import LabelMap
from MedDeepRegSegLib.synthesis.randomness import Randomness


@dataclass(frozen=True)
class Rendering:
    """An image (D, H, W), float32, 0 to 1; and where it shows something (D, H, W), bool."""

    image: Tensor
    valid: Tensor


def render(label_map: LabelMap, random: Randomness, severity: float | None = None) -> Rendering:
    """Return an image of the labels in random contrast with random effects.

    Parameters
    ----------
    label_map : LabelMap
    random : Randomness
    severity : float, optional
        0 to 1: how strong texture, blur, noise and artifacts may be. By default drawn, low values more often: in most
        clinical images most boundaries can be seen, and where none can be, nothing can be learned.
    """
    severity = random.uniform(0, 1) ** 2 if severity is None else severity
    contrast = draw_contrast(label_map, random, severity)
    image = acquire(label_map, contrast, random, severity)
    image = show(image, contrast, random)
    if random.chance(0.15):
        return Rendering(*cut_field_of_view(image, random))
    return Rendering(image, torch.ones(image.shape, dtype=torch.bool, device=image.device))


def acquire(label_map: LabelMap, contrast: Contrast, random: Randomness, severity: float) -> Tensor:
    """Return what a scanner would measure: tissue, texture, blur, artifacts and noise."""
    index = label_map.labels.long()
    image = texture(contrast.mean[index], random, contrast.texture[index])
    image = point_spread(image, random, 0.3 + 1.3 * severity * random.uniform(0.5, 1))
    is_ct = contrast.style == "ct"
    if not is_ct:
        image = bias_field(image, random, random.uniform(0, 0.1 + 0.25 * severity))
    elif random.chance(0.25 * severity):
        image = streaks(image, random, random.uniform(0.1, 0.5))
    # Noise of thick slices is as coarse as they are once they are interpolated; that of a later step is fine.
    late = random.chance(0.5)
    if not late:
        image = _noise(image, contrast, random, severity)
    draw = random.uniform(0, 1)
    if draw < 0.1 + 0.2 * severity:
        image = thick_slices(image, random)
    elif draw < 0.15 + 0.35 * severity:
        image = low_resolution(image, random)
    if not is_ct and random.chance(0.2 * severity):
        image = ghosting(image, random, random.uniform(0.03, 0.15))
    return _noise(image, contrast, random, severity) if late else image


def _noise(image: Tensor, contrast: Contrast, random: Randomness, severity: float) -> Tensor:
    """Return the image with noise as its style has it."""
    sigma = random.log_uniform(0.002, 0.008) * (1 + 8 * severity)
    if contrast.style == "mr" and random.chance(0.4):
        return rician_noise(image, random, sigma)
    return gaussian_noise(
        image, random, 0.4 * sigma if contrast.style == "ct" else sigma, correlated=random.chance(0.2)
    )


def show(image: Tensor, contrast: Contrast, random: Randomness) -> Tensor:
    """Return the image as it is handed on: in a window or a robust range, 0 to 1, at times bent or inverted."""
    if contrast.style == "ct" and random.chance(0.7):
        image = window(image, 0.5 + 0.1 * random.gaussian(), random.log_uniform(0.25, 0.8))
    low = random.uniform(0, 0.02) if random.chance(0.8) else random.uniform(0, 0.12)
    high = random.uniform(0, 0.02) if random.chance(0.8) else random.uniform(0, 0.08)
    image = robust_range(image, low, 1 - high)
    image = gamma(image, random)
    if random.chance(0.03):
        image = salt_and_pepper(image, random, random.uniform(0.0005, 0.004))
    return 1 - image if contrast.style == "free" and random.chance(0.2) else image
