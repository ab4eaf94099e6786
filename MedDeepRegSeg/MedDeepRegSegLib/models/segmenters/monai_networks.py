"""Segmentation networks of MONAI, behind one interface."""

import math
from typing import Any

from torch import Tensor, nn

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.models.networks import import_monai
from MedDeepRegSegLib.models.segmenter_settings import SegmenterSettings


def monai_network(settings: SegmenterSettings) -> nn.Module:
    """Return a network of MONAI with random weights.

    Raises
    ------
    InputError
        If MONAI does not take the settings.
    MissingPackageError
        If MONAI is not installed or cannot be started.
    """
    import_monai(f"the network {settings.network}")
    import monai.networks.nets

    name, arguments = monai_arguments(settings)
    try:
        network: nn.Module = getattr(monai.networks.nets, name)(**arguments)
    except (ValueError, TypeError, NotImplementedError, RuntimeError) as error:
        msg = f"MONAI does not make the network {settings.network} of these settings ({error}): change them"
        raise InputError(msg) from error
    return _Listed(network) if settings.network == "dynunet" else network


def monai_arguments(settings: SegmenterSettings) -> tuple[str, dict[str, Any]]:
    """Return the name of a class of ``monai.networks.nets`` and its arguments, as JSON can hold them.

    Raises
    ------
    InputError
        If the kind of network does not have what the settings ask for.
    """
    make = {"unet": _unet, "custom": _unet, "segresnet": _segresnet, "dynunet": _dynunet}[settings.network]
    name, arguments = make(settings)
    return name, {
        "spatial_dims": 3,
        "in_channels": settings.inputs,
        "out_channels": settings.classes,
        **arguments,
    }


def _unet(settings: SegmenterSettings) -> tuple[str, dict[str, Any]]:
    _without_deep_supervision(settings)
    return "UNet", {
        "channels": list(settings.channels),
        "strides": [list(step) for step in settings.strides],
        "num_res_units": settings.residual_units,
        "norm": _normalization(settings),
        "dropout": settings.dropout,
    }


def _segresnet(settings: SegmenterSettings) -> tuple[str, dict[str, Any]]:
    _without_deep_supervision(settings)
    first, levels = settings.channels[0], len(settings.channels)
    if any(step != (2, 2, 2) for step in settings.strides):
        msg = f"strides are {settings.strides}, expected 2, 2, 2 at each level for SegResNet"
        raise InputError(msg)
    if settings.channels != tuple(first * 2**level for level in range(levels)):
        msg = f"channels are {settings.channels}, expected each the double of the one before for SegResNet"
        raise InputError(msg)
    return "SegResNet", {
        "init_filters": first,
        "dropout_prob": settings.dropout or None,
        "norm": ["GROUP", {"num_groups": _groups(settings)}],
        "blocks_down": [1, *[2] * (levels - 2), 4],
        "blocks_up": [1] * (levels - 1),
    }


def _dynunet(settings: SegmenterSettings) -> tuple[str, dict[str, Any]]:
    return "DynUNet", {
        "kernel_size": [[3, 3, 3]] * len(settings.channels),
        "strides": [[1, 1, 1], *[list(step) for step in settings.strides]],
        "upsample_kernel_size": [list(step) for step in settings.strides],
        "filters": list(settings.channels),
        "norm_name": _normalization(settings),
        "dropout": settings.dropout or None,
        "deep_supervision": settings.deep_supervision > 0,
        "deep_supr_num": max(settings.deep_supervision, 1),
    }


class _Listed(nn.Module):
    """DynUNet gives its outputs stacked at the finest resolution; here they are a list, each at its own."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, values: Tensor) -> Tensor | list[Tensor]:
        """Return logits; in training, with coarser ones after them where the network has these."""
        if not (self.training and self.network.deep_supervision):
            return self.network(values)
        finest = self.network.output_block(self.network.skip_layers(values))
        return [finest, *self.network.heads]


def _normalization(settings: SegmenterSettings) -> Any:
    if settings.normalization == "group":
        return ["GROUP", {"num_groups": _groups(settings)}]
    return {"instance": ["INSTANCE", {"affine": True}], "batch": "BATCH"}[settings.normalization]


def _groups(settings: SegmenterSettings) -> int:
    """Return the number of groups: one that divides the channels of all levels."""
    return math.gcd(8, *settings.channels)


def _without_deep_supervision(settings: SegmenterSettings) -> None:
    if settings.deep_supervision:
        msg = f"the network {settings.network} has no coarser outputs to learn from: set deep_supervision to 0"
        raise InputError(msg)
