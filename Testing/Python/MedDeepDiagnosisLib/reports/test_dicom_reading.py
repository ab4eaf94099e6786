"""A report reads back as it was written."""

import pytest

from MedDeepDiagnosisLib.reports.dicom_reading import is_own_report, read_report
from MedDeepDiagnosisLib.reports.dicom_seg import segmentation_object
from MedDeepDiagnosisLib.reports.dicom_source import read_source_series
from MedDeepDiagnosisLib.reports.dicom_sr import measurement_report
from MedDeepRegSegLib.errors import InputError

pytest.importorskip("highdicom", reason="highdicom writes DICOM objects")


@pytest.mark.parametrize("with_segment", [True, False])
def test_numbers_and_words_come_back(series, lesion_maker, nodule, assessment, tmp_path, with_segment):  # noqa: PLR0917 - fixtures
    source = read_source_series(series)
    seg = segmentation_object(lesion_maker(source.grid), (nodule,), source) if with_segment else None
    made = measurement_report(assessment, source, segmentation=seg, segment=nodule if with_segment else None)
    made.save_as(tmp_path / "sr.dcm", enforce_file_format=True)
    assert is_own_report(tmp_path / "sr.dcm")
    rows = read_report(tmp_path / "sr.dcm")
    assert {row.finding for row in rows} == {"Nodule" if with_segment else "Case 1"}
    volume = next(one for one in assessment.measurements if one.name == "volume_mm3")
    assert (volume.value, "mm3") in [(row.value, row.units) for row in rows if row.name == "Volume"]
    probability = next(row for row in rows if row.name.startswith("Probability:") and "bound" not in row.name)
    assert probability.value == pytest.approx(assessment.prediction.probability, rel=1e-12)
    words = {row.name: row.value for row in rows if isinstance(row.value, str)}
    assert words["Status of the assessment by the model"] == "Assessed"
    assert words["Spiculation"].endswith("(2)")
    assert "research" in words["What this is"].lower()
    assert all(row.units != "1" for row in rows)


def test_other_files_are_refused(series, tmp_path):
    (tmp_path / "text.dcm").write_text("no DICOM")
    for path in (next(series.iterdir()), tmp_path / "text.dcm", tmp_path / "absent.dcm"):
        assert not is_own_report(path)
        with pytest.raises(InputError, match="is no DICOM report that MedDeep wrote"):
            read_report(path)
