import types
import xml.etree.ElementTree as ET
import zipfile

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
import slicer.util

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.markups import markups_from_points
from MedDeepRegSegLib.mrml.scene import (
    add_view_nodes,
    application_logic,
    clear_scene,
    headless_scene,
    load_scene,
    save_scene,
    subject_hierarchy,
)
from MedDeepRegSegLib.mrml.segmentations import segmentation_from_image
from MedDeepRegSegLib.mrml.tables import TableColumn, table_from_rows
from MedDeepRegSegLib.mrml.transforms import node_from_transform
from MedDeepRegSegLib.mrml.volumes import volume_from_image
from MedDeepRegSegLib.segmentation.segments import named_segment

MODULES = [
    "colors",
    "markups",
    "models",
    "segmentations",
    "subjecthierarchy",
    "tables",
    "terminologies",
    "transforms",
    "units",
    "volumes",
]


def small_image(value=1):
    return sitk.GetImageFromArray(np.full((3, 4, 5), value, np.int16))


def fill_scene():
    volume = volume_from_image(small_image(), "CT: a/b é", window_level=(1, 0))
    volume_from_image(small_image(2), "CT: a/b é", window_level=(1, 0))
    labels = sitk.GetImageFromArray(np.ones((3, 4, 5), np.uint8))
    segmentation_from_image(labels, [named_segment(1, "Liver")], "organs", reference_volume=volume)
    node_from_transform(sitk.Euler3DTransform((0, 0, 0), 0.1, 0, 0), "moved", fixed=volume)
    table_from_rows([TableColumn("a", units="mm")], [{"a": 1.5}], "sizes")
    markups_from_points(np.eye(3), None, "seeds", beside=volume)


def test_scene_is_made_once_with_logics_and_defaults(scene):
    assert headless_scene() is scene is slicer.mrmlScene
    for name in MODULES:
        logic = getattr(slicer.modules, name).logic()
        assert logic.GetMRMLScene() is scene, name
    assert application_logic().GetColorLogic() is slicer.modules.colors.logic()
    assert scene.GetNodeByID("vtkMRMLColorTableNodeGrey") is not None
    assert scene.GetFirstNodeByClass("vtkMRMLUnitNode") is not None
    assert application_logic().GetModuleLogic("Segmentations") is slicer.modules.segmentations.logic()


def test_util_functions_that_need_logics_work(scene):
    volume = volume_from_image(small_image(), "v", window_level=(1, 0))
    labels = sitk.GetImageFromArray(np.ones((3, 4, 5), np.uint8))
    node = segmentation_from_image(labels, [named_segment(1, "Liver")], "organs", reference_volume=volume)
    identifier = node.GetSegmentation().GetNthSegmentID(0)
    slicer.util.updateSegmentBinaryLabelmapFromArray(np.zeros((3, 4, 5), np.uint8), node, identifier, volume)
    assert slicer.util.arrayFromSegmentBinaryLabelmap(node, identifier, volume).sum() == 0
    assert slicer.modules.volumes.logic().CloneVolume(scene, volume, "copy").GetImageData() is not None


def test_nothing_happens_inside_the_application(scene, monkeypatch):
    logic = slicer.vtkSlicerApplicationLogic()
    other = slicer.vtkMRMLScene()
    monkeypatch.setattr(slicer, "app", types.SimpleNamespace(applicationLogic=lambda: logic), raising=False)
    monkeypatch.setattr(slicer, "mrmlScene", other)
    assert headless_scene() is other
    assert application_logic() is logic
    add_view_nodes()
    assert other.GetNumberOfNodes() == 0


@pytest.mark.parametrize("singletons", [False, True])
def test_clear_keeps_what_a_scene_needs(scene, singletons):
    fill_scene()
    scene.Clear(singletons)
    clear_scene()
    for class_name in ("Selection", "Interaction", "Unit", "ColorTable", "SubjectHierarchy"):
        assert scene.GetFirstNodeByClass(f"vtkMRML{class_name}Node") is not None, class_name
    assert slicer.util.getNodesByClass("vtkMRMLVolumeNode") == []
    assert volume_from_image(small_image(), "v").GetDisplayNode().GetColorNode() is not None


