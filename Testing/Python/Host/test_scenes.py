"""What was chosen and what came out is saved with the scene, and is there again when the scene is opened."""

from enum import Enum
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import slicer

from MedDeepRegSegLib.mrml.markups import markups_from_points, roi_from_box
from MedDeepRegSegLib.mrml.scene import load_scene, save_scene
from MedDeepRegSegLib.mrml.segmentations import segmentation_from_image
from MedDeepRegSegLib.mrml.transforms import node_from_transform, registration_nodes
from MedDeepRegSegLib.mrml.volumes import image_from_volume, volume_from_image
from MedDeepRegSegLib.registration.known import known_rigid
from MedDeepRegSegLib.registration.quality import Quality, StageCurve
from MedDeepRegSegLib.segmentation.segments import Segment

# Texts that name something that exists; of other texts any is right.
NAMES = {
    "registrationPreset": "ct-mr-head",
    "model": "acute_stroke_outcome",
    "pathology": "acute_stroke",
    "augmentPreset": "default",
    "trainPreset": "default",
    "target": "mrs",
}


def ball(center=(0.0, 0.0, 0.0), size=24, spacing=4.0):
    """Return a CT-like image of a ball in air, and its mask."""
    image = sitk.Image(size, size, size, sitk.sitkInt16)
    image.SetSpacing((spacing,) * 3)
    image.SetOrigin((-spacing * size / 2,) * 3)
    grid = np.indices((size, size, size))[::-1] * spacing - spacing * size / 2
    inside = sum((axis - at) ** 2 for axis, at in zip(grid, center, strict=True)) < 30.0**2
    shade = np.where(inside, 40 + 10 * (grid[0] > 0) + 20 * (grid[1] > 5), -1000).astype(np.int16)
    made, mask = sitk.GetImageFromArray(shade), sitk.GetImageFromArray(inside.astype(np.uint8))
    for one in (made, mask):
        one.CopyInformation(image)
    return made, mask


@pytest.fixture
def filled(slicer_scene):
    """A scene with one node of each class that parameters hold, by class."""
    image, mask = ball()
    volume_from_image(image, "First")  # which panels pick by themselves
    volume = volume_from_image(image, "Volume")
    table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", "Cases")
    linear = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "Start")
    return {
        "vtkMRMLScalarVolumeNode": volume,
        "vtkMRMLDisplayableNode": volume,
        "vtkMRMLSegmentationNode": segmentation_from_image(mask, [Segment(1, "Ball", (1.0, 0.0, 0.0))], "Drawn"),
        "vtkMRMLTableNode": table,
        "vtkMRMLLinearTransformNode": linear,
        "vtkMRMLTransformNode": linear,
        "vtkMRMLMarkupsFiducialNode": markups_from_points([(1.0, 2.0, 3.0)], ["a"], "Points"),
        "vtkMRMLMarkupsROINode": roi_from_box((-5.0, -5.0, -5.0), (5.0, 5.0, 5.0), "Box"),
    }


def text(value):
    """Return a value in a form that outlives its node."""
    if hasattr(value, "GetName"):
        return value.GetName()
    if isinstance(value, str | Path | Enum | int | float) or value is None:
        return value
    return {key: text(value[key]) for key in value} if hasattr(value, "keys") else [text(entry) for entry in value]


def values(parameters) -> dict:
    """Return all parameters."""
    return {name: text(getattr(parameters, name)) for name in parameters.allParameters}


def change_all(parameters, nodes: dict, tmp_path) -> None:
    """Give each parameter another value than its default."""
    with slicer.util.NodeModify(parameters.parameterNode):
        for name in parameters.allParameters:
            default = getattr(parameters, name)
            setattr(parameters, name, other(name, default, parameters.dataType(name), nodes, tmp_path))


def other(name, default, annotated, nodes, tmp_path):  # noqa: PLR0911 (one line a type)
    if name in NAMES:
        return NAMES[name]
    if isinstance(default, Enum):
        return list(type(default))[-1]
    if isinstance(default, bool):
        return not default
    if isinstance(default, int | float):
        return default + 1
    if isinstance(default, Path):
        return tmp_path / name
    if isinstance(default, str):
        return f"any {name}"
    shown = str(annotated)
    found = next((node for kind, node in nodes.items() if kind in shown), None)
    if "dict" in shown:
        return {"margin": "sharp"}
    if "list" in shown:
        return [found if found is not None else "any"]
    return found


