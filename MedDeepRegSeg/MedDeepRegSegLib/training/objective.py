"""The encoder with everything that tells how good its features are, as one module, so that processes can share it."""

import torch
from torch import Tensor, nn

from MedDeepRegSegLib.models.encoder import CONTEXT_STRIDE, STRIDE, Encoder
from MedDeepRegSegLib.models.encoder_input import standardize
from MedDeepRegSegLib.synthesis.pairs import Pair
from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.training.anchors import Anchors, draw_anchors
from MedDeepRegSegLib.training.losses import class_loss, features_at, global_loss, place_loss, region_loss
from MedDeepRegSegLib.training.settings import PretrainSettings

_LOCAL_NEAREST, _CONTEXT_NEAREST = 6.0, 12.0  # voxels

MEASURES = ("loss", "local", "global", "context", "region", "local_accuracy", "context_accuracy")
"""What :class:`PretrainObjective` returns, in this order."""


class PretrainObjective(nn.Module):
    """Losses of a batch of pairs.

    Parameters
    ----------
    settings : PretrainSettings
    class_count : int
        Number of anatomical classes of the real label maps.
    """

    def __init__(self, settings: PretrainSettings, class_count: int) -> None:
        super().__init__()
        self.settings = settings
        self.encoder = Encoder(settings.encoder)
        self.directions = nn.Parameter(torch.randn(class_count, settings.encoder.local_features))

    def forward(self, pairs: list[Pair], random: Randomness) -> Tensor:
        """Return the measures of :data:`MEASURES`, (7,), means over the pairs; the first is to be minimized."""
        views = torch.stack([view for pair in pairs for view in (pair.first, pair.second)])[:, None]
        inputs = standardize(views).contiguous(memory_format=torch.channels_last_3d)
        with torch.autocast(views.device.type, torch.bfloat16, enabled=self.settings.precision == "bfloat16"):
            local, context = self.encoder(inputs)
        rows = []
        for number, pair in enumerate(pairs):
            anchors = draw_anchors(pair, random, self.settings.anchors)
            if anchors is not None:
                maps = (part[2 * number : 2 * number + 2] for part in (local, context))
                rows.append(self._measure(pair, anchors, *maps, random=random))
        # Every parameter takes part in every step, also where no pair is of use.
        unused = 0 * (local.sum() + context.sum() + self.directions.sum())
        if not rows:
            return torch.zeros(len(MEASURES), device=views.device) + unused
        return torch.stack(rows).mean(dim=0) + unused

    def _measure(self, pair: Pair, anchors: Anchors, local: Tensor, context: Tensor, *, random: Randomness) -> Tensor:
        settings = self.settings
        temperature = settings.temperature
        first, second = (
            features_at(local[view], place, STRIDE) for view, place in ((0, anchors.first), (1, anchors.second))
        )
        exact, local_accuracy = place_loss(
            second,
            local[0],
            anchors.first,
            random,
            stride=STRIDE,
            count=settings.neighbors,
            temperature=temperature,
        )
        anywhere, _ = global_loss(second, first, anchors.second, nearest=_LOCAL_NEAREST, temperature=temperature)
        around, context_accuracy = global_loss(
            features_at(context[1], anchors.second, CONTEXT_STRIDE),
            features_at(context[0], anchors.first, CONTEXT_STRIDE),
            anchors.second,
            nearest=_CONTEXT_NEAREST,
            temperature=temperature,
        )
        if pair.classes is None:
            region = region_loss(second, first, anchors.labels, temperature=temperature)
        else:
            both = torch.cat([second, first], dim=1)
            classes = pair.classes[anchors.labels].repeat(2)
            region = class_loss(both, self.directions, classes, temperature=temperature)
        loss = (
            exact
            + settings.global_weight * anywhere
            + settings.context_weight * around
            + settings.region_weight * region
        )
        return torch.stack([loss, exact, anywhere, around, region, local_accuracy, context_accuracy])
