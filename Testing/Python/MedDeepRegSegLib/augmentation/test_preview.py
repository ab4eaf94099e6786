"""The sheet of samples shows slices as they were taken."""

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.augmentation.crop import CropDraw
from MedDeepRegSegLib.augmentation.preview import PreviewSheet
from MedDeepRegSegLib.augmentation.settings import SampleDraws
from MedDeepRegSegLib.segmentation.segments import named_segment


def slab(degrees, order=(0, 1, 2), signs=(1, 1, 1)):
    """Return a bright slab and its label map, turned about all axes, with axes that run along others of the patient."""
    array = np.zeros((6, 60, 50), np.int16)
    array[:] = np.linspace(200, 800, 60)[:, None]
    array[:, 20:40, 10:20] = 1000
    labels = (array == 1000).astype(np.uint8)
    axes = np.zeros((3, 3))
    axes[list(order), range(3)] = signs
    angles = np.deg2rad(degrees)
    turn = np.array(sitk.Euler3DTransform((0, 0, 0), *map(float, angles)).GetMatrix()).reshape(3, 3)
    images = []
    for part in (array, labels):
        image = sitk.GetImageFromArray(part)
        image.SetSpacing((1.0, 1.0, 5.0))
        image.SetOrigin((30.0, -200.0, 90.0))
        image.SetDirection((turn @ axes).ravel().tolist())
        images.append(image)
    return images


def sheet_of(image, labels):
    sheet = PreviewSheet(image, labels, (named_segment(1, "box"),), size=120)
    sheet.add(image, labels, SampleDraws(crop=CropDraw(size=(6, 60, 50), center=(2.5, 29.5, 24.5))), "1")
    return sheet.picture("")


@pytest.mark.parametrize(
    ("order", "signs"),
    [((0, 1, 2), (1, 1, 1)), ((0, 2, 1), (1, -1, 1)), ((2, 0, 1), (-1, 1, -1)), ((0, 1, 2), (1, 1, -1))],
)
def test_a_tilted_slab_looks_like_a_straight_one(order, signs):
    straight = sheet_of(*slab((0, 0, 0), order, signs))
    tilted = sheet_of(*slab((25, -20, 10), order, signs))
    assert tilted.shape == straight.shape
    differing = np.abs(tilted.astype(int) - straight).max(axis=2) > 40
    assert differing.mean() < 0.01


def test_pictures_of_a_tilted_slab_have_no_empty_corners():
    outside = []
    for degrees in ((0, 0, 0), (30, 25, 0)):
        picture = sheet_of(*slab(degrees))
        outside.append((picture.max(axis=2) == 0).mean())
    assert outside[1] < outside[0] + 0.01
