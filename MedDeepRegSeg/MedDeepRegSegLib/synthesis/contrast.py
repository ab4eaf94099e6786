"""Random contrast: a mean and a texture for every label, as no, as MR-like, or as CT-like physics would have it."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from MedDeepRegSegLib.synthesis.label_maps import LabelMap
from MedDeepRegSegLib.synthesis.randomness import Randomness

Style = Literal["free", "mr", "ct"]


@dataclass(frozen=True)
class Contrast:
    """Mean and texture (standard deviation) of every label, (count,), about 0 to 1, and whose style they are in."""

    mean: Tensor
    texture: Tensor
    style: Style


def draw_contrast(label_map: LabelMap, random: Randomness, severity: float = 0.5) -> Contrast:
    """Return a random contrast for the labels of a map; texture grows with the severity, 0 to 1."""
    draw = random.uniform(0, 1)
    style: Style = "free" if draw < 0.3 else "mr" if draw < 0.62 else "ct"
    count = label_map.count
    bone = torch.zeros(count, dtype=torch.bool, device=random.device)
    bone[list(label_map.bone)] = True
    known = label_map.all_bone and bool(label_map.bone)
    texture = random.rand(count) ** 2 * random.uniform(0.003, 0.01 + 0.07 * severity)
    if style == "free":
        mean = _apart(count, random)
    elif style == "mr":
        mean = _mr(count, bone, known=known, random=random)
    else:
        mean = _ct(count, bone, known=known, random=random)
        texture = 0.3 * texture
    nearness = random.uniform(0.01, 0.08)
    for label, other in sorted(label_map.alike.items()):
        if label < count and other < count:
            mean[label] = mean[other] + nearness * random.gaussian()
            texture[label] = texture[other]
    mean[0] = _outside(style, random)
    texture[0] *= 0.2
    return Contrast(mean, texture, style)


def _mr(count: int, bone: Tensor, *, known: bool, random: Randomness) -> Tensor:
    """Return few levels of tissue, and dark bone."""
    levels = _apart(random.integer(3, 9), random)
    mean = levels[random.integers(0, len(levels) - 1, count)] + 0.04 * random.normal(count)
    dark = bone if known else bone | (random.rand(count) < 0.12)
    return torch.where(dark & (random.rand(count) < 0.85), 0.12 * random.rand(count), mean)


def _ct(count: int, bone: Tensor, *, known: bool, random: Randomness) -> Tensor:
    """Return a narrow band of soft tissue, some fat below it, and few labels of bone and air."""
    mean = 0.5 + random.uniform(0.03, 0.1) * random.normal(count)
    draw = random.rand(count)
    bright = 0.8 + 0.5 * random.rand(count)
    if known:
        mean = torch.where(draw < 0.1, mean - 0.12, mean)
        return torch.where(bone, bright, mean)
    mean = torch.where(draw < 0.4, mean - 0.12, mean)
    mean = torch.where(bone | (draw < 0.28), bright, mean)
    return torch.where(~bone & (draw < 0.10), 0.02 * random.rand(count), mean)


def _apart(count: int, random: Randomness) -> Tensor:
    """Return levels from 0 to 1 in random order that keep their distance, so that most boundaries can be seen."""
    return (random.permutation(count) + random.rand(count)) / count


def _outside(style: Style, random: Randomness) -> float:
    """Return the gray level around the body: nearly always black."""
    if style == "ct" or random.chance(0.8):
        return 0.0
    return random.uniform(0, 1)
