"""What the tests of augmentation share."""

import pytest
from augmentation_volume import augmentation_volume


@pytest.fixture(scope="session")
def volume():
    """Return values (2, z, y, x) of smooth blobs and labels (z, y, x)."""
    return augmentation_volume()
