"""A folder is read when its slices are one regular volume, and refused with the reason when not."""

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.volumes.modality import MODALITY_KEY
from MedDeepRegSegLib.volumes.reading import read_volume

ROW, COLUMN = np.array([0.96, 0.28, 0.0]), np.array([-0.28, 0.96, 0.0])
NORMAL = np.cross(ROW, COLUMN)


def write_series(folder, heights, *, tilt=0.0, series="1.2.3", modality="CT", description="", rows=9):
    """Write one slice at each of ``heights`` (mm along the normal); voxels hold the number of the slice."""
    folder.mkdir(exist_ok=True)
    for number, height in enumerate(heights):
        image = sitk.Image([8, rows], sitk.sitkInt16) + 100 + number
        position = np.array([-50.0, 20.0, 5.0]) + height * NORMAL + tilt * height * COLUMN
        image.SetSpacing((0.5, 0.75))
        tags = {
            "0008|0016": "1.2.840.10008.5.1.4.1.1.2",
            "0008|0060": modality,
            "0008|103e": description,
            "0010|0010": "Name^Of^Patient",
            "0020|000d": "1.2.3.4",
            "0020|000e": series,
            "0020|0032": "\\".join(f"{c:.6f}" for c in position),
            "0020|0037": "\\".join(f"{c:.6f}" for c in (*ROW, *COLUMN)),
            "0020|0013": str(number + 1),
            "0028|1052": "-1024",
            "0028|1053": "1",
        }
        for key, value in tags.items():
            image.SetMetaData(key, value)
        writer = sitk.ImageFileWriter()
        writer.KeepOriginalImageUIDOn()
        # The order of the names is not the order in space.
        writer.SetFileName(str(folder / f"{series}-{(number * 7) % 31:02d}.dcm"))
        writer.Execute(image)
    return folder


def test_regular_series_comes_in_with_its_geometry(tmp_path):
    image = read_volume(write_series(tmp_path / "a", 2.5 * np.arange(6)[::-1]))
    assert image.GetSize() == (8, 9, 6)
    np.testing.assert_allclose(image.GetSpacing(), (0.5, 0.75, 2.5), atol=1e-5)
    np.testing.assert_allclose(image.GetOrigin(), (-50, 20, 5), atol=1e-5)
    np.testing.assert_allclose(np.array(image.GetDirection()).reshape(3, 3), np.c_[ROW, COLUMN, NORMAL], atol=1e-6)
    # The writer stores values as they are before rescaling (value + 1024); slices are sorted by place.
    assert [image.GetPixel(0, 0, k) for k in range(6)] == [105, 104, 103, 102, 101, 100]
    assert image.GetMetaDataKeys() == (MODALITY_KEY,)


def test_slopes_that_differ_keep_their_fractions(tmp_path):
    folder = write_series(tmp_path / "a", np.arange(4.0), modality="PT")
    tag = b"\x28\x00\x53\x10"  # Rescale Slope, implicit representation: tag, length, value
    one, fraction = tag + b"\x02\x00\x00\x001 ", tag + b"\x04\x00\x00\x000.3 "
    for number in (2, 3):  # the writer refuses fractions for whole voxels, but scanners write them
        path = folder / f"1.2.3-{number * 7:02d}.dcm"
        data = path.read_bytes()
        assert data.count(one) == 1
        path.write_bytes(data.replace(one, fraction))
    image = read_volume(folder)
    assert image.GetPixelID() == sitk.sitkFloat32
    stored = 1024 + 100 + np.arange(4)
    expected = np.array([1, 1, 0.3, 0.3]) * stored - 1024
    np.testing.assert_allclose([image.GetPixel(0, 0, k) for k in range(4)], expected, atol=1e-3)


@pytest.mark.parametrize(
    ("heights", "tilt", "message"),
    [
        (
            [0, 2, 4, 8, 10, 12],
            0,
            "1 slice is missing (slices are 2 to 4 mm apart, first gap 1.2.3-14.dcm to 1.2.3-21.dcm)",
        ),
        ([0, 2, 4, 10, 12, 14, 18, 20], 0, "3 slices are missing"),
        ([0, 2, 4, 6, 9, 12, 15], 0, "distance between its slices varies from 2 to 3 mm"),
        ([0, 2, 4, 6, 8], np.tan(np.radians(12)), "gantry tilt of 12.0 degrees"),
        ([0, 2, 4, 8, 10], np.tan(np.radians(12)), "gantry tilt of 12.0 degrees; 1 slice is missing"),
        ([0, 2, 2, 4, 4], 0, "2 DICOM slices lie at the place of another (5 in all)"),
        ([3], 0, "is a single DICOM slice"),
    ],
)
def test_irregular_series_are_refused_with_the_reason(tmp_path, heights, tilt, message):
    folder = write_series(tmp_path / "a", heights, tilt=tilt)
    with pytest.raises(InputError) as caught:
        read_volume(folder, "fixed image")
    assert message in str(caught.value)
    assert str(caught.value).startswith("fixed image")
    assert "\n" not in str(caught.value)


