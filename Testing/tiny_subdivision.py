"""A model folder with a tiny subdivision network: what the doors of subdivision are tested with."""

from pathlib import Path

from tiny_networks import write_untrained

PARTS = ("dark part", "bright part")
"""The first has a left and a right side."""


def write_tiny_subdivision(folder: Path, **changes) -> Path:
    """Write the folder of a network that takes every voxel for the dark part; returns the folder.

    It has learned nothing: the answer is written into its weights. The side is always left. ``changes`` replace
    fields of the description.
    """
    import torch

    from MedDeepRegSegLib.models.subdivision_network import SubdivisionNetwork, SubdivisionSettings

    settings = SubdivisionSettings((8, 8, 8, 8), 8, sided=(0, 1, 0), shown=(0, 1, 1))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = SubdivisionNetwork(settings)
    with torch.no_grad():
        bias = network.answer.bias.view(4, 8)
        bias[0], bias[1], bias[2], bias[3] = -20.0, 0.0, -20.0, 5.0
        network.answer.weight.zero_()
    return write_untrained(
        folder, network, "subdivision", settings, smallest=1.0, recommended=4.0, **{"labels": PARTS, **changes}
    )
