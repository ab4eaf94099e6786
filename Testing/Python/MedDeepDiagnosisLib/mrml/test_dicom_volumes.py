"""A volume knows the DICOM files it was loaded from, unless it was changed since."""

import os

import pytest

pytest.importorskip("slicer")

import slicer

from MedDeepDiagnosisLib.mrml.dicom_volumes import comes_from_dicom, series_source, source_files
from MedDeepRegSegLib.errors import InputError


def test_files_of_a_volume_that_was_read_from_files(scene, nodule, loaded_series, tmp_path):
    folder, loaded, _segmentation, _segment = loaded_series
    assert comes_from_dicom(loaded)
    assert series_source(loaded, tmp_path) == folder
    loaded.GetImageData().Modified()
    loaded.StorableModified()
    with pytest.raises(InputError, match="was changed since it was loaded"):
        source_files(loaded)
    volume = nodule[0]
    assert not comes_from_dicom(volume)
    storage = volume.CreateDefaultStorageNode()
    scene.AddNode(storage)
    storage.SetFileName(str(tmp_path / "ct.nrrd"))
    volume.SetAndObserveStorageNodeID(storage.GetID())
    assert storage.WriteData(volume)
    for other in (volume, None):
        with pytest.raises(InputError, match="was not loaded from a DICOM series"):
            source_files(other)


def test_files_of_a_volume_of_the_database(database_volume, tmp_path, monkeypatch):
    volume, _segmentation, _segment, database = database_volume
    folder = next(iter(source_files(volume))).parent
    assert {str(path) for path in source_files(volume)} == set(database.files.values())
    assert series_source(volume, tmp_path) == folder
    (folder / "other.dcm").write_bytes(b"of another series")
    (tmp_path / "job").mkdir()
    made = series_source(volume, tmp_path / "job")
    assert made == tmp_path / "job" / "series"
    assert sorted(path.read_bytes() for path in made.iterdir()) == sorted(
        path.read_bytes() for path in folder.glob("IM*.dcm")
    )
    assert all(path.is_symlink() or path.stat().st_nlink == 1 for path in made.iterdir()), "no hard links"
    (tmp_path / "without links").mkdir()
    with monkeypatch.context() as patched:
        patched.setattr(os, "symlink", lambda *_: (_ for _ in ()).throw(OSError("no links here")))
        made = series_source(volume, tmp_path / "without links")
    assert len(list(made.iterdir())) == 8
    assert all(not path.is_symlink() and path.stat().st_nlink == 1 for path in made.iterdir()), "copies"
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    volume.SetAndObserveTransformNodeID(transform.GetID())
    with pytest.raises(InputError, match="lies under a transform"):
        source_files(volume)
    volume.SetAndObserveTransformNodeID(None)
    database.files.popitem()
    with pytest.raises(InputError, match="1 of its 8 slices are no longer in the DICOM database"):
        source_files(volume)
    monkeypatch.setattr(slicer, "dicomDatabase", None)
    with pytest.raises(InputError, match="DICOM database is not open"):
        source_files(volume)
