"""Good files come in exactly; every kind of bad file is refused with one clear line."""

import gzip
import math
import os
import struct

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.volumes import memory
from MedDeepRegSegLib.volumes.modality import MODALITY_KEY
from MedDeepRegSegLib.volumes.reading import read_label_map, read_volume, reading_note, write_image


def sample(dtype=np.float32, size=(10, 8, 6)):
    values = np.random.default_rng(0).integers(0, 200, size[::-1]).astype(dtype)
    image = sitk.GetImageFromArray(values)
    image.SetSpacing((1.0, 1.5, 2.0))
    image.SetOrigin((-12.0, 30.5, 7.25))
    image.SetDirection(sitk.VersorTransform((0.0, 0.0, 1.0), 0.3).GetMatrix())
    return image


@pytest.fixture
def nifti(tmp_path):
    """Return a function that writes a NIfTI file whose header bytes were changed."""

    def write(name="image.nii", **changes):
        whole = tmp_path / "whole.nii"
        image = sample()
        image.SetDirection(np.eye(3).ravel().tolist())
        sitk.WriteImage(image, str(whole))
        data = bytearray(whole.read_bytes())
        for offset, (form, *values) in changes.pop("fields", {}).items():
            struct.pack_into("<" + form, data, offset, *values)
        data = data[: changes.pop("length", len(data))]
        path = tmp_path / name
        path.write_bytes(gzip.compress(bytes(data)) if name.endswith(".gz") else bytes(data))
        return path

    return write


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".nrrd", ".mha"])
def test_round_trip(tmp_path, suffix):
    image = sample()
    write_image(image, tmp_path / "new folder" / f"image{suffix}")
    read = read_volume(tmp_path / "new folder" / f"image{suffix}")
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read), sitk.GetArrayFromImage(image))
    np.testing.assert_allclose(read.GetOrigin(), image.GetOrigin(), atol=1e-5)
    np.testing.assert_allclose(read.GetDirection(), image.GetDirection(), atol=1e-6)
    np.testing.assert_allclose(read.GetSpacing(), image.GetSpacing(), atol=1e-6)
    assert [entry.name for entry in (tmp_path / "new folder").iterdir()] == [f"image{suffix}"]


def test_modality_survives_and_other_metadata_do_not(tmp_path):
    image = sample()
    image.SetMetaData(MODALITY_KEY, "CT")
    image.SetMetaData("0010|0010", "Name^Of^Patient")
    sitk.WriteImage(image, str(tmp_path / "a.nrrd"))
    read = read_volume(tmp_path / "a.nrrd")
    assert read.GetMetaDataKeys() == (MODALITY_KEY,)
    assert read.GetMetaData(MODALITY_KEY) == "CT"


def test_one_frame_of_four_dimensions_is_a_volume(tmp_path):
    image = sample()
    for name in ("a.nrrd", "a.nii.gz"):
        sitk.WriteImage(sitk.JoinSeries([image]), str(tmp_path / name))
        read = read_volume(tmp_path / name)
        assert read.GetSize() == image.GetSize()
        np.testing.assert_allclose(read.GetDirection(), image.GetDirection(), atol=1e-6)


def test_units_are_converted_to_millimeters(nifti, tmp_path):
    meters = {76: ("8f", 1, 1e-3, 1.5e-3, 2e-3, 1, 1, 1, 1), 123: ("B", 1)}
    meters |= {252: ("hh", 0, 1), 280: ("12f", -1e-3, 0, 0, 0.012, 0, -1.5e-3, 0, -0.0305, 0, 0, 2e-3, 0.00725)}
    read = read_volume(nifti(fields=meters))
    np.testing.assert_allclose(read.GetSpacing(), (1, 1.5, 2), rtol=1e-5)
    np.testing.assert_allclose(read.GetOrigin(), (-12, 30.5, 7.25), rtol=1e-5)
    header = (
        "NRRD0004\ntype: uchar\ndimension: 3\nspace: left-posterior-superior\nsizes: 4 5 6\n"
        "space directions: (1000,0,0) (0,1500,0) (0,0,2000)\nkinds: domain domain domain\nencoding: raw\n"
        'space units: "um" "um" "um"\nspace origin: (-12000,30500,7250)\n\n'
    )
    path = tmp_path / "microns.nrrd"
    path.write_bytes(header.encode() + bytes(range(120)))
    read = read_volume(path)
    np.testing.assert_allclose(read.GetSpacing(), (1, 1.5, 2))
    np.testing.assert_allclose(read.GetOrigin(), (-12, 30.5, 7.25))


