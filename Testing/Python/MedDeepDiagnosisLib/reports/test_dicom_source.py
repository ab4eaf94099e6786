"""The grid of a DICOM series, and segments on its slices."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepDiagnosisLib.reports.dicom_source import (
    header_faults,
    is_dicom_series,
    labels_on_source,
    read_source_series,
)
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import Canceled, CancelToken
from MedDeepRegSegLib.segmentation.segments import Segment, named_segment
from MedDeepRegSegLib.volumes.geometry import same_geometry
from MedDeepRegSegLib.volumes.reading import read_volume

pytest.importorskip("highdicom", reason="highdicom writes DICOM objects")

OBLIQUE = (0.8, 0.6, 0.0, -0.48, 0.64, 0.6)
SHARED = Path("/work/shared/data/12_dicom")


@pytest.mark.parametrize("orientation", [(1, 0, 0, 0, 1, 0), OBLIQUE, (0, 1, 0, 0, 0, -1), (-1, 0, 0, 0, 1, 0)])
def test_slices_are_in_the_order_and_on_the_grid_of_the_volume(series_writer, tmp_path, orientation):
    folder = series_writer(tmp_path / "ct", orientation=orientation)
    source = read_source_series(folder)
    volume = read_volume(folder)
    assert same_geometry(source.grid, volume, tolerance_mm=1e-4)
    assert [one.InstanceNumber for one in source.slices] == list(range(1, 9))
    assert [int(value) for value in sitk.GetArrayViewFromImage(volume)[:, 0, 0]] == list(range(8)), "voxels follow"


def _say_nothing_of_the_frame(one, k):
    del one.FrameOfReferenceUID


def _other_series(one, k):
    one.SeriesInstanceUID = f"1.2.{3 + k % 2}"


def _other_patient(one, k):
    one.PatientID = f"P{k}"


def _turn_one(one, k):
    if k == 3:
        one.ImageOrientationPatient = [0, 1, 0, 0, 0, 1]


def _frames(one, k):
    one.NumberOfFrames = 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"heights": [0, 2, 4, 6, 10, 12, 14, 16]}, r"1 slice is missing \(slices are 2 to 4 mm apart"),
        (
            {"heights": [0, 2, 4, 6.5, 8, 10, 12, 14]},
            r"varies from 1\.5 to 2\.5 mm, expected slices straight above each other",
        ),
        ({"heights": [0, 2, 2, 4, 6, 8, 10, 12]}, "place of another"),
        ({"shift": (0.0, 0.5)}, r"gantry tilt of 14\.0 degrees, expected slices straight"),
        ({"slices": 1}, "single DICOM slice"),
        ({"change": _say_nothing_of_the_frame}, "has no FrameOfReferenceUID"),
        ({"change": _other_series}, "2 DICOM series"),
        ({"change": _other_patient}, "differ in PatientID, expected"),
        ({"change": _turn_one}, "not parallel"),
        ({"change": _frames}, "several frames"),
    ],
)
def test_what_is_no_even_stack_of_one_series_is_refused(series_writer, tmp_path, options, said):
    with pytest.raises(InputError, match=said):
        read_source_series(series_writer(tmp_path / "ct", **options))


def test_other_folders_are_refused_and_other_files_left_out(series_writer, tmp_path):
    with pytest.raises(InputError, match="no folder"):
        read_source_series(tmp_path / "absent")
    (tmp_path / "notes.txt").write_text("no DICOM")
    with pytest.raises(InputError, match="no DICOM slices"):
        read_source_series(tmp_path)
    assert not is_dicom_series(tmp_path)
    assert not is_dicom_series(None)
    folder = series_writer(tmp_path / "ct")
    (folder / "notes.txt").write_text("no DICOM")
    assert is_dicom_series(folder)
    assert is_dicom_series(folder / "IM001.dcm"), "a slice stands for its series"
    assert len(read_source_series(folder).slices) == 8


def test_reading_can_be_canceled(series):
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Canceled):
        read_source_series(series, cancel=cancel)


def test_faults_of_headers_become_input_errors():
    with pytest.raises(InputError, match="DICOM SEG"), header_faults("DICOM SEG"):
        raise ValueError("bad sex")
    with pytest.raises(InputError, match=r"^kept$"), header_faults("DICOM SEG"):
        raise InputError("kept")


def test_labels_on_the_grid_are_copied(series, lesion_maker, nodule):
    source = read_source_series(series)
    labels = lesion_maker(source.grid)
    frames, notes = labels_on_source(labels, (nodule, named_segment(2, "Left lung")), source)
    array = sitk.GetArrayFromImage(labels)
    np.testing.assert_array_equal(frames, np.where(array == 5, 1, np.where(array == 2, 2, 0)))
    assert not notes


@pytest.mark.parametrize("orientation", [(1, 0, 0, 0, 1, 0), OBLIQUE])
def test_cropped_flipped_and_permuted_labels_are_copied_exactly(
    series_writer, tmp_path, lesion_maker, nodule, orientation
):
    source = read_source_series(series_writer(tmp_path / "ct", orientation=orientation))
    labels = lesion_maker(source.grid)
    wanted = (sitk.GetArrayFromImage(labels) == 5).astype(np.uint8)
    cropped = sitk.RegionOfInterest(labels, [12, 11, 6], [7, 5, 1])
    turned = sitk.PermuteAxes(sitk.Flip(cropped, [True, False, True]), [2, 0, 1])
    for image in (cropped, turned):
        frames, notes = labels_on_source(image, (nodule,), source)
        np.testing.assert_array_equal(frames, wanted)
        assert not notes


def test_labels_on_another_grid_are_resampled_and_that_is_said(series, lesion_maker, nodule):
    source = read_source_series(series)
    fine = sitk.Resample(
        lesion_maker(source.grid), [48, 40, 16], sitk.Transform(), sitk.sitkNearestNeighbor,
        source.grid.GetOrigin(), [0.4, 0.35, 1.0], source.grid.GetDirection(),
    )  # fmt: skip
    frames, (note,) = labels_on_source(fine, (nodule,), source)
    # Every second voxel of the fine grid has the center of a voxel of the slices.
    np.testing.assert_array_equal(frames, sitk.GetArrayViewFromImage(fine)[::2, ::2, ::2] == 5)
    before = np.count_nonzero(sitk.GetArrayViewFromImage(fine) == 5) * 0.4 * 0.35
    after = np.count_nonzero(frames) * 0.8 * 0.7 * 2.0
    assert f"{before:.4g} mm3 became {after:.4g} mm3" in note


def test_segments_that_would_be_lost_are_refused(series, lesion_maker, nodule):
    source = read_source_series(series)
    labels = lesion_maker(source.grid)
    with pytest.raises(InputError, match="is empty"):
        labels_on_source(labels, (Segment(9, "Nothing", (1.0, 0.0, 0.0)),), source)
    moved = sitk.Image(labels)
    moved.SetOrigin([place + 6.4 for place in labels.GetOrigin()])
    with pytest.raises(InputError, match=r"% of the voxels of segment 'Nodule' lie outside"):
        labels_on_source(moved, (nodule,), source)
    thin = sitk.Image([24, 20, 80], sitk.sitkUInt8)
    thin.SetSpacing([0.8, 0.7, 0.2])
    thin.SetOrigin(source.grid.GetOrigin())
    thin[5, 5, 5] = 5
    with pytest.raises(InputError, match="vanishes between"):
        labels_on_source(thin, (nodule,), source)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared DICOM data are not here")
@pytest.mark.parametrize(
    ("folder", "said"),
    [
        ("ct_head_ge_tilt", "gantry tilt of 18.5 degrees"),
        ("pet_with_seg", "slices are missing"),
        ("ct_head_slicer_64", "FrameOfReference"),
    ],
)
def test_real_series_that_cannot_be_used_are_refused(folder, said):
    with pytest.raises(InputError, match=said):
        read_source_series(SHARED / folder)


def test_a_file_that_is_no_slice_is_named(series_writer, tmp_path):
    folder = series_writer(tmp_path / "ct")
    (folder / "liver.nrrd").write_text("NRRD0004")
    with pytest.raises(
        InputError, match=r"^liver\.nrrd is no DICOM file, expected a slice of the series or its folder"
    ):
        read_source_series(folder / "liver.nrrd")
    path = folder / "IM001.dcm"
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(InputError, match=r"IM001\.dcm is damaged: export or copy it again$"):
        read_source_series(path)


def test_of_several_series_a_slice_of_one_is_asked_for(series_writer, tmp_path):
    folder = series_writer(tmp_path / "ct")
    pydicom = pytest.importorskip("pydicom")
    other = pydicom.dcmread(folder / "IM001.dcm")
    other.SeriesInstanceUID, other.SeriesDescription = "1.2.3.99", "None"
    other.save_as(folder / "other.dcm")
    with pytest.raises(InputError, match="2 DICOM series, expected 1: give a slice of the wanted one"):
        read_source_series(folder)
