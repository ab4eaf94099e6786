"""An encoder with random weights, and small images."""

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from scipy import ndimage

from MedDeepRegSegLib.models.description import NetworkDescription, NetworkTraining, WorkingSpacing
from MedDeepRegSegLib.models.encoder import Encoder, EncoderSettings
from MedDeepRegSegLib.models.networks import LoadedEncoder


@pytest.fixture(scope="session")
def describe():
    def describe(settings):
        training = NetworkTraining(
            data="none", data_license="none", recipe="none", loss="none", steps=0, seed=0, hours=0.0, hardware="none"
        )
        return NetworkDescription(
            name="random-encoder",
            version="0.1",
            architecture="encoder",
            settings={
                "channels": settings.channels,
                "local_features": settings.local_features,
                "context_features": settings.context_features,
            },
            software_version="0",
            license="Apache-2.0",
            purpose="tests",
            intended_use="tests",
            limitations=("random",),
            training=training,
            spacing_mm=WorkingSpacing(smallest=1.0, largest=4.0, recommended=2.0),
        )

    return describe


@pytest.fixture(scope="session")
def encoder(describe):
    """Random weights; small, so that tests are fast."""
    torch.manual_seed(0)
    settings = EncoderSettings(channels=(8, 16, 16, 16))
    network = Encoder(settings).eval().requires_grad_(False)
    return LoadedEncoder(network, describe(settings), "cpu")


@pytest.fixture
def texture():
    """Return smooth noise of a shape."""

    def texture(shape, seed=0, sigma=2.0):
        values = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), sigma)
        return (1000 + 400 * values / values.std()).astype(np.float32)

    return texture


@pytest.fixture
def image_of():
    def image_of(array, spacing=(2.0, 2.0, 2.0), origin=(0.0, 0.0, 0.0), direction=None):
        image = sitk.GetImageFromArray(array)
        image.SetSpacing(spacing)
        image.SetOrigin(origin)
        if direction is not None:
            image.SetDirection(np.asarray(direction, float).ravel().tolist())
        return image

    return image_of


@pytest.fixture
def model_folder(encoder, tmp_path):
    """The encoder as a model folder."""
    from MedDeepRegSegLib.models.model_folder import write_model

    tensors = {name: tensor.numpy() for name, tensor in encoder.network.state_dict().items()}
    write_model(tmp_path / "model", tensors, encoder.description, "A random encoder for tests.\n")
    return tmp_path / "model"


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """No test reads or fills the cache of the user."""
    monkeypatch.setenv("MEDDEEP_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MEDDEEP_FEATURE_CACHE_GB", raising=False)
