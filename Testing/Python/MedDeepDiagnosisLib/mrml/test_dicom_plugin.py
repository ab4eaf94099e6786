"""The plugin of the DICOM module: what it offers to load, and what that becomes."""

import importlib.util
import os
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

pytest.importorskip("slicer")
pytest.importorskip("highdicom", reason="highdicom writes SR and SEG")

import slicer

from MedDeepDiagnosisLib.mrml.diagnosis_logic import DiagnosisLogic
from MedDeepDiagnosisLib.mrml.dicom_plugin import NAME, registerDicomPlugin
from MedDeepRegSegLib.mrml.segmentations import image_from_segmentation

TAGS = {"0008,0060": "Modality", "0008,103E": "SeriesDescription"}


class Loadable:
    """Stands in for Slicer's DICOMLoadable."""


class Plugin:
    """Stands in for Slicer's DICOMPlugin."""

    def __init__(self):
        self.tags = {"modality": "0008,0060", "seriesDescription": "0008,103E"}
        self.placed = []

    def addSeriesInSubjectHierarchy(self, loadable, node):
        self.placed.append((loadable, node))


@pytest.fixture(params=["stand-in", "source"])
def plugin_base(request, monkeypatch):
    """The classes of DICOMLib: stand-ins, and Slicer's own where a checkout is named."""
    loadable, plugin = Loadable, Plugin
    if request.param == "source":
        named = os.environ.get("MEDDEEP_SLICER_SOURCE")
        if not named:
            pytest.skip("MEDDEEP_SLICER_SOURCE names no checkout of Slicer's source code")
        path = Path(named) / "Modules" / "Scripted" / "DICOMLib" / "DICOMPlugin.py"
        spec = importlib.util.spec_from_file_location("DICOMPluginOfSlicer", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        loadable, plugin = module.DICOMLoadable, module.DICOMPlugin
        monkeypatch.setattr(plugin, "addSeriesInSubjectHierarchy", Plugin.addSeriesInSubjectHierarchy)
        monkeypatch.setattr(plugin, "placed", [], raising=False)
    if "slicer.i18n" not in sys.modules:
        monkeypatch.setitem(sys.modules, "slicer.i18n", types.SimpleNamespace(tr=lambda text: text))
    monkeypatch.setitem(sys.modules, "DICOMLib", types.SimpleNamespace(DICOMLoadable=loadable, DICOMPlugin=plugin))


@pytest.fixture
def plugin(scene, plugin_base, monkeypatch):
    monkeypatch.setattr(slicer.modules, "dicomPlugins", {"Other": object}, raising=False)
    registerDicomPlugin()
    assert list(slicer.modules.dicomPlugins) == ["Other", NAME]
    return slicer.modules.dicomPlugins[NAME]()


@pytest.fixture
def exported(database_volume, tmp_path):
    """Volume, segmentation and exported files; the database tells tags of files."""
    import pydicom

    volume, segmentation, _segment, database = database_volume
    database.fileValue = lambda file, tag: str(pydicom.dcmread(file, stop_before_pixels=True).get(TAGS[tag], ""))
    out = DiagnosisLogic().exportDicom(segmentation, volume, tmp_path / "out")
    return volume, segmentation, out, database


def test_report_and_segmentation_load_and_images_do_not(plugin, exported):
    volume, segmentation, out, database = exported
    assert type(plugin).__name__ == NAME
    image = next(iter(database.files.values()))
    files = [str(out["segmentation"]), str(out["measurements"]), image]
    seg, report = plugin.examineForImport([[file] for file in files])
    assert (seg.files, report.files) == ([files[0]], [files[1]])
    assert report.name == "MedDeep measurements: research, not a diagnosis"
    assert report.selected
    assert seg.confidence < 0.95 < report.confidence
    assert plugin.load(report)
    assert plugin.load(seg)
    (_, table), (_, loaded) = plugin.placed
    heads = [table.GetTable().GetColumnName(n) for n in range(table.GetNumberOfColumns())]
    assert heads == ["Finding", "Name", "Value", "Units", "Method"]
    rows = [[table.GetCellText(row, column) for column in range(5)] for row in range(table.GetNumberOfRows())]
    # 8 x 8 x 4 voxels of which some were taken away; see the lesion of the fixture.
    labels, (nodule,) = image_from_segmentation(segmentation, reference=volume)
    array = sitk.GetArrayFromImage(labels)
    expected = (array > 0).sum() * float(np.prod(labels.GetSpacing()))
    volumes = [
        float(value) for finding, name, value, units, _ in rows if (finding, name, units) == ("Nodule", "Volume", "mm3")
    ]
    assert any(value == pytest.approx(expected, rel=1e-4) for value in volumes)
    again, (found,) = image_from_segmentation(loaded, reference=volume)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(again), array)
    assert found.name == nodule.name
    assert loaded.GetNodeReference(loaded.GetReferenceImageGeometryReferenceRole()) is volume


def test_a_damaged_file_is_not_loaded_and_the_log_says_why(plugin, exported, caplog):
    _volume, _segmentation, out, _database = exported
    (seg,) = plugin.examineForImport([[str(out["segmentation"])]])
    import pydicom

    dataset = pydicom.dcmread(out["segmentation"])
    dataset.SegmentSequence = []
    dataset.save_as(out["segmentation"])
    assert not plugin.load(seg)
    assert "describes no segment" in caplog.text
