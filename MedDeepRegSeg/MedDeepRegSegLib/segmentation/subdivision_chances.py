"""How likely each part is at every voxel of a working volume: the subdivision network at work.

The image is brought to axes along the patient and cubic voxels first, because the network knows left and right, front
and back only so. CT in Hounsfield units is limited to soft tissue.
"""

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.features.windows import OVERLAP, TILE, plan_windows
from MedDeepRegSegLib.features.working_volume import choose_spacing, working_volume
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress
from MedDeepRegSegLib.volumes.memory import check_memory
from MedDeepRegSegLib.volumes.modality import Modality, guess_modality

if TYPE_CHECKING:
    from MedDeepRegSegLib.models.subdivision_loader import LoadedSubdivision

CT_RANGE_HU = (-100.0, 200.0)
"""CT is limited to this: gray and white matter differ by ten Hounsfield units."""

_MOST_VOXELS = 16_000_000  # of the working volume: a field of view of half a meter at 2 mm
_LEAST_VOXELS = 32  # of the working volume along each axis: the network was trained on views of most of a structure
_PASSES = 28  # about the number of convolutions, for progress and cancelling within a window


@dataclass(frozen=True, eq=False)
class Chances:
    """What the network says.

    Attributes
    ----------
    parts : numpy.ndarray, shape (classes, z, y, x), float32
        Chance of each class; they add up to 1.
    left : numpy.ndarray, shape (z, y, x), float32
        Logit of the left side; above 0 is left.
    grid : SimpleITK.Image
        The working volume.
    """

    parts: np.ndarray
    left: np.ndarray
    grid: sitk.Image


def part_chances(
    image: sitk.Image,
    loaded: "LoadedSubdivision",
    *,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> Chances:
    """Return how likely each part is on the working grid of an image.

    Raises
    ------
    InputError
        If the field of view is too thin, or too large for the memory.
    Canceled
        If ``cancel`` was set.
    """
    cancel = CancelToken() if cancel is None else cancel
    spacing = choose_spacing(image, loaded.description.spacing_mm).spacing_mm
    count = len(loaded.network.settings.sided)
    voxels = float(np.prod(np.array(image.GetSize()) * image.GetSpacing())) / spacing**3
    if voxels > _MOST_VOXELS:
        msg = (
            f"the field of view has {voxels / 1e6:.0f} million voxels of {spacing:g} mm, expected up to "
            f"{_MOST_VOXELS / 1e6:.0f} million: crop the volume to the structure, or give the structure as a segment"
        )
        raise InputError(msg)
    thinnest = float((np.array(image.GetSize()) * image.GetSpacing()).min())
    if thinnest < (_LEAST_VOXELS - 0.5) * spacing:
        msg = (
            f"the image is {thinnest:.3g} mm thick, expected at least {_LEAST_VOXELS * spacing:.0f} mm: the parts are told "
            "by what is around them; pick an image that shows more"
        )
        raise InputError(msg)
    check_memory(voxels * (60 + 8 * count) + 1.2e9, "finding the parts", "crop the volume to the structure")
    progress(0.0, "Preparing the volume")
    if guess_modality(image) is Modality.CT:
        image = sitk.Clamp(image, sitk.sitkFloat32, *CT_RANGE_HU)
    working = working_volume(image, spacing, limit_ct=False)
    cancel.raise_if_canceled()
    logits = _answers(sitk.GetArrayFromImage(working), loaded, progress, cancel)
    left, parts = logits[-1], logits[:-1]
    parts -= parts.max(axis=0)
    np.exp(parts, out=parts)
    parts /= parts.sum(axis=0)
    return Chances(parts, left, working)


def _answers(values: np.ndarray, loaded: "LoadedSubdivision", progress: Progress, cancel: CancelToken) -> np.ndarray:
    """Return the logits (classes + 1, z, y, x) of a volume: in one pass where it fits, else in blended windows."""
    import torch

    from MedDeepRegSegLib.models.encoder_input import standardize

    windows = plan_windows(values.shape, tile=TILE, overlap=OVERLAP)
    total = np.zeros((len(loaded.network.settings.sided) + 1, *values.shape), np.float32)
    weight = np.zeros((1, *values.shape), np.float32)
    calls = itertools.count(1)

    def step(*_: object) -> None:
        cancel.raise_if_canceled()
        progress(min(next(calls) / (_PASSES * len(windows)), 1.0), "Finding the parts")

    hooks = [
        module.register_forward_hook(step) for module in loaded.network.modules() if isinstance(module, torch.nn.Conv3d)
    ]
    try:
        with torch.inference_mode():
            standard = standardize(torch.from_numpy(np.ascontiguousarray(values))[None, None])[0].numpy()
            for window in windows:
                inputs = torch.from_numpy(np.ascontiguousarray(window.cut(standard)))[None].to(loaded.device)
                part = loaded.network(inputs.contiguous(memory_format=torch.channels_last_3d))[0].float().cpu().numpy()
                window.add(total, part, 1)
                window.add(weight, np.ones_like(part[:1]), 1)
    finally:
        for hook in hooks:
            hook.remove()
    if len(windows) > 1:
        total /= np.maximum(weight, 1e-6)
    return total
