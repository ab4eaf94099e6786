"""A segmentation network with what tells how good it is: cross-entropy and soft overlap, where the truth is known.

Classes that were not looked for in a case may hide in its background there, so their chance counts as background's
(marginal loss: G. Shi et al., "Marginal loss and exclusion loss for partially supervised multi-organ segmentation",
Medical Image Analysis 70, 2021). Soft overlap: F. Milletari et al., "V-Net", 3DV 2016.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from MedDeepRegSegLib.models.segmenters.build import build_segmenter
from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.training.cases.settings import UNKNOWN, CaseTrainSettings

MEASURES = ("loss", "cross_entropy", "overlap_loss", "dice")
"""What :class:`CaseObjective` returns, in this order; ``dice`` is the mean over the classes that the patches show."""

_SMOOTH = 1.0  # voxels
_RAREST = 1e-3  # share of the voxels below which a class does not count more
_COARSER = 0.5  # weight of each coarser output relative to the next finer one


@dataclass(frozen=True, eq=False)
class CaseBatch:
    """Patches of cases.

    Attributes
    ----------
    values : Tensor, shape (B, inputs, z, y, x)
    classes : Tensor, shape (B, z, y, x), int64
        Output of the network that is right; :data:`UNKNOWN` where nothing is known.
    looked_for : Tensor, shape (B, classes), bool
        Which outputs were looked for in the case of each patch; the background always.
    """

    values: Tensor
    classes: Tensor
    looked_for: Tensor


class CaseObjective(nn.Module):
    """Losses of a batch.

    Parameters
    ----------
    settings : CaseTrainSettings
    """

    def __init__(self, settings: CaseTrainSettings) -> None:
        super().__init__()
        self._settings = settings
        self.network = build_segmenter(settings.network)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return the parameters, those of a pre-trained encoder with a rate of their own where the network says so."""
        groups = getattr(self.network, "parameter_groups", None)
        return [{"params": list(self.parameters())}] if groups is None else list(groups())

    def forward(self, batch: CaseBatch, random: Randomness) -> Tensor:
        """Return the measures of :data:`MEASURES`; the first is to be minimized."""
        device = batch.values.device
        values = batch.values.contiguous(memory_format=torch.channels_last_3d)
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            # Dropout draws from the global source: seeded by the step, or a run that goes on would not be the same.
            torch.manual_seed(random.integer(0, 2**31 - 1))
            with torch.autocast(device.type, torch.bfloat16, enabled=self._settings.precision == "bfloat16"):
                answers = self.network(values)
        outputs: Sequence[Tensor] = answers if isinstance(answers, list | tuple) else [answers]
        weights = [_COARSER**number for number in range(len(outputs))]
        rows = []
        for logits in outputs:
            classes = _shrunk(batch.classes, logits.shape[2:])
            rows.append(self._measure(logits.float(), classes, batch.looked_for))
        losses = sum(weight * row[:3] for weight, row in zip(weights, rows, strict=True)) / sum(weights)
        assert isinstance(losses, Tensor)
        return torch.cat([losses, rows[0][3:]])

    def _measure(self, logits: Tensor, classes: Tensor, looked_for: Tensor) -> Tensor:
        known = classes != UNKNOWN
        target = classes.clamp_min(0)
        chances = _joined(F.log_softmax(logits, dim=1), looked_for)
        weight = _balance(target, known, logits.shape[1])[target] * known
        entropy = -(chances.gather(1, target[:, None])[:, 0] * weight).sum() / weight.sum().clamp_min(1e-6)
        chances = chances.exp() * known[:, None]
        truth = _one_hot(target, chances) * known[:, None]
        # Over all patches together: one that shows nothing of a class says little about its overlap.
        axes = (0, 2, 3, 4)
        mine = looked_for[:, :, None, None, None]
        common, size = (chances * truth).sum(axes), truth.sum(axes)
        soft = (2 * common + _SMOOTH) / ((chances * mine).sum(axes) + size + _SMOOTH)
        there = size > 0
        there[0] = False  # the background is learned by cross-entropy
        overlap = 1 - soft[there].mean() if there.any() else 0 * soft.sum()
        with torch.no_grad():
            best = _one_hot(chances.argmax(1), chances) * known[:, None]
            hard = 2 * (best * truth).sum(axes) / ((best * mine).sum(axes) + size).clamp_min(1)
            dice = hard[there].mean() if there.any() else soft.detach().mean()
        loss = entropy + self._settings.overlap_weight * overlap
        return torch.stack([loss, entropy, overlap, dice])


def _one_hot(numbers: Tensor, like: Tensor) -> Tensor:
    """Return 1 at the number of each voxel and 0 elsewhere, (B, classes, z, y, x); as floats, half of what integers need."""
    return torch.zeros_like(like, requires_grad=False).scatter_(1, numbers[:, None], 1.0)


def _balance(target: Tensor, known: Tensor, count: int) -> Tensor:
    """Return a weight for each class: small ones would be given up at first, and then neither loss brings them back."""
    voxels = torch.bincount(target[known], minlength=count).float()
    share = voxels / voxels.sum().clamp_min(1)
    return share.clamp_min(_RAREST).rsqrt()


def _joined(chances: Tensor, looked_for: Tensor) -> Tensor:
    """Return log chances in which classes that were not looked for are part of the background."""
    if bool(looked_for.all()):
        return chances
    hidden = ~looked_for[:, :, None, None, None]
    least = torch.finfo(chances.dtype).min
    others = torch.where(hidden, chances, least)
    others = torch.cat([chances[:, :1], others[:, 1:]], dim=1)
    joined = torch.logsumexp(others, dim=1, keepdim=True)
    return torch.cat([joined, chances[:, 1:].masked_fill(hidden[:, 1:], -100.0)], dim=1)


def _shrunk(classes: Tensor, size: Sequence[int]) -> Tensor:
    """Return classes at the resolution of a coarser output."""
    if tuple(classes.shape[1:]) == tuple(size):
        return classes
    return F.interpolate(classes[:, None].float(), size=tuple(size), mode="nearest-exact")[:, 0].long()
