"""A model folder with a tiny growing network: what fine-tuning begins from in tests."""

from pathlib import Path


def write_tiny_growing(folder: Path) -> Path:
    """Write the folder of a growing network of random weights, which has learned nothing; returns the folder."""
    import torch

    from MedDeepRegSegLib.jobs.schema import to_json
    from MedDeepRegSegLib.models.description import NetworkDescription, NetworkTraining, WorkingSpacing
    from MedDeepRegSegLib.models.growing_network import GrowingNetwork, GrowingNetworkSettings
    from MedDeepRegSegLib.models.model_card import model_card
    from MedDeepRegSegLib.models.model_folder import write_model

    settings = GrowingNetworkSettings(channels=(8, 8, 8, 8), states=(8, 8, 8), steps=(1, 1, 1), similarity_features=4)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = GrowingNetwork(settings)
    tensors = {name: tensor.detach().numpy() for name, tensor in network.state_dict().items()}
    description = NetworkDescription(
        name="tiny",
        version="0",
        architecture="growing",
        settings=to_json(settings),
        software_version="0",
        license="Apache-2.0",
        purpose="Tests of the software.",
        intended_use="Tests of the software only: it has learned nothing.",
        limitations=("It has learned nothing.",),
        training=NetworkTraining(
            data="none", data_license="none", recipe="none", loss="none", steps=0, seed=0, hours=0.0, hardware="none"
        ),
        spacing_mm=WorkingSpacing(smallest=0.25, largest=8.0, recommended=2.0),
    )
    write_model(folder, tensors, description, model_card(description))
    return folder
