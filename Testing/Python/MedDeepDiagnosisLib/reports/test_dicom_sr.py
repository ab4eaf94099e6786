"""DICOM SR, read back."""

from dataclasses import replace

import pytest

from MedDeepDiagnosisLib.reports.dicom_seg import segmentation_object
from MedDeepDiagnosisLib.reports.dicom_source import read_source_series
from MedDeepDiagnosisLib.reports.dicom_sr import measurement_report
from MedDeepDiagnosisLib.reports.tables import MEASURED_SOURCE
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.segmentation.segments import named_segment

highdicom = pytest.importorskip("highdicom", reason="highdicom writes DICOM objects")


def code_of(item):
    return item.get("CodeValue") or item.LongCodeValue


class Read:
    """A report as anybody reads it, by pydicom alone."""

    def __init__(self, path):
        import pydicom

        self.dataset = pydicom.dcmread(path)
        measurements = self._named(self.dataset, "126010")
        (self.group,) = self._all(measurements[0], "125007")
        self.numbers = {}
        for item in self.group.ContentSequence:
            if item.ValueType == "NUM":
                value = item.MeasuredValueSequence[0]
                method = self._all(item, "370129005")
                key = (
                    code_of(item.ConceptNameCodeSequence[0]),
                    code_of(method[0].ConceptCodeSequence[0]) if method else "",
                )
                assert key not in self.numbers, "each figure is there once, or its methods differ"
                number = float(value.get("FloatingPointValue", value.NumericValue))
                self.numbers[key] = (number, value.MeasurementUnitsCodeSequence[0].CodeValue, item)
        self.words = {
            code_of(item.ConceptNameCodeSequence[0]): item.ConceptCodeSequence[0]
            for item in self.group.ContentSequence
            if item.ValueType == "CODE"
        }

    @staticmethod
    def _all(item, value):
        return [one for one in item.get("ContentSequence", ()) if code_of(one.ConceptNameCodeSequence[0]) == value]

    def _named(self, item, value):
        found = self._all(item, value)
        assert len(found) == 1
        return found

    def texts(self, item):
        return {
            one.ConceptNameCodeSequence[0].CodeMeaning: one.TextValue
            for one in item.get("ContentSequence", ())
            if one.ValueType == "TEXT"
        }


@pytest.fixture(scope="module")
def source(series):
    return read_source_series(series)


@pytest.fixture
def written(source, lesion_maker, nodule, assessment, tmp_path):
    def write(changed=assessment, *, with_segment=True):
        seg = segmentation_object(lesion_maker(source.grid), (nodule,), source) if with_segment else None
        made = measurement_report(changed, source, segmentation=seg, segment=nodule if with_segment else None)
        made.save_as(tmp_path / "sr.dcm", enforce_file_format=True)
        return Read(tmp_path / "sr.dcm"), seg

    return write


def test_measurements_come_back_to_the_last_digit(written, assessment):
    report, _ = written()
    codes = {m.quantity_code[1] for m in assessment.measurements if m.quantity_code and m.value is not None}
    assert codes <= {code for code, _ in report.numbers}
    by_name = {m.name: m for m in assessment.measurements}
    expected = {
        ("118565006", "126030"): (by_name["volume_mm3"].value, "mm3"),
        ("nvoxels", ""): (by_name["voxels"].value, "{voxels}"),
        ("L0JK", ""): (by_name["largest_diameter_mm"].value, "mm"),
        ("103339001", ""): (by_name["longest_diameter_mm"].value, "mm"),
        ("QCFX", "method.sphericity"): (by_name["sphericity"].value, "1"),
        ("QCFX", "method.sphericity_mesh"): (by_name["sphericity_mesh"].value, "1"),
        ("measurement.equivalent_diameter_mm", ""): (by_name["equivalent_diameter_mm"].value, "mm"),
        # Given and not measured: it is there beside what was measured, and says so.
        ("103340004", ""): (by_name["perpendicular_diameter_mm"].value, "mm"),
        ("lung_nodule.perpendicular_diameter_mm", "method.given"): (5.25, "mm"),
    }
    for key, (value, units) in expected.items():
        assert report.numbers[key][:2] == (value, units), key
    assert by_name["volume_mm3"].value == pytest.approx(by_name["voxels"].value * 0.8 * 0.7 * 2.0)


def test_the_prediction_has_interval_and_algorithm(written, assessment):
    report, _ = written()
    prediction = assessment.prediction
    for suffix, value in (("", prediction.probability), (".low", prediction.low), (".high", prediction.high)):
        number, units, item = report.numbers[f"lung_nodule.suspicious{suffix}", ""]
        assert (number, units) == (value, "1")
        said = report.texts(item)
        assert prediction.variant_title in said["Algorithm Name"]
        assert said["Algorithm Version"] == prediction.model_software_version
    parameters = [
        one.TextValue
        for one in report.numbers["lung_nodule.suspicious", ""][2].ContentSequence
        if one.ConceptNameCodeSequence[0].CodeMeaning == "Algorithm Parameters"
    ]
    assert parameters == [f"predicts: {prediction.target}", f"model weights SHA-256 {prediction.model_weights_sha256}"]
    assert report.words["conformal_set"].CodeMeaning == "present"
    assert report.words["status"].CodeMeaning == "Assessed"


