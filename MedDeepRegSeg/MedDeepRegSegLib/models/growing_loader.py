"""The growing network of a model folder, ready to compute."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.models.description import NetworkDescription
from MedDeepRegSegLib.models.networks import choose_device, import_torch, load_network, settings_from
from MedDeepRegSegLib.resources import resource_path

if TYPE_CHECKING:
    from MedDeepRegSegLib.models.growing_network import GrowingNetwork, GrowingNetworkSettings

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
    from MedDeepRegSegLib.models.growing_network import GrowingNetwork

    folder = resource_path(*GROWING) if folder is None else Path(folder)
    network, description = load_network(folder, "growing", _settings, GrowingNetwork, chosen)
    network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    return LoadedGrowing(network, description, chosen)


def _settings(description: NetworkDescription) -> "GrowingNetworkSettings":
    from MedDeepRegSegLib.models.growing_network import GrowingNetworkSettings

    settings = settings_from(description, GrowingNetworkSettings)
    for number in (*settings.channels, *settings.states, settings.similarity_features):
        if not 1 <= number <= _MOST_CHANNELS:
            msg = f"settings hold {str(number)[:20]} channels, expected 1 to {_MOST_CHANNELS}: get the model again"
            raise InputError(msg)
    for steps in settings.steps:
        if not 0 <= steps <= _MOST_STEPS:
            msg = f"settings.steps holds {str(steps)[:20]}, expected 0 to {_MOST_STEPS}: get the model again"
            raise InputError(msg)
    return settings
