import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.segmentation.foreground import foreground_mask, foreground_segments
from MedDeepRegSegLib.volumes.geometry import same_geometry
from MedDeepRegSegLib.volumes.phantoms import chest_phantom, head_phantom


def dice(a, b):
    return 2 * np.sum(a & b) / (np.sum(a) + np.sum(b))


def array(image):
    return sitk.GetArrayFromImage(image)


def labels_named(phantom, *names):
    values = [value for value, name in phantom.names.items() if name in names]
    assert len(values) == len(names)
    return np.isin(array(phantom.labels), values)


@pytest.fixture(scope="module")
def chest():
    return chest_phantom(seed=1, spacing_mm=3.6, size=(104, 76, 88))


@pytest.fixture(scope="module")
def head():
    return head_phantom(seed=1, spacing_mm=2.5, size=(76, 96, 90))


@pytest.mark.parametrize("modality", ["ct", "mr"])
def test_body_is_all_but_the_air_around(chest, modality):
    mask = foreground_mask(getattr(chest, modality), "body")
    assert same_geometry(mask, chest.labels, tolerance_mm=1e-9)
    assert mask.GetPixelID() == sitk.sitkUInt8
    assert dice(array(mask) > 0, array(chest.labels) > 0) > 0.99


@pytest.mark.parametrize("modality", ["ct", "mr"])
def test_head_is_all_but_the_air_around(head, modality):
    mask = foreground_mask(getattr(head, modality), "head")
    assert dice(array(mask) > 0, array(head.labels) > 0) > 0.975


def test_table_and_wires_are_left_out(chest):
    values = array(chest.ct)
    body = array(chest.labels) > 0
    rows = np.flatnonzero(body.any(axis=(0, 2)))
    values[:, rows.max() + 2, 5:-5] = 200  # a table shell behind the back
    values[:, rows.min() - 2, 50:51] = 1500  # a wire before the chest
    with_table = sitk.GetImageFromArray(values)
    with_table.CopyInformation(chest.ct)
    found = array(foreground_mask(with_table, "body")) > 0
    assert dice(found, body) > 0.985
    assert found[:, rows.max() + 2].mean() < 0.02


@pytest.mark.parametrize("turn", ["RAI", "ASR"])
def test_axes_in_any_order_give_the_same_mask(chest, turn):
    turned = sitk.DICOMOrient(chest.ct, turn)
    mask = foreground_mask(turned, "body")
    assert same_geometry(mask, turned, tolerance_mm=1e-9)
    back = sitk.DICOMOrient(mask, "LPS")
    np.testing.assert_array_equal(array(back), array(foreground_mask(chest.ct, "body")))


def test_fine_and_thick_slices(chest):
    """1.2 x 1.2 x 5 mm: the mask is made on a coarser grid and its surface found again on the own one."""
    grid = sitk.Image([300, 220, 20], sitk.sitkInt16)
    grid.SetSpacing((1.2, 1.2, 5.0))
    grid.SetOrigin(chest.ct.GetOrigin())
    fine = sitk.Resample(chest.ct, grid, sitk.Transform(), sitk.sitkLinear, -1000)
    truth = sitk.Resample(sitk.Cast(chest.labels > 0, sitk.sitkFloat32), grid, sitk.Transform(), sitk.sitkLinear, 0.0)
    assert dice(array(foreground_mask(fine, "body")) > 0, array(truth) > 0.5) > 0.985


def test_lungs_left_and_right(chest):
    mask = array(foreground_mask(chest.ct, "lungs"))
    truth = labels_named(chest, "lungs", "lung vessels", "lung nodule")
    assert dice(mask > 0, truth) > 0.97
    columns = np.arange(mask.shape[2])
    right, left = (np.average(columns, weights=(mask == value).sum(axis=(0, 1))) for value in (1, 2))
    assert left - right > 20  # columns run to the left
    assert 0.6 < (mask == 1).sum() / (mask == 2).sum() < 1.6
    assert [s.name for s in foreground_segments("lungs")] == ["Right lung", "Left lung"]


def test_lungs_cut_by_the_field_of_view(chest):
    lower = chest.ct[:, :, 15:50]
    mask = array(foreground_mask(lower, "lungs")) > 0
    truth = labels_named(chest, "lungs", "lung vessels", "lung nodule")[15:50]
    assert dice(mask, truth) > 0.96


def test_thorax_holds_lungs_and_heart_but_little_liver(chest):
    mask = array(foreground_mask(chest.ct, "thorax")) > 0
    assert mask[labels_named(chest, "lungs")].mean() > 0.99
    assert mask[labels_named(chest, "heart")].mean() > 0.75
    assert mask[labels_named(chest, "liver")].mean() < 0.1
    assert mask[array(chest.labels) == 0].mean() == 0


@pytest.mark.parametrize("modality", ["ct", "mr"])
def test_brain_inside_the_skull(head, modality):
    mask = array(foreground_mask(getattr(head, modality), "brain")) > 0
    tissue = labels_named(head, "cortical gray matter", "white matter", "ventricles", "thalamus", "cerebellum")
    assert mask[tissue].mean() > 0.98
    outer = labels_named(head, "scalp and fat", "soft tissue", "skull", "eyes")
    assert mask[outer].mean() < 0.02


