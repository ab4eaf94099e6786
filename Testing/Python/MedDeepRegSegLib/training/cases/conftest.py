"""A dataset of three tiny drawn heads, and settings of a training that takes seconds."""

from dataclasses import replace

import pytest

from MedDeepRegSegLib.datasets.dataset import read_dataset
from MedDeepRegSegLib.datasets.phantoms import write_phantom_dataset
from MedDeepRegSegLib.models.segmenter_input import ChannelScale, Preprocessing
from MedDeepRegSegLib.models.segmenter_settings import SegmenterSettings
from MedDeepRegSegLib.training.cases.settings import CaseTrainSettings


@pytest.fixture(scope="session")
def dataset_file(tmp_path_factory):
    return write_phantom_dataset(tmp_path_factory.mktemp("heads") / "data", cases=3, spacing_mm=8.0, validation=0.3)


@pytest.fixture(scope="session")
def dataset(dataset_file):
    return read_dataset(dataset_file)


@pytest.fixture(scope="session")
def tiny():
    """Settings: a U-Net of two levels on voxels of 8 mm."""
    network = SegmenterSettings(network="unet", inputs=1, classes=5, channels=(8, 16), strides=((2, 2, 2),))
    how = Preprocessing(spacing_mm=(8.0, 8.0, 8.0), channels=(ChannelScale(method="z-score"),))
    return CaseTrainSettings(
        epochs=2,
        steps_per_epoch=3,
        batch=2,
        patch=(16, 16, 16),
        augmentation="light",
        network=network,
        preprocessing=how,
        warmup=1,
    )


@pytest.fixture(scope="session")
def plain(tiny):
    """The same without augmentation."""
    return replace(tiny, augmentation="")
