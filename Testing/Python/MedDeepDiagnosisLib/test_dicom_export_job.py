"""Segments and measurements as DICOM: whose they are, what they say, and that nothing else of the patient goes along."""

import dicom_files
import numpy as np
import pytest
import SimpleITK as sitk

pytest.importorskip("highdicom", reason="highdicom writes SR and SEG")
import pydicom

from MedDeepDiagnosisLib.cli import main
from MedDeepDiagnosisLib.dicom_export_job import Request, run
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.segmentation.measurements import measure
from MedDeepRegSegLib.segmentation.segmentation_file import read_segmentation, write_segmentation
from MedDeepRegSegLib.segmentation.segments import named_segment
from MedDeepRegSegLib.volumes.reading import read_volume

SEGMENTS = (named_segment(2, "Liver"), named_segment(5, "Nodule"))
PRIVATE = {
    "InstitutionName": "St. Elsewhere",
    "OperatorsName": "Operator^Olga",
    "PatientComments": "Neighbor of the mayor",
    "PatientAddress": "12 Main Street",
    "Occupation": "Keeper of light",
    "MedicalAlerts": "Alert of a rare kind",
    "AdditionalPatientHistory": "Long history",
    "OtherPatientNames": "Alias^Anna",
    "PatientWeight": "83.25",
    "PhysiciansOfRecord": "Record^Ron",
    "NameOfPhysiciansReadingStudy": "Reader^Rob",
    "AdmittingDiagnosesDescription": "Suspected ailment",
    "ReasonForVisit": "Reason of visiting",
    "StationName": "SCANNER7",
    "RequestingPhysician": "Request^Rita",
    "ProtocolName": "secret protocol",
}


@pytest.fixture
def case(tmp_path):
    """A series of a patient with much in its headers, and a segmentation on it."""

    def fill(one, k):
        for key, value in PRIVATE.items():
            setattr(one, key, value)
        values = np.random.default_rng(k).integers(-100, 200, (one.Rows, one.Columns), dtype=np.int16)
        one.PixelData = values.tobytes()

    folder = dicom_files.write_series(tmp_path / "study", change=fill)
    labels = dicom_files.lesion_on(read_volume(folder))
    write_segmentation(labels, SEGMENTS, tmp_path / "s.seg.nrrd")
    return folder, tmp_path / "s.seg.nrrd", labels


def numbers(report):
    """Return name to value of each group of measurements."""
    groups = next(
        item for item in report.ContentSequence if item.ConceptNameCodeSequence[0].CodeMeaning == "Imaging Measurements"
    )
    return [
        [
            (
                item.ConceptNameCodeSequence[0].CodeMeaning,
                float(item.MeasuredValueSequence[0].NumericValue),
                item.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue,
            )
            for item in group.ContentSequence
            if item.ValueType == "NUM"
        ]
        for group in groups.ContentSequence
    ]


def test_both_objects_belong_to_the_study_and_say_the_same(case, tmp_path):
    folder, path, labels = case
    result = run(Request(path, folder, tmp_path / "out", patient_id="P-17"))
    source = pydicom.dcmread(folder / "IM001.dcm")
    seg, report = pydicom.dcmread(result.segmentation), pydicom.dcmread(result.measurements)
    for one in (seg, report):
        for key in (
            "StudyInstanceUID",
            "PatientID",
            "PatientName",
            "PatientBirthDate",
            "PatientSex",
            "AccessionNumber",
        ):
            assert one[key].value == source[key].value, key
        assert one.SeriesInstanceUID != source.SeriesInstanceUID
    assert seg.SeriesInstanceUID != report.SeriesInstanceUID
    assert seg.FrameOfReferenceUID == source.FrameOfReferenceUID
    # Labels come back voxel by voxel, on the grid of the slices.
    back, segments = read_segmentation(result.segmentation, grid=read_volume(folder))
    array, expected = sitk.GetArrayFromImage(back), sitk.GetArrayFromImage(labels)
    assert [segment.name for segment in segments] == ["Liver", "Nodule"]
    np.testing.assert_array_equal(array, np.select([expected == 2, expected == 5], [1, 2], 0))
    assert [one.terminology for one in segments] == [one.terminology for one in SEGMENTS]
    for one, other in zip(segments, SEGMENTS, strict=True):
        np.testing.assert_allclose(one.color, other.color, atol=0.01)
    # Every number of the report is one that the engine measures, and the volume is among them.
    measured = measure(labels, SEGMENTS, read_volume(folder), families=("shape", "intensity"))
    for found, one in zip(numbers(report), measured, strict=True):
        values = [item.value for item in one.measurements if item.value is not None]
        assert all(any(np.isclose(value, known, rtol=1e-5) for known in values) for _, value, _ in found)
        assert ("Volume", pytest.approx(one.value("volume_mm3"), rel=1e-6), "mm3") in found
        assert any(unit == "[hnsf'U]" for _, _, unit in found)
        assert len(found) > 10


