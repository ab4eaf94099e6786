"""The encoder with everything that tells how good its features are, as one module, so that processes can share it."""

import torch
from torch import Tensor, nn

from MedDeepRegSegLib.models.encoder import CONTEXT_STRIDE, STRIDE, Encoder
from MedDeepRegSegLib.models.encoder_input import standardize
from MedDeepRegSegLib.synthesis.pairs import Pair
from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.training.anchors import Anchors, draw_anchors
from MedDeepRegSegLib.training.dense import DenseHeads, View
from MedDeepRegSegLib.training.losses import features_at, global_loss, place_loss, region_loss
from MedDeepRegSegLib.training.settings import PretrainSettings

_LOCAL_NEAREST, _CONTEXT_NEAREST = 6.0, 12.0  # voxels

MEASURES: tuple[str, ...] = ("loss", "local", "global", "context", "region", "boundary", "position")
MEASURES += ("local_accuracy", "context_accuracy")
"""What :class:`PretrainObjective` returns, in this order. ``region`` is of structures or of regions without a name."""


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
        self.dense = DenseHeads(settings.encoder, class_count, settings.temperature)

    def forward(self, pairs: list[Pair], random: Randomness) -> Tensor:
        """Return the measures of :data:`MEASURES`, means over the pairs; the first is to be minimized."""
        views = torch.stack([view for pair in pairs for view in (pair.first, pair.second)])[:, None]
        inputs = standardize(views).contiguous(memory_format=torch.channels_last_3d)
        with torch.autocast(views.device.type, torch.bfloat16, enabled=self.settings.precision == "bfloat16"):
            maps = self.encoder.pyramid(inputs)
            local, context = self.encoder.heads(maps)
        rows = []
        for number, pair in enumerate(pairs):
            own = slice(2 * number, 2 * number + 2)
            rows.append(self._measure(pair, maps[0][own], local[own], context[own], random))
        # Every parameter takes part in every step, also where nothing is known of a pair's structures.
        unused = sum(parameter.sum() * 0 for parameter in self.parameters())
        return torch.stack(rows).mean(dim=0) + unused

    def _measure(self, pair: Pair, trunk: Tensor, local: Tensor, context: Tensor, random: Randomness) -> Tensor:
        """Return the measures of one pair; maps hold its first, then its second view."""
        settings = self.settings
        zero = local.sum() * 0
        exact = anywhere = around = region = local_accuracy = context_accuracy = zero
        anchors = draw_anchors(pair, random, settings.anchors)
        if anchors is not None:
            exact, anywhere, region, local_accuracy = self._local(pair, anchors, local, random)
            around, context_accuracy = self._context(anchors, context)
        boundary, position = zero, zero
        known: list[Tensor] = []
        sides = (pair.first_labels, pair.first_valid, pair.first_position)
        others = (pair.second_labels, pair.second_valid, pair.second_position)
        for number, (labels, valid, place) in enumerate((sides, others)):
            view = View(labels, valid, place, pair.classes, trunk[number], local[number], context[number])
            edges, classes, where = self.dense(view, random, settings.voxels)
            boundary = boundary + edges / 2
            position = position if where is None else position + where / 2
            known += [] if classes is None else [classes]
        if known:
            region = torch.stack(known).mean()
        loss = (
            exact
            + settings.global_weight * anywhere
            + settings.context_weight * around
            + settings.region_weight * region
            + settings.boundary_weight * boundary
            + settings.position_weight * position
        )
        return torch.stack(
            [loss, exact, anywhere, around, region, boundary, position, local_accuracy, context_accuracy]
        )

    def _local(
        self, pair: Pair, anchors: Anchors, local: Tensor, random: Randomness
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the losses of the exact place, of the place anywhere and of unnamed regions, and the accuracy."""
        settings = self.settings
        first, second = features_at(local[0], anchors.first, STRIDE), features_at(local[1], anchors.second, STRIDE)
        exact, accuracy = place_loss(
            second,
            local[0],
            anchors.first,
            random,
            stride=STRIDE,
            count=settings.neighbors,
            temperature=settings.temperature,
        )
        anywhere, _ = global_loss(
            second, first, anchors.second, nearest=_LOCAL_NEAREST, temperature=settings.temperature
        )
        region = local.sum() * 0
        if pair.classes is None:
            # Without names, regions are only known apart from those of the same pair, which is a weaker truth.
            region = 0.3 * region_loss(second, first, anchors.labels, temperature=settings.temperature)
        return exact, anywhere, region, accuracy

    def _context(self, anchors: Anchors, context: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss and the accuracy of context features."""
        return global_loss(
            features_at(context[1], anchors.second, CONTEXT_STRIDE),
            features_at(context[0], anchors.first, CONTEXT_STRIDE),
            anchors.second,
            nearest=_CONTEXT_NEAREST,
            temperature=self.settings.temperature,
        )
