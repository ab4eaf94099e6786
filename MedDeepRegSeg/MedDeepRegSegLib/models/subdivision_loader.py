"""The subdivision network of a model folder, ready to compute."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.models.description import NetworkDescription
from MedDeepRegSegLib.models.networks import choose_device, import_torch, load_network, settings_from
from MedDeepRegSegLib.resources import resource_path

if TYPE_CHECKING:
    from MedDeepRegSegLib.models.subdivision_network import SubdivisionNetwork, SubdivisionSettings

SHIPPED = ("brain",)
"""Names of the models that ship; each lies below ``Resources`` in ``models/subdivision-NAME``."""

_GROUP = 8
_MOST_CHANNELS, _MOST_CLASSES = 512, 200


@dataclass(frozen=True, eq=False)
class LoadedSubdivision:
    """A subdivision network ready to compute.

    Attributes
    ----------
    network :
        In evaluation mode, float32, without gradients.
    description : NetworkDescription
        ``description.labels`` names the classes from 1.
    device : str
        Where its weights lie.
    """

    network: "SubdivisionNetwork"
    description: NetworkDescription
    device: str


def subdivision_folder(model: str | Path) -> Path:
    """Return the folder of a model: the name of one that ships, or a folder.

    Raises
    ------
    InputError
        If there is none.
    """
    if str(model) in SHIPPED:
        return resource_path("models", f"subdivision-{model}")
    if not Path(model).is_dir():
        msg = f"model {str(model)!r} is not there: name one that ships ({', '.join(SHIPPED)}) or the folder of a model"
        raise InputError(msg)
    return Path(model)


def load_subdivision(model: str | Path = "brain", device: str = "cpu") -> LoadedSubdivision:
    """Return the subdivision network of a model.

    Parameters
    ----------
    model : str or Path
        See :func:`subdivision_folder`.
    device : {"auto", "cpu", "cuda"}
        See :func:`MedDeepRegSegLib.models.networks.choose_device`.

    Raises
    ------
    InputError
        If the folder is not that of a subdivision network, was changed or damaged, or the device cannot be used.
    FileNotFoundError
        If a model that ships is missing: the installation is incomplete.
    MissingPackageError
        If torch or safetensors is not installed.
    """
    folder = subdivision_folder(model)
    chosen = choose_device(device)
    torch = import_torch()
    from MedDeepRegSegLib.models.subdivision_network import SubdivisionNetwork

    network, description = load_network(folder, "subdivision", _settings, SubdivisionNetwork, chosen)
    network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    return LoadedSubdivision(network, description, chosen)


def _settings(description: NetworkDescription) -> "SubdivisionSettings":
    from MedDeepRegSegLib.models.subdivision_network import SubdivisionSettings

    settings = settings_from(description, SubdivisionSettings)
    for channels in (*settings.channels, settings.head_channels):
        if not _GROUP <= channels <= _MOST_CHANNELS or channels % _GROUP:
            msg = f"settings hold {str(channels)[:20]} channels, expected multiples of {_GROUP} up to {_MOST_CHANNELS}"
            raise InputError(msg)
    count = len(settings.sided)
    if not 2 <= count <= _MOST_CLASSES or len(settings.shown) != count or len(description.labels) != count - 1:
        msg = (
            f"settings tell of {count} and {len(settings.shown)} classes and there are {len(description.labels)} labels, "
            "expected one label less than classes: get the model again"
        )
        raise InputError(msg)
    if not set(settings.sided) | set(settings.shown) <= {0, 1} or not any(settings.shown[1:]):
        msg = "settings.sided and settings.shown hold other numbers than 0 and 1, or nothing is shown: get the model again"
        raise InputError(msg)
    return settings
