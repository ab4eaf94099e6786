"""The encoder: a small 3-D U-Net with a strided stem, whose features look alike in CT and MR.

Beside the learned stem, its first layer gets hand-made descriptors (:mod:`MedDeepRegSegLib.models.self_similarity`).

Domain: standardized volumes (:mod:`MedDeepRegSegLib.models.encoder_input`). Codomain: unit vectors, at every second
voxel (local features: which structure, and where in it) and at every eighth (context: which part of the body).

Source: O. Cicek et al., "3D U-Net", MICCAI 2016; group normalization, Y. Wu and K. He, ECCV 2018.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from MedDeepRegSegLib.models import encoder_input, self_similarity
from MedDeepRegSegLib.models.convolution import Convolution

STRIDE = 2
"""Voxels of the input for one of the local features; feature k lies at voxel 2 k + 0.5."""
CONTEXT_STRIDE = 8
"""Voxels of the input for one of the context features; feature k lies at voxel 8 k + 3.5."""
MULTIPLE = 16
"""Sides of the input are multiples of this."""

_GROUP = 8


@dataclass(frozen=True)
class EncoderSettings:
    """Sizes of the encoder.

    Attributes
    ----------
    channels : tuple of int
        Channels at 1/2, 1/4, 1/8 and 1/16 of the resolution, multiples of 8.
    local_features, context_features : int
        Length of the feature vectors at 1/2 and at 1/8 of the resolution.
    """

    channels: tuple[int, int, int, int] = (24, 48, 72, 96)
    local_features: int = 16
    context_features: int = 32


class Encoder(nn.Module):
    """See the module's description.

    Parameters
    ----------
    settings : EncoderSettings, optional
    """

    def __init__(self, settings: EncoderSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or EncoderSettings()
        first, second, third, fourth = self.settings.channels
        self.stem = Convolution(encoder_input.CHANNELS, first, kernel_size=STRIDE, stride=STRIDE, bias=False)
        self.stem_activated = _Activated(first)
        self.down1 = nn.Sequential(Block(first + self_similarity.CHANNELS, first), Block(first, first, residual=True))
        self.down2 = nn.Sequential(Block(first, second), Block(second, second, residual=True))
        self.down3 = nn.Sequential(Block(second, third), Block(third, third, residual=True))
        self.down4 = nn.Sequential(Block(third, fourth), Block(fourth, fourth, residual=True))
        self.up3, self.up2, self.up1 = _Up(fourth, third), _Up(third, second), _Up(second, first)
        self.local_head = Convolution(first + self_similarity.CHANNELS, self.settings.local_features, kernel_size=1)
        self.context_head = Convolution(third, self.settings.context_features, kernel_size=1)

    def pyramid(self, volume: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the maps at 1/2, 1/4, 1/8 and 1/16 of the resolution, for heads of other networks."""
        learned = self.stem_activated(self.stem(volume))
        given = self_similarity.self_similarity(volume[:, :1].float()).to(learned.dtype)
        one = self.down1(torch.cat([learned, given], dim=1))
        two = self.down2(F.max_pool3d(one, 2))
        three = self.down3(F.max_pool3d(two, 2))
        four = self.down4(F.max_pool3d(three, 2))
        three = self.up3(four, three)
        two = self.up2(three, two)
        # The descriptors go on as they are, too: what follows can only add to them.
        return torch.cat([self.up1(two, one), given], dim=1), two, three, four

    def forward(self, volume: Tensor) -> tuple[Tensor, Tensor]:
        """Return local and context features.

        Parameters
        ----------
        volume : Tensor, shape (B, 2, D, H, W)
            Standardized; D, H and W are multiples of 16.

        Returns
        -------
        local : Tensor, shape (B, local_features, D / 2, H / 2, W / 2)
        context : Tensor, shape (B, context_features, D / 8, H / 8, W / 8)
            float32; vectors of length 1.
        """
        return self.heads(self.pyramid(volume))

    def heads(self, maps: tuple[Tensor, Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Return local and context features of the maps of :meth:`pyramid`."""
        one, _, three, _ = maps
        return _unit(self.local_head(one)), _unit(self.context_head(three))


def _unit(features: Tensor) -> Tensor:
    """Return the vectors at length 1, in full precision even where the network computes in half."""
    return F.normalize(features.float(), dim=1)


class _Activated(nn.Module):
    """Group normalization, then a leaky ramp."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(channels // _GROUP, channels)

    def forward(self, maps: Tensor) -> Tensor:
        return F.leaky_relu(self.norm(maps), 0.1)


class Block(nn.Module):
    """Convolution of 3 x 3 x 3 voxels, normalization, ramp; the input added where ``residual``."""

    def __init__(self, inputs: int, outputs: int, *, residual: bool = False) -> None:
        super().__init__()
        self.convolution = Convolution(inputs, outputs, kernel_size=3, padding=1, bias=False)
        self.activated = _Activated(outputs)
        self.residual = residual

    def forward(self, maps: Tensor) -> Tensor:
        result = self.activated(self.convolution(maps))
        return maps + result if self.residual else result


class _Up(nn.Module):
    """Bring a coarser map to the resolution of a finer one and join both."""

    def __init__(self, coarse: int, fine: int) -> None:
        super().__init__()
        self.reduce = nn.Sequential(Convolution(coarse, fine, kernel_size=1, bias=False), _Activated(fine))
        self.join = Block(2 * fine, fine)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        raised = F.interpolate(self.reduce(coarse), scale_factor=2.0, mode="trilinear", align_corners=False)
        return self.join(torch.cat([raised, fine], dim=1))
