"""The folder of a segmentation network of one's own: sealed (:mod:`MedDeepRegSegLib.models.sealed_folder`), with cards.

Beside ``model.json`` and ``model.safetensors`` it holds ``MODEL_CARD.md`` and ``MODEL_CARD.html``. What is read is checked
before a network is built of it: the seal tells damage, not ill will.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.models.networks import choose_device, import_torch
from MedDeepRegSegLib.models.sealed_folder import DESCRIPTION_FILE, WEIGHTS_FILE, read_sealed, write_sealed
from MedDeepRegSegLib.models.segmenter_card import CARD_PAGE, segmenter_card, segmenter_page
from MedDeepRegSegLib.models.segmenter_description import SegmenterDescription
from MedDeepRegSegLib.segmentation.segments import check_segments

if TYPE_CHECKING:
    from torch import nn

_SMALLEST_MM, _LARGEST_MM = 0.01, 100.0
_LONGEST_SIDE, _MOST_VOXELS = 1024, 2**27
_LONGEST_NAME = 200
_WHOLE = np.int64  # counts of batches, as batch normalization keeps them


@dataclass(frozen=True, eq=False)
class LoadedSegmenter:
    """A segmentation network ready to compute.

    Attributes
    ----------
    network : torch.nn.Module
        In evaluation mode, float32, without gradients.
    description : SegmenterDescription
        ``description.weights_sha256`` identifies it.
    device : str
        Where its weights lie.
    """

    network: "nn.Module"
    description: SegmenterDescription
    device: Literal["cpu", "cuda"]


def write_segmenter(
    folder: Path, network_state: Mapping[str, np.ndarray], description: SegmenterDescription
) -> SegmenterDescription:
    """Write the folder of a network, whole or not at all; a model that lies there is replaced, other files stay.

    Parameters
    ----------
    folder : Path
    network_state : mapping of str to ndarray
        ``state_dict`` of the network. Fractions are stored as float16, where that cannot hold them as float32; whole
        numbers as they are.
    description : SegmenterDescription
        Its hash of the weights is set here.

    Returns
    -------
    SegmenterDescription
        With the hash of the weights.

    Raises
    ------
    InputError
        If the description does not hold together, the weights are not finite, or the folder cannot be written.
    MissingPackageError
        If safetensors or Jinja2 is not installed.
    """
    check_description(description)
    arrays = {name: _stored(name, array) for name, array in network_state.items()}
    texts = {CARD_PAGE: segmenter_page(description)}
    return write_sealed(Path(folder), arrays, description, segmenter_card(description), texts=texts)


def read_segmenter(folder: Path) -> tuple[SegmenterDescription, dict[str, np.ndarray]]:
    """Read and verify the folder of a network without building it.

    Raises
    ------
    InputError
        If a file is missing, damaged or too large, was changed after it was written, or cannot be right.
    """
    folder = Path(folder)
    description, arrays = read_sealed(folder, SegmenterDescription, hint="choose one that 'meddeep train' wrote")
    try:
        check_description(description)
    except InputError as error:
        msg = f"{folder / DESCRIPTION_FILE}: {error}"
        raise InputError(msg) from error
    for name, array in arrays.items():
        known = array.dtype in (np.float16, np.float32, _WHOLE)
        if not known or not np.isfinite(array).all():
            problem = f"is {array.dtype}" if not known else "holds values that are not finite"
            msg = f"{folder / WEIGHTS_FILE}: tensor {name[:80]!r} {problem}; get the model again"
            raise InputError(msg)
    return description, arrays


def load_segmenter(folder: Path, device: str = "cpu") -> LoadedSegmenter:
    """Return the network of a folder.

    Parameters
    ----------
    folder : Path
    device : {"auto", "cpu", "cuda"}
        See :func:`MedDeepRegSegLib.models.networks.choose_device`.

    Raises
    ------
    InputError
        As :func:`read_segmenter`, or if the weights do not fit the network, or the device cannot be used.
    MissingPackageError
        If torch, safetensors, or MONAI where the network is MONAI's, is not installed.
    """
    folder = Path(folder)
    chosen = choose_device(device)
    description, arrays = read_segmenter(folder)
    network = network_of(description, arrays, folder / WEIGHTS_FILE)
    return LoadedSegmenter(network.to(chosen), description, chosen)


def network_of(description: SegmenterDescription, arrays: Mapping[str, np.ndarray], source: Path) -> "nn.Module":
    """Return the network of a description with weights, in evaluation mode, without gradients.

    Raises
    ------
    InputError
        If the weights do not fit; ``source`` is named.
    """
    torch = import_torch()
    from MedDeepRegSegLib.models.networks import check_fit
    from MedDeepRegSegLib.models.segmenters.build import build_segmenter

    with torch.device("meta"):  # nothing is allocated before the weights are known to fit
        network = build_segmenter(description.settings)
    expected = network.state_dict()
    check_fit(arrays, {name: tuple(tensor.shape) for name, tensor in expected.items()}, source)
    weights = {}
    for name, array in arrays.items():
        fraction = expected[name].dtype.is_floating_point
        if fraction != (array.dtype.kind == "f"):
            msg = f"{source}: tensor {name[:80]!r} is {array.dtype}, expected another type: get the model again"
            raise InputError(msg)
        weights[name] = torch.from_numpy(array.astype(np.float32 if fraction else _WHOLE))
    network.load_state_dict(weights, strict=True, assign=True)
    return network.requires_grad_(False).eval()


def check_description(description: SegmenterDescription) -> None:
    """Refuse a description whose parts do not fit each other or are beyond what any model has.

    Raises
    ------
    InputError
    """
    settings, how = description.settings, description.preprocessing
    names = (description.name, *description.channels, *(segment.name for segment in description.classes))
    if not all(name.strip() and len(name) <= _LONGEST_NAME for name in names):
        msg = f"the model, a channel or a class has no name or one of more than {_LONGEST_NAME} letters: rename it"
        raise InputError(msg)
    check_segments(description.classes)
    if settings.classes != len(description.classes) + 1:
        msg = (
            f"the network has {settings.classes} outputs and there are {len(description.classes)} classes, expected one "
            "output more than classes, for the background"
        )
        raise InputError(msg)
    if len(description.channels) != len(how.channels) or settings.inputs != how.inputs:
        msg = (
            f"there are {len(description.channels)} channels, {len(how.channels)} ways to scale them, which make "
            f"{how.inputs} inputs, and the network takes {settings.inputs}, expected equal numbers"
        )
        raise InputError(msg)
    if not all(_SMALLEST_MM <= side <= _LARGEST_MM for side in how.spacing_mm):
        msg = f"voxels are {how.spacing_mm} mm, expected {_SMALLEST_MM:g} to {_LARGEST_MM:g} mm"
        raise InputError(msg)
    for scale in how.channels:
        if not all(math.isfinite(number) for number in (scale.low, scale.high, scale.mean, scale.deviation)):
            msg = f"the scale {scale.method} has a number that is not finite: get the model again"
            raise InputError(msg)
    if (
        not all(
            0 < side <= _LONGEST_SIDE and side % step == 0
            for side, step in zip(description.patch, settings.multiple, strict=True)
        )
        or math.prod(description.patch) > _MOST_VOXELS
    ):
        msg = (
            f"windows are {description.patch} voxels, expected multiples of {settings.multiple} up to {_LONGEST_SIDE} and "
            f"{_MOST_VOXELS} voxels"
        )
        raise InputError(msg)


def _stored(name: str, array: np.ndarray) -> np.ndarray:
    array = np.asarray(array)
    if array.dtype.kind in "iu":
        return np.ascontiguousarray(array, dtype=_WHOLE).reshape(array.shape)
    if array.dtype.kind != "f" or not np.isfinite(array).all():
        problem = "values that are not finite: training went wrong" if array.dtype.kind == "f" else f"{array.dtype}"
        msg = f"tensor {name} holds {problem}, expected finite numbers"
        raise InputError(msg)
    with np.errstate(over="ignore"):
        half = np.array(array, dtype=np.float16, order="C")
    return half if np.isfinite(half).all() else np.array(array, dtype=np.float32, order="C")
