"""Two views of one label map, in unrelated contrast, with the known place of every voxel of one in the other.

Domain of ``place``: voxels of the second view. Codomain: voxels of the first view, also outside of its borders.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from MedDeepRegSegLib.synthesis.label_maps import LabelMap
from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.synthesis.rendering import render
from MedDeepRegSegLib.synthesis.smooth import Size, apply, nearest, sample, smooth_field, voxel_grid


@dataclass(frozen=True)
class Pair:
    """Two synthetic images of the same anatomy.

    Attributes
    ----------
    first, second : Tensor, shape (D, H, W), float32
        0 to 1.
    first_labels, second_labels : Tensor, shape (D, H, W), int16
    first_valid, second_valid : Tensor, shape (D, H, W), bool
        Where the field of view shows something.
    place : Tensor, shape (3, D, H, W)
        Voxel of the first view for every voxel of the second.
    classes : Tensor or None
        Anatomical class of each label, see :class:`~MedDeepRegSegLib.synthesis.label_maps.LabelMap`.
    first_position, second_position : Tensor, shape (3, D, H, W), or None
        Position in the head, about -1 to 1 inside the brain; None where a label map has no frame.
    """

    first: Tensor
    second: Tensor
    first_labels: Tensor
    second_labels: Tensor
    first_valid: Tensor
    second_valid: Tensor
    place: Tensor
    classes: Tensor | None
    first_position: Tensor | None = None
    second_position: Tensor | None = None


@dataclass(frozen=True)
class PairSettings:
    """How much the two views differ.

    Attributes
    ----------
    largest_rotation_degrees : float
        Between the views.
    largest_shift : float
        Between the views along each axis, as part of the longest side.
    bend_voxels : tuple of float
        Least and most deformation between the views, standard deviation in voxels.
    scale : tuple of float
        Voxels of the label map for one voxel of a view: below 1 magnifies, above 1 shrinks.
    anatomy_bend_voxels : float
        Most deformation of the label map itself, before both views, standard deviation in voxels of the view.
    """

    largest_rotation_degrees: float = 40.0
    largest_shift: float = 0.35
    bend_voxels: tuple[float, float] = (0.4, 3.0)
    scale: tuple[float, float] = (0.8, 1.1)
    anatomy_bend_voxels: float = 3.0


def make_pair(label_map: LabelMap, size: Size, random: Randomness, settings: PairSettings | None = None) -> Pair:
    """Return two views of a label map, each of this size."""
    settings = settings or PairSettings()
    grid = voxel_grid(size, random.device)
    place = _between_views(grid, size, random, settings)
    to_map = _ToMap(label_map, size, random, settings)
    first_place, second_place = to_map.grid(grid), to_map(place)
    first_labels, first_inside = nearest(label_map.labels, first_place)
    second_labels, second_inside = nearest(label_map.labels, second_place)
    first = render(replace(label_map, labels=first_labels), random)
    second = render(replace(label_map, labels=second_labels), random)
    return Pair(
        first.image,
        second.image,
        first_labels,
        second_labels,
        first.valid & first_inside,
        second.valid & second_inside,
        place,
        label_map.classes,
        _position(label_map, first_place),
        _position(label_map, second_place),
    )


def view_of(label_map: LabelMap, size: Size, random: Randomness, settings: PairSettings) -> Tensor:
    """Return the labels (D, H, W) of one view of a label map, scaled, turned and bent as those of a pair are."""
    place = _ToMap(label_map, size, random, settings).grid(voxel_grid(size, random.device))
    labels, _ = nearest(label_map.labels, place)
    return labels


def _position(label_map: LabelMap, place: Tensor) -> Tensor | None:
    """Return places of the map in the frame of the head."""
    if label_map.frame is None:
        return None
    center, half = (part.view(3, 1, 1, 1) for part in label_map.frame)
    return (place - center) / half


def _between_views(grid: Tensor, size: Size, random: Randomness, settings: PairSettings) -> Tensor:
    """Return the voxel of the first view for every voxel of the second: turned, stretched, shifted and bent."""
    center = torch.tensor(size, device=grid.device, dtype=torch.float32) / 2 - 0.5
    largest = settings.largest_rotation_degrees if random.chance(0.35) else 8.0
    stretch = torch.diag(1 + (0.15 if random.chance(0.6) else 0.05) * (2 * random.rand(3) - 1))
    matrix = random.rotation(largest) @ stretch
    # Large shifts: a network can tell where it is in its window, and must not take that for where it is in the body.
    shift = settings.largest_shift * max(size) * (2 * random.rand(3) - 1)
    if random.chance(0.15):
        matrix = torch.eye(3, device=grid.device)
    place = apply(matrix, grid - center.view(3, 1, 1, 1)) + (center + shift).view(3, 1, 1, 1)
    if random.chance(0.7):
        place = place + _bend(random, random.uniform(*settings.bend_voxels), size, random.integer(3, 7))
    return place


def _bend(random: Randomness, amount: float, size: Size, cells: int) -> Tensor:
    """Return random shifts (3, D, H, W) of a standard deviation in voxels, less where space would fold.

    Of places shifted by up to a fifth of the cells of the field, fewer than one of a thousand is folded (measured).
    """
    return min(amount, 0.2 * max(size) / cells) * smooth_field(random, 3, size, cells)


class _ToMap:
    """Maps voxels of the first view to voxels of the label map: scaled, turned a little, bent."""

    def __init__(self, label_map: LabelMap, size: Size, random: Randomness, settings: PairSettings) -> None:
        device = random.device
        self._center = (torch.tensor(size, device=device, dtype=torch.float32) / 2 - 0.5).view(3, 1, 1, 1)
        sides = torch.tensor(label_map.labels.shape, device=device, dtype=torch.float32)
        scale = random.log_uniform(*settings.scale)
        # The view is placed where it shows as much of the map as it can, then shifted within what is left.
        room = (sides - scale * torch.tensor(size, device=device)).clamp_min(0.4 * float(sides.max()))
        target = sides / 2 - 0.5 + room * (random.rand(3) - 0.5)
        self._target = target.view(3, 1, 1, 1)
        stretch = torch.diag(1 + 0.12 * (2 * random.rand(3) - 1))
        self._matrix = scale * random.rotation(15) @ stretch
        amount = random.uniform(0.2, 1) * settings.anatomy_bend_voxels
        self._bend = _bend(random, amount, size, random.integer(3, 6))

    def __call__(self, place: Tensor) -> Tensor:
        """Return the voxels of the label map at voxels (3, D, H, W) of the first view."""
        return self._straight(place + sample(self._bend, place))

    def grid(self, grid: Tensor) -> Tensor:
        """Return the same for all voxels of the first view, where the bend is known without interpolation."""
        return self._straight(grid + self._bend)

    def _straight(self, place: Tensor) -> Tensor:
        return apply(self._matrix, place - self._center) + self._target
