"""Model folders with tiny networks that have learned nothing: what is tested where weights do not matter."""

from pathlib import Path


def write_tiny_encoder(folder: Path, seed: int = 0) -> Path:
    """Write the folder of an encoder of random weights, what feature extraction is tested with; returns the folder."""
    import torch

    from MedDeepRegSegLib.models.encoder import Encoder, EncoderSettings

    settings = EncoderSettings(channels=(8, 8, 8, 8))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Encoder(settings)
    return write_untrained(folder, network, "encoder", settings, smallest=1.0, recommended=4.0, seed=seed)


def write_tiny_growing(folder: Path) -> Path:
    """Write the folder of a growing network of random weights, what fine-tuning begins from; returns the folder."""
    import torch

    from MedDeepRegSegLib.models.growing_network import GrowingNetwork, GrowingNetworkSettings

    settings = GrowingNetworkSettings(channels=(8, 8, 8, 8), states=(8, 8, 8), steps=(1, 1, 1), similarity_features=4)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = GrowingNetwork(settings)
    return write_untrained(folder, network, "growing", settings, smallest=0.25, recommended=2.0)


def write_untrained(
    folder: Path,
    network,
    architecture: str,
    settings,
    /,
    *,
    smallest: float,
    recommended: float,
    seed: int = 0,
    **changes,
) -> Path:
    """Write the folder of a network with a description that says it has learned nothing; returns the folder.

    ``smallest`` and ``recommended`` are spacings in mm; ``changes`` replace fields of the description.
    """
    from MedDeepRegSegLib.jobs.schema import to_json
    from MedDeepRegSegLib.models.description import NetworkDescription, NetworkTraining, WorkingSpacing
    from MedDeepRegSegLib.models.model_card import model_card
    from MedDeepRegSegLib.models.model_folder import write_model

    fields = {
        "name": "tiny",
        "version": "0",
        "architecture": architecture,
        "settings": to_json(settings),
        "software_version": "0",
        "license": "Apache-2.0",
        "purpose": "Tests of the software.",
        "intended_use": "Tests of the software only: it has learned nothing.",
        "limitations": ("It has learned nothing.",),
        "training": NetworkTraining(
            data="none", data_license="none", recipe="none", loss="none", steps=0, seed=seed, hours=0.0, hardware="none"
        ),
        "spacing_mm": WorkingSpacing(smallest=smallest, largest=8.0, recommended=recommended),
    }
    description = NetworkDescription(**{**fields, **changes})
    tensors = {name: tensor.detach().numpy() for name, tensor in network.state_dict().items()}
    write_model(folder, tensors, description, model_card(description))
    return folder
