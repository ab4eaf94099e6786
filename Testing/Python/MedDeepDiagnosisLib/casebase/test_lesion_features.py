"""The encoder's vector of a lesion."""

import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepDiagnosisLib.casebase.lesion_features import lesion_features
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.segmentation.segments import Segment

sys.path.insert(0, str(Path(__file__).parents[3]))

pytest.importorskip("torch")
SEGMENT = Segment(1, "Lesion", (1.0, 0.0, 0.0))


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    from tiny_networks import write_tiny_encoder

    return write_tiny_encoder(tmp_path_factory.mktemp("model") / "encoder")


def images():
    rng = np.random.default_rng(0)
    image = sitk.GetImageFromArray(rng.normal(40, 20, (32, 32, 32)).astype(np.float32))
    image.SetSpacing((4.0, 4.0, 4.0))
    mask = np.zeros((32, 32, 32), np.uint8)
    mask[12:18, 12:18, 12:18] = 1
    labels = sitk.GetImageFromArray(mask)
    labels.CopyInformation(image)
    return image, labels


def test_vector_says_its_model_and_follows_the_lesion(encoder):
    image, labels = images()
    first = lesion_features(image, labels, SEGMENT, encoder=encoder)
    assert first.vector.dtype == np.float32
    assert first.vector.shape == (96,)
    assert np.isfinite(first.vector).all()
    assert first.model.startswith("tiny 0 ")
    assert first.model.endswith("at 4 mm")
    assert np.array_equal(lesion_features(image, labels, SEGMENT, encoder=encoder).vector, first.vector)
    cut = labels[10:20, 10:20, 10:20]  # the same lesion on a smaller grid
    assert np.array_equal(lesion_features(image, cut, SEGMENT, encoder=encoder).vector, first.vector)
    moved = sitk.Image(labels)
    moved.SetOrigin((20.0, 0.0, 0.0))
    assert not np.allclose(lesion_features(image, moved, SEGMENT, encoder=encoder).vector, first.vector)


def test_a_lesion_beside_the_image_is_refused(encoder):
    image, labels = images()
    labels.SetOrigin((500.0, 0.0, 0.0))
    with pytest.raises(InputError, match="empty"):
        lesion_features(image, labels, SEGMENT, encoder=encoder)
