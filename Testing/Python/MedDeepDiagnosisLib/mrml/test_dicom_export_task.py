"""Segments of the scene go beside the study of their volume, by the real job."""

import shutil
import sys
import types
from pathlib import Path

import pytest

pytest.importorskip("slicer")
pytest.importorskip("highdicom", reason="highdicom writes SR and SEG")

import slicer

from MedDeepDiagnosisLib.mrml.diagnosis_logic import DiagnosisLogic
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.segmentation.segmentation_file import read_segmentation


def test_logic_says_whose_it_is_and_writes_for_that_patient(database_volume, tmp_path, monkeypatch):
    import pydicom

    volume, segmentation, _segment, database = database_volume
    logic = DiagnosisLogic()
    told = logic.dicomPatient(volume)
    assert told.startswith("Müller Jürgen (ID P-17, born 1950-01-02), study of 2026-01-01, CT, 8 slices")
    imported = []

    def import_folder(folder, *given):
        imported.append(({path.name: path.read_bytes() for path in Path(folder).iterdir()}, *given))
        return True

    utilities = types.SimpleNamespace(importDicom=import_folder)
    monkeypatch.setitem(sys.modules, "DICOMLib", types.SimpleNamespace(DICOMUtils=utilities))
    out = logic.exportDicom(segmentation, volume, tmp_path / "out", patient_id="P-17")
    assert imported == []
    assert not out["added"]
    assert (out["patient"], out["segments"], out["notes"]) == (told, ("Nodule",), ())
    source = pydicom.dcmread(next(iter(database.files.values())))
    written = pydicom.dcmread(out["measurements"])
    assert (written.PatientID, written.StudyInstanceUID) == (source.PatientID, source.StudyInstanceUID)
    _labels, (nodule,) = read_segmentation(out["segmentation"])
    assert nodule.name == "Nodule"
    (tmp_path / "again").mkdir()
    shutil.copy(next(iter(database.files.values())), tmp_path / "again" / "of_somebody_else.dcm")
    out = logic.exportDicom(segmentation, volume, tmp_path / "again", add_to_database=True)
    assert out["added"]
    written = {out[key].name: out[key].read_bytes() for key in ("segmentation", "measurements")}
    assert imported == [(written, database, True)]
    assert (tmp_path / "again" / "of_somebody_else.dcm").exists()


@pytest.mark.parametrize("data", [b"", b"no preamble, no mark", b"\0" * 128 + b"DICM" + b"\2\0\0\0UL"])
def test_a_slice_that_is_no_dicom_is_told(database_volume, data):
    volume, _segmentation, _segment, database = database_volume
    first = Path(database.fileForInstance(volume.GetAttribute("DICOM.instanceUIDs").split()[0]))
    first.write_bytes(data)
    with pytest.raises(InputError, match=f"whose series it is cannot be read from {first.name}"):
        DiagnosisLogic().dicomPatient(volume)


def test_changed_volumes_and_other_patients_are_refused(database_volume, nodule, tmp_path):
    volume, segmentation, _segment, _database = database_volume
    logic = DiagnosisLogic()
    with pytest.raises(InputError, match="another patient than is expected"):
        logic.exportDicom(segmentation, volume, tmp_path / "out", patient_id="P-18")
    array = slicer.util.arrayFromVolume(volume)
    array[3, 4, 5] += 100
    slicer.util.arrayFromVolumeModified(volume)
    with pytest.raises(InputError, match=r"no longer what was loaded .*its voxels differ"):
        logic.exportDicom(segmentation, volume, tmp_path / "out")
    array[3, 4, 5] -= 100
    volume.SetOrigin(1, 2, 3)
    with pytest.raises(InputError, match=r"no longer what was loaded .*it lies elsewhere"):
        logic.exportDicom(segmentation, volume, tmp_path / "out")
    with pytest.raises(InputError, match="was not loaded from a DICOM series"):
        logic.exportDicom(nodule[1], nodule[0], tmp_path / "out")
    assert not (tmp_path / "out").exists()
