"""The growing network of a model folder, ready to compute."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.schema import from_json
from MedDeepRegSegLib.models.description import NetworkDescription
from MedDeepRegSegLib.models.model_folder import read_model
from MedDeepRegSegLib.models.networks import choose_device, import_torch, ready_network
from MedDeepRegSegLib.models.sealed_folder import WEIGHTS_FILE
from MedDeepRegSegLib.resources import resource_path

if TYPE_CHECKING:
    from MedDeepRegSegLib.models.growing_network import GrowingNetwork

GROWING = ("models", "growing")
"""Where the growing network that ships lies below ``Resources``."""

_MOST_CHANNELS, _MOST_STEPS = 512, 64


@dataclass(frozen=True, eq=False)
class LoadedGrowing:
    """A growing network in evaluation mode, float32, without gradients, and where its weights lie."""

    network: "GrowingNetwork"
    description: NetworkDescription
    device: str


def load_growing(folder: Path | None = None, device: str = "cpu") -> LoadedGrowing:
    """Return the growing network of a model folder; without one, the one that ships.

    Raises
    ------
    InputError
        If the folder is not that of a growing network, was changed or damaged, or the device cannot be used.
    MissingPackageError
        If torch or safetensors is not installed.
    """
    chosen = choose_device(device)
    torch = import_torch()
    from MedDeepRegSegLib.models.growing_network import GrowingNetwork, GrowingNetworkSettings

    folder = resource_path(*GROWING) if folder is None else Path(folder)
    description, tensors = read_model(folder)
    if description.architecture != "growing":
        msg = f"{folder} holds a network of kind {description.architecture}, expected growing: choose another folder"
        raise InputError(msg)
    data = {key: list(value) if isinstance(value, tuple) else value for key, value in description.settings.items()}
    settings = from_json(GrowingNetworkSettings, data)
    numbers = (*settings.channels, *settings.states, settings.similarity_features)
    if not all(1 <= number <= _MOST_CHANNELS for number in numbers) or not all(
        0 <= steps <= _MOST_STEPS for steps in settings.steps
    ):
        msg = f"{folder} describes a network of sizes that none should have: get the model again"
        raise InputError(msg)
    network = ready_network(lambda: GrowingNetwork(settings), tensors, folder / WEIGHTS_FILE, chosen)
    network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    return LoadedGrowing(network, description, chosen)
