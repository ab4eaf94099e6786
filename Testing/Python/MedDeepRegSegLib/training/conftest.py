"""The smallest run that still has everything."""

import numpy as np
import pytest

from MedDeepRegSegLib.models.encoder import EncoderSettings
from MedDeepRegSegLib.training.settings import PretrainSettings


@pytest.fixture(scope="session")
def tiny():
    """Settings of a run of six steps."""
    encoder = EncoderSettings(channels=(8, 8, 8, 8), local_features=4, context_features=4)
    small = {"steps": 6, "side": 32, "anchors": 32, "neighbors": 4, "voxels": 64, "warmup": 2, "reuse": 2, "seed": 3}
    return PretrainSettings(**small, encoder=encoder)


@pytest.fixture(scope="session")
def maps(tmp_path_factory):
    """A packed file of two made-up label maps: skin, two halves of a brain, bone."""
    path = tmp_path_factory.mktemp("maps") / "maps.npz"
    z, y, x = np.meshgrid(*[np.arange(40)] * 3, indexing="ij")
    away = np.sqrt((z - 20.0) ** 2 + (y - 20) ** 2 + (x - 20) ** 2)
    head = np.select([(away < 12) & (x < 20), away < 12, away < 15, away < 18], [1, 2, 3, 4], 0).astype(np.uint8)
    np.savez_compressed(path, values=np.array([0, 2, 41, 515, 516]), map0=head, map1=np.roll(head, 1, axis=0))
    return path