def test_rounded_positions_are_no_gap(tmp_path):
    heights = np.round(0.6249 * np.arange(12), 2)
    assert read_volume(write_series(tmp_path / "a", heights)).GetSpacing()[2] == pytest.approx(0.625, abs=1e-3)


def test_several_series_are_listed(tmp_path):
    write_series(tmp_path / "a", np.arange(4.0), description="Thin axial")
    write_series(tmp_path / "a", np.arange(3.0), series="1.2.9", modality="MR")
    with pytest.raises(InputError) as caught:
        read_volume(tmp_path / "a")
    for part in (
        "has 2 DICOM series",
        "'Thin axial' CT with 4 files from 1.2.3-00.dcm",
        "MR with 3 files",
        "expected 1",
    ):
        assert part in str(caught.value)


def test_sizes_that_differ_are_refused(tmp_path):
    write_series(tmp_path / "a", [0.0, 1.0, 2.0])
    write_series(tmp_path / "b", [3.0], rows=10)
    (tmp_path / "b" / "1.2.3-00.dcm").rename(tmp_path / "a" / "odd.dcm")
    with pytest.raises(InputError, match="different sizes"):
        read_volume(tmp_path / "a")


def test_folders_without_images(tmp_path):
    (tmp_path / "note.txt").write_text("hello")
    (tmp_path / "series one").mkdir()
    with pytest.raises(InputError, match=r"no DICOM image among its 1 files: .*folders below it: series one"):
        read_volume(tmp_path)
    write_series(tmp_path, [0.0], modality="SEG")
    with pytest.raises(InputError, match=r"only DICOM objects without slices \(SEG\)"):
        read_volume(tmp_path)


def test_other_files_beside_the_series_are_ignored_and_progress_is_told(tmp_path):
    folder = write_series(tmp_path / "a", np.arange(4.0))
    (folder / "DICOMDIR").write_bytes(b"index")
    told = []
    assert read_volume(folder, progress=lambda fraction, text: told.append(fraction)).GetSize() == (8, 9, 4)
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_cancel_while_looking(tmp_path):
    folder = write_series(tmp_path / "a", np.arange(4.0))
    token = CancelToken()
    with pytest.raises(Canceled):
        read_volume(folder, progress=lambda *_: token.cancel(), cancel=token)


REAL = {
    "ct_head_ge_tilt": "gantry tilt of 18.5 degrees; the distance between its slices varies",
    "dicom2nifti_cases/failing/sliceincrement/002": "1 slice is missing",
    "dicom2nifti_cases/failing/notavolume/001": "lie at the place of another",
    "rtstruct": "is a single DICOM slice",
    "pydicom_files": "has 3 DICOM series",
    "pet_with_seg": "slices are missing",
    "ct_liver_dicom_seg/liver.dcm": "is a DICOM SEG object",
    "rtstruct/rtss.dcm": "is a DICOM object without an image",
}


@pytest.mark.parametrize("name", REAL)
def test_real_awkward_series(shared_data, name):
    with pytest.raises(InputError) as caught:
        read_volume(shared_data / "12_dicom" / name)
    assert REAL[name] in str(caught.value)


def test_real_good_series(shared_data):
    ct = read_volume(shared_data / "12_dicom" / "ct_head_slicer_64")
    assert ct.GetSize() == (64, 64, 93)
    np.testing.assert_allclose(ct.GetSpacing(), (3.2, 3.2, 1.5))
    case = shared_data / "12_dicom" / "dicom2nifti_cases" / "anatomical"
    ours, truth = read_volume(case / "001"), read_volume(case / "001_ground_truth.nii.gz")
    resampled = sitk.Resample(ours, truth, sitk.Transform(), sitk.sitkNearestNeighbor)
    inside = sitk.GetArrayFromImage(sitk.Resample(ours * 0 + 1, truth, sitk.Transform(), sitk.sitkNearestNeighbor)) > 0
    assert inside.mean() > 0.95
    np.testing.assert_allclose(
        sitk.GetArrayFromImage(resampled)[inside], sitk.GetArrayFromImage(truth)[inside].astype(float), atol=1
    )
