"""DICOM SEG, read back."""

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepDiagnosisLib.reports.dicom_seg import segmentation_object
from MedDeepDiagnosisLib.reports.dicom_source import read_source_series
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.segmentation.segments import named_segment
from MedDeepRegSegLib.volumes.geometry import index_to_world

highdicom = pytest.importorskip("highdicom", reason="highdicom writes DICOM objects")

OBLIQUE = (0.8, 0.6, 0.0, -0.48, 0.64, 0.6)
LIVER = Path("/work/shared/data/12_dicom/ct_liver_dicom_seg")


def voxels_of_seg(dataset, number):
    """Return the LPS places of a segment's voxels, (N, 3), from nothing but the frames' own headers."""
    places = []
    for frame, groups in zip(dataset.pixel_array, dataset.PerFrameFunctionalGroupsSequence, strict=True):
        shared = dataset.SharedFunctionalGroupsSequence[0]
        segment = (groups if "SegmentIdentificationSequence" in groups else shared).SegmentIdentificationSequence[0]
        if segment.ReferencedSegmentNumber != number:
            continue
        axes = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float).reshape(2, 3)
        between_rows, between_columns = (float(part) for part in shared.PixelMeasuresSequence[0].PixelSpacing)
        start = np.array(groups.PlanePositionSequence[0].ImagePositionPatient, float)
        rows, columns = np.nonzero(frame)
        places.append(start + np.outer(columns * between_columns, axes[0]) + np.outer(rows * between_rows, axes[1]))
    return np.concatenate(places)


def voxels_of_labels(labels, value):
    matrix = index_to_world(labels)
    indices = np.argwhere(sitk.GetArrayViewFromImage(labels) == value)[:, ::-1]
    return indices @ matrix[:3, :3].T + matrix[:3, 3]


def in_order(places):
    return places[np.lexsort(np.round(places, 3).T)]


@pytest.mark.parametrize("orientation", [(1, 0, 0, 0, 1, 0), OBLIQUE, (-1, 0, 0, 0, 1, 0)])
def test_voxels_lie_where_they_were_drawn(series_writer, lesion_maker, nodule, tmp_path, orientation):
    source = read_source_series(series_writer(tmp_path / "ct", orientation=orientation))
    labels = lesion_maker(source.grid)
    made = segmentation_object(labels, (nodule, named_segment(2, "Left lung")), source)
    made.dataset.save_as(tmp_path / "seg.dcm", enforce_file_format=True)
    read = highdicom.seg.segread(tmp_path / "seg.dcm")
    for number, value in ((1, 5), (2, 2)):
        np.testing.assert_allclose(
            in_order(voxels_of_seg(read, number)), in_order(voxels_of_labels(labels, value)), atol=1e-4
        )
    uids = [source.slices[k].SOPInstanceUID for k in range(8)]
    frames = read.get_pixels_by_source_instance(uids, combine_segments=True, ignore_spatial_locations=True,
                                                assert_missing_frames_are_empty=True)  # fmt: skip
    array = sitk.GetArrayViewFromImage(labels)
    np.testing.assert_array_equal(frames, np.where(array == 5, 1, np.where(array == 2, 2, 0)))
    assert made.shown == tuple(k for k in range(8) if array[k].any())


def test_meaning_color_patient_and_study_are_kept(series, lesion_maker, nodule, tmp_path):
    source = read_source_series(series)
    lung = replace(named_segment(2, "Left lung"), name="Lunge links, größer")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = segmentation_object(lesion_maker(source.grid), (nodule, lung), source)
    made.dataset.save_as(tmp_path / "seg.dcm", enforce_file_format=True)
    read = highdicom.seg.segread(tmp_path / "seg.dcm")
    first = source.slices[0]
    for key in (
        "PatientID",
        "PatientBirthDate",
        "PatientSex",
        "StudyInstanceUID",
        "FrameOfReferenceUID",
        "AccessionNumber",
    ):
        assert read[key].value == first[key].value
    assert str(read.PatientName) == "Müller^Jürgen"
    assert "not a diagnosis" in read.SeriesDescription
    one, two = read.SegmentSequence
    assert (one.SegmentLabel, two.SegmentLabel) == ("Nodule", "Lunge links, größer")
    assert one.SegmentedPropertyTypeCodeSequence[0].CodeValue == "4147007"
    assert one.SegmentedPropertyCategoryCodeSequence[0].CodeValue == "49755003"
    kind = two.SegmentedPropertyTypeCodeSequence[0]
    assert kind.CodeValue == "39607008"
    assert kind.SegmentedPropertyTypeModifierCodeSequence[0].CodeMeaning == "Left"
    for item, segment in ((one, nodule), (two, lung)):
        color = highdicom.color.CIELabColor.from_dicom_value(item.RecommendedDisplayCIELabValue)
        np.testing.assert_allclose(color.to_rgb(), np.array(segment.color) * 255, atol=1.5)
    assert [(item.TrackingID, item.TrackingUID) for item in (one, two)] == list(made.tracking)


def test_a_patient_is_never_made_up(series_writer, lesion_maker, nodule, tmp_path):
    def forget(one, _k):
        one.PatientName = one.PatientID = one.PatientBirthDate = one.PatientSex = ""
        one.SpecificCharacterSet = ""

    source = read_source_series(series_writer(tmp_path / "ct", change=forget))
    made = segmentation_object(lesion_maker(source.grid), (nodule,), source)
    assert not any(
        str(made.dataset[key].value or "") for key in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex")
    )


def test_headers_that_break_the_standard_are_refused_in_words(series_writer, lesion_maker, nodule, tmp_path):
    def spoil(one, _k):
        one.PatientSex = "X"

    source = read_source_series(series_writer(tmp_path / "ct", change=spoil))
    with pytest.raises(InputError, match="headers of the DICOM series cannot be taken over"):
        segmentation_object(lesion_maker(source.grid), (nodule,), source)


def test_it_conforms(series, lesion_maker, nodule, tmp_path, faults_of):
    source = read_source_series(series)
    made = segmentation_object(lesion_maker(source.grid), (nodule, named_segment(2, "Left lung")), source)
    made.dataset.save_as(tmp_path / "seg.dcm", enforce_file_format=True)
    assert faults_of(tmp_path / "seg.dcm") == []
    del made.dataset.SegmentSequence[0].SegmentLabel
    made.dataset.save_as(tmp_path / "spoiled.dcm", enforce_file_format=True)
    assert faults_of(tmp_path / "spoiled.dcm"), "the check finds what is missing"


@pytest.mark.skipif(not LIVER.is_dir(), reason="the shared DICOM data are not here")
def test_a_real_segmentation_comes_back(tmp_path, faults_of):
    """The liver of dcmqi's test data, as a label map, agrees with their own DICOM SEG of it, voxel by voxel."""
    import pydicom

    source = read_source_series(LIVER)
    labels = sitk.ReadImage(str(LIVER / "liver_seg.nrrd"))
    value = int(sitk.GetArrayViewFromImage(labels).max())
    made = segmentation_object(sitk.Cast(labels, sitk.sitkUInt16), (named_segment(value, "Liver"),), source)
    made.dataset.save_as(tmp_path / "seg.dcm", enforce_file_format=True)
    theirs = voxels_of_seg(pydicom.dcmread(LIVER / "liver.dcm"), 1)
    ours = voxels_of_seg(pydicom.dcmread(tmp_path / "seg.dcm"), 1)
    np.testing.assert_allclose(in_order(ours), in_order(theirs), atol=2e-3)
    assert faults_of(tmp_path / "seg.dcm") == []
