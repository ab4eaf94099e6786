"""How likely each class is at every voxel of a prepared case: the network in overlapping windows, blended.

Windows have the size that the network was trained on. Their chances are averaged with weights that fall like a Gaussian
from the middle, as in F. Isensee et al., "nnU-Net" (Nature Methods 18:203, 2021): what a window shows at its faces, the
network sees without what is around it. Windows are worked through slab by slab along z, and a slab leaves as soon as no
window reaches it any more, so that chances of many classes need not be held for the whole volume.
"""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress
from MedDeepRegSegLib.volumes.memory import check_memory

if TYPE_CHECKING:
    from torch import Tensor, nn

Size = tuple[int, int, int]

OVERLAP = 0.5
"""Part of a window that it shares with the next one."""

_SIGMA = 0.125  # of a side: standard deviation of the weight
_LEAST_WEIGHT = 1e-3  # so that corners of the volume, which one window sees, do not vanish
_HALF_ABOVE = 2**29  # bytes from which chances are returned as float16


def class_chances(
    network: "nn.Module",
    values: np.ndarray,
    *,
    patch: Size,
    classes: int,
    overlap: float = OVERLAP,
    device: str = "cpu",
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> np.ndarray:
    """Return how likely each class is at every voxel.

    Parameters
    ----------
    network : torch.nn.Module
        Returns logits (1, classes, z, y, x), or a list of them with the finest first. Used in evaluation mode, and
        returned to the mode that it was in.
    values : numpy.ndarray, shape (inputs, z, y, x), float32
        A prepared case; finite.
    patch : tuple of int
        Sides of the windows (z, y, x), such that the network takes them. Smaller volumes are padded by repeating their
        faces.
    classes : int
        Outputs of the network, the background among them.
    overlap : float
        Part of a window that it shares with the next one at least, from 0 to below 1.
    device : {"cpu", "cuda"}
        Where the network lies.
    progress, cancel
        As everywhere. Cancelling is looked at in every layer.

    Returns
    -------
    numpy.ndarray, shape (classes, z, y, x)
        float32, or float16 where that would be more than 0.5 GiB. They add up to 1 at every voxel.

    Raises
    ------
    InputError
        If the arguments do not fit each other, the network's answers are not finite, or the memory does not suffice.
    Canceled
        If ``cancel`` was set.
    """
    _check(values, patch, classes, overlap)
    shape = values.shape[1:]
    numbers = classes * float(np.prod(shape))
    kind = np.float32 if 4 * numbers <= _HALF_ABOVE else np.float16
    check_memory(
        numbers * np.dtype(kind).itemsize + _slab_bytes(shape, patch, classes),
        f"the chances of {classes} classes",
        "crop the volume",
    )
    total: np.ndarray | None = None
    for start, slab in chance_slabs(
        network, values, patch=patch, classes=classes, overlap=overlap, device=device, progress=progress, cancel=cancel
    ):
        if slab.shape[1] == shape[0] and slab.dtype == kind:
            return slab
        if total is None:
            total = np.empty((classes, *shape), kind)
        total[:, start : start + slab.shape[1]] = slab
    assert total is not None  # slabs cover the volume
    return total


def class_labels(
    network: "nn.Module",
    values: np.ndarray,
    *,
    patch: Size,
    classes: int,
    overlap: float = OVERLAP,
    device: str = "cpu",
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> np.ndarray:
    """Return the number of the most likely class at every voxel, (z, y, x) uint8 or uint16.

    Needs the memory of one slab of chances, however many classes there are; otherwise as :func:`class_chances`.
    """
    _check(values, patch, classes, overlap)
    shape = values.shape[1:]
    check_memory(_slab_bytes(shape, patch, classes), f"the chances of {classes} classes", "crop the volume")
    labels = np.empty(shape, np.uint8 if classes <= 256 else np.uint16)
    for start, slab in chance_slabs(
        network, values, patch=patch, classes=classes, overlap=overlap, device=device, progress=progress, cancel=cancel
    ):
        labels[start : start + slab.shape[1]] = most_likely(slab)
    return labels


def chance_slabs(
    network: "nn.Module",
    values: np.ndarray,
    *,
    patch: Size,
    classes: int,
    overlap: float = OVERLAP,
    device: str = "cpu",
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the chances slab by slab: the first slice (z) of each, and its chances (classes, depth, y, x) float32.

    Otherwise as :func:`class_chances`.
    """
    import torch

    _check(values, patch, classes, overlap)
    cancel = CancelToken() if cancel is None else cancel
    shape = values.shape[1:]
    before = [max(side - have, 0) // 2 for side, have in zip(patch, shape, strict=True)]
    padded = [max(side, have) for side, have in zip(patch, shape, strict=True)]
    starts = [window_starts(have, side, overlap) for have, side in zip(padded, patch, strict=True)]
    weight = torch.from_numpy(_weight(patch))
    total = torch.zeros((classes, patch[0], *padded[1:]), dtype=torch.float32)
    weights = torch.zeros((1, patch[0], *padded[1:]), dtype=torch.float32)
    windows = len(starts[0]) * len(starts[1]) * len(starts[2])
    y_part, x_part = (slice(before[axis], before[axis] + shape[axis]) for axis in (1, 2))
    with _at_work(network, windows, progress, cancel):
        for number, z in enumerate(starts[0]):
            for y, x in itertools.product(starts[1], starts[2]):
                place = (slice(None), slice(None), slice(y, y + patch[1]), slice(x, x + patch[2]))
                cut = _window(values, (z, y, x), patch, before)
                total[place] += _chances(network, cut, classes, device) * weight
                weights[place] += weight
            # Slices before the next row of windows are complete.
            complete = patch[0] if number + 1 == len(starts[0]) else starts[0][number + 1] - z
            first, last = max(z, before[0]), min(z + complete, before[0] + shape[0])
            if first < last:
                done = slice(first - z, last - z)
                slab = total[:, done, y_part, x_part] / weights[:, done, y_part, x_part]
                yield first - before[0], slab.numpy()
            if number + 1 < len(starts[0]):
                for held in (total, weights):
                    held[:, : patch[0] - complete] = held[:, complete:].clone()
                    held[:, patch[0] - complete :] = 0


def most_likely(chances: np.ndarray) -> np.ndarray:
    """Return the number of the most likely class at every voxel, (z, y, x) uint16, of chances (classes, z, y, x).

    Class by class: ``argmax`` along the first axis would copy all of them.
    """
    highest, numbers = chances[0].copy(), np.zeros(chances.shape[1:], np.uint16)
    for number in range(1, len(chances)):
        better = chances[number] > highest
        numbers[better] = number
        np.copyto(highest, chances[number], where=better)
    return numbers


def window_starts(side: int, window: int, overlap: float) -> list[int]:
    """Return where windows begin along an axis of at least their length: evenly, the last one ending at the end.

    Examples
    --------
    >>> window_starts(100, 40, 0.5)
    [0, 20, 40, 60]
    """
    step = max(1.0, window * (1 - overlap))
    count = int(np.ceil((side - window) / step - 1e-9)) + 1
    return [round(number * (side - window) / max(count - 1, 1)) for number in range(count)]


def _slab_bytes(shape: tuple[int, ...], patch: Size, classes: int) -> float:
    """Return the memory of a slab and of what is computed with it."""
    padded = [max(side, have) for side, have in zip(patch, shape, strict=True)]
    return 4.0 * (classes + 1) * (3 * patch[0] * padded[1] * padded[2] + 3 * float(np.prod(patch)))


def _check(values: np.ndarray, patch: Size, classes: int, overlap: float) -> None:
    if values.ndim != 4 or 0 in values.shape:
        msg = f"the prepared case is {values.shape}, expected (inputs, z, y, x)"
        raise InputError(msg)
    if len(patch) != 3 or min(patch) < 1 or classes < 2 or not 0 <= overlap < 1:
        msg = (
            f"windows are {patch} voxels with an overlap of {overlap:g} for {classes} classes, expected three sides, an "
            "overlap from 0 to below 1, and at least 2 classes"
        )
        raise InputError(msg)


def _window(values: np.ndarray, start: Size, patch: Size, before: list[int]) -> np.ndarray:
    """Return a window of the padded volume, (inputs, z, y, x); beyond the volume its faces are repeated."""
    low = [s - b for s, b in zip(start, before, strict=True)]
    inside = [slice(max(f, 0), min(f + side, n)) for f, side, n in zip(low, patch, values.shape[1:], strict=True)]
    cut = values[(slice(None), *inside)]
    missing = [(part.start - f, f + side - part.stop) for part, f, side in zip(inside, low, patch, strict=True)]
    if any(map(any, missing)):
        cut = np.pad(cut, [(0, 0), *missing], mode="edge")
    return np.ascontiguousarray(cut, np.float32)


def _chances(network: "nn.Module", values: np.ndarray, classes: int, device: str) -> "Tensor":
    """Return the chances of a window, (classes, z, y, x) float32 on the CPU."""
    import torch

    # The generator may be left and entered again between windows: inference mode must not leak into its caller.
    with torch.inference_mode():
        inputs = torch.from_numpy(values)[None].to(device).contiguous(memory_format=torch.channels_last_3d)
        try:
            logits = network(inputs)
        except torch.OutOfMemoryError as error:
            msg = "the GPU has too little memory for a window of the network: close other programs, or choose --device cpu"
            raise InputError(msg) from error
        logits = logits[0] if isinstance(logits, (list, tuple)) else logits
        if logits.shape[1] != classes or logits.shape[2:] != inputs.shape[2:]:
            msg = (
                f"the network answers {tuple(logits.shape[1:])}, expected {(classes, *inputs.shape[2:])}: the model does not "
                "fit its description"
            )
            raise InputError(msg)
        chances = logits[0].float().softmax(dim=0)
        if not torch.isfinite(chances.sum()):
            msg = "the network's answers are not finite: its weights are damaged, or its training diverged; train it again"
            raise InputError(msg)
        return chances.cpu().clone(memory_format=torch.contiguous_format)


def _weight(patch: Size) -> np.ndarray:
    """Return the weight of each voxel of a window, (z, y, x) float32, 1 in the middle."""
    lines = []
    for side in patch:
        place = (np.arange(side) + 0.5) / side - 0.5
        lines.append(np.exp(-0.5 * (place / _SIGMA) ** 2))
    z, y, x = lines
    weight = z[:, None, None] * y[None, :, None] * x[None, None, :]
    return np.maximum(weight / weight.max(), _LEAST_WEIGHT).astype(np.float32)


@contextmanager
def _at_work(network: "nn.Module", windows: int, progress: Progress, cancel: CancelToken) -> Iterator[None]:
    """Put a network to evaluation mode for a while, and look at ``cancel`` and tell the progress in each of its layers."""
    import torch

    kinds = (torch.nn.Conv3d, torch.nn.ConvTranspose3d)
    layers = [module for module in network.modules() if isinstance(module, kinds)]
    calls = itertools.count(1)

    def step(*_: object) -> None:
        cancel.raise_if_canceled()
        progress(min(next(calls) / (max(len(layers), 1) * windows), 1.0), "Finding the classes")

    cancel.raise_if_canceled()
    watched: list[torch.nn.Module] = [*layers] or [network]
    hooks = [layer.register_forward_hook(step) for layer in watched]
    modes = [(module, module.training) for module in network.modules()]  # parts may be frozen in evaluation mode
    network.eval()
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
        for module, training in modes:
            module.training = training
