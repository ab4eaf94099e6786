"""Mirroring along anatomical axes, and the rule that leaves out what no patient looks like.

Left-right is the only flip that the shipped presets allow: people are nearly alike on both sides, and nobody is scanned upside
down or with the face at the back. Even that is left out (:func:`left_right_allowed`) where labels would be wrong afterwards or the
anatomy would be: where the names of labels are not known, where one of them is of one side and its partner is missing, and where one is an
organ that lies on one side of every body. Pairs such as *left kidney* and *right kidney* are swapped.
"""

from dataclasses import dataclass
from typing import Literal

from MedDeepRegSegLib.augmentation.draws import Draws
from MedDeepRegSegLib.augmentation.label_sides import LabelSides
from MedDeepRegSegLib.augmentation.ranges import TransformSettings, check_probability

FlipAxis = Literal["left-right", "front-back", "head-foot"]
AXES: tuple[FlipAxis, ...] = ("left-right", "front-back", "head-foot")


@dataclass(frozen=True, kw_only=True)
class FlipSettings(TransformSettings):
    """Which axes may be mirrored. ``probability`` is that of left-right.

    Attributes
    ----------
    front_back, head_foot : float
        Probabilities of the other axes: 0 unless a preset of one's own asks for them, as for a single cell or a specimen.
    """

    front_back: float = 0.0
    head_foot: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is no probability."""
        super().__post_init__()
        check_probability("front_back", self.front_back)
        check_probability("head_foot", self.head_foot)

    def draw(self, draws: Draws, sides: LabelSides) -> "FlipDraw | None":
        """Return what happens to one sample with labels of these sides; None where nothing does."""
        # All three are drawn always, so that the rule does not change what else is drawn.
        wanted = [draws.chance(each) for each in (self.probability, self.front_back, self.head_foot)]
        wanted[0] = wanted[0] and left_right_allowed(sides)
        axes = tuple(axis for axis, chosen in zip(AXES, wanted, strict=True) if chosen)
        # An odd number of flips changes left into right in the patient, whichever axes they are along.
        if len(axes) % 2 and not left_right_allowed(sides):
            return None
        return FlipDraw(axes=axes, swapped=sides.pairs if len(axes) % 2 else ()) if axes else None


@dataclass(frozen=True, kw_only=True)
class FlipDraw:
    """One mirroring about the center of the window.

    Attributes
    ----------
    axes : tuple of {"left-right", "front-back", "head-foot"}
    swapped : tuple of pairs of int
        Label values that change places.
    """

    transform: Literal["flip"] = "flip"
    axes: tuple[FlipAxis, ...]
    swapped: tuple[tuple[int, int], ...] = ()

    def signs(self) -> tuple[float, float, float]:
        """Return -1 for each of x, y, z that is mirrored, otherwise 1."""
        x, y, z = (-1.0 if axis in self.axes else 1.0 for axis in AXES)
        return x, y, z


def left_right_allowed(sides: LabelSides) -> bool:
    """Return whether an image with these labels may be mirrored."""
    return sides.known and not sides.unpaired and not sides.one_sided
