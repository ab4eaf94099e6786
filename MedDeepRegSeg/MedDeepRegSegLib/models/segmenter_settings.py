"""Which segmentation network, and how large: what is needed to build it."""

from dataclasses import dataclass
from typing import Literal

from MedDeepRegSegLib.errors import InputError

NetworkName = Literal["encoder", "unet", "segresnet", "dynunet", "custom"]

_MOST_CHANNELS, _MOST_CLASSES, _MOST_INPUTS, _MOST_LEVELS = 1024, 256, 32, 8


@dataclass(frozen=True, kw_only=True)
class SegmenterSettings:
    """Sizes of a segmentation network.

    Attributes
    ----------
    network : {"encoder", "unet", "segresnet", "dynunet", "custom"}
        ``encoder``: the encoder that ships with a head for the classes, trained on. Others are MONAI's and begin from
        random weights: a small U-Net, SegResNet, DynUNet, and a U-Net as described by the fields below.
    inputs : int
        Inputs, see :class:`MedDeepRegSegLib.models.segmenter_input.Preprocessing`.
    classes : int
        Outputs, the background among them.
    channels : tuple of int
        At each level, from the finest.
    strides : tuple of (int, int, int)
        From each level to the next, along z, y, x; one fewer than ``channels``.
    residual_units : int
        Of each level of ``custom``; 0 for plain convolutions.
    normalization : {"instance", "batch", "group"}
    dropout : float
        Fraction of features left out in training.
    deep_supervision : int
        Coarser outputs that are learned from, too; 0 for none.
    """

    network: NetworkName = "encoder"
    inputs: int = 2
    classes: int = 2
    channels: tuple[int, ...] = (24, 48, 72, 96)
    strides: tuple[tuple[int, int, int], ...] = ((2, 2, 2),) * 3
    residual_units: int = 0
    normalization: Literal["instance", "batch", "group"] = "instance"
    dropout: float = 0.0
    deep_supervision: int = 0

    def __post_init__(self) -> None:
        """Refuse sizes that no network has: they may come from a file."""
        if not 1 <= self.inputs <= _MOST_INPUTS or not 2 <= self.classes <= _MOST_CLASSES:
            msg = (
                f"the network has {self.inputs} inputs and {self.classes} classes, expected up to {_MOST_INPUTS} inputs "
                f"and 2 to {_MOST_CLASSES} classes with the background"
            )
            raise InputError(msg)
        if not 2 <= len(self.channels) <= _MOST_LEVELS or not all(1 <= one <= _MOST_CHANNELS for one in self.channels):
            msg = f"channels are {self.channels}, expected 2 to {_MOST_LEVELS} numbers from 1 to {_MOST_CHANNELS}"
            raise InputError(msg)
        if len(self.strides) != len(self.channels) - 1 or not all(
            1 <= step <= 4 for row in self.strides for step in row
        ):
            msg = f"strides are {self.strides}, expected {len(self.channels) - 1} triples of 1 to 4: one between two levels"
            raise InputError(msg)
        if not 0 <= self.dropout < 1 or not 0 <= self.residual_units <= 8:
            msg = (
                f"dropout is {self.dropout:g} and residual_units {self.residual_units}, expected a fraction below 1 and at "
                "most 8 units"
            )
            raise InputError(msg)
        if not 0 <= self.deep_supervision < len(self.channels):
            msg = f"deep_supervision is {self.deep_supervision}, expected fewer than the {len(self.channels)} levels"
            raise InputError(msg)

    @property
    def multiple(self) -> tuple[int, int, int]:
        """Sides of what the network takes are multiples of these, along z, y, x."""
        if self.network == "encoder":
            return (16, 16, 16)
        z = y = x = 1
        for one in self.strides:
            z, y, x = z * one[0], y * one[1], x * one[2]
        return (z, y, x)
