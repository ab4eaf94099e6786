"""The encoder that ships: whole, small enough, and with its worth on its card."""

import pytest
import torch

from MedDeepRegSegLib.models.encoder import STRIDE, Encoder, EncoderSettings
from MedDeepRegSegLib.models.encoder_input import standardize
from MedDeepRegSegLib.models.model_card import model_card
from MedDeepRegSegLib.models.networks import ENCODER, load_encoder
from MedDeepRegSegLib.resources import resource_path


@pytest.fixture(scope="module")
def shipped():
    return load_encoder()


def test_it_is_the_encoder_that_others_count_on(shipped):
    assert shipped.network.settings == EncoderSettings()
    assert (shipped.network.settings.local_features, shipped.network.settings.context_features) == (16, 32)


def test_its_weights_are_small():
    assert (resource_path(*ENCODER) / "model.safetensors").stat().st_size <= 4_000_000


def test_its_card_is_that_of_the_model(shipped):
    card = (resource_path(*ENCODER) / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert card == model_card(shipped.description)


def test_it_says_how_it_was_trained_and_what_it_is_worth(shipped):
    description = shipped.description
    assert description.training.steps > 0
    assert description.training.hours > 0
    assert description.metrics
    assert all(metric.dataset and metric.command for metric in description.metrics)
    assert description.limitations


def matching_error(network):
    """Return the median error, in voxels, of finding places again where the same regions have another contrast."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(1, 8, 7, 7, 7, generator=generator)
    labels = torch.nn.functional.interpolate(noise, size=(64, 64, 64), mode="trilinear").argmax(dim=1, keepdim=True)
    features = []
    for _ in range(2):
        image = torch.randperm(8, generator=generator).float()[labels]
        image = image + 0.3 * torch.randn(image.shape, generator=generator)
        with torch.no_grad():
            local, _ = network(standardize(image))
        assert torch.isfinite(local).all()
        features.append(local[0, :, 8:24, 8:24, 8:24].reshape(16, -1))
    found = (features[0].T @ features[1]).argmax(dim=1)
    places = torch.cartesian_prod(*(torch.arange(16.0),) * 3)
    return STRIDE * (places[found] - places).norm(dim=1).median().item()


def test_its_features_find_places_again_in_another_contrast(shipped):
    torch.manual_seed(0)
    untrained = matching_error(Encoder().eval())
    assert untrained > 10  # as good as guessing
    assert matching_error(shipped.network) < 0.7 * untrained