def test_unknown_unit_is_taken_for_mm_where_that_can_be(nifti):
    assert read_volume(nifti(fields={123: ("B", 0)})).GetSpacing() == (1.0, 1.5, 2.0)
    small = {76: ("8f", 1, 1e-3, 1e-3, 1e-3, 1, 1, 1, 1), 123: ("B", 0), 252: ("hh", 0, 0)}
    with pytest.raises(InputError, match=r"would be 0.01x0.008x0.006 mm large and its header does not say the unit"):
        read_volume(nifti(fields=small))


def test_two_orientations_are_noted(nifti):
    shifted = {252: ("hh", 1, 1), 280: ("12f", -1, 0, 0, 55, 0, -1.5, 0, -30.5, 0, 0, 2, 7.25)}
    image = read_volume(nifti(fields=shifted))
    assert image.GetOrigin()[0] == -55
    assert reading_note(image) == "image.nii has two orientations that differ; its sform is used and its qform is not"
    shifted[252] = ("hh", 1, 4)
    image = read_volume(nifti(fields=shifted))
    assert image.GetOrigin()[0] == -12
    assert reading_note(image) == "image.nii has two orientations that differ; its qform is used and its sform is not"
    assert reading_note(read_volume(nifti())) == ""


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("a.nii", {"length": 900}, "is cut off: a.nii has 900 bytes of image, its header announces 2272"),
        ("a.nii.gz", {"length": 900}, "is cut off"),
        ("a.nii", {"length": 100}, "has no NIfTI header"),
        ("a.nii", {"fields": {76: ("8f", 1, 0, 1, 1, 1, 1, 1, 1)}}, "has a spacing of 0x1x1 in the header"),
        ("a.nii", {"fields": {76: ("8f", 1, -1, 1, 1, 1, 1, 1, 1)}}, "has a spacing of -1x1x1"),
        ("a.nii", {"fields": {76: ("8f", 1, np.nan, 1, 1, 1, 1, 1, 1)}}, "has a spacing of nanx1x1"),
        ("a.nii", {"fields": {252: ("hh", 1, 1), 280: ("4f", -1, 0.3, 0, 0)}}, "not perpendicular"),
        ("a.nii", {"fields": {252: ("hh", 0, 1), 280: ("4f", -1, 0.3, 0, 0)}}, "not perpendicular"),
        (
            "a.nii",
            {"fields": {252: ("hh", 0, 1), 280: ("4f", 0, 0, 0, 0), 296: ("4f", 0, 0, 0, 0)}},
            "orientation matrix",
        ),
        ("a.nii", {"fields": {40: ("8h", 3, 10, -8, 6, 1, 1, 1, 1)}}, "is damaged"),
    ],
)
def test_bad_nifti_is_refused(nifti, name, changes, message):
    path = nifti(name, **changes)
    with pytest.raises(InputError) as caught:
        read_volume(path, "moving image")
    assert message in str(caught.value)
    assert str(caught.value).startswith("moving image")
    assert "\n" not in str(caught.value)


