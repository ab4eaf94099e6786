"""Every tensor is made on the device of the random numbers, so that all of this runs on a GPU as well.

Without a GPU this is found out so: what is made without naming a device goes to "meta", and cannot be mixed with the rest.
"""

import pytest
import torch

from MedDeepRegSegLib.synthesis.label_maps import LabelMap, random_label_map
from MedDeepRegSegLib.synthesis.pairs import make_pair
from MedDeepRegSegLib.synthesis.randomness import Randomness

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"))]


@pytest.mark.parametrize("device", DEVICES)
def test_label_maps_and_pairs_stay_on_their_device(device):
    # So many that every shape and effect comes up.
    for seed in range(30):
        with torch.device("meta"):
            label_map = random_label_map((20, 20, 20), Randomness(0, seed, device=device))
            pair = make_pair(label_map, (16, 16, 16), Randomness(1, seed, device=device))
        for part in (label_map.labels, pair.first, pair.second, pair.first_valid, pair.second_labels, pair.place):
            assert part.device.type == device


@pytest.mark.parametrize("device", DEVICES)
def test_known_maps_do_too(device):
    labels = (torch.arange(20, device=device).view(20, 1, 1) % 5).expand(20, 20, 20).to(torch.int16)
    frame = torch.ones(2, 3, device=device)
    label_map = LabelMap(labels, 5, {2: 1}, bone=(3, 4), classes=torch.arange(5, device=device), frame=frame)
    for seed in range(10):
        with torch.device("meta"):
            pair = make_pair(label_map, (16, 16, 16), Randomness(1, seed, device=device))
        assert pair.first_position.device.type == pair.second.device.type == device
