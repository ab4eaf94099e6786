"""All files of an assessment."""

import json
from datetime import date

import pytest
import SimpleITK as sitk

from MedDeepDiagnosisLib.reports import Provenance, Report, TextSection
from MedDeepDiagnosisLib.reports.outputs import FILES, check_formats, possible_formats, write_outputs
from MedDeepDiagnosisLib.reports.tables import MEASURED_SOURCE
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import Canceled, CancelToken

REPORT = Report("Assessment", "Case 1", (TextSection("One", ("Words.",)),), Provenance(date(2026, 11, 29)))


@pytest.fixture
def case(assessment):
    values = {value.feature.name: value.value for value in assessment.values if value.given}
    sources = {value.feature.name: value.source for value in assessment.values if value.source == MEASURED_SOURCE}
    return {
        "prediction": assessment.prediction, "pathology": assessment.pathology, "values": values, "sources": sources,
    }  # fmt: skip


@pytest.fixture
def lesion(series, lesion_maker, nodule):
    pytest.importorskip("highdicom", reason="highdicom writes DICOM objects")
    from MedDeepDiagnosisLib.reports.dicom_source import read_source_series

    return {
        "image_source": series, "segmentation": lesion_maker(read_source_series(series).grid), "segment": nodule,
    }  # fmt: skip


def test_all_formats_are_written_and_belong_together(case, lesion, tmp_path):
    pydicom = pytest.importorskip("pydicom", reason="pydicom reads DICOM")
    pytest.importorskip("reportlab", reason="reportlab writes the PDF")
    steps = []
    outputs = write_outputs(
        REPORT, tmp_path / "out", **case, **lesion, formats=FILES, progress=lambda part, _words: steps.append(part)
    )
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(FILES.values())
    written = outputs.files
    assert outputs.notes == ()
    assert (outputs.patient.name, outputs.patient.patient_id) == ("Müller^Jürgen", "P-17")
    assert written == {name: tmp_path / "out" / file for name, file in FILES.items()}
    assert "<h1>Assessment</h1>" in written["html"].read_text(encoding="utf-8")
    assert written["pdf"].read_bytes().startswith(b"%PDF")
    data = json.loads(written["json"].read_text(encoding="utf-8"))
    assert data["probability"] == case["prediction"].probability
    assert len(data["measurements"]) > 20
    assert "118565006" in written["csv"].read_text(encoding="utf-8")
    sr, seg = pydicom.dcmread(written["sr"]), pydicom.dcmread(written["seg"])
    assert (sr.Modality, seg.Modality) == ("SR", "SEG")
    assert str(seg.SOPInstanceUID) in str(sr)
    assert steps == sorted(steps)
    assert steps[-1] == 1.0


def test_an_sr_brings_its_seg(case, lesion, tmp_path):
    written = write_outputs(REPORT, tmp_path, **case, **lesion, formats=("sr",)).files
    assert set(written) == {"sr", "seg"}
    write_outputs(REPORT, tmp_path / "b", **case, image_source=lesion["image_source"], formats=("sr", "json"))
    assert {path.name for path in (tmp_path / "b").iterdir()} == {"report.dcm", "prediction.json"}


def test_a_resampled_segmentation_is_told(case, lesion, tmp_path):
    fine = sitk.Expand(lesion["segmentation"], [2, 2, 2], sitk.sitkNearestNeighbor)
    outputs = write_outputs(REPORT, tmp_path, **case, **{**lesion, "segmentation": fine}, formats=("seg",))
    assert len(outputs.notes) == 1
    assert "Nodule was resampled" in outputs.notes[0]


def test_plain_formats_need_no_lesion(case, tmp_path):
    written = write_outputs(REPORT, tmp_path, **case).files
    assert set(written) == {"html", "json", "csv"}
    assert json.loads(written["json"].read_text(encoding="utf-8"))["measurements"] == []


def test_what_cannot_be_written_is_refused_and_leaves_nothing(case, lesion, tmp_path):
    out = tmp_path / "out"
    for options, said in (
        ({"formats": ("docx",)}, "'docx' is not known"),
        ({"formats": ("sr",)}, "no image is given for DICOM SR"),
        ({"formats": ("seg",), "image_source": lesion["image_source"]}, "without a segmentation"),
        ({"segment": lesion["segment"]}, "belong together"),
        ({"formats": ("html", "seg"), **lesion, "image_source": tmp_path}, "expected the folder of one DICOM series"),
    ):
        with pytest.raises(InputError, match=said):
            write_outputs(REPORT, out, **case, **options)
    outside = lesion["segmentation"]
    outside.SetOrigin((500.0, 0.0, 0.0))
    with pytest.raises(InputError, match="lie outside"):
        write_outputs(REPORT, out, **case, **{**lesion, "segmentation": outside}, formats=("html", "seg"))
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Canceled):
        write_outputs(REPORT, out, **case, cancel=cancel)
    assert not out.exists()


def test_what_is_possible_is_told_before(series, lesion_maker, tmp_path):
    assert possible_formats(None, None) == ("html", "json", "csv", "pdf")
    assert possible_formats(series, None)[-1] == "sr"
    labels = object()
    assert possible_formats(series, labels)[-2:] == ("sr", "seg")
    assert "sr" not in possible_formats(tmp_path, labels)
    check_formats(("sr", "seg", "pdf"), series, labels)


def test_files_of_two_assessments_never_lie_side_by_side(case, tmp_path):
    pytest.importorskip("reportlab", reason="reportlab writes the PDF")
    (tmp_path / "report.dcm").write_bytes(b"of somebody else")
    write_outputs(REPORT, tmp_path, **case, formats=("json", "pdf"))
    (tmp_path / "notes.txt").write_text("mine")
    assert (tmp_path / "report.dcm").read_bytes() == b"of somebody else", "no assessment was there before"
    outputs = write_outputs(REPORT, tmp_path, **case, formats=("json", "html"))
    assert {path.name for path in tmp_path.iterdir()} == {"prediction.json", "report.html", "notes.txt"}
    assert "report.pdf of an earlier assessment in this folder was removed" in outputs.notes
