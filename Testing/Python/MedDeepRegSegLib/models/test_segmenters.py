"""Segmentation networks: one interface, and the encoder that starts from what it learned."""

import sys
from dataclasses import replace

import pytest
import torch
from tiny_segmenter import TINY

from MedDeepRegSegLib.errors import InputError, MissingPackageError
from MedDeepRegSegLib.models.networks import load_encoder
from MedDeepRegSegLib.models.segmenter_settings import SegmenterSettings
from MedDeepRegSegLib.models.segmenters.build import build_segmenter
from MedDeepRegSegLib.models.segmenters.encoder import start_weights


@pytest.mark.parametrize("name", list(TINY))
def test_every_network_answers_at_each_voxel_and_learns(name):
    torch.manual_seed(0)
    network = build_segmenter(TINY[name]).train()
    values = torch.rand(2, 2, 16, 32, 32)
    answers = network(values)
    several = TINY[name].deep_supervision
    assert isinstance(answers, list) == (several > 0)
    answers = answers if several else [answers]
    assert len(answers) == several + 1
    assert answers[0].shape == (2, 3, 16, 32, 32)
    for coarse, finer in zip(answers[1:], answers[:-1], strict=True):
        assert coarse.shape[1] == 3
        assert all(a < b for a, b in zip(coarse.shape[3:], finer.shape[3:], strict=True))
    sum(answer.square().mean() for answer in answers).backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    with torch.no_grad():
        assert network.eval()(values).shape == (2, 3, 16, 32, 32)


def test_the_encoder_starts_from_the_one_that_ships():
    network = build_segmenter(SegmenterSettings(network="encoder", inputs=4, classes=3))
    shipped = load_encoder()
    assert start_weights(network) == shipped.description.weights_sha256
    given = shipped.network.state_dict()
    assert all(torch.equal(tensor, given[name]) for name, tensor in network.encoder.state_dict().items())
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_an_encoder_of_another_size_is_refused(folder):
    with pytest.raises(InputError, match="choose another one"):
        start_weights(build_segmenter(SegmenterSettings()), folder)


def test_both_images_count_and_each_parameter_is_in_one_group():
    torch.manual_seed(0)
    network = build_segmenter(replace(TINY["encoder"], inputs=4)).eval()
    values = torch.rand(1, 4, 16, 16, 16)
    other = values.clone()
    other[:, 2:] = torch.rand(1, 2, 16, 16, 16)
    with torch.no_grad():
        assert not torch.equal(network(values), network(other))
    grouped = [id(one) for group in network.parameter_groups() for one in group["params"]]
    assert sorted(grouped) == sorted(id(one) for one in network.parameters())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (replace(TINY["encoder"], inputs=3), "3 inputs"),
        (replace(TINY["unet"], deep_supervision=1), "no coarser outputs"),
        (replace(TINY["segresnet"], strides=((1, 2, 2), (2, 2, 2))), "expected 2, 2, 2"),
        (replace(TINY["segresnet"], channels=(8, 8, 16)), "the double"),
        (replace(TINY["dynunet"], deep_supervision=3), "MONAI does not make"),
    ],
)
def test_settings_that_no_network_has_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        build_segmenter(settings)


def test_without_monai_it_is_said_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "monai", None)
    with pytest.raises(MissingPackageError, match="the network unet needs MONAI, which is not installed"):
        build_segmenter(TINY["unet"])
    build_segmenter(TINY["encoder"])
