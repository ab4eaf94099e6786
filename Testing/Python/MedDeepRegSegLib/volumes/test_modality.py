"""Guess of the modality and of the display window."""

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.volumes.modality import MODALITY_KEY, Modality, display_window, guess_modality


def image_of(background, tissue, *, dtype=np.float32, noise=10.0):
    rng = np.random.default_rng(0)
    values = np.where(rng.random((20, 30, 30)) < 0.5, tissue, background) + rng.normal(0, noise, (20, 30, 30))
    return sitk.GetImageFromArray(values.astype(dtype))


def test_values_decide_without_a_header():
    assert guess_modality(image_of(-1000, 40)) is Modality.CT
    assert guess_modality(image_of(-2048, 40, dtype=np.int16)) is Modality.CT
    assert guess_modality(sitk.Abs(image_of(0, 600))) is Modality.MR
    assert guess_modality(image_of(-1, 1, noise=0.5)) is Modality.UNKNOWN
    assert guess_modality(image_of(-1000, 1200)) is not Modality.MR


def test_brain_extracted_ct_with_zero_background_is_not_called_mr():
    rng = np.random.default_rng(1)
    values = np.where(rng.random((20, 30, 30)) < 0.3, rng.normal(35, 6, (20, 30, 30)), 0)
    assert guess_modality(sitk.GetImageFromArray(values.astype(np.float32))) is Modality.UNKNOWN


def test_constant_image_is_unknown_and_has_a_window():
    image = sitk.Image([4, 4, 4], sitk.sitkInt16)
    assert guess_modality(image) is Modality.UNKNOWN
    width, level = display_window(image)
    assert width > 0
    assert level == 0


@pytest.mark.parametrize(("named", "expected"), [("CT", Modality.CT), ("MR ", Modality.MR), ("PT", Modality.UNKNOWN)])
def test_header_decides(named, expected):
    image = image_of(-1000, 40)
    image.SetMetaData(MODALITY_KEY, named)
    assert guess_modality(image) is expected


def test_real_images(shared_data):
    ct = sitk.ReadImage(str(next((shared_data / "06_totalsegmentator").rglob("example_ct_sm.nii.gz"))))
    assert guess_modality(ct) is Modality.CT
    assert display_window(ct) == (400.0, 40.0)
    for path in (shared_data / "08_tptbox_spine_ct_mr").glob("*T2w.nii.gz"):
        assert guess_modality(sitk.ReadImage(str(path))) is Modality.MR


def test_window_of_mr_is_robust_against_spikes_and_background():
    values = np.zeros((20, 40, 40), np.float32)
    values[:, 10:30, 10:30] = np.random.default_rng(0).uniform(300, 900, (20, 20, 20))
    values[0, 0, 0] = 1e6
    width, level = display_window(sitk.GetImageFromArray(values))
    assert 200 <= level - width / 2 <= 310
    assert 880 <= level + width / 2 <= 910