def test_compressed_file_that_ends_early_or_is_garbled_is_refused(nifti):
    path = nifti("a.nii.gz")
    whole = path.read_bytes()
    for data in (whole[: len(whole) // 2], whole[:-3], whole[:200] + bytes(100) + whole[300:]):
        path.write_bytes(data)
        with pytest.raises(InputError, match=r"is damaged: a\.nii\.gz does not unpack to its end"):
            read_volume(path)


def nrrd(extra="", directions="(1,0,0) (0,1,0) (0,0,1)", count=120):
    header = (
        "NRRD0004\ntype: uchar\ndimension: 3\nspace: left-posterior-superior\nsizes: 4 5 6\n"
        f"space directions: {directions}\nkinds: domain domain domain\nencoding: raw\nspace origin: (0,0,0)\n{extra}\n"
    )
    return header.encode() + bytes(range(count))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (nrrd(count=60), "cannot be read from a.nrrd ([nrrd] _nrrdEncodingRaw_read: fread got only 60"),
        (nrrd(directions="(1,0.3,0) (0,1,0) (0,0,1)"), "axes that are not perpendicular"),
        (nrrd(directions="(nan,0,0) (0,1,0) (0,0,1)"), "no valid spacing"),
        (nrrd('space units: "s" "s" "s"\n'), 'has the units "s" "s" "s" in a.nrrd, expected one unit of length'),
        (nrrd('space units: "mm" "mm" "cm"\n'), "expected one unit of length"),
        (nrrd()[:50], "cannot be read from a.nrrd"),
        (b"no image at all", "is no image that can be read"),
        (b"", "is empty"),
    ],
)
def test_bad_nrrd_is_refused(tmp_path, data, message):
    path = tmp_path / "a.nrrd"
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        read_volume(path, "fixed image")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def write(image):
    return lambda path: sitk.WriteImage(image, str(path))


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        ("a.nrrd", write(sitk.JoinSeries([sample()] * 3)), "has 3 frames (10x8x6x3), expected one 3-D volume"),
        ("a.nrrd", write(sitk.Compose(sample(), sample(), sample())), "has 3 components per voxel, expected 1"),
        ("a.seg.nrrd", write(sitk.Compose(sample(), sample())), "its segments overlap"),
        ("a.nrrd", write(sample()[:, :, 2]), "has 2 dimensions (10x8), expected 3"),
        ("a.mha", write(sample()[:, :, 2:3]), "has 10x8x1 voxels, expected at least 2"),
        ("a.nrrd", write(sample() * 0), "same value everywhere (0)"),
        ("a.nrrd", write(sample() * np.nan), "voxels that are not finite"),
        ("a.png", write(sample(np.uint8)[:, :, 2]), "a.png is a picture without spacing in mm (PNG)"),
        ("a.nii", lambda path: path.write_text("hello"), "has no NIfTI header"),
        ("a.txt", lambda path: path.write_text("hello"), "is no image that can be read"),
        ("a.nii.gz", lambda path: path.write_bytes(b""), "the file a.nii.gz is empty"),
        ("missing.nii.gz", lambda path: None, "there is no file or folder"),
        ("folder", lambda path: path.mkdir(), "is empty, expected the files of one DICOM series"),
        ("a.dcm", lambda path: path.write_bytes(bytes(128) + b"DICM"), "a.dcm is damaged: export or copy it"),
    ],
)
def test_what_is_no_volume_is_refused(tmp_path, name, make, message):
    path = tmp_path / name
    make(path)
    with pytest.raises(InputError) as caught:
        read_volume(path, "fixed image")
    assert message in str(caught.value)
    assert str(caught.value).startswith("fixed image")
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may open everything")
def test_no_permission(tmp_path):
    path = tmp_path / "a.nrrd"
    sitk.WriteImage(sample(), str(path))
    path.chmod(0)
    with pytest.raises(InputError, match="permission denied"):
        read_volume(path)


