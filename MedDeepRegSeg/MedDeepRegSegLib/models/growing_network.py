"""The growing network: from clicks, strokes and a box to a structure, by a cellular automaton from coarse to fine.

An encoder sees the image alone, so that it runs once for an image and every click after that is cheap. At 1/8, 1/4 and
1/2 of the resolution each cell then looks at its neighbors, at the image's features, at how alike it is to the places
that were clicked, and at what was grown before, and updates its state by one shared rule again and again: what is known
at the clicks spreads from cell to cell.

Domain: standardized volumes (:mod:`MedDeepRegSegLib.models.encoder_input`) and prompts
(:mod:`MedDeepRegSegLib.models.growing_prompts`) on the same grid. Codomain: logits on that grid, above 0 inside.

Source: growing automata, A. Mordvintsev et al., "Growing neural cellular automata", Distill 2020; prompts as channels,
K. Sofiiuk et al., "Reviving iterative training with mask guidance for interactive segmentation", ICIP 2022.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from MedDeepRegSegLib.models import encoder_input, growing_prompts
from MedDeepRegSegLib.models.convolution import Convolution

MULTIPLE = 16
"""Sides of the input are multiples of this."""

_STRIDES = (2, 4, 8)
_LEAST_SIMILARITY = -1.0


@dataclass(frozen=True)
class GrowingNetworkSettings:
    """Sizes of the growing network.

    Attributes
    ----------
    channels : tuple of int
        Channels of the encoder at 1/2, 1/4, 1/8 and 1/16 of the resolution.
    states : tuple of int
        Length of a cell's state at 1/2, 1/4 and 1/8 of the resolution.
    steps : tuple of int
        Updates of the automaton there.
    similarity_features : int
        Length of the vectors by which places are compared with those that were clicked.
    """

    channels: tuple[int, int, int, int] = (24, 48, 64, 96)
    states: tuple[int, int, int] = (16, 32, 48)
    steps: tuple[int, int, int] = (2, 4, 8)
    similarity_features: int = 16


@dataclass(frozen=True, eq=False)
class Encoded:
    """What the network knows of an image before any click: maps at 1/2, 1/4 and 1/8, and unit vectors to compare."""

    maps: tuple[Tensor, Tensor, Tensor]
    similarity: tuple[Tensor, Tensor, Tensor]

    def of(self, which: Sequence[int]) -> "Encoded":
        """Return what is known of some of the images, in any order, also of one again and again."""
        maps, similarity = (tuple(chosen(part, which) for part in parts) for parts in (self.maps, self.similarity))
        return Encoded(maps, similarity)  # type: ignore[arg-type]


class GrowingNetwork(nn.Module):
    """See the module's description."""

    def __init__(self, settings: GrowingNetworkSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or GrowingNetworkSettings()
        first, second, third, fourth = self.settings.channels
        states, length = self.settings.states, self.settings.similarity_features
        self.down1 = nn.Sequential(_Block(8 * encoder_input.CHANNELS, first), _Block(first, first, residual=True))
        self.down2 = nn.Sequential(_Block(first, second), _Block(second, second, residual=True))
        self.down3 = nn.Sequential(
            _Block(second, third), _Block(third, third, residual=True), _Block(third, third, residual=True)
        )
        self.down4 = nn.Sequential(
            _Block(third, fourth), _Block(fourth, fourth, residual=True), _Block(fourth, fourth, residual=True)
        )
        self.up3, self.up2, self.up1 = _Up(fourth, third), _Up(third, second), _Up(second, first)
        self.similarity = nn.ModuleList(Convolution(size, length, 1) for size in (first, second, third))
        given = growing_prompts.CHANNELS + 2
        self.begin1 = _Block(first + given + states[1], states[0], kernel=1)
        self.begin2 = _Block(second + given + states[2], states[1], kernel=1)
        self.begin3 = _Block(third + given, states[2])
        self.rules = nn.ModuleList(_Rule(size) for size in states)
        self.coarse_heads = nn.ModuleList(Convolution(size, 1, 1) for size in states)
        self.fine = _Block(states[0] + 8 * (1 + growing_prompts.CHANNELS), 24, kernel=1)
        self.head = Convolution(24, 8, 3, padding=1)

    def encode(self, volume: Tensor) -> Encoded:
        """Return what is known before any click.

        Parameters
        ----------
        volume : Tensor, shape (B, 2, D, H, W)
            Standardized; D, H and W are multiples of 16.
        """
        one = self.down1(voxels_to_cells(volume))
        two = self.down2(F.max_pool3d(one, 2))
        three = self.down3(F.max_pool3d(two, 2))
        four = self.down4(F.max_pool3d(three, 2))
        three = self.up3(four, three)
        two = self.up2(three, two)
        one = self.up1(two, one)
        maps = one, two, three
        first, second, third = (
            F.normalize(head(part).float(), dim=1) for head, part in zip(self.similarity, maps, strict=True)
        )
        return Encoded(maps, (first, second, third))

    def forward(
        self, encoded: Encoded, volume: Tensor, prompts: Tensor, points: Tensor, signs: Tensor
    ) -> tuple[Tensor, list[Tensor]]:
        """Grow.

        Parameters
        ----------
        encoded : Encoded
            Of ``volume``.
        volume : Tensor, shape (B, 2, D, H, W)
        prompts : Tensor, shape (B, 6, D, H, W)
        points : Tensor, shape (B, K, 3), int64
            Voxels that were clicked.
        signs : Tensor, shape (B, K), int64
            1 for a point inside, -1 for one outside, 0 for none.

        Returns
        -------
        logits : Tensor, shape (B, 1, D, H, W), float32
        coarse : list of Tensor
            Logits at 1/2, 1/4 and 1/8 of the resolution, to learn from.
        """
        logits, _, coarse = self.grow(encoded, volume, prompts, points, signs)
        return logits, coarse

    def grow(
        self, encoded: Encoded, volume: Tensor, prompts: Tensor, points: Tensor, signs: Tensor
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Return what :meth:`forward` does, and in between the last features (B, 24, D / 2, H / 2, W / 2)."""
        half = _halved(prompts)
        quarter = _halved(half)
        levels = (half, quarter, _halved(quarter))
        coarse: list[Tensor] = []
        state: Tensor | None = None
        for level, begin in ((2, self.begin3), (1, self.begin2), (0, self.begin1)):
            alike = _similarity(encoded.similarity[level], points, signs, _STRIDES[level])
            parts = [encoded.maps[level], levels[level], alike.to(encoded.maps[level].dtype)]
            if state is not None:
                parts.append(_doubled(state))
            state = begin(torch.cat(parts, dim=1))
            rule = self.rules[level]
            for _ in range(self.settings.steps[level]):
                state = rule(state)
            coarse.insert(0, self.coarse_heads[level](state).float())
        assert state is not None
        own = voxels_to_cells(torch.cat([volume[:, :1], prompts], dim=1))
        last = self.fine(torch.cat([state, own], dim=1))
        return cells_to_voxels(self.head(last)).float(), last, coarse


class _Block(nn.Module):
    """Convolution and ramp; the input added where ``residual``."""

    def __init__(self, inputs: int, outputs: int, *, kernel: int = 3, residual: bool = False) -> None:
        super().__init__()
        self.convolution = Convolution(inputs, outputs, kernel, padding=kernel // 2)
        self.residual = residual

    def forward(self, maps: Tensor) -> Tensor:
        result = F.relu(self.convolution(maps))
        return maps + result if self.residual else result


class _Up(nn.Module):
    """Bring a coarser map to the resolution of a finer one and join both."""

    def __init__(self, coarse: int, fine: int) -> None:
        super().__init__()
        self.reduce = _Block(coarse, fine, kernel=1)
        self.join = _Block(2 * fine, fine)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        return self.join(torch.cat([fine, _doubled(self.reduce(coarse))], dim=1))


class _Rule(nn.Module):
    """One update of the automaton: each cell, its state normalized, looks at its 26 neighbors and adds to its state."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(size))
        self.look = Convolution(size, size, 3, padding=1)
        self.update = Convolution(size, size, 1)
        nn.init.normal_(self.update.weight, std=0.02)
        nn.init.zeros_(self.update.bias)  # type: ignore[arg-type]

    def forward(self, state: Tensor) -> Tensor:
        size = state.square().mean(dim=1, keepdim=True)
        normal = state * torch.rsqrt(size + 1e-3) * self.gain.view(1, -1, 1, 1, 1)
        return state + self.update(F.relu(self.look(normal)))


def _similarity(vectors: Tensor, points: Tensor, signs: Tensor, stride: int) -> Tensor:
    """Return how alike each place is to the most alike point inside, and outside, (B, 2, ...), -1 to 1."""
    batch, length, *size = vectors.shape
    place = points // stride
    limits = torch.tensor(size, device=points.device) - 1
    place = torch.minimum(place.clamp_min(0), limits)
    flat = (place[..., 0] * size[1] + place[..., 1]) * size[2] + place[..., 2]
    columns = vectors.reshape(batch, length, -1)
    own = columns.gather(2, flat[:, None].expand(batch, length, -1))
    cosine = own.transpose(1, 2) @ columns
    parts = [
        cosine.masked_fill((signs != sign)[..., None], _LEAST_SIMILARITY).amax(dim=1).clamp_min(_LEAST_SIMILARITY)
        for sign in (1, -1)
    ]
    return torch.stack(parts, dim=1).reshape(batch, 2, *size)


def _halved(prompts: Tensor) -> Tensor:
    """Return prompts at half the resolution: a click is not lost, all else is averaged."""
    clicks = growing_prompts.CLICKS
    return torch.cat([F.max_pool3d(prompts[:, :clicks], 2), F.avg_pool3d(prompts[:, clicks:], 2)], dim=1)


def _doubled(maps: Tensor) -> Tensor:
    return F.interpolate(maps, scale_factor=2.0, mode="trilinear", align_corners=False)


def chosen(batch: Tensor, which: Sequence[int]) -> Tensor:
    """Return some items of a batch (B, ...); gradients are added up in their order, which those of an index are not."""
    return torch.cat([batch[at : at + 1] for at in which])


def voxels_to_cells(maps: Tensor) -> Tensor:
    """Return (B, C, D, H, W) as (B, 8 C, D / 2, H / 2, W / 2): the eight voxels of a block lie in channels."""
    batch, channels, depth, height, width = maps.shape
    blocks = maps.reshape(batch, channels, depth // 2, 2, height // 2, 2, width // 2, 2)
    return blocks.permute(0, 1, 3, 5, 7, 2, 4, 6).reshape(batch, 8 * channels, depth // 2, height // 2, width // 2)


def cells_to_voxels(maps: Tensor) -> Tensor:
    """Undo :func:`voxels_to_cells`."""
    batch, channels, depth, height, width = maps.shape
    blocks = maps.reshape(batch, channels // 8, 2, 2, 2, depth, height, width)
    return blocks.permute(0, 1, 5, 2, 6, 3, 7, 4).reshape(batch, channels // 8, 2 * depth, 2 * height, 2 * width)
