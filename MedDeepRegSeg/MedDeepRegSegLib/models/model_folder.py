"""Folders of networks: weights in half precision, and what they are; see :mod:`MedDeepRegSegLib.models.sealed_folder`."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.models.description import NetworkDescription
from MedDeepRegSegLib.models.sealed_folder import DESCRIPTION_FILE, WEIGHTS_FILE, read_sealed, write_sealed

ARCHITECTURES = ("encoder", "growing", "subdivision")
"""Networks that this version can build."""


def write_model(
    folder: Path, tensors: Mapping[str, np.ndarray], description: NetworkDescription, card: str
) -> NetworkDescription:
    """Write a model folder, whole or not at all.

    Parameters
    ----------
    folder:
        Is created where absent; a model that lies there is replaced.
    tensors:
        Weights by name, float16 to float64. They are stored as float16.
    description:
        Its hash of the weights is set here.
    card:
        Markdown, see :func:`MedDeepRegSegLib.models.model_card.model_card`.

    Returns
    -------
    NetworkDescription
        With the hash of the weights.

    Raises
    ------
    InputError
        If a tensor holds whole numbers, or values that half precision cannot hold, or the architecture is unknown.
    MissingPackageError
        If safetensors is not installed.
    """
    _check_architecture(description, Path(folder))
    return write_sealed(folder, {name: _half(name, array) for name, array in tensors.items()}, description, card)


def read_model(folder: Path) -> tuple[NetworkDescription, dict[str, np.ndarray]]:
    """Read and verify a model folder; nothing in it is run.

    Returns
    -------
    description : NetworkDescription
    tensors : dict of str to ndarray, float16
        Finite. Whether they fit the architecture is for the loader to check, that knows it.

    Raises
    ------
    InputError
        If a file is missing or damaged, was changed after it was written, the two files do not belong together, or the
        model is of a kind or version that this version of MedDeep does not know.
    MissingPackageError
        If safetensors is not installed.
    """
    folder = Path(folder)
    hint = f"choose a folder with {DESCRIPTION_FILE} and {WEIGHTS_FILE}, as training writes it"
    description, tensors = read_sealed(folder, NetworkDescription, hint=hint)
    _check_architecture(description, folder)
    for name, array in tensors.items():
        if array.dtype != np.float16:
            msg = (
                f"{folder / WEIGHTS_FILE}: tensor {name[:80]!r} is {array.dtype}, expected float16; get the model again"
            )
            raise InputError(msg)
        if not np.isfinite(array).all():
            msg = f"{folder / WEIGHTS_FILE}: tensor {name[:80]!r} holds values that are not finite; get the model again"
            raise InputError(msg)
    return description, tensors


def _check_architecture(description: NetworkDescription, folder: Path) -> None:
    if description.architecture not in ARCHITECTURES:
        msg = (
            f"{folder / DESCRIPTION_FILE} names the network {description.architecture[:60]!r}, "
            f"expected one of {', '.join(ARCHITECTURES)}: update MedDeep, or choose another model"
        )
        raise InputError(msg)


def _half(name: str, array: np.ndarray) -> np.ndarray:
    array = np.asarray(array)
    if array.dtype.kind != "f":
        msg = f"tensor {name} is {array.dtype}, expected floating-point numbers"
        raise InputError(msg)
    with np.errstate(over="ignore"):
        half = np.array(array, dtype=np.float16, order="C")
    if not np.isfinite(half).all():
        msg = f"tensor {name} holds values that are not finite or beyond 65504: half precision cannot hold them"
        raise InputError(msg)
    return half