def test_signs_are_rated_in_words(written, assessment):
    report, _ = written()
    rated = {v.feature.name: v for v in assessment.values if v.feature.group == "rated"}
    assert report.words["lung_nodule.spiculation"].CodeMeaning == "Nearly none (2)"
    assert code_of(report.words["lung_nodule.lobulation"]) == "lung_nodule.lobulation.3"
    assert not rated["internal_structure"].given
    for name, value in rated.items():
        assert (f"lung_nodule.{name}" in report.words) == value.given


def test_it_refers_to_patient_slices_and_segment(written, source):
    report, seg = written()
    dataset, first = report.dataset, source.slices[0]
    for key in ("PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "AccessionNumber"):
        assert dataset[key].value == first[key].value
    assert str(dataset.PatientName) == "Müller^Jürgen"
    assert "not a diagnosis" in dataset.SeriesDescription
    assert dataset.CompletionFlag == "COMPLETE"
    assert dataset.VerificationFlag == "UNVERIFIED"
    images = [item.ReferencedSOPSequence[0] for item in report.group.ContentSequence if item.ValueType == "IMAGE"]
    assert images[0].ReferencedSOPInstanceUID == seg.dataset.SOPInstanceUID
    assert images[0].ReferencedSegmentNumber == 1
    assert [one.ReferencedSOPInstanceUID for one in images[1:]] == [
        source.slices[k].SOPInstanceUID for k in range(2, 6)
    ], "the slices that show the lesion"
    uids = [item.UID for item in report.group.ContentSequence if item.ValueType == "UIDREF"]
    assert uids == [seg.tracking[0][1]] == [seg.dataset.SegmentSequence[0].TrackingUID]
    evidence = {
        item.ReferencedSOPInstanceUID
        for study in [
            *dataset.CurrentRequestedProcedureEvidenceSequence,
            *dataset.get("PertinentOtherEvidenceSequence", ()),
        ]
        for series in study.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    }
    assert evidence == {one.SOPInstanceUID for one in source.slices} | {seg.dataset.SOPInstanceUID}


def test_an_abstaining_model_says_so_and_gives_no_probability(written, assessment):
    abstains = replace(assessment.prediction, abstains=True, abstention_reasons=("unlike all",))
    report, _ = written(replace(assessment, prediction=abstains))
    assert not [code for code, _ in report.numbers if code.startswith("lung_nodule.suspicious")]
    assert "conformal_set" not in report.words
    assert report.words["status"].CodeMeaning == "The model abstains: no assessment"
    assert ("118565006", "126030") in report.numbers, "what was measured stays"


def test_a_number_is_predicted_in_its_units(written, assessment):
    number = replace(
        assessment.prediction,
        kind="number",
        probability=None,
        value=7.5,
        low=2.0,
        high=19.25,
        units="points",
        conformal_set=(),
    )
    report, _ = written(replace(assessment, prediction=number))
    assert report.numbers["lung_nodule.suspicious", ""][:2] == (7.5, "{points}")
    assert report.numbers["lung_nodule.suspicious.high", ""][:2] == (19.25, "{points}")
    assert "conformal_set" not in report.words


def test_without_a_segment_it_refers_to_all_slices(written, assessment, source):
    given = tuple(replace(v, source="given" if v.source == MEASURED_SOURCE else v.source) for v in assessment.values)
    report, _ = written(replace(assessment, measurements=(), values=given), with_segment=False)
    images = [item for item in report.group.ContentSequence if item.ValueType == "IMAGE"]
    assert len(images) == len(source.slices)
    diameter = next(v.value for v in given if v.feature.name == "equivalent_diameter_mm")
    assert report.numbers["lung_nodule.equivalent_diameter_mm", "method.given"][:2] == (diameter, "mm")


def test_an_sr_is_about_one_lesion(source, lesion_maker, nodule, assessment):
    two = segmentation_object(lesion_maker(source.grid), (nodule, named_segment(2, "Left lung")), source)
    for segmentation, segment in ((two, nodule), (None, nodule), (two, None)):
        with pytest.raises(InputError, match="one lesion"):
            measurement_report(assessment, source, segmentation=segmentation, segment=segment)


@pytest.mark.parametrize("with_segment", [True, False])
def test_it_conforms(written, with_segment, tmp_path, faults_of):
    report, _ = written(with_segment=with_segment)
    assert faults_of(tmp_path / "sr.dcm") == []
    template = report.dataset.ContentTemplateSequence[0]
    assert (template.MappingResource, template.TemplateIdentifier) == ("DCMR", "1500")
    schemes = {item.CodingSchemeDesignator for item in report.dataset.CodingSchemeIdentificationSequence}
    assert "99MEDDEEP" in schemes


def test_highdicom_finds_the_group_by_its_segment(written, tmp_path):
    _, seg = written()
    read = highdicom.sr.srread(tmp_path / "sr.dcm")
    (group,) = read.content.get_volumetric_roi_measurement_groups(tracking_uid=seg.tracking[0][1])
    assert group.finding_type.value == "4147007"
    assert group.reference_type.value == "121191"
