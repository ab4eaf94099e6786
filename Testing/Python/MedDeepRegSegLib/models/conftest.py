"""A small encoder with random weights, its description and its folder."""

import pytest
import torch

from MedDeepRegSegLib.jobs.schema import to_json
from MedDeepRegSegLib.models import self_similarity
from MedDeepRegSegLib.models.description import NetworkDescription, NetworkMetric, NetworkTraining, WorkingSpacing
from MedDeepRegSegLib.models.encoder import Encoder, EncoderSettings
from MedDeepRegSegLib.models.model_card import model_card
from MedDeepRegSegLib.models.model_folder import write_model

SMALL = EncoderSettings(channels=(8, 8, 16, 16), local_features=4, context_features=6)


@pytest.fixture
def encoder():
    torch.manual_seed(3)
    return Encoder(SMALL)


@pytest.fixture
def mirrored_channels():
    """Return a function of an axis: the descriptor of the plain volume that each one of the mirrored volume equals."""

    def order(axis):
        pairs = [frozenset(pair) for pair in self_similarity.PAIRS]
        # Neighbors 2 axis and 2 axis + 1 lie on both sides along the axis.
        return [pairs.index(frozenset(i ^ 1 if i // 2 == axis else i for i in pair)) for pair in pairs]

    return order


@pytest.fixture
def tensors(encoder):
    return {name: tensor.numpy() for name, tensor in encoder.state_dict().items()}


@pytest.fixture
def description():
    return NetworkDescription(
        name="toy-encoder",
        version="1.2",
        architecture="encoder",
        settings=to_json(SMALL),
        software_version="0.0",
        license="Apache-2.0",
        purpose="It is made up.",
        intended_use="Tests, and nothing else.",
        limitations=("It has learned nothing.", "It is\nsmall."),
        training=NetworkTraining(
            data="None.",
            data_license="CC0",
            recipe="Drawn at random.",
            loss="None.",
            steps=0,
            seed=3,
            hours=0.25,
            hardware="a thumb",
        ),
        metrics=(
            NetworkMetric(name="Error | median", value=4.0321, unit="mm", dataset="toys", command="toys --all"),
            NetworkMetric(name="Dice", value=0.5, unit="", dataset="toys", command=""),
        ),
        spacing_mm=WorkingSpacing(smallest=1, largest=4, recommended=1.5),
        labels=("left", "right"),
    )


@pytest.fixture
def folder(tmp_path, tensors, description):
    write_model(tmp_path / "model", tensors, description, model_card(description))
    return tmp_path / "model"
