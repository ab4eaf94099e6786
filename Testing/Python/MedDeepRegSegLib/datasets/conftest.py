"""Small cases on disk."""

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.datasets.phantoms import write_phantom_dataset


@pytest.fixture(scope="session")
def phantom_dataset(tmp_path_factory):
    """Path of a dataset of four coarse heads; to be read only."""
    return write_phantom_dataset(tmp_path_factory.mktemp("heads") / "data", cases=4, spacing_mm=8.0)


@pytest.fixture
def write_case(tmp_path):
    """Function that writes an image of noise and labels of one box, and returns both paths."""

    def write(image, labels, *, seed=0, value=1, size=(10, 12, 14), box=5, spacing=(1.0, 1.0, 2.0), empty=False):
        rng = np.random.default_rng(seed)
        values = rng.normal(100, 10, size[::-1])
        array = np.zeros(size[::-1], np.uint8)
        if not empty:
            array[2 : 2 + box, 3 : 3 + box, 1 : 1 + box] = value
        values[array > 0] += 50
        paths = []
        for name, part in ((image, values.astype(np.int16)), (labels, array)):
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            volume = sitk.GetImageFromArray(part)
            volume.SetSpacing(spacing)
            volume.SetOrigin((5.0, -3.0, 7.0))
            sitk.WriteImage(volume, str(path))
            paths.append(path)
        return tuple(paths)

    return write
