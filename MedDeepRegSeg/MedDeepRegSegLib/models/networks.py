"""Networks ready to compute: built from a model folder, checked against it, on the device that was asked for."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Literal, TypeVar

import numpy as np

from MedDeepRegSegLib.errors import InputError, MissingPackageError
from MedDeepRegSegLib.jobs.schema import from_json
from MedDeepRegSegLib.models.description import NetworkDescription
from MedDeepRegSegLib.models.model_folder import read_model
from MedDeepRegSegLib.models.sealed_folder import DESCRIPTION_FILE, WEIGHTS_FILE
from MedDeepRegSegLib.resources import resource_path

if TYPE_CHECKING:
    from torch import nn

    from MedDeepRegSegLib.models.encoder import Encoder, EncoderSettings

N = TypeVar("N", bound="nn.Module")
S = TypeVar("S")

ENCODER = ("models", "encoder")
"""Where the encoder that ships lies below ``Resources``."""

_MOST_CHANNELS = 512
_MOST_FEATURES = 256
_GROUP = 8


@dataclass(frozen=True, eq=False)
class LoadedEncoder:
    """An encoder ready to compute.

    Attributes
    ----------
    network:
        In evaluation mode, float32, without gradients.
    description:
        What it is; ``description.weights_sha256`` identifies it.
    device:
        Where its weights lie: ``"cpu"`` or ``"cuda"``.
    """

    network: "Encoder"
    description: NetworkDescription
    device: str


def import_torch() -> ModuleType:
    """Return the package torch.

    Raises
    ------
    MissingPackageError
        If it is not installed or cannot be started.
    """
    try:
        import torch
    except (ImportError, OSError) as error:  # OSError: a library of the package is missing or of another system
        state = "is not installed" if isinstance(error, ModuleNotFoundError) else f"cannot be started ({error})"
        msg = (
            f"networks need PyTorch, which {state}: in Slicer, install the extension PyTorch and restart; elsewhere, "
            "run pip install 'meddeep[networks]'"
        )
        raise MissingPackageError(msg) from error
    return torch


def import_monai(user: str) -> ModuleType:
    """Return the package monai.

    Parameters
    ----------
    user : str
        What needs it: the message begins with it.

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
            f"{user} needs MONAI, which {state}: in Slicer, agree to install it when you are asked; elsewhere, run "
            "pip install 'meddeep[networks]'"
        )
        raise MissingPackageError(msg) from error
    return monai


def choose_device(device: str = "auto") -> Literal["cpu", "cuda"]:
    """Return the device to compute on.

    Parameters
    ----------
    device : {"auto", "cpu", "cuda"}
        ``"auto"`` takes a GPU where one can be used.

    Raises
    ------
    InputError
        If the device is unknown, or a GPU is asked for and none can be used.
    MissingPackageError
        If torch is not installed.
    """
    if device not in ("auto", "cpu", "cuda"):
        msg = f"device is {device!r}, expected auto, cpu or cuda"
        raise InputError(msg)
    if device == "cpu":
        return "cpu"
    problem = _gpu_problem(import_torch())
    if not problem:
        return "cuda"
    if device == "cuda":
        msg = f"device cuda was asked for, but {problem}: choose cpu or auto"
        raise InputError(msg)
    return "cpu"


def load_encoder(folder: Path | None = None, device: str = "cpu") -> LoadedEncoder:
    """Return the encoder of a model folder.

    Parameters
    ----------
    folder:
        Of the model; without one, the encoder that ships.
    device : {"auto", "cpu", "cuda"}
        See :func:`choose_device`.

    Raises
    ------
    InputError
        If the folder is not that of an encoder, was changed or damaged, or the device cannot be used.
    FileNotFoundError
        If the encoder that ships is missing: the installation is incomplete.
    MissingPackageError
        If torch or safetensors is not installed.
    """
    chosen = choose_device(device)
    import_torch()
    from MedDeepRegSegLib.models.encoder import Encoder

    folder = resource_path(*ENCODER) if folder is None else Path(folder)
    network, description = load_network(folder, "encoder", encoder_settings, Encoder, chosen)
    return LoadedEncoder(network, description, chosen)


