"""From what the cases are like to how a network is trained on them: voxels, patch, batch, intensities, sizes.

The rules follow those that nnU-Net has proven (F. Isensee et al., Nature Methods 18:203, 2021): the voxels most cases have,
levels that halve an axis until it is short, as large a patch as the memory holds. For the encoder that ships, voxels are
cubes of the sizes that it was trained on. On a CPU, patches are small, so that a laptop makes many updates in a short time.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from MedDeepRegSegLib.datasets.fingerprint import Fingerprint, Intensities
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.features.working_volume import CT_RANGE_HU
from MedDeepRegSegLib.models.segmenter_costs import Costs, costs
from MedDeepRegSegLib.models.segmenter_input import ChannelScale, Preprocessing
from MedDeepRegSegLib.models.segmenter_settings import NetworkName, SegmenterSettings
from MedDeepRegSegLib.volumes.memory import available_memory_bytes

NETWORKS: tuple[NetworkName, ...] = ("encoder", "unet", "segresnet", "dynunet", "custom")

_ENCODER_MM = (1.0, 4.0)  # voxels that the encoder was trained on
_ENCODER_USUAL_MM = 2.0
_ENCODER_CHANNELS = (24, 48, 72, 96)
_ACROSS = 12  # voxels across a small structure, at least
_ANISOTROPIC = 3.0
_VOXELS = {"cpu": 48**3, "cuda": 112**3}
_BATCH = (2, 4)
_BASE = {"cpu": 16, "cuda": 32}
_MOST_CHANNELS = 320
_MOST_LEVELS = 5
_SHORTEST = 4  # voxels of an axis at the coarsest level
_SHARE = 0.8  # of the memory that there is
_USUAL_MEMORY = 8e9  # where the system does not tell


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """How a network is trained on the cases of a dataset.

    Attributes
    ----------
    preprocessing : Preprocessing
    settings : SegmenterSettings
        Of the network.
    patch : tuple of int
        Voxels along z, y, x; multiples of ``settings.multiple``.
    batch : int
    notes : tuple of str
        Why it is so, in plain words.
    costs : Costs
    """

    preprocessing: Preprocessing
    settings: SegmenterSettings
    patch: tuple[int, int, int]
    batch: int
    notes: tuple[str, ...]
    costs: Costs


def plan(
    fingerprint: Fingerprint,
    *,
    network: NetworkName = "encoder",
    memory_bytes: float | None = None,
    device: str = "cpu",
) -> TrainingPlan:
    """Return how a network is trained on cases.

    Parameters
    ----------
    fingerprint : Fingerprint
        Of the cases, see :func:`MedDeepRegSegLib.datasets.fingerprint.fingerprint`.
    network : {"encoder", "unet", "segresnet", "dynunet", "custom"}
    memory_bytes : float, optional
        Memory that training may take; what is free on this machine without it (on the GPU for ``cuda``).
    device : {"cpu", "cuda"}

    Raises
    ------
    InputError
        If not even the smallest patch fits into the memory, or the dataset has no classes.
    MissingPackageError
        If torch, or MONAI for its networks, is not installed.
    """
    if network not in NETWORKS or device not in _VOXELS:
        msg = f"network {network!r} on device {device!r}, expected one of {', '.join(NETWORKS)} on cpu or cuda"
        raise InputError(msg)
    if not fingerprint.classes:
        msg = "the dataset has no classes, expected at least one to be learned: draw labels, or name them"
        raise InputError(msg)
    spacing, notes = _encoder_spacing(fingerprint) if network == "encoder" else _median_spacing(fingerprint)
    scales, more = _scales(fingerprint, network)
    notes += more
    how = Preprocessing(spacing_mm=spacing, channels=scales)
    memory = memory_bytes if memory_bytes is not None else free_memory_bytes(device)
    budget: float = _VOXELS[device]
    base = _BASE[device]
    while True:
        settings, patch = _sizes(fingerprint, network, how, budget, base)
        voxels = math.prod(patch)
        alone = costs(settings, patch, 1)
        room, each = _SHARE * memory - alone.fixed_bytes, alone.training_bytes - alone.fixed_bytes
        if room >= each:
            batch = min(max(2 * _VOXELS[device] // voxels, _BATCH[0]), _BATCH[1], int(room / each))
            found = costs(settings, patch, batch)
            notes += _size_notes(fingerprint, settings, patch, batch, found, reduced=budget < _VOXELS[device])
            return TrainingPlan(
                preprocessing=how, settings=settings, patch=patch, batch=batch, notes=tuple(notes), costs=found
            )
        if room > 0 and voxels > math.prod(max(m, 16) for m in settings.multiple):
            budget = min(budget, voxels) * min(0.6, room / each)
        elif network != "encoder" and base > 8:
            base //= 2
        else:
            msg = (
                f"training the network {network} needs at least {alone.training_bytes / 2**30:.1f} GiB of memory and "
                f"{memory / 2**30:.1f} GiB may be used: close other programs, or give it more memory"
            )
            raise InputError(msg)


def _encoder_spacing(found: Fingerprint) -> tuple[tuple[float, float, float], list[str]]:
    """Return cubic voxels: between those of the images and the usual ones, finer for small structures."""
    own = float(np.prod(found.spacing_mm)) ** (1 / 3)
    low, high = _ENCODER_MM
    diameters = {one.name: (6000 * one.volume_ml / math.pi) ** (1 / 3) for one in found.classes if one.volume_ml > 0}
    # Half way to the usual voxels: large volumes become quicker, thin layers are not lost.
    wanted = max(own, math.sqrt(own * _ENCODER_USUAL_MM)) if own < _ENCODER_USUAL_MM else own
    reason = "between those of the images and the 2 mm that the encoder knows best"
    if own >= _ENCODER_USUAL_MM:
        reason = "as those of the images"
    if diameters:
        smallest = min(diameters, key=lambda name: diameters[name])
        if diameters[smallest] / _ACROSS < wanted:
            wanted = max(diameters[smallest] / _ACROSS, min(own, wanted))
            reason = f"fine enough for {smallest}, about {diameters[smallest]:.0f} mm across"
    side = min(max(round(4 * wanted) / 4, low), high)
    if not low <= wanted <= high:
        reason = f"at the limit of what the encoder was trained on ({low:g} to {high:g} mm)"
    return (side, side, side), [f"voxels are cubes of {side:g} mm, {reason}"]


def _median_spacing(found: Fingerprint) -> tuple[tuple[float, float, float], list[str]]:
    """Return the median voxels; where slices are much thicker than pixels, nearer to the thinnest of them."""
    spacing = np.array(found.spacing_mm, dtype=float)
    thick = int(np.argmax(spacing))
    others = np.delete(np.arange(3), thick)
    text = "the median of the cases"
    few = found.size[thick] * _ANISOTROPIC < min(found.size[axis] for axis in others)
    if spacing[thick] > _ANISOTROPIC * spacing[others].max() and few:
        thin = float(np.percentile([case.spacing_mm[thick] for case in found.cases], 10))
        spacing[thick] = max(min(thin, spacing[thick]), float(spacing[others].max()))
        text += "; slices are thick, so their distance is that of the cases with the thinnest"
    x, y, z = (round(float(side), 4) for side in spacing)
    return (x, y, z), [f"voxels are {x:g} x {y:g} x {z:g} mm, {text}"]


def _scales(found: Fingerprint, network: NetworkName) -> tuple[tuple[ChannelScale, ...], list[str]]:
    scales, notes = [], []
    for number, channel in enumerate(found.channels, start=1):
        scale, text = _scale(channel, network)
        scales.append(scale)
        notes.append(f"image {number} ({channel.modality}): {text}")
    return tuple(scales), notes


def _scale(channel: Intensities, network: NetworkName) -> tuple[ChannelScale, str]:
    ct = channel.modality == "CT"
    if network == "encoder":
        if not ct:
            return ChannelScale(method="contrast"), "global and local contrast, as the encoder sees images"
        # The limits that the encoder is used to, widened by what the classes hold, as bone or lungs.
        low, high = min(CT_RANGE_HU[0], channel.low), max(CT_RANGE_HU[1], channel.high)
        text = f"global and local contrast between {low:.0f} and {high:.0f} HU, as the encoder sees images"
        return ChannelScale(method="contrast", low=low, high=high), text
    if ct and channel.low < channel.high and channel.deviation > 0:
        scale = ChannelScale(
            method="window", low=channel.low, high=channel.high, mean=channel.mean, deviation=channel.deviation
        )
        return (
            scale,
            f"limited to {channel.low:.0f} to {channel.high:.0f} HU, which the classes have, and scaled by them",
        )
    return ChannelScale(method="z-score"), "less the mean and by the standard deviation of each image"


def _sizes(
    found: Fingerprint, network: NetworkName, how: Preprocessing, budget: float, base: int
) -> tuple[SegmenterSettings, tuple[int, int, int]]:
    """Return the network and a patch of at most about ``budget`` voxels, z, y, x."""
    x, y, z = how.spacing_mm
    spacing = (z, y, x)
    full = [
        max(n * old / new, 1.0) for n, old, new in zip(found.size[::-1], found.spacing_mm[::-1], spacing, strict=True)
    ]
    wanted = _cube_of(full, spacing, budget)
    settings = SegmenterSettings(network=network, inputs=how.inputs, classes=len(found.classes) + 1)
    if network == "encoder":
        settings = replace(settings, channels=_ENCODER_CHANNELS, deep_supervision=2)
    else:
        strides = _strides(wanted, spacing, isotropic=network == "segresnet")
        levels = len(strides) + 1
        settings = replace(
            settings,
            channels=tuple(
                # SegResNet has more layers at each level, and doubles its channels without a limit.
                base // 2 * 2**level if network == "segresnet" else min(base * 2**level, _MOST_CHANNELS)
                for level in range(levels)
            ),
            strides=strides,
            residual_units=2 if network == "unet" else 0,
            deep_supervision=min(2, levels - 2) if network == "dynunet" else 0,
        )
    sides = [
        step * max(_LEAST[network] if step > 1 else 1, round(side / step + 1e-6))
        for side, step in zip(wanted, settings.multiple, strict=True)
    ]
    while math.prod(sides) > 1.3 * budget:  # rounding went up
        axis = max(range(3), key=lambda one: sides[one] - settings.multiple[one] * _LEAST[network])
        if sides[axis] <= settings.multiple[axis] * _LEAST[network]:
            break
        sides[axis] -= settings.multiple[axis]
    return settings, (sides[0], sides[1], sides[2])


_LEAST = {"encoder": 1, "unet": 2, "custom": 2, "segresnet": 2, "dynunet": 2}
"""Multiples in a side, at least: normalization over an instance needs more than one voxel at the coarsest level."""


def _cube_of(full: list[float], spacing: tuple[float, float, float], budget: float) -> list[float]:
    """Return sides in voxels of a cube in mm, within the volume, of ``budget`` voxels."""
    low, high = 0.0, max(n * mm for n, mm in zip(full, spacing, strict=True))
    if math.prod(full) <= budget:
        return full
    for _ in range(60):
        side = (low + high) / 2
        inside = math.prod(min(n, side / mm) for n, mm in zip(full, spacing, strict=True))
        low, high = (side, high) if inside < budget else (low, side)
    return [max(1.0, min(n, low / mm)) for n, mm in zip(full, spacing, strict=True)]


def _strides(
    wanted: list[float], spacing: tuple[float, float, float], *, isotropic: bool
) -> tuple[tuple[int, int, int], ...]:
    """Return the steps between levels: axes of fine voxels are halved first, none that is short."""
    sides, voxels = [n + 0.01 for n in wanted], list(spacing)  # the search for the cube ends a little below
    strides: list[tuple[int, int, int]] = []
    while len(strides) < _MOST_LEVELS - 1:
        finest = min(mm for mm, n in zip(voxels, sides, strict=True) if n >= 2 * _SHORTEST or n == max(sides))
        halved = [n >= 2 * _SHORTEST and mm < 2 * finest for mm, n in zip(voxels, sides, strict=True)]
        if isotropic:
            if max(sides) < 4 * _SHORTEST or len(strides) == 3:
                break
            halved = [True] * 3
        if not any(halved):
            break
        z, y, x = (2 if yes else 1 for yes in halved)
        strides.append((z, y, x))
        sides = [n / (1 + yes) for n, yes in zip(sides, halved, strict=True)]
        voxels = [mm * (1 + yes) for mm, yes in zip(voxels, halved, strict=True)]
    while len(strides) < 2:  # tiny volumes
        strides.append((2, 2, 2))
    return tuple(strides)


def free_memory_bytes(device: str) -> float:
    """Return the memory that is free: of the GPU for ``cuda``, else of the machine."""
    if device == "cuda":
        from MedDeepRegSegLib.models.networks import import_torch

        return float(import_torch().cuda.mem_get_info()[0])
    return float(available_memory_bytes() or _USUAL_MEMORY)


def _size_notes(
    found: Fingerprint,
    settings: SegmenterSettings,
    patch: tuple[int, int, int],
    batch: int,
    cost: Costs,
    *,
    reduced: bool,
) -> list[str]:
    size = " x ".join(str(side) for side in patch[::-1])
    why = "as large as the memory allows" if reduced else "so that many updates fit into the time"
    notes = [
        f"patches of {size} voxels, {batch} at once, {why}",
        (
            f"the network {settings.network} has {cost.parameters / 1e6:.2f} million parameters; training needs about "
            f"{cost.training_bytes / 2**30:.1f} GiB of memory"
        ),
    ]
    rare = [one.name for one in found.classes if one.cases == 0]
    if rare:
        notes.append(f"no case holds {', '.join(rare[:5])}: it cannot be learned")
    return notes