def test_skull_is_the_bone_of_the_head(head):
    found = sitk.GetArrayFromImage(foreground_mask(head.ct, "skull")) > 0
    labels = sitk.GetArrayFromImage(head.labels)
    bone = labels == next(value for value, name in head.names.items() if name == "skull")
    assert 2 * (found & bone).sum() / (found.sum() + bone.sum()) > 0.85
    inner = labels == next(value for value, name in head.names.items() if name == "white matter")
    assert not (found & inner).any()


@pytest.mark.parametrize(("volume", "words"), [("mr", "expected a head CT"), ("chest", "no skull was found")])
def test_no_skull_is_guessed(head, chest, volume, words):
    image = head.mr if volume == "mr" else chest.ct
    with pytest.raises(InputError, match=words):
        foreground_mask(image, "skull")


def test_field_of_view_within_the_body_is_all_body(chest):
    inside = chest.ct[40:64, 30:50, 5:20]
    assert array(foreground_mask(inside, "body")).all()


@pytest.mark.parametrize(
    ("what", "volume", "words"),
    [
        ("liver", "ct", "expected one of body, head"),
        ("lungs", "mr", "looks like an MR"),
        ("thorax", "mr", "looks like an MR"),
        ("lungs", "head", "no lung was found"),
        ("lungs", "belly", "no air inside the body"),
    ],
)
def test_what_cannot_be_found_is_refused(chest, head, what, volume, words):
    image = {"ct": chest.ct, "mr": chest.mr, "head": head.ct, "belly": chest.ct[20:50, 20:45, 0:8]}[volume]
    with pytest.raises(InputError, match=words):
        foreground_mask(image, what)


def test_only_air_is_no_body():
    noise = sitk.GetImageFromArray(np.random.default_rng(0).normal(-1000, 5, (20, 30, 30)).astype(np.float32))
    noise.SetMetaData("0008|0060", "CT")
    with pytest.raises(InputError, match="no body"):
        foreground_mask(noise, "body")


def test_cancel(chest):
    token = CancelToken()
    token.cancel()
    with pytest.raises(Canceled):
        foreground_mask(chest.ct, "body", cancel=token)


class TestRealImages:
    def test_lungs_of_an_abdominal_ct(self, shared_data):
        """The bases of the lungs only, at 3 mm, beside bowel gas; the reference is model output."""
        folder = shared_data / "06_totalsegmentator"
        mask = array(foreground_mask(sitk.ReadImage(str(folder / "example_ct_sm.nii.gz")), "lungs"))
        labels = array(sitk.ReadImage(str(folder / "example_seg.nii.gz")))
        right, left = np.isin(labels, [12, 13, 14]), np.isin(labels, [10, 11])
        assert dice(mask == 1, right) > 0.955
        assert dice(mask == 2, left) > 0.945
        assert (mask == 1)[left].sum() == (mask == 2)[right].sum() == 0

    def test_no_table_in_the_body(self, shared_data):
        image = sitk.ReadImage(str(shared_data / "06_totalsegmentator" / "example_ct_sm.nii.gz"))
        mask = array(foreground_mask(image, "body")) > 0
        labels = array(sitk.ReadImage(str(shared_data / "06_totalsegmentator" / "example_seg.nii.gz")))
        assert mask[labels > 0].all()
        values = array(image)
        assert np.mean(values[mask] < -500) < 0.06  # lung and bowel gas only

    def test_brain_extracted_images_give_the_brain(self, shared_data):
        folder = shared_data / "03_ct_mr_template_pair"
        ct = sitk.ReadImage(str(folder / "scct_stripped_hu.nii.gz"))
        tissue = array(ct) != 0
        for what in ("head", "brain"):
            assert dice(array(foreground_mask(ct, what)) > 0, tissue) > 0.96

    @pytest.mark.slow
    def test_brain_of_a_whole_head_mr(self, shared_data):
        """Against an extraction of the same average by FSL's BET, at 1 mm."""
        folder = shared_data / "03_ct_mr_template_pair"
        mr = sitk.ReadImage(str(folder / "sct1_unsmooth_96x96x96.nii.gz"))
        extracted = sitk.ReadImage(str(folder / "betsct1_unsmooth.nii.gz"))
        truth = sitk.Resample(sitk.Cast(extracted > 0, sitk.sitkFloat32), mr, sitk.Transform(), sitk.sitkLinear, 0.0)
        assert dice(array(foreground_mask(mr, "brain")) > 0, array(truth) > 0.5) > 0.9

    def test_whole_head_pair_has_the_same_head(self, shared_data):
        folder = shared_data / "03_ct_mr_template_pair"
        ct, mr = (
            sitk.ReadImage(str(folder / name))
            for name in ("scct_unsmooth_96x96x96.nii.gz", "sct1_unsmooth_96x96x96.nii.gz")
        )
        assert dice(array(foreground_mask(ct, "head")) > 0, array(foreground_mask(mr, "head")) > 0) > 0.94
