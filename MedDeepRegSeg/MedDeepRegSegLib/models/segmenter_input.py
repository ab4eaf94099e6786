"""What a segmentation network sees of a case: axes along the patient, voxels of one size, intensities of one scale.

The same code prepares the cases of training and those of prediction. What was chosen (:class:`Preprocessing`) is a part of
the model, so that a model cannot be used otherwise than it was trained.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.volumes.resampling import grid_of_spacing, resample_spacing

if TYPE_CHECKING:
    from torch import Tensor

Method = Literal["contrast", "z-score", "window"]


@dataclass(frozen=True, kw_only=True)
class ChannelScale:
    """How the intensities of one channel are brought to a scale.

    Attributes
    ----------
    method : {"contrast", "z-score", "window"}
        ``contrast``: global and local contrast, two inputs, as the encoder sees images
        (:mod:`MedDeepRegSegLib.models.encoder_input`). ``z-score``: less the mean, by the standard deviation of what is
        not background, of each image, limited to [-5, 5] (MR). ``window``: limited to ``low`` to ``high``, less ``mean``,
        by ``deviation`` of the training cases (CT).
    low, high : float
        Limits, in the units of the image. For ``contrast``, too, where ``low < high``: CT is limited first.
    mean, deviation : float
        Of ``window``, in the units of the image.
    """

    method: Method = "z-score"
    low: float = 0.0
    high: float = 0.0
    mean: float = 0.0
    deviation: float = 1.0

    def __post_init__(self) -> None:
        """Refuse windows without width."""
        if self.method == "window" and not (self.low < self.high and self.deviation > 0):
            msg = (
                f"window is {self.low:g} to {self.high:g} with a standard deviation of {self.deviation:g}, "
                "expected low below high and a positive deviation"
            )
            raise InputError(msg)

    @property
    def inputs(self) -> int:
        """Number of inputs of the network that the channel becomes."""
        return 2 if self.method == "contrast" else 1


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """How a case is prepared.

    Attributes
    ----------
    spacing_mm : tuple of float
        Size of a voxel toward left, back and top, mm.
    channels : tuple of ChannelScale
        One for each image of a case.
    """

    spacing_mm: tuple[float, float, float]
    channels: tuple[ChannelScale, ...]

    @property
    def inputs(self) -> int:
        """Number of inputs of the network."""
        return sum(channel.inputs for channel in self.channels)


@dataclass(frozen=True, eq=False)
class PreparedImage:
    """A case as the network sees it.

    Attributes
    ----------
    values : numpy.ndarray, shape (inputs, z, y, x), float32
    grid : SimpleITK.Image
        Empty; where the voxels lie.
    """

    values: np.ndarray
    grid: sitk.Image


def prepare(images: Sequence[sitk.Image], how: Preprocessing) -> PreparedImage:
    """Return a case as the network sees it.

    Parameters
    ----------
    images : sequence of SimpleITK.Image
        One for each channel, 3-D, scalar, finite; all in one space. The first gives the field of view.
    how : Preprocessing

    Raises
    ------
    InputError
        If their number is not that of the channels, or the grid would be too large for the memory.
    """
    if len(images) != len(how.channels):
        msg = f"the case has {len(images)} images, expected {len(how.channels)}: give one for each channel of the model"
        raise InputError(msg)
    first = sitk.DICOMOrient(images[0], "LPS")
    grid = grid_of_spacing(first, how.spacing_mm)
    parts = []
    for image, scale in zip(images, how.channels, strict=True):
        volume = sitk.Cast(first if image is images[0] else sitk.DICOMOrient(image, "LPS"), sitk.sitkFloat32)
        if scale.low < scale.high:
            volume = sitk.Clamp(volume, sitk.sitkFloat32, scale.low, scale.high)
        # The last voxels of the grid may stand out by less than half a voxel: repeated, not filled with background.
        volume = sitk.ZeroFluxNeumannPad(volume, [1] * 3, [1] * 3)
        volume = resample_spacing(volume, how.spacing_mm, grid=grid)
        parts.append(_scaled(sitk.GetArrayFromImage(volume), scale))
    return PreparedImage(np.concatenate(parts), grid)


def prepare_labels(labels: sitk.Image, grid: sitk.Image, outside: int = 0) -> np.ndarray:
    """Return labels on the grid of a prepared case, (z, y, x), uint8 or uint16.

    Each voxel gets the label that has the largest share there by linear interpolation; what lies beyond the labels gets
    ``outside``.
    """
    wide = sitk.Cast(labels, sitk.sitkUInt16)
    array = sitk.GetArrayFromImage(
        sitk.Resample(wide, grid, sitk.Transform(), sitk.sitkLabelLinear, outside, sitk.sitkUInt16)
    )
    return array.astype(np.uint8) if array.max(initial=0) < 256 else array


def _scaled(values: np.ndarray, scale: ChannelScale) -> np.ndarray:
    """Return a channel as inputs of the network, (inputs, z, y, x)."""
    if scale.method == "contrast":
        return _contrast(values)
    if scale.method == "window":
        return ((values - scale.mean) / scale.deviation)[None].astype(np.float32)
    # Background is most of many images and its share depends on the field of view, so it is left out of the statistics.
    low, high = np.percentile(values, [0.5, 99.5])
    inside = values[values > low + 0.1 * (high - low)]
    inside = inside if inside.size else values
    return np.clip((values - inside.mean()) / max(float(inside.std()), 1e-6), -5, 5)[None].astype(np.float32)


def _contrast(values: np.ndarray) -> np.ndarray:
    import torch

    from MedDeepRegSegLib.models.encoder_input import standardize

    volume: Tensor = torch.from_numpy(np.ascontiguousarray(values, np.float32))
    with torch.inference_mode():
        return standardize(volume[None, None])[0].numpy()
