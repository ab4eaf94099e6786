"""Images keep their units, type, axes and place; labels and points go with them."""

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.augmentation.affine import AffineSettings
from MedDeepRegSegLib.augmentation.crop import CropSettings
from MedDeepRegSegLib.augmentation.flip import FlipSettings
from MedDeepRegSegLib.augmentation.gaussian_noise import GaussianNoiseSettings
from MedDeepRegSegLib.augmentation.images import ImageAugmenter
from MedDeepRegSegLib.augmentation.settings import AugmentationSettings
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.segmentation.segments import named_segment

TURNED = AugmentationSettings(
    affine=AffineSettings(probability=1, rotation_degrees=(20.0, 20.0, 20.0), scale=(0.9, 1.1))
)
SEGMENTS = (named_segment(1, "Spine"),)


def oblique(array, spacing=(1.5, 1.0, 2.0)):
    """Return an image on an oblique grid whose axes run along other ones than LPS."""
    image = sitk.GetImageFromArray(array)
    turn = sitk.Euler3DTransform((0, 0, 0), 0.2, 0.1, -0.15)
    direction = np.array(turn.GetMatrix()).reshape(3, 3) @ np.array([[0, 0, -1], [1, 0, 0], [0, -1, 0]])
    image.SetDirection(direction.ravel().tolist())
    image.SetSpacing(spacing)
    image.SetOrigin((40.0, -20.0, 7.0))
    return image


@pytest.fixture
def blob():
    """Return an oblique image with one bright ball, its label map and its middle, LPS."""
    k, j, i = np.indices((24, 26, 28))
    ball = ((k - 14) * 2.0) ** 2 + ((j - 10) * 1.0) ** 2 + ((i - 16) * 1.5) ** 2 < 36
    image = oblique((ball * 1000 - 20).astype(np.int16))
    return image, oblique(ball.astype(np.uint8)), np.array([image.TransformIndexToPhysicalPoint((16, 10, 14))])


def middle(image):
    """Return the middle of mass of what is bright, LPS."""
    array = sitk.GetArrayViewFromImage(image)
    index = np.argwhere(array > array.max() / 2).mean(axis=0)[::-1]
    return np.array(image.TransformContinuousIndexToPhysicalPoint(index.tolist()))


@pytest.mark.parametrize("seed", range(3))
def test_images_labels_and_points_go_together(blob, seed):
    image, labels, point = blob
    sample = ImageAugmenter(image, labels, TURNED, segments=SEGMENTS).sample(seed)
    assert sample.image.GetPixelID() == sitk.sitkInt16
    for part in (sample.image, sample.labels):
        assert part.GetSize() == image.GetSize()
        assert np.allclose(part.GetOrigin(), image.GetOrigin(), atol=1e-4)
        assert np.allclose(part.GetDirection(), image.GetDirection(), atol=1e-6)
    seen = sample.points_in_sample(point)
    assert np.abs(seen - middle(sample.image)).max() < 0.5
    assert np.abs(seen - middle(sample.labels)).max() < 0.5
    assert np.abs(seen - point).max() > 0.5
    assert np.allclose(sample.points_in_image(seen), point, atol=1e-3)


def test_cropped_samples_lie_where_they_were(blob):
    image, labels, _ = blob
    how = AugmentationSettings(crop=CropSettings(probability=1, part=(0.6, 0.8)))
    sample = ImageAugmenter(image, labels, how, segments=SEGMENTS).sample(1)
    assert all(a < b for a, b in zip(sample.image.GetSize(), image.GetSize(), strict=True))
    there = sitk.Resample(image, sample.image, sitk.Transform(), sitk.sitkNearestNeighbor, -99)
    assert np.array_equal(sitk.GetArrayViewFromImage(there), sitk.GetArrayViewFromImage(sample.image))
    assert np.array_equal(sitk.GetArrayViewFromImage(sample.labels) == 1, sitk.GetArrayViewFromImage(there) == 980)


def test_left_right_is_that_of_the_patient_not_of_the_array(blob):
    image, _, point = blob
    how = AugmentationSettings(flip=FlipSettings(probability=1))
    sample = ImageAugmenter(image, None, how).sample(0)
    moved = (sample.points_in_sample(point) - point)[0]
    assert np.abs(moved[0]) > 3 * np.abs(moved[1:]).max()
    assert np.abs(middle(sample.image) - sample.points_in_sample(point)).max() < 0.5


def test_magnitudes_stay_above_zero_and_types_do_not_overflow(blob):
    image, _, _ = blob
    noisy = AugmentationSettings(gaussian_noise=GaussianNoiseSettings(probability=1, deviation=(3.0, 3.0)))
    narrow = sitk.Cast(sitk.RescaleIntensity(image, 0, 255), sitk.sitkUInt8)
    array = sitk.GetArrayFromImage(ImageAugmenter(narrow, None, noisy).sample(0).image)
    assert array.dtype == np.uint8
    assert (array[sitk.GetArrayFromImage(narrow) == 0] > 150).mean() < 0.1  # nothing went round from below 0 to 255
    magnitude = ImageAugmenter(sitk.Cast(narrow, sitk.sitkFloat32), None, noisy).sample(0).image
    assert magnitude.GetPixelID() == sitk.sitkFloat32
    assert sitk.GetArrayViewFromImage(magnitude).min() == 0
    assert sitk.GetArrayViewFromImage(ImageAugmenter(image, None, noisy).sample(0).image).min() < -100


def test_labels_of_another_grid_are_brought_to_the_image(blob):
    image, labels, _ = blob
    fine = sitk.Resample(labels, [40, 40, 40], sitk.Transform(), sitk.sitkNearestNeighbor, labels.GetOrigin(), (1.0,) * 3,
                         labels.GetDirection(), 0, sitk.sitkUInt8)  # fmt: skip
    sample = ImageAugmenter(image, fine, AugmentationSettings(), segments=SEGMENTS).sample(0)
    same = sitk.GetArrayFromImage(sample.labels) == sitk.GetArrayFromImage(labels)
    assert same.mean() > 0.98
    fine.SetOrigin((900.0, 0.0, 0.0))
    with pytest.raises(InputError, match="no voxels inside the image"):
        ImageAugmenter(image, fine, AugmentationSettings())


def test_what_cannot_be_used_is_refused():
    bad = np.zeros((8, 8, 8), np.float32)
    bad[0, 0, 0] = np.nan
    with pytest.raises(InputError, match="not finite"):
        ImageAugmenter(sitk.GetImageFromArray(bad), None, TURNED)
    with pytest.raises(InputError, match="expected 3"):
        ImageAugmenter(sitk.GetImageFromArray(np.zeros((8, 8))), None, TURNED)