def test_no_permission_as_the_system_reports_it(tmp_path, monkeypatch):
    path = tmp_path / "a.nrrd"
    sitk.WriteImage(sample(), str(path))
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(InputError, match=r"cannot be opened \(permission denied\)"):
        read_volume(path)


def test_too_large_for_the_memory_is_refused_before_reading(tmp_path, monkeypatch):
    path = tmp_path / "a.nrrd"
    sitk.WriteImage(sample(), str(path))
    monkeypatch.setattr(memory, "available_memory_bytes", lambda: 1000)
    with pytest.raises(InputError, match=r"image \(10x8x6 voxels\) needs about .* crop or resample it first"):
        read_volume(path)


def test_cancel(tmp_path):
    path = tmp_path / "a.nii.gz"
    sitk.WriteImage(sample(), str(path))
    token = CancelToken()
    token.cancel()
    with pytest.raises(Canceled):
        read_volume(path, cancel=token)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((0, 3.0, 255), sitk.sitkUInt8),
        ((0, 1, 256), sitk.sitkUInt16),
        ((0, 1, 70000), sitk.sitkUInt32),
    ],
)
def test_label_maps_get_the_smallest_type(tmp_path, values, expected):
    array = np.resize(np.array(values, np.float32), (3, 4, 5))
    sitk.WriteImage(sitk.GetImageFromArray(array), str(tmp_path / "a.nrrd"))
    labels = read_label_map(tmp_path / "a.nrrd")
    assert labels.GetPixelID() == expected
    np.testing.assert_array_equal(sitk.GetArrayFromImage(labels), array)


def test_label_map_may_be_empty_or_one_slice(tmp_path):
    sitk.WriteImage(sitk.Image([4, 4, 1], sitk.sitkInt16), str(tmp_path / "a.nrrd"))
    assert read_label_map(tmp_path / "a.nrrd").GetSize() == (4, 4, 1)


def test_image_is_no_label_map(tmp_path):
    sitk.WriteImage(sample() + 0.5, str(tmp_path / "a.nrrd"))
    with pytest.raises(InputError, match=r"label map \(a.nrrd\) has fractional values"):
        read_label_map(tmp_path / "a.nrrd")


@pytest.mark.parametrize("name", ["a.txt", "a", "a.mhd", "a.nhdr", "a.png"])
def test_formats_that_lose_something_are_not_written(tmp_path, name):
    with pytest.raises(InputError, match=r"expected one of .nii.gz, .nii, .nrrd, .mha"):
        write_image(sample(), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_shared_images(shared_data):
    head = read_volume(
        shared_data / "11_single_ct_mr_volumes/nilearn_mni/mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"
    )
    assert head.GetSize() == (197, 233, 189)
    with pytest.raises(InputError, match="has 30 frames"):
        read_volume(shared_data / "04_mr_same_subject_pairs/sct_spine/fmri_r.nii.gz")


@pytest.mark.parametrize("place", [math.nan, math.inf, -math.inf, -352.0])
def test_a_nifti_image_that_begins_nowhere_is_refused(nifti, place):
    with pytest.raises(InputError, match=r"begins at byte .*vox_offset") as caught:
        read_volume(nifti(fields={108: ("f", place)}))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("steps", ["1 x 1", "1 0 1", "1 inf 1", "nan 1 1"])
def test_nrrd_steps_that_are_no_numbers_are_refused(tmp_path, steps):
    path = tmp_path / "a.nrrd"
    header = f"NRRD0004\ntype: unsigned char\ndimension: 3\nsizes: 2 2 2\nspacings: {steps}\nencoding: raw\n\n"
    path.write_bytes(header.encode() + bytes(range(8)))
    with pytest.raises(InputError, match=r"no valid spacing in the header of a\.nrrd") as caught:
        read_volume(path)
    assert steps in str(caught.value)
    path.write_bytes(header.replace(steps, "1 2 3").encode() + bytes(range(8)))
    assert read_volume(path).GetSpacing() == (1.0, 2.0, 3.0)
