"""slicer.app, slicer.modules and what slicer.util does with them."""

import numpy as np
import pytest
import slicer


@pytest.fixture
def volume(slicer_scene):
    matrix = np.diag([1.0, 1.0, 2.0, 1.0])
    return slicer.util.addVolumeFromArray(np.arange(24.0).reshape(2, 3, 4), ijkToRAS=matrix, name="Volume")


def test_slice_views_are_real(volume):
    manager = slicer.app.layoutManager()
    assert manager.sliceViewNames() == ("Red", "Yellow", "Green")
    slicer.util.setSliceViewerLayers(background=volume, foreground=volume, foregroundOpacity=0.3, fit=True)
    for name in manager.sliceViewNames():
        composite = manager.sliceWidget(name).sliceLogic().GetSliceCompositeNode()
        assert composite.GetBackgroundVolumeID() == volume.GetID()
        assert composite.GetForegroundOpacity() == pytest.approx(0.3)
    slicer.util.resetSliceViews()
    slicer.util.resetThreeDViews()
    assert manager.threeDWidget(0).mrmlViewNode().IsA("vtkMRMLViewNode")


def test_views_outlive_the_scene(slicer_scene):
    slicer.mrmlScene.Clear(False)
    assert slicer.app.layoutManager().sliceWidget("Red").mrmlSliceNode() is slicer.mrmlScene.GetNodeByID(
        "vtkMRMLSliceNodeRed"
    )


def test_layout_can_be_chosen(slicer_scene):
    manager = slicer.app.layoutManager()
    manager.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView)
    assert manager.layout == slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView


@pytest.mark.parametrize(
    ("name", "cls"),
    [
        ("volumes", "vtkSlicerVolumesLogic"),
        ("segmentations", "vtkSlicerSegmentationsModuleLogic"),
        ("markups", "vtkSlicerMarkupsLogic"),
        ("tables", "vtkSlicerTablesLogic"),
        ("subjecthierarchy", "vtkSlicerSubjectHierarchyModuleLogic"),
        ("transforms", "vtkSlicerTransformLogic"),
    ],
)
def test_module_logics_are_real(slicer_host, name, cls):
    assert getattr(slicer.modules, name).logic().IsA(cls)


def test_nodes_are_saved_and_loaded(volume, tmp_path):
    path = str(tmp_path / "volume.nrrd")
    assert slicer.util.saveNode(volume, path)
    loaded = slicer.util.loadVolume(path)
    assert loaded is not volume
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(loaded), slicer.util.arrayFromVolume(volume))
    with pytest.raises(RuntimeError, match="Failed to load"):
        slicer.util.loadVolume(str(tmp_path / "absent.nrrd"))


def test_transforms_and_tables_are_exported_and_loaded(slicer_scene, tmp_path):
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "T")
    slicer.util.updateTransformMatrixFromArray(transform, np.diag([1.0, -1.0, 2.0, 1.0]))
    assert slicer.util.exportNode(transform, str(tmp_path / "t.h5"))
    assert transform.GetStorageNode() is None
    loaded = slicer.util.loadTransform(str(tmp_path / "t.h5"))
    np.testing.assert_allclose(slicer.util.arrayFromTransformMatrix(loaded), np.diag([1.0, -1.0, 2.0, 1.0]))
    table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", "Table")
    slicer.util.updateTableFromArray(table, [np.array([1.0, 2.0])], ["a"])
    assert slicer.util.saveNode(table, str(tmp_path / "table.tsv"))
    assert slicer.util.loadTable(str(tmp_path / "table.tsv")).GetNumberOfRows() == 2


def test_displays_are_recorded(slicer_scene, dialogs_shown):
    slicer.util.errorDisplay("bad", detailedText="why")
    slicer.util.infoDisplay("good")
    assert slicer.util.confirmOkCancelDisplay("sure?")
    dialogs_shown.answer_next(__import__("qt").QMessageBox.No)
    assert not slicer.util.confirmYesNoDisplay("really?")
    assert dialogs_shown.texts() == ["bad", "good", "sure?", "really?"]
    assert dialogs_shown.shown[0].details == "why"


def test_wait_cursor_and_messages(slicer_scene):
    import qt

    with slicer.util.WaitCursor():
        assert qt.QApplication.overrideCursor().shape() == qt.Qt.WaitCursor
    assert qt.QApplication.overrideCursor() is None
    slicer.util.showStatusMessage("busy")
    assert slicer.util.mainWindow().statusBar().currentMessage() == "busy"
    slicer.util.delayDisplay("soon", 100)


def test_temporary_folder_and_settings_are_the_hosts_own(slicer_host):
    import qt

    folder = slicer.util.tempDirectory()
    assert folder.startswith(slicer.app.temporaryPath)
    slicer.app.settings().setValue("Host/Test", 5)
    assert int(slicer.util.settingsValue("Host/Test", 0)) == 5
    assert slicer.app._folder.name in qt.QSettings().fileName()


def test_default_colors_come_back_after_the_scene_is_closed(slicer_scene):
    slicer.mrmlScene.Clear(False)
    assert slicer.util.getNodesByClass("vtkMRMLColorTableNode")
    assert slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene) is not None


def test_the_host_can_be_taken_away_and_put_back():
    import sys

    import Host

    Host.install_host()
    util = slicer.util
    Host.uninstall_host()
    assert getattr(slicer, "app", None) is None
    assert "qt" not in sys.modules
    assert "slicer.ScriptedLoadableModule" not in sys.modules
    Host.install_host()
    try:
        assert slicer.app.layoutManager() is not None
        assert slicer.util.arrayFromVolume is not None
        assert util is not None
    finally:
        Host.uninstall_host()
