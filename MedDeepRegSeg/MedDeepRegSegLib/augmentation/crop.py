"""Which part of the volume a sample shows: a box of a random size and place, along the axes."""

from dataclasses import dataclass
from typing import Literal

from MedDeepRegSegLib.augmentation.draws import Draws
from MedDeepRegSegLib.augmentation.ranges import Range, TransformSettings, check_range

Size = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class CropSettings(TransformSettings):
    """How much of a whole volume a sample shows. Patches of training have their own size.

    Attributes
    ----------
    part : tuple of float
        Least and largest part of each side that is kept.
    """

    part: Range = (0.8, 1.0)

    def __post_init__(self) -> None:
        """Refuse what keeps nothing."""
        super().__post_init__()
        check_range("part", self.part, 0.05, 1.0)

    def draw(self, draws: Draws, size: Size, patch: Size | None) -> "CropDraw":
        """Return the window into a volume of this size (z, y, x): of the size ``patch`` if given, at a random place inside."""
        cropped = draws.chance(self.probability)
        parts = [draws.within(self.part) if cropped else 1.0 for _ in range(3)]
        if patch is None:
            kept = (max(1, round(part * side)) for part, side in zip(parts, size, strict=True))
            depth, height, width = kept
            patch = depth, height, width
        # Where a patch is larger than the volume, the volume lies in its middle.
        start = [
            draws.uniform(0, 1) * (side - wanted) if side > wanted else (side - wanted) / 2
            for side, wanted in zip(size, patch, strict=True)
        ]
        z, y, x = (whole + (wanted - 1) / 2 for whole, wanted in zip(map(round, start), patch, strict=True))
        return CropDraw(size=patch, center=(z, y, x))


@dataclass(frozen=True, kw_only=True)
class CropDraw:
    """The window that a sample shows.

    Attributes
    ----------
    size : tuple of int
        Voxels along z, y, x.
    center : tuple of float
        Index z, y, x in the volume of the window's center, which may lie between voxels.
    """

    transform: Literal["crop"] = "crop"
    size: Size
    center: tuple[float, float, float]


def window_at(center: tuple[float, float, float], size: Size) -> CropDraw:
    """Return the window of a size whose center is nearest to a place and whose voxels are those of the volume."""
    z, y, x = (round(place - (side - 1) / 2) + (side - 1) / 2 for place, side in zip(center, size, strict=True))
    return CropDraw(size=size, center=(z, y, x))
