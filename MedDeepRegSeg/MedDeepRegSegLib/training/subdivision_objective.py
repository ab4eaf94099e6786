"""The subdivision network with what tells how good it is: cross-entropy, overlap of every part, and the side."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from MedDeepRegSegLib.models.encoder import Encoder
from MedDeepRegSegLib.models.encoder_input import standardize
from MedDeepRegSegLib.models.subdivision_network import SubdivisionNetwork
from MedDeepRegSegLib.synthesis.labeled_views import UNKNOWN, LabeledView
from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.training.subdivision_settings import SubdivisionTraining

MEASURES: tuple[str, ...] = ("loss", "entropy", "overlap_loss", "side_loss", "dice", "side_accuracy")
"""What :class:`SubdivisionObjective` returns, in this order; ``dice`` is the mean over the parts that are shown."""

_SMOOTH = 20.0  # voxels: a part of which a view shows next to nothing counts little


class SubdivisionObjective(nn.Module):
    """Losses of a batch of views.

    Parameters
    ----------
    settings : SubdivisionTraining
    encoder : Encoder
        Where training starts from.
    """

    def __init__(self, settings: SubdivisionTraining, encoder: Encoder) -> None:
        super().__init__()
        self.settings = settings
        self.network = SubdivisionNetwork(settings.network(encoder.settings.channels))
        known = self.network.encoder.state_dict()
        self.network.encoder.load_state_dict({name: encoder.state_dict()[name] for name in known})

    def forward(self, views: list[LabeledView], _random: Randomness) -> Tensor:
        """Return the measures of :data:`MEASURES`; the first is to be minimized."""
        images = torch.stack([view.image for view in views])[:, None]
        inputs = standardize(images).contiguous(memory_format=torch.channels_last_3d)
        with torch.autocast(images.device.type, torch.bfloat16, enabled=self.settings.precision == "bfloat16"):
            logits = self.network(inputs)
        rows = [self._measure(logits[number].float(), view) for number, view in enumerate(views)]
        return torch.stack(rows).mean(dim=0)

    def _measure(self, logits: Tensor, view: LabeledView) -> Tensor:
        classes, sides = view.classes.flatten(), view.sides.flatten()
        logits = logits.flatten(1)
        known = classes != UNKNOWN
        parts = logits[:-1]
        chances = F.log_softmax(parts, dim=0)
        target = classes.clamp_min(0)
        entropy = -(chances.gather(0, target[None])[0] * known).sum() / known.sum().clamp_min(1)
        overlap, dice = self._overlap(chances.exp() * known, target, known)
        sided = sides >= 0
        side = F.binary_cross_entropy_with_logits(logits[-1], sides.clamp_min(0).float(), reduction="none")
        side = (side * sided).sum() / sided.sum().clamp_min(1)
        with torch.no_grad():
            right = ((logits[-1] > 0) == (sides == 1)) & sided
            accuracy = right.sum() / sided.sum().clamp_min(1)
        loss = entropy + overlap + self.settings.side_weight * side
        return torch.stack([loss, entropy, overlap, side, dice, accuracy])

    def _overlap(self, chances: Tensor, target: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss of soft overlap (Dice), and the mean Dice of the parts that are shown and there."""
        count = len(chances)
        inside = torch.where(known, chances.gather(0, target[None])[0], 0.0)
        common = torch.zeros(count, device=chances.device).index_add(0, target, inside)
        size = torch.bincount(target[known], minlength=count).float()
        soft = (2 * common + _SMOOTH) / (chances.sum(dim=1) + size + _SMOOTH)
        there = size > 0
        loss = 1 - soft[there].mean()
        with torch.no_grad():
            best = chances.argmax(dim=0)
            own = torch.bincount(best[known], minlength=count).float()
            hit = torch.bincount(target[known & (best == target)], minlength=count).float()
            shown = torch.tensor(self.network.settings.shown, device=chances.device, dtype=torch.bool) & there
            dice = (2 * hit / (own + size).clamp_min(1))[shown]
        return loss, dice.mean() if len(dice) else soft.detach().mean()