def reopen(path) -> None:
    """Save the scene, close it, change what is in the new one, and open the saved one."""
    save_scene(path)
    slicer.mrmlScene.Clear(False)
    load_scene(path)


def states(loaded) -> dict:
    """Return what the widgets that a user changes show, by panel, class and name."""
    import qt

    found = {}
    for number, panel in enumerate(loaded.widget.panels):
        for cls, state in (
            ("QCheckBox", lambda widget: widget.checked),
            ("QComboBox", lambda widget: widget.currentText),
            ("QAbstractSpinBox", lambda widget: widget.text),
            ("ctkPathLineEdit", lambda widget: widget.currentPath),
            ("QTableWidget", lambda widget: [widget.item(row, 0).text() for row in range(widget.rowCount)]),
            ("qMRMLNodeComboBox", lambda widget: text(widget.currentNode())),
            ("qMRMLSegmentSelectorWidget", lambda widget: widget.currentSegmentID()),
        ):
            for widget in panel.widget.findChildren(getattr(qt, cls, cls)):
                if widget.objectName and not widget.objectName.startswith("qt_"):
                    found[number, cls, widget.objectName] = state(widget)
    return found


@pytest.mark.parametrize("shown", [True, False], ids=["shown", "not shown"])
@pytest.mark.parametrize("name", ["MedDeepRegSeg", "MedDeepDiagnosis"])
def test_every_parameter_is_saved_with_the_scene(module, filled, tmp_path, name, shown):
    loaded = module(name, enter=shown)
    if not shown:
        loaded.exit()
    parameters = loaded.logic.getParameterNode()
    defaults = values(parameters)
    change_all(parameters, filled, tmp_path)
    saved = values(parameters)
    same = sorted(key for key in saved if saved[key] == defaults[key])
    assert set(same) <= {"augmentPreset", "trainPreset", "subdivisionModel", "movingVolume"}, "no other is there"
    reopen(tmp_path / "scene.mrb")
    assert values(loaded.logic.getParameterNode()) == saved
    reopen(tmp_path / "second.mrml")
    assert values(loaded.logic.getParameterNode()) == saved
    loaded.enter()
    assert values(loaded.logic.getParameterNode()) == saved


@pytest.mark.parametrize(("name", "count"), [("MedDeepRegSeg", 70), ("MedDeepDiagnosis", 40)])
def test_an_opened_scene_is_shown_in_the_panels(module, filled, tmp_path, name, count):
    loaded = module(name)
    change_all(loaded.logic.getParameterNode(), filled, tmp_path)
    if name == "MedDeepDiagnosis":
        parameters = loaded.logic.getParameterNode()
        segmentation = filled["vtkMRMLSegmentationNode"]
        parameters.segmentId = segmentation.GetSegmentation().GetNthSegmentID(0)
        parameters.model = parameters.pathology = "lung_nodule"
        parameters.facts = {"age_years": "64"}
        parameters.findings = {"margin": "Sharp"}
    loaded.exit()
    loaded.enter()
    before = states(loaded)
    assert len(before) >= count
    reopen(tmp_path / "scene.mrb")
    after = states(loaded)
    assert {key: (before[key], after.get(key)) for key in before if before[key] != after.get(key)} == {}


