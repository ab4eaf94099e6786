"""A model folder with a tiny subdivision network: what the doors of subdivision are tested with."""

from pathlib import Path

PARTS = ("dark part", "bright part")
"""The first has a left and a right side."""


def write_tiny_subdivision(folder: Path, **changes) -> Path:
    """Write the folder of a network that takes every voxel for the dark part; returns the folder.

    It has learned nothing: the answer is written into its weights. The side is always left. ``changes`` replace
    fields of the description.
    """
    import torch

    from MedDeepRegSegLib.jobs.schema import to_json
    from MedDeepRegSegLib.models.description import NetworkDescription, NetworkTraining, WorkingSpacing
    from MedDeepRegSegLib.models.model_card import model_card
    from MedDeepRegSegLib.models.model_folder import write_model
    from MedDeepRegSegLib.models.subdivision_network import SubdivisionNetwork, SubdivisionSettings

    settings = SubdivisionSettings((8, 8, 8, 8), 8, sided=(0, 1, 0), shown=(0, 1, 1))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = SubdivisionNetwork(settings)
    with torch.no_grad():
        bias = network.answer.bias.view(4, 8)
        bias[0], bias[1], bias[2], bias[3] = -20.0, 0.0, -20.0, 5.0
        network.answer.weight.zero_()
    tensors = {name: tensor.detach().numpy() for name, tensor in network.state_dict().items()}
    fields = {
        "name": "tiny",
        "version": "0",
        "architecture": "subdivision",
        "settings": to_json(settings),
        "software_version": "0",
        "license": "Apache-2.0",
        "purpose": "Tests of the software.",
        "intended_use": "Tests of the software only: it has learned nothing.",
        "limitations": ("It has learned nothing.",),
        "training": NetworkTraining(
            data="none", data_license="none", recipe="none", loss="none", steps=0, seed=0, hours=0.0, hardware="none"
        ),
        "spacing_mm": WorkingSpacing(smallest=1.0, largest=8.0, recommended=4.0),
        "labels": PARTS,
    }
    description = NetworkDescription(**{**fields, **changes})
    write_model(folder, tensors, description, model_card(description))
    return folder