@pytest.mark.parametrize("name", ["my scene é.mrml", "my scene é.mrb"])
def test_saved_scene_is_complete_and_can_be_moved(scene, tmp_path, name):
    fill_scene()
    before = {
        n.GetID(): n.GetName() for n in slicer.util.getNodesByClass("vtkMRMLStorableNode") if not n.GetHideFromEditors()
    }
    path = save_scene(tmp_path / "first" / name)
    assert path == tmp_path / "first" / name
    (tmp_path / "first").rename(tmp_path / "second")
    scene = load_scene(tmp_path / "second" / name)
    assert {scene.GetNodeByID(i).GetName() for i in before if scene.GetNodeByID(i)} == set(before.values())
    volumes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    assert sorted(int(slicer.util.arrayFromVolume(volume)[0, 0, 0]) for volume in volumes) == [1, 2]
    hierarchy = subject_hierarchy()
    assert hierarchy.GetItemByDataNode(slicer.util.getNode("seeds")) != hierarchy.GetInvalidItemID()
    for node in slicer.util.getNodesByClass("vtkMRMLStorableNode"):
        if not node.GetHideFromEditors() and node.GetStorageNode() is not None:
            assert node.GetStorageNode().GetFileName(), node.GetName()


def scene_file(path):
    if path.suffix == ".mrml":
        return ET.parse(path).getroot()
    with zipfile.ZipFile(path) as bundle:
        inside = next(name for name in bundle.namelist() if name.endswith(".mrml"))
        return ET.fromstring(bundle.read(inside))


@pytest.mark.parametrize("name", ["s.mrml", "s.mrb"])
def test_scene_file_has_relative_unique_files_views_and_a_known_version(scene, tmp_path, name):
    fill_scene()
    root = scene_file(save_scene(tmp_path / name))
    files = [element.get("fileName") for element in root.iter() if element.get("fileName")]
    assert len(files) == len(set(files)) >= 6
    assert not any(file.startswith("/") or ":" in file for file in files)
    assert root.get("version").startswith("Slicer 5.")
    assert root.find("Layout").get("currentViewArrangement") == "3"  # four-up
    assert {node.get("singletonTag") for node in root.iter("Slice")} == {"Red", "Green", "Yellow"}
    assert root.find("View") is not None


def test_saving_again_replaces_and_leaves_no_litter(scene, tmp_path):
    fill_scene()
    save_scene(tmp_path / "s.mrml")
    clear_scene()
    volume_from_image(small_image(7), "only", window_level=(1, 0))
    save_scene(tmp_path / "s.mrml")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["s-data", "s.mrml"]
    assert [entry.name for entry in (tmp_path / "s-data").iterdir()] == ["only.nrrd"]
    load_scene(tmp_path / "s.mrml")
    assert slicer.util.arrayFromVolume(slicer.util.getNode("only"))[0, 0, 0] == 7


@pytest.mark.parametrize("name", ["s.mrml", "s.mrb"])
def test_failed_save_keeps_the_older_scene(scene, tmp_path, name):
    fill_scene()
    save_scene(tmp_path / name)
    before = {entry: entry.read_bytes() for entry in tmp_path.rglob("*") if entry.is_file()}
    vector = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "unwritable")
    image_data = slicer.vtkOrientedImageData()
    image_data.SetDimensions(2, 2, 2)
    image_data.AllocateScalars(15, 1)  # signed char, which Slicer's writer does not know
    vector.SetAndObserveImageData(image_data)
    with pytest.raises(InputError, match="could not be saved"):
        save_scene(tmp_path / name)
    assert {entry: entry.read_bytes() for entry in tmp_path.rglob("*") if entry.is_file()} == before


def test_bad_paths_are_refused(scene, tmp_path):
    with pytest.raises(InputError, match=r"ends with \.mrb or \.mrml"):
        save_scene(tmp_path / "scene.xml")
    with pytest.raises(InputError, match="no scene file"):
        load_scene(tmp_path / "absent.mrml")
    for name in ("junk.mrml", "junk.mrb"):
        (tmp_path / name).write_text("junk")
        with pytest.raises(InputError, match="could not be read"):
            load_scene(tmp_path / name)
