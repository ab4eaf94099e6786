"""A model folder with a tiny encoder of random weights: what the doors of feature extraction are tested with."""

from pathlib import Path


def write_tiny_encoder(folder: Path, seed: int = 0) -> Path:
    """Write the model folder of an untrained encoder with few channels, and return the folder."""
    import torch

    from MedDeepRegSegLib.jobs.schema import to_json
    from MedDeepRegSegLib.models.description import NetworkDescription, NetworkTraining, WorkingSpacing
    from MedDeepRegSegLib.models.encoder import Encoder, EncoderSettings
    from MedDeepRegSegLib.models.model_card import model_card
    from MedDeepRegSegLib.models.model_folder import write_model

    settings = EncoderSettings(channels=(8, 8, 8, 8))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        tensors = {name: tensor.numpy() for name, tensor in Encoder(settings).state_dict().items()}
    description = NetworkDescription(
        name="tiny",
        version="0",
        architecture="encoder",
        settings=to_json(settings),
        software_version="0",
        license="Apache-2.0",
        purpose="Tests of the software.",
        intended_use="Tests of the software only: it has learned nothing.",
        limitations=("It has learned nothing.",),
        training=NetworkTraining(
            data="none", data_license="none", recipe="none", loss="none", steps=0, seed=seed, hours=0.0, hardware="none"
        ),
        spacing_mm=WorkingSpacing(smallest=1.0, largest=8.0, recommended=4.0),
    )
    write_model(folder, tensors, description, model_card(description))
    return folder
