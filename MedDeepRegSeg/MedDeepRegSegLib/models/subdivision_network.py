"""The subdivision network: the encoder, and a head that names the part of the body at every voxel.

The head works at half the resolution, where the encoder's finest maps lie, and answers for the eight voxels of each of
its cells at once (depth to space). Left and right are one question for all parts: a part that exists twice is one
class, and one more number tells the side, so that what is learned of one side serves the other.

Domain: standardized volumes (:mod:`MedDeepRegSegLib.models.encoder_input`) whose axes run to the left, to the back and
to the top of the person. Codomain: a logit for each class, then that of the left side.

Source: depth to space, W. Shi et al., "Real-time single image and video super-resolution", CVPR 2016.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from MedDeepRegSegLib.models import self_similarity
from MedDeepRegSegLib.models.convolution import Convolution
from MedDeepRegSegLib.models.encoder import STRIDE, Block, Encoder, EncoderSettings


@dataclass(frozen=True)
class SubdivisionSettings:
    """Sizes and classes of the network.

    Attributes
    ----------
    channels : tuple of int
        Of the encoder, see :class:`~MedDeepRegSegLib.models.encoder.EncoderSettings`.
    head_channels : int
        Of the head, a multiple of 8.
    sided : tuple of int
        0 or 1 for each class: whether it exists on the left and on the right. Class 0 is what is nothing else.
    shown : tuple of int
        0 or 1 for each class: whether it is a part to be shown, or is only told apart to help the others.
    """

    channels: tuple[int, int, int, int] = (24, 48, 72, 96)
    head_channels: int = 48
    sided: tuple[int, ...] = (0, 1)
    shown: tuple[int, ...] = (0, 1)


class SubdivisionNetwork(nn.Module):
    """See the module's description.

    Parameters
    ----------
    settings : SubdivisionSettings
    """

    def __init__(self, settings: SubdivisionSettings) -> None:
        super().__init__()
        self.settings = settings
        self.encoder = Encoder(EncoderSettings(channels=settings.channels))
        # The features that tell places apart are not needed, only the maps that they are made of.
        del self.encoder.local_head, self.encoder.context_head
        width = settings.head_channels
        self.join = Block(settings.channels[0] + self_similarity.CHANNELS, width)
        self.answer = Convolution(width, STRIDE**3 * (len(settings.sided) + 1), kernel_size=1)

    def forward(self, volume: Tensor) -> Tensor:
        """Return logits of the classes, and last that of the left side.

        Parameters
        ----------
        volume : Tensor, shape (B, 2, D, H, W)
            Standardized; D, H and W are multiples of 16.

        Returns
        -------
        Tensor, shape (B, classes + 1, D, H, W)
        """
        answer = self.answer(self.join(self.encoder.pyramid(volume)[0]))
        batch, _, depth, height, width = answer.shape
        cells = answer.reshape(batch, -1, STRIDE, STRIDE, STRIDE, depth, height, width)
        return cells.permute(0, 1, 5, 2, 6, 3, 7, 4).reshape(batch, -1, STRIDE * depth, STRIDE * height, STRIDE * width)
