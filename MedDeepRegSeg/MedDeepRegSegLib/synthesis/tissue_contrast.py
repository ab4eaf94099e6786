"""Contrast of heads as scanners show it: gray levels of tissues in T1, T2, FLAIR and proton density MR, and in CT.

Random contrast alone makes a network that works on any image, after long training. Where training is short, half of
the images with the usual order of gray levels brings it sooner to what it will be used on. The levels are round numbers
from textbooks, each varied for every image; none of them was measured on an image of a person.
"""

from typing import Literal

import torch

from MedDeepRegSegLib.synthesis.contrast import Contrast
from MedDeepRegSegLib.synthesis.label_maps import LabelMap
from MedDeepRegSegLib.synthesis.randomness import Randomness

Kind = Literal["t1", "t2", "flair", "pd", "ct"]

_TISSUES: dict[str, tuple[int, ...]] = {
    "white": (2, 41, 7, 46),
    "stem": (16, 28, 60, 85),
    "cortex": (3, 42, 8, 47, 17, 53, 18, 54, 26, 58),
    "striatum": (11, 50, 12, 51),
    "thalamus": (10, 49),
    "pallidum": (13, 52),
    "lesion": (25, 57),
    "fluid": (4, 43, 5, 44, 14, 15, 24, 72, 512),
    "plexus": (136, 137, 163, 164, 30, 62),
    "bone": (515,),
    "marrow": (516,),
    "muscle": (507,),
    "fat": (511,),
    "blood": (514, 502),
}
# In the order of the tissues above. MR as part of the brightest; CT in Hounsfield units.
_MR: dict[str, tuple[float, ...]] = {
    "t1": (0.75, 0.70, 0.52, 0.57, 0.63, 0.70, 0.60, 0.18, 0.35, 0.12, 0.60, 0.40, 0.75, 0.35),
    "t2": (0.38, 0.40, 0.55, 0.48, 0.47, 0.33, 0.65, 0.92, 0.75, 0.08, 0.45, 0.28, 0.60, 0.30),
    "flair": (0.46, 0.47, 0.60, 0.58, 0.54, 0.45, 0.85, 0.12, 0.45, 0.08, 0.45, 0.35, 0.70, 0.30),
    "pd": (0.55, 0.58, 0.68, 0.65, 0.63, 0.55, 0.75, 0.75, 0.75, 0.10, 0.50, 0.50, 0.70, 0.50),
}
_STYLES: tuple[Kind, ...] = ("t1", "t1", "t1", "t2", "flair", "pd")
_CT_HU = (28.0, 30.0, 37.0, 37.0, 35.0, 37.0, 24.0, 8.0, 30.0, 1100.0, 550.0, 55.0, -60.0, 55.0)
_SPREAD, _SPREAD_HU = 0.05, 2.5
_CT_SHARE = 0.35
_HU_OF_ONE = 2000.0  # an image from 0 to 1 spans this; 0 is -1000 HU


def draw_tissue_contrast(
    label_map: LabelMap, values: tuple[int, ...], random: Randomness, kind: Kind | None = None
) -> Contrast:
    """Return contrast as a scanner might show a head.

    Parameters
    ----------
    label_map : LabelMap
    values : tuple of int
        FreeSurfer's number of each label of the map.
    random : Randomness
    kind : {"t1", "t2", "flair", "pd", "ct"}, optional
        Kind of image; drawn by default.
    """
    count = label_map.count
    is_ct = random.chance(_CT_SHARE)
    drawn: Kind = "ct" if is_ct else random.choice(_STYLES)
    kind = kind or drawn
    is_ct = kind == "ct"
    levels = _CT_HU if kind == "ct" else _MR[kind]
    mean = _of_others(count, random, is_ct=is_ct)
    texture = random.rand(count) ** 2 * random.uniform(0.005, 0.05)
    index = {value: number for number, value in enumerate(values)}
    for level, labels in zip(levels, _TISSUES.values(), strict=True):
        own = level + (_spread(level) if is_ct else _SPREAD) * random.gaussian()
        amount = random.uniform(0.005, 0.04)
        for label in labels:
            if label in index:
                # Structures of one tissue differ a little, too.
                mean[index[label]] = own + (0.5 * _SPREAD_HU if is_ct else 0.02) * random.gaussian()
                texture[index[label]] = amount
    if is_ct:
        mean, texture = (mean + 1000) / _HU_OF_ONE, 0.1 * texture
    for label, other in sorted(label_map.alike.items()):
        mean[label], texture[label] = mean[other] + (0.0005 if is_ct else 0.008) * random.gaussian(), texture[other]
    mean[0] = 0.0
    texture[0] *= 0.2
    return Contrast(mean.clamp_min(0), texture, "ct" if is_ct else "mr")


def brain_window(random: Randomness) -> tuple[float, float]:
    """Return level and width of a window as brains are looked at in CT, for images of :func:`draw_tissue_contrast`."""
    level, width = random.uniform(20, 70), random.log_uniform(80, 700)
    return (level + 1000) / _HU_OF_ONE, width / _HU_OF_ONE


def _of_others(count: int, random: Randomness, *, is_ct: bool) -> torch.Tensor:
    """Return levels of labels that are none of the tissues: eyes, nose, spine and the like."""
    return 40 + 40 * random.normal(count) if is_ct else random.rand(count)


def _spread(level: float) -> float:
    """Return how much the CT number of a tissue varies, HU."""
    return _SPREAD_HU if abs(level) < 70 else 0.25 * abs(level)
