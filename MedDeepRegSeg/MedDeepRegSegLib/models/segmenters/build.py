"""The segmentation network that settings name."""

from typing import TYPE_CHECKING

from MedDeepRegSegLib.models.networks import import_torch
from MedDeepRegSegLib.models.segmenter_settings import SegmenterSettings

if TYPE_CHECKING:
    from torch import nn


def build_segmenter(settings: SegmenterSettings) -> "nn.Module":
    """Return a segmentation network with random weights.

    Its ``forward`` takes (B, inputs, z, y, x) and returns logits (B, classes, z, y, x); in training, where
    ``settings.deep_supervision`` is above 0, a list of logits with the finest first. It may have ``parameter_groups``,
    whose ``rate`` is relative to the learning rate.

    Raises
    ------
    MissingPackageError
        If PyTorch, or MONAI where the network is MONAI's, is not installed.
    """
    import_torch()
    if settings.network == "encoder":
        from MedDeepRegSegLib.models.segmenters.encoder import EncoderSegmenter

        return EncoderSegmenter(settings)
    from MedDeepRegSegLib.models.segmenters.monai_networks import monai_network

    return monai_network(settings)
