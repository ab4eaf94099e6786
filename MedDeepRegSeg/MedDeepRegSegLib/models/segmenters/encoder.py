"""The encoder with a head for classes: what it learned of anatomy by synthesis is trained on.

The encoder's finest maps lie at half the resolution: the head brings them to that of the image (depth to space; W. Shi et
al., CVPR 2016) and joins them there with the image as it is, because thin structures are lost at half of it. The coarser
maps answer, too: their answers are added, and learned from where ``deep_supervision`` says so.

Domain: standardized images (:mod:`MedDeepRegSegLib.models.encoder_input`), two inputs each. Several images of a case go
through one encoder; their maps are joined by the head. Codomain: logits.
"""

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.models import encoder_input, self_similarity
from MedDeepRegSegLib.models.convolution import Convolution
from MedDeepRegSegLib.models.encoder import Block, Encoder, EncoderSettings
from MedDeepRegSegLib.models.growing_network import cells_to_voxels, voxels_to_cells
from MedDeepRegSegLib.models.networks import load_encoder
from MedDeepRegSegLib.models.segmenter_settings import SegmenterSettings

ENCODER_RATE = 0.3
"""Learning rate of the encoder relative to that of the head."""

_WIDTH, _RAISED, _DETAIL = 48, 8, 16
_SMALL = 0.01  # standard deviation of first answers: all classes are alike at the start


class EncoderSegmenter(nn.Module):
    """See the module's description.

    Parameters
    ----------
    settings : SegmenterSettings
        ``channels`` are those of the encoder.

    Raises
    ------
    InputError
        If the inputs are not two for each image, or there are not four numbers of channels.
    """

    def __init__(self, settings: SegmenterSettings) -> None:
        super().__init__()
        if settings.inputs % encoder_input.CHANNELS or len(settings.channels) != 4 or settings.deep_supervision > 2:
            msg = (
                f"the network encoder has {settings.inputs} inputs, {len(settings.channels)} levels and "
                f"{settings.deep_supervision} coarser outputs, expected {encoder_input.CHANNELS} inputs for each image, 4 "
                "levels and up to 2 outputs"
            )
            raise InputError(msg)
        self.settings = settings
        first, second, third, fourth = settings.channels
        self.encoder = Encoder(EncoderSettings(channels=(first, second, third, fourth)))
        # The features that tell places apart are not needed, only the maps that they are made of.
        del self.encoder.local_head, self.encoder.context_head
        self._images = settings.inputs // encoder_input.CHANNELS
        # The encoder was taught not to see whether tissue is bright or dark: the image tells, at both resolutions.
        self.join = Block(self._images * (first + self_similarity.CHANNELS) + 8 * settings.inputs, _WIDTH)
        self.raise_to_image = Convolution(_WIDTH, 8 * _RAISED, kernel_size=1)
        self.detail = Block(_RAISED + settings.inputs, _DETAIL)
        self.dropout = nn.Dropout3d(settings.dropout)
        self.answer = Convolution(_DETAIL, settings.classes, kernel_size=1)
        self.answer_two = Convolution(self._images * second, settings.classes, kernel_size=1)
        self.answer_three = Convolution(self._images * third, settings.classes, kernel_size=1)
        for layer in (self.answer, self.answer_two, self.answer_three):
            nn.init.normal_(layer.weight, std=_SMALL)
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return the parameters of the encoder and of the head, with their rates."""
        own = {id(parameter) for parameter in self.encoder.parameters()}
        head = [parameter for parameter in self.parameters() if id(parameter) not in own]
        return [{"params": head}, {"params": list(self.encoder.parameters()), "rate": ENCODER_RATE}]

    def forward(self, values: Tensor) -> Tensor | list[Tensor]:
        """Return logits (B, classes, D, H, W) of inputs (B, inputs, D, H, W); sides are multiples of 16."""
        step = encoder_input.CHANNELS
        maps = [self.encoder.pyramid(values[:, step * one : step * (one + 1)]) for one in range(self._images)]
        one, two, three, _ = (torch.cat(level, dim=1) for level in zip(*maps, strict=True))
        cells = voxels_to_cells(values).to(one.dtype)
        raised = cells_to_voxels(self.raise_to_image(self.join(torch.cat([one, cells], dim=1))))
        fine = self.answer(self.dropout(self.detail(torch.cat([raised, values.to(raised.dtype)], dim=1))))
        coarsest = self.answer_three(three)
        coarse = self.answer_two(two) + F.interpolate(coarsest, scale_factor=2.0, mode="trilinear")
        answer = fine + F.interpolate(coarse, scale_factor=4.0, mode="trilinear")
        if not self.training or not self.settings.deep_supervision:
            return answer
        return [answer, coarse, coarsest][: self.settings.deep_supervision + 1]


def start_weights(network: EncoderSegmenter, folder: Path | None = None) -> str:
    """Give a network the weights of an encoder, and return the SHA-256 of their file.

    Parameters
    ----------
    network : EncoderSegmenter
    folder : Path, optional
        Of an encoder; without one, the encoder that ships.

    Raises
    ------
    InputError
        If the folder holds no encoder, or one of other sizes.
    """
    loaded = load_encoder(folder)
    if loaded.network.settings.channels != network.encoder.settings.channels:
        msg = (
            f"the encoder has the channels {loaded.network.settings.channels}, expected "
            f"{network.encoder.settings.channels}: choose another one"
        )
        raise InputError(msg)
    weights = loaded.network.state_dict()
    network.encoder.load_state_dict({name: weights[name] for name in network.encoder.state_dict()})
    return loaded.description.weights_sha256
