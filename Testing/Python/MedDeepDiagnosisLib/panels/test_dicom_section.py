"""DICOM export in the tab Case: it tells whose study, and writes when pressed."""

import contextlib
import types

import dicom_files
import Host
import pytest
import slicer

from MedDeepDiagnosisLib.mrml import dicom_export_task

pytest.importorskip("highdicom", reason="highdicom writes SR and SEG")


@pytest.fixture
def case(slicer_scene, tmp_path):
    """A volume that was read from a series, and a lesion on it."""
    return dicom_files.load_series(slicer_scene, dicom_files.write_series(tmp_path / "series"))


def _fail(_volume):
    msg = "a fault that nobody foresaw"
    raise RuntimeError(msg)


def test_the_former_patient_is_not_shown_for_a_volume_that_cannot_be_read(module, case, tmp_path, monkeypatch):
    volume, segmentation = case
    panel = module("MedDeepDiagnosis").widget.casePanel
    panel.ui.segmentSelector.setCurrentNode(segmentation)
    panel.parameterNode.lesionVolume = volume
    panel.ui.reportPathLineEdit.currentPath = str(tmp_path / "reports")
    assert panel.ui.dicomPatientLabel.text.startswith("Müller Jürgen")
    damaged = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Damaged")
    damaged.SetAttribute("DICOM.instanceUIDs", "1.2.3")
    (tmp_path / "damaged.dcm").write_bytes(b"no preamble")
    database = types.SimpleNamespace(isOpen=True, fileForInstance=lambda _uid: str(tmp_path / "damaged.dcm"))
    monkeypatch.setattr(slicer, "dicomDatabase", database, raising=False)
    panel.parameterNode.lesionVolume = damaged
    assert panel.ui.dicomPatientLabel.text.startswith("whose series it is cannot be read from damaged.dcm")
    assert not panel.ui.dicomExportButton.enabled
    panel.parameterNode.lesionVolume = volume
    assert panel.ui.dicomPatientLabel.text.startswith("Müller Jürgen")
    with monkeypatch.context() as patched:
        patched.setattr(dicom_export_task, "patient_of", _fail)
        with contextlib.suppress(RuntimeError):
            panel.parameterNode.lesionVolume = damaged
        with pytest.raises(RuntimeError, match="nobody foresaw"):
            panel.dicomSection.update()
    assert panel.ui.dicomPatientLabel.text == ""
    panel.dicomSection.update()
    assert panel.ui.dicomPatientLabel.text.startswith("whose series it is cannot be read"), "asked again"


def test_export_tells_the_patient_first_and_then_writes(module, case, tmp_path, pip_calls_made):
    volume, segmentation = case
    panel = module("MedDeepDiagnosis").widget.casePanel
    assert panel.ui.dicomExportButton.toolTip == "Pick the segmentation."
    panel.ui.segmentSelector.setCurrentNode(segmentation)
    assert panel.ui.dicomExportButton.toolTip == "Pick a volume that was loaded from a DICOM series."
    panel.parameterNode.lesionVolume = volume
    panel.ui.reportPathLineEdit.currentPath = str(tmp_path / "reports")
    assert panel.ui.dicomPatientLabel.text.startswith("Müller Jürgen (ID P-17, born 1950-01-02), study of 2026-01-01")
    assert panel.ui.dicomExportButton.enabled
    panel.ui.dicomDatabaseCheckBox.checked = True
    panel.ui.dicomExportButton.click()
    assert Host.process_events(60, until=lambda: not panel.runner.busy)
    text = panel.ui.dicomResultLabel.text
    assert text.startswith("Written for Müller Jürgen (ID P-17")
    assert "could not be added to the DICOM database" in text
    (folder,) = (tmp_path / "reports").iterdir()
    assert {path.name for path in folder.iterdir()} == {"segmentation.dcm", "measurements.dcm"}
    volume.SetAndObserveStorageNodeID(None)
    panel.parameterNode.lesionVolume = None
    assert panel.ui.dicomPatientLabel.text == "Pick a volume that was loaded from a DICOM series."
    assert panel.ui.dicomResultLabel.text == ""