def load_network(
    folder: Path,
    architecture: str,
    settings_of: Callable[[NetworkDescription], S],
    make: Callable[[S], N],
    device: Literal["cpu", "cuda"],
) -> tuple[N, NetworkDescription]:
    """Return the network of a model folder, ready to compute, and its description.

    Parameters
    ----------
    folder : Path
    architecture : str
        The kind that is expected.
    settings_of : callable
        Returns checked settings of the network, or raises InputError.
    make : callable
        Returns a network of such settings.
    device : {"cpu", "cuda"}
        Chosen already, see :func:`choose_device`.

    Raises
    ------
    InputError
        If the folder holds another kind of network, was changed or damaged, or its parts do not fit.
    """
    description, tensors = read_model(folder)
    if description.architecture != architecture:
        msg = f"{folder} holds a network of kind {description.architecture}, expected {architecture}: choose another folder"
        raise InputError(msg)
    try:
        settings = settings_of(description)
    except InputError as error:
        msg = f"{folder / DESCRIPTION_FILE}: {error}"
        raise InputError(msg) from error
    return _ready(lambda: make(settings), tensors, folder / WEIGHTS_FILE, device), description


def settings_from(description: NetworkDescription, cls: type[S]) -> S:
    """Return the settings of a network from its description.

    Raises
    ------
    InputError
        If one is missing, unknown or of another type.
    """
    data = {key: list(value) if isinstance(value, tuple) else value for key, value in description.settings.items()}
    try:
        return from_json(cls, data)
    except InputError as error:
        kind = description.architecture
        msg = f"settings do not fit this version's {kind} ({error}); update MedDeep, or get the model again"
        raise InputError(msg) from error


def _ready(make: Callable[[], N], tensors: Mapping[str, np.ndarray], path: Path, device: str) -> N:
    """Return a network with the weights of a file: float32, in evaluation mode, without gradients, on the device.

    Raises
    ------
    InputError
        If they do not fit.
    """
    torch = import_torch()
    with torch.device("meta"):  # nothing is allocated before the weights are known to fit
        network = make()
    expected = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    check_fit(tensors, expected, path)
    weights = {name: torch.from_numpy(array.astype(np.float32)) for name, array in tensors.items()}
    network.load_state_dict(weights, strict=True, assign=True)
    network.requires_grad_(False).eval().to(device)
    return network


def encoder_settings(description: NetworkDescription) -> "EncoderSettings":
    """Return the settings of an encoder from its description.

    Raises
    ------
    InputError
        If a setting is missing, unknown, or larger than any encoder should be.
    """
    import_torch()
    from MedDeepRegSegLib.models.encoder import EncoderSettings

    settings = settings_from(description, EncoderSettings)
    for channels in settings.channels:
        if not _GROUP <= channels <= _MOST_CHANNELS or channels % _GROUP:
            msg = f"settings.channels holds {str(channels)[:20]}, expected multiples of {_GROUP} up to {_MOST_CHANNELS}"
            raise InputError(msg)
    for name in ("local_features", "context_features"):
        length = getattr(settings, name)
        if not 1 <= length <= _MOST_FEATURES:
            msg = f"settings.{name} is {str(length)[:20]}, expected 1 to {_MOST_FEATURES}"
            raise InputError(msg)
    return settings


def check_fit(tensors: Mapping[str, np.ndarray], expected: Mapping[str, tuple[int, ...]], path: Path) -> None:
    """Refuse tensors of a file that are not, by names and shapes, those that a network has.

    Raises
    ------
    InputError
    """
    missing, extra = sorted(expected.keys() - tensors.keys()), sorted(tensors.keys() - expected.keys())
    for names, problem in ((missing, "lacks"), (extra, "has, beyond those of the network,")):
        if names:
            shown = ", ".join(repr(name[:60]) for name in names[:3]) + (" and others" if len(names) > 3 else "")
            msg = f"{path} {problem} {len(names)} tensor{'s' * (len(names) > 1)} ({shown}): get the model again"
            raise InputError(msg)
    for name, shape in expected.items():
        if tensors[name].shape != shape:
            msg = f"{path}: tensor {name} has the shape {tensors[name].shape}, expected {shape}: get the model again"
            raise InputError(msg)


def _gpu_problem(torch: ModuleType) -> str:
    """Return why no GPU can be used, or nothing if one can."""
    if not torch.cuda.is_available():
        return "PyTorch finds no GPU that it can use"
    try:  # a GPU that is found may still be too old for this build, or full
        works = math.isclose((torch.ones(1, device="cuda") + 1).item(), 2.0)
    except RuntimeError as error:
        return f"the GPU cannot be used ({str(error).splitlines()[0]})"
    return "" if works else "the GPU computes wrong"