def test_results_are_saved_with_the_scene(module, slicer_scene, tmp_path):
    logic = module("MedDeepRegSeg").logic
    fixed = volume_from_image(ball()[0], "Fixed")
    moving = volume_from_image(ball(center=(6.0, -4.0, 2.0))[0], "Moving")
    movement = known_rigid((0, 0, 0), seed=1, rotation_degrees=5, shift_mm=6)
    transform = node_from_transform(movement, "Moving to Fixed", fixed=fixed, moving=moving)
    made = {"transform": transform, "registered": volume_from_image(ball()[0], "Moving registered", beside=moving)}
    mask = logic.makeForegroundMask(fixed, what="body")["segmentation"]
    table = logic.measure(mask, fixed)["table"]
    voxels = sitk.GetArrayFromImage(image_from_volume(made["registered"]))
    names = {"transform": made["transform"].GetName(), "registered": made["registered"].GetName()}
    names |= {"mask": mask.GetName(), "table": table.GetName()}
    segments = mask.GetSegmentation().GetNumberOfSegments()
    cells = [table.GetCellText(0, column) for column in range(table.GetNumberOfColumns())]
    reopen(tmp_path / "scene.mrb")
    found = {key: slicer.mrmlScene.GetFirstNodeByName(name) for key, name in names.items()}
    assert None not in found.values()
    assert [node.GetName() for node in registration_nodes(found["transform"])] == ["Fixed", "Moving"]
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image_from_volume(found["registered"])), voxels)
    assert found["mask"].GetSegmentation().GetNumberOfSegments() == segments
    assert found["mask"].GetNodeReference("referenceImageGeometryRef").GetName() == "Fixed"
    again = found["table"]
    assert [again.GetCellText(0, column) for column in range(again.GetNumberOfColumns())] == cells
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    assert all(hierarchy.GetItemByDataNode(node) for node in found.values())


def test_the_result_of_a_registration_is_shown_in_an_opened_scene(module, slicer_scene, tmp_path):
    panel = module("MedDeepRegSeg").widget.registrationPanel
    fixed, moving = (volume_from_image(ball()[0], name) for name in ("Fixed", "Moving"))
    movement = known_rigid((0, 0, 0), seed=1, rotation_degrees=5, shift_mm=6)
    transform = node_from_transform(movement, "Moving to Fixed", fixed=fixed, moving=moving)
    curves = (StageCurve("rigid", "similarity", (0.1, 0.2)),)
    quality = Quality("check", ("overlap < 50 %",), 0.1, 0.2, 0.5, 0.0, 0.0, 0.0, 0.0, curves=curves)
    panel.showResult(panel.parameterNode, {"transform": transform, "registered": moving, "quality": quality})
    shown = panel.ui.resultLabel.text
    assert "overlap &lt; 50 %" in shown
    save_scene(tmp_path / "scene.mrb")
    slicer.mrmlScene.Clear(False)
    assert panel.ui.resultLabel.text == "No registration yet."
    load_scene(tmp_path / "scene.mrb")
    assert panel.ui.resultLabel.text == shown
    assert panel.ui.fadeSlider.enabled
    panel.ui.curveButton.click()
    assert slicer.util.getNodesByClass("vtkMRMLPlotChartNode"), "the iterations were kept, too"
    panel.ui.curveButton.click()
    slicer.mrmlScene.Clear(False)
    assert panel.ui.resultLabel.text == "No registration yet."


@pytest.mark.slow
def test_an_assessment_is_shown_in_an_opened_scene(module, slicer_scene, tmp_path):
    import Host

    loaded = module("MedDeepDiagnosis")
    panel = loaded.widget.casePanel
    lesion = segmentation_from_image(ball(spacing=1.0)[1], [Segment(1, "Nodule", (1.0, 0.0, 0.0))], "Lesions")
    panel.ui.segmentSelector.setCurrentNode(lesion)
    panel.ui.segmentSelector.setCurrentSegmentID(lesion.GetSegmentation().GetNthSegmentID(0))
    panel.ui.reportPathLineEdit.currentPath = str(tmp_path / "reports")
    panel.ui.applyButton.click()
    assert Host.process_events(120, until=lambda: not panel.runner.busy)
    labels = (panel.ui.resultLabel, panel.ui.reasonsLabel, panel.ui.guidelinesLabel)
    shown = [label.text for label in labels]
    assert shown[0] != "No assessment yet."
    reopen(tmp_path / "scene.mrb")
    assert [label.text for label in labels] == shown
    assert panel.ui.openReportButton.enabled
    panel.findings.setValues({"margin": panel.pathology.feature("margin").words[0].word})
    panel.onFindings()
    assert panel.ui.resultLabel.text == "No assessment yet."
    loaded.exit()
    loaded.enter()
    assert panel.ui.resultLabel.text == "No assessment yet.", "it was of other findings"
