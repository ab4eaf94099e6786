"""Segmentation networks of MONAI, behind one interface."""

from types import ModuleType
from typing import Any

from torch import Tensor, nn

from MedDeepRegSegLib.errors import InputError, MissingPackageError
from MedDeepRegSegLib.models.segmenter_settings import SegmenterSettings


def import_monai() -> ModuleType:
    """Return the package monai.

    Raises
    ------
    MissingPackageError
        If it is not installed or cannot be started.
    """
    try:
        import monai
    except (ImportError, OSError) as error:
        state = "is not installed" if isinstance(error, ModuleNotFoundError) else f"cannot be started ({error})"
        msg = (
            f"this network needs MONAI, which {state}: in Slicer, agree to install it when you press Train; elsewhere, run "
            "pip install 'meddeep[networks]'. The network encoder works without it"
        )
        raise MissingPackageError(msg) from error
    return monai


def monai_network(settings: SegmenterSettings) -> nn.Module:
    """Return a network of MONAI with random weights.

    Raises
    ------
    InputError
        If MONAI does not take the settings.
    MissingPackageError
        If MONAI is not installed.
    """
    import_monai()
    make = {"unet": _unet, "custom": _unet, "segresnet": _segresnet, "dynunet": _dynunet}[settings.network]
    try:
        network: nn.Module = make(settings)
    except (ValueError, TypeError, NotImplementedError, RuntimeError) as error:
        msg = f"MONAI does not make the network {settings.network} of these settings ({error}): change them"
        raise InputError(msg) from error
    return network


def _unet(settings: SegmenterSettings) -> nn.Module:
    from monai.networks.nets import UNet

    _without_deep_supervision(settings)
    return UNet(
        spatial_dims=3,
        in_channels=settings.inputs,
        out_channels=settings.classes,
        channels=settings.channels,
        strides=settings.strides,
        num_res_units=settings.residual_units,
        norm=_normalization(settings),
        dropout=settings.dropout,
    )


def _segresnet(settings: SegmenterSettings) -> nn.Module:
    from monai.networks.nets import SegResNet

    _without_deep_supervision(settings)
    if any(step != (2, 2, 2) for step in settings.strides):
        msg = f"strides are {settings.strides}, expected 2, 2, 2 at each level for SegResNet"
        raise InputError(msg)
    levels = len(settings.channels)
    return SegResNet(
        spatial_dims=3,
        init_filters=settings.channels[0],
        in_channels=settings.inputs,
        out_channels=settings.classes,
        dropout_prob=settings.dropout or None,
        norm=("GROUP", {"num_groups": min(8, settings.channels[0])}),
        blocks_down=(1, *(2,) * (levels - 2), 4)[:levels],
        blocks_up=(1,) * (levels - 1),
    )


def _dynunet(settings: SegmenterSettings) -> nn.Module:
    from monai.networks.nets import DynUNet

    kernels = [[3, 3, 3]] * len(settings.channels)
    network = DynUNet(
        spatial_dims=3,
        in_channels=settings.inputs,
        out_channels=settings.classes,
        kernel_size=kernels,
        strides=[[1, 1, 1], *map(list, settings.strides)],
        upsample_kernel_size=[list(step) for step in settings.strides],
        filters=list(settings.channels),
        norm_name=_normalization(settings),
        dropout=settings.dropout or None,
        deep_supervision=settings.deep_supervision > 0,
        deep_supr_num=max(settings.deep_supervision, 1),
    )
    return _Listed(network)


class _Listed(nn.Module):
    """DynUNet gives its outputs stacked at one resolution; here they are a list with the finest first."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, values: Tensor) -> Tensor | list[Tensor]:
        answers = self.network(values)
        return list(answers.unbind(dim=1)) if answers.ndim == 6 else answers


def _normalization(settings: SegmenterSettings) -> Any:
    if settings.normalization == "group":
        return ("GROUP", {"num_groups": min(8, settings.channels[0])})
    return {"instance": ("INSTANCE", {"affine": True}), "batch": "BATCH"}[settings.normalization]


def _without_deep_supervision(settings: SegmenterSettings) -> None:
    if settings.deep_supervision:
        msg = f"the network {settings.network} has no coarser outputs to learn from: set deep_supervision to 0"
        raise InputError(msg)