def test_nothing_else_of_the_patient_goes_along(case, tmp_path):
    folder, path, _labels = case
    result = run(Request(path, folder, tmp_path / "out"))
    for file in (result.segmentation, result.measurements):
        data = file.read_bytes()
        for key, value in PRIVATE.items():
            assert value.encode() not in data, key
        for word in (str(folder), "study", "s.seg", path.name):
            assert word.encode() not in data, word


def test_the_checker_of_dicom_finds_no_errors(case, tmp_path):
    folder, path, _labels = case
    result = run(Request(path, folder, tmp_path / "out"))
    for file in (result.segmentation, result.measurements):
        assert dicom_files.dicom_faults(file) == []


def test_slices_of_two_patients_are_refused_without_telling_them(case, tmp_path):
    folder, path, _labels = case
    odd = pydicom.dcmread(folder / "IM003.dcm")
    odd.PatientName = "Somebody^Else"
    odd.save_as(folder / "IM003.dcm")
    with pytest.raises(InputError, match="differ in PatientName, expected one value") as caught:
        run(Request(path, folder, tmp_path / "out"))
    assert "Else" not in str(caught.value)


def test_what_is_there_is_not_overwritten_and_unknown_segments_are_named(case, tmp_path):
    folder, path, _labels = case
    with pytest.raises(InputError, match="no segment 'Spleen', expected some of 'Liver', 'Nodule'"):
        run(Request(path, folder, tmp_path / "out", segments=("Spleen",)))
    result = run(Request(path, folder, tmp_path / "out", segments=("Nodule",)))
    assert result.segments == ("Nodule",)
    before = result.segmentation.read_bytes()
    with pytest.raises(InputError, match="is there already"):
        run(Request(path, folder, tmp_path / "out"))
    assert result.segmentation.read_bytes() == before


def test_a_slice_stands_for_its_series_among_others(case, tmp_path, capsys):
    folder, path, _labels = case
    dicom_files.write_series(tmp_path / "second", slices=5)
    for file in (tmp_path / "second").iterdir():
        file.rename(folder / f"second {file.name}")
    with pytest.raises(InputError, match="2 DICOM series"):
        run(Request(path, folder, tmp_path / "out"))
    assert (
        main(["dicom", "export", str(path), "--source", str(folder / "IM001.dcm"), "--out", str(tmp_path / "out")]) == 0
    )
    said = capsys.readouterr().out
    assert "patient: Müller Jürgen (ID P-17, born 1950-01-02), study of 2026-01-01, CT, 8 slices" in said
    assert "segments: Liver, Nodule" in said


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("ct_head_slicer_64", "has no FrameOfReferenceUID"),
        ("dicom2nifti_cases/anatomical/001", "has no FrameOfReferenceUID"),
        ("ct_head_ge_tilt", "gantry tilt of 18.5 degrees and the distance between them varies"),
        ("pet_with_seg", "175 slices are missing"),
    ],
)
def test_real_series_that_cannot_be_referred_to_are_refused(shared_data, tmp_path, case, name, reason):
    with pytest.raises(InputError, match=reason):
        run(Request(case[1], shared_data / "12_dicom" / name, tmp_path / "out"))


@pytest.mark.parametrize("name", ["ct_liver_dicom_seg"])
def test_real_series_there_and_back(shared_data, tmp_path, name):
    folder = shared_data / "12_dicom" / name
    image = read_volume(folder)
    drawn = np.zeros(image.GetSize()[::-1], np.uint8)
    drawn[1:3, 20:40, 20:40] = 5
    drawn[0:2, 5:9, 5:30] = 2
    labels = sitk.GetImageFromArray(drawn)
    labels.CopyInformation(image)
    write_segmentation(labels, SEGMENTS, tmp_path / "s.seg.nrrd")
    result = run(Request(tmp_path / "s.seg.nrrd", folder, tmp_path / "out"))
    back, _ = read_segmentation(result.segmentation, grid=image)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(back), np.select([drawn == 2, drawn == 5], [1, 2], 0))
    voxel = float(np.prod(image.GetSpacing()))
    for found, value in zip(numbers(pydicom.dcmread(result.measurements)), (2, 5), strict=True):
        assert ("Volume", pytest.approx((drawn == value).sum() * voxel, rel=1e-4), "mm3") in found
    assert dicom_files.dicom_faults(result.segmentation) == []
    assert dicom_files.dicom_faults(result.measurements) == []
