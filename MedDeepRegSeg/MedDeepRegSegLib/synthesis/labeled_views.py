"""An image of a label map in random contrast, with the part of the body at every voxel."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.synthesis.effects.field_of_view import cut_field_of_view
from MedDeepRegSegLib.synthesis.effects.gray_scale import window
from MedDeepRegSegLib.synthesis.label_maps import LabelMap
from MedDeepRegSegLib.synthesis.parts import Part
from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.synthesis.real_maps import RealMaps
from MedDeepRegSegLib.synthesis.rendering import acquire, render, show
from MedDeepRegSegLib.synthesis.smooth import Size, apply, nearest, smooth_field, voxel_grid
from MedDeepRegSegLib.synthesis.tissue_contrast import brain_window, draw_tissue_contrast

UNKNOWN = -1
"""Class of voxels that nothing is asked of."""
LEFT, RIGHT, NO_SIDE = 1, 0, -1


@dataclass(frozen=True)
class LabeledView:
    """An image and what it shows.

    Attributes
    ----------
    image : Tensor, shape (D, H, W), float32
        0 to 1.
    classes : Tensor, shape (D, H, W), int64
        0 for what is no part, then the number of the part from 1; :data:`UNKNOWN` where nothing is asked.
    sides : Tensor, shape (D, H, W), int64
        :data:`LEFT`, :data:`RIGHT` or :data:`NO_SIDE`.
    """

    image: Tensor
    classes: Tensor
    sides: Tensor


@dataclass(frozen=True)
class ViewSettings:
    """How views differ.

    Attributes
    ----------
    spacing_mm : tuple of float
        Least and most edge of a voxel, mm.
    tissue_fraction : float
        Part of the images with gray levels as scanners have them; the others are in random contrast.
    stripped_fraction : float
        Part of the images that show the brain alone.
    rotation_degrees, stretch, bend : float
        Most rotation; standard deviation of the stretch along each axis; most deformation, voxels.
    shift : float
        Most distance of the middle of a view from that of the brain, as part of the brain's half extent.
    """

    spacing_mm: tuple[float, float] = (1.4, 2.4)
    tissue_fraction: float = 0.6
    stripped_fraction: float = 0.35
    rotation_degrees: float = 20.0
    stretch: float = 0.08
    bend: float = 2.5
    shift: float = 0.45


class LabeledViews:
    """Draws views of packed label maps.

    Parameters
    ----------
    maps : Path
        See :mod:`MedDeepRegSegLib.synthesis.real_maps`; voxels of 1 mm.
    parts : sequence of Part
    unknown : sequence of int
        Labels that nothing is asked of.
    settings : ViewSettings, optional
    device : str

    Raises
    ------
    InputError
        When the maps cannot be read, or have none of the labels of a part.
    """

    def __init__(
        self,
        maps: Path,
        parts: Sequence[Part],
        unknown: Sequence[int] = (),
        settings: ViewSettings | None = None,
        device: str | torch.device = "cpu",
    ) -> None:
        self._maps = RealMaps(maps, device)
        self.settings = settings or ViewSettings()
        values = self._maps.values
        for part in parts:
            if not set(part.labels) & set(values):
                msg = (
                    f"{maps} has none of the labels {part.labels} of {part.name!r}: correct the parts, or leave it out"
                )
                raise InputError(msg)
        classes, sides = torch.zeros(len(values), dtype=torch.int64), torch.full((len(values),), NO_SIDE)
        for number, value in enumerate(values):
            for index, part in enumerate(parts, start=1):
                if value in part.labels or value in part.right:
                    classes[number] = index
                    if part.right:
                        sides[number] = RIGHT if value in part.right else LEFT
            if value in unknown:
                classes[number] = UNKNOWN
        self._classes, self._sides = classes.to(device), sides.to(device)

    def draw(self, size: Size, random: Randomness) -> LabeledView:
        """Return a view of this size."""
        label_map = self._maps.whole(random)
        mirrored = random.chance(0.5)
        place = _place(label_map, size, random, self.settings)
        if mirrored:
            place[2] = label_map.labels.shape[2] - 1 - place[2]
        labels, _ = nearest(label_map.labels, place)
        label_map = replace(label_map, labels=labels)
        kept = self._kept(labels, random) if random.chance(self.settings.stripped_fraction) else None
        if kept is not None and random.chance(0.4):  # stripped in the anatomy: the border is blurred, too
            label_map = replace(label_map, labels=labels.masked_fill(~kept, 0))
        image, valid = self._render(label_map, random)
        index = labels.long()
        classes, sides = self._classes[index], self._sides[index]
        if mirrored:
            sides = torch.where(sides >= 0, 1 - sides, sides)
        if kept is not None:
            image, classes = image.masked_fill(~kept, 0.0), classes.masked_fill(~kept, 0)
            sides = sides.masked_fill(~kept, NO_SIDE)
        return LabeledView(image, classes.masked_fill(~valid, UNKNOWN), sides.masked_fill(~valid, NO_SIDE))

    def _render(self, label_map: LabelMap, random: Randomness) -> tuple[Tensor, Tensor]:
        if not random.chance(self.settings.tissue_fraction):
            rendering = render(label_map, random)
            return rendering.image, rendering.valid
        severity = random.uniform(0, 1) ** 2
        contrast = draw_tissue_contrast(label_map, self._maps.values, random)
        image = acquire(label_map, contrast, random, severity)
        if contrast.style == "ct" and random.chance(0.9):
            image = window(image, *brain_window(random))
        # The window of the brain is known here; another one, as for random contrast, would hide it.
        image = show(image, replace(contrast, style="mr"), random)
        if random.chance(0.1):
            return cut_field_of_view(image, random)
        return image, torch.ones(image.shape, dtype=torch.bool, device=image.device)

    def _kept(self, labels: Tensor, random: Randomness) -> Tensor:
        """Return the brain as a stripping tool leaves it: with the fluid around it, or close to its surface."""
        brain = self._maps.brain(labels, with_fluid=random.chance(0.5))
        for _ in range(random.integer(0, 2)):
            brain = F.max_pool3d(brain[None, None].float(), 3, stride=1, padding=1)[0, 0] > 0
        return brain


def _place(label_map: LabelMap, size: Size, random: Randomness, settings: ViewSettings) -> Tensor:
    """Return the voxel of the map at every voxel of the view, (3, D, H, W)."""
    device = random.device
    grid = voxel_grid(size, device)
    cells = random.integer(3, 6)
    bend = min(random.uniform(0, settings.bend), 0.2 * max(size) / cells) * smooth_field(random, 3, size, cells)
    middle = (torch.tensor(size, device=device, dtype=torch.float32) / 2 - 0.5).view(3, 1, 1, 1)
    stretch = torch.diag(1 + settings.stretch * random.normal(3).clamp(-2, 2))
    scale = random.log_uniform(*settings.spacing_mm)
    matrix = scale * random.rotation(settings.rotation_degrees) @ stretch
    assert label_map.frame is not None
    center, half = label_map.frame
    target = center + settings.shift * half * (2 * random.rand(3) - 1)
    return apply(matrix, grid + bend - middle) + target.view(3, 1, 1, 1)
