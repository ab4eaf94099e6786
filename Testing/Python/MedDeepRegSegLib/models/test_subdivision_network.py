"""The subdivision network, and the folder that it is loaded from."""

import pytest
import torch
from tiny_subdivision import PARTS, write_tiny_subdivision

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.models.encoder_input import standardize
from MedDeepRegSegLib.models.subdivision_loader import load_subdivision
from MedDeepRegSegLib.models.subdivision_network import SubdivisionNetwork, SubdivisionSettings


@pytest.fixture
def network():
    torch.manual_seed(0)
    return SubdivisionNetwork(SubdivisionSettings((8, 8, 8, 8), 8, sided=(0, 1, 0), shown=(0, 1, 1))).eval()


def test_every_voxel_gets_an_answer_for_each_class_and_for_the_side(network):
    with torch.no_grad():
        assert network(standardize(torch.rand(2, 1, 16, 32, 48))).shape == (2, 4, 16, 32, 48)


def test_the_eight_answers_of_a_cell_lie_at_its_eight_voxels(network):
    with torch.no_grad():
        network.answer.weight.zero_()
        network.answer.bias.copy_(torch.arange(32.0))
        answer = network(standardize(torch.rand(1, 1, 16, 16, 16)))[0]
    for voxel in ((0, 0, 0), (3, 6, 1), (15, 15, 15)):
        z, y, x = (place % 2 for place in voxel)
        assert answer[(slice(None), *voxel)].tolist() == [8 * number + 4 * z + 2 * y + x for number in range(4)]


def test_a_folder_gives_its_network_back(tmp_path):
    loaded = load_subdivision(write_tiny_subdivision(tmp_path / "model"))
    assert loaded.description.labels == PARTS
    assert not loaded.network.training
    with torch.no_grad():
        answer = loaded.network(standardize(torch.rand(1, 1, 16, 16, 16)))[0]
    assert (answer[:3].argmax(dim=0) == 1).all()
    assert (answer[3] > 0).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": ("one",)}, "there are 1 labels"),
        ({"settings": {"channels": [8, 8, 8, 8], "head_channels": 8, "sided": [0, 1, 0]}}, "shown"),
        (
            {"settings": {"channels": [8, 8, 8, 8], "head_channels": 8, "sided": [0, 1, 0], "shown": [0, 2, 0]}},
            "other numbers",
        ),
        (
            {"settings": {"channels": [8, 8, 8, 4096], "head_channels": 8, "sided": [0, 1, 0], "shown": [0, 1, 0]}},
            "4096 channels",
        ),
        (
            {"settings": {"channels": [8, 8, 8, 8], "head_channels": 16, "sided": [0, 1, 0], "shown": [0, 1, 0]}},
            "shape",
        ),
    ],
)
def test_a_folder_that_does_not_fit_is_refused(tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        load_subdivision(write_tiny_subdivision(tmp_path / "model", **changes))


def test_a_network_of_another_kind_or_no_folder_is_refused(folder, tmp_path):
    with pytest.raises(InputError, match="kind encoder, expected subdivision"):
        load_subdivision(folder)
    with pytest.raises(InputError, match="name one that ships"):
        load_subdivision(tmp_path / "absent")
