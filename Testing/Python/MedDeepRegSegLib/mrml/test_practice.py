"""The drawn chest to practice on."""

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.mrml.practice import practice_nodule
from MedDeepRegSegLib.mrml.segmentations import image_from_segmentation
from MedDeepRegSegLib.mrml.volumes import image_from_volume


@pytest.fixture(scope="module")
def drawn(empty_scene):
    empty_scene()
    yield practice_nodule()
    empty_scene()


def test_chest_is_a_ct(drawn):
    image = image_from_volume(drawn[0])
    values = sitk.GetArrayViewFromImage(image)
    assert image.GetSpacing() == pytest.approx((2.0, 2.0, 2.0))
    assert values.min() < -900
    assert values.max() > 500
    assert drawn[0].GetDisplayNode().GetWindow() == 1500.0


def test_nodule_is_dense_and_of_its_size(drawn):
    image = image_from_volume(drawn[0])
    labels, segments = image_from_segmentation(drawn[1])
    assert [segment.name for segment in segments] == ["Nodule"]
    on_the_image = sitk.Resample(labels, image, sitk.Transform(), sitk.sitkNearestNeighbor)
    nodule = sitk.GetArrayViewFromImage(on_the_image) == segments[0].value
    # A ball of 14 mm has 1.4 mL; the spikes come on top.
    assert 1400 < nodule.sum() * 8 < 2500
    values = sitk.GetArrayViewFromImage(image)
    assert np.median(values[nodule]) > -100
