"""The encoder with what tells how well it guesses what is hidden.

Blocks of a view are hidden, and one linear layer on the finest maps of the encoder says what was in them: the loss is the
mean absolute difference there, of standardized intensities.

Source: Z. Xie et al., "SimMIM", CVPR 2022 (a learned token in place of what is hidden, a linear decoder, mean absolute
error of what is hidden alone); K. He et al., "Masked autoencoders are scalable vision learners", CVPR 2022.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from MedDeepRegSegLib.models import encoder_input, self_similarity
from MedDeepRegSegLib.models.encoder import STRIDE, Encoder
from MedDeepRegSegLib.models.growing_network import cells_to_voxels
from MedDeepRegSegLib.synthesis.randomness import Randomness
from MedDeepRegSegLib.training.masked_settings import MaskedSettings

MEASURES = ("loss", "of_mean")
"""Mean absolute error of what is hidden: of the network, and of the mean of what is seen, that any network should beat."""


class MaskedView(NamedTuple):
    """Standardized views (B, 2, D, H, W), and where they are of the image (B, 1, D, H, W), 1 or 0."""

    volume: Tensor
    inside: Tensor


class MaskedObjective(nn.Module):
    """See the module's description.

    Parameters
    ----------
    settings : MaskedSettings
    """

    def __init__(self, settings: MaskedSettings) -> None:
        super().__init__()
        self.settings = settings
        self.encoder = Encoder(settings.encoder)
        # What compares places is not asked here, and stays as it was.
        for head in (self.encoder.local_head, self.encoder.context_head):
            head.requires_grad_(False)
        self.token = nn.Parameter(torch.zeros(encoder_input.CHANNELS))
        inputs = settings.encoder.channels[0] + self_similarity.CHANNELS
        self.decoder = nn.Conv3d(inputs, STRIDE**3 * encoder_input.CHANNELS, kernel_size=1)

    def forward(self, view: MaskedView, random: Randomness) -> Tensor:
        """Return the measures of :data:`MEASURES`; the first is to be minimized."""
        hidden = self._hidden(view, random)
        shown = torch.where(hidden, self.token.view(1, -1, 1, 1, 1), view.volume)
        shown = shown.contiguous(memory_format=torch.channels_last_3d)
        with torch.autocast(shown.device.type, torch.bfloat16, enabled=self.settings.precision == "bfloat16"):
            finest = self.encoder.pyramid(shown)[0]
            guess = cells_to_voxels(self.decoder(finest))
        asked = (hidden & (view.inside > 0)).float()
        seen = (~hidden & (view.inside > 0)).float()
        mean = (view.volume * seen).sum((2, 3, 4), keepdim=True) / seen.sum((2, 3, 4), keepdim=True).clamp_min(1)
        errors = [((part - view.volume).abs() * asked).sum() for part in (guess.float(), mean)]
        return torch.stack(errors) / (encoder_input.CHANNELS * asked.sum()).clamp_min(1)

    def _hidden(self, view: MaskedView, random: Randomness) -> Tensor:
        """Return which voxels are hidden, (B, 1, D, H, W): a fixed number of blocks of each view, never all."""
        block = self.settings.block
        cells = [side // block for side in view.volume.shape[2:]]
        count = cells[0] * cells[1] * cells[2]
        number = min(max(round(self.settings.hidden * count), 1), count - 1)
        order = torch.stack([random.permutation(count) for _ in view.volume])
        coarse = (order < number).view(-1, 1, *cells)
        return F.interpolate(coarse.float(), scale_factor=float(block), mode="nearest") > 0
