"""A newcomer follows the tutorial in the panels: every word in bold is found on the screen, and every step has its picture."""

import re

import Host
import pytest
import SimpleITK as sitk
import slicer
from PySide6 import QtWidgets

WIDTH = 440


def press(panel, button, seconds=300):
    """Press a button that can be pressed, and wait for its job."""
    assert button.enabled, button.toolTip
    button.click()
    assert Host.process_events(seconds, until=lambda: not panel.runner.busy), panel.ui.statusLabel.text


def words_on(*loaded):
    """Return all texts of the widgets of modules, without marks of shortcuts and colons."""
    texts = set()
    for module in loaded:
        for widget in module.panel.findChildren(QtWidgets.QWidget):
            if isinstance(widget, QtWidgets.QTabWidget):
                texts |= {widget.tabText(index) for index in range(widget.count)}
            elif isinstance(widget, QtWidgets.QComboBox):
                texts |= {widget.itemText(index) for index in range(widget.count)}
            elif hasattr(widget, "text"):
                texts.add(widget.text if isinstance(widget.text, str) else widget.text())
    return {text.replace("&", "").rstrip(":").rstrip("…").strip() for text in texts}


def save_picture(array, path):
    from MedDeepRegSegLib.segmentation.overlay import write_png

    assert array.std() > 5, "the picture is empty"
    write_png(array, path)


def test_the_tutorial_names_what_is_on_the_screen(module, tutorial):
    steps = tutorial[tutorial.index("## In the panels") : tutorial.index("## In the Python console")]
    bold = {word.strip(" .") for word in re.findall(r"\*\*([^*]+)\*\*", steps)}
    named = {word for word in bold if not re.match(r"\d", word)}
    assert len(named) > 15
    shown = words_on(module("MedDeepRegSeg"), module("MedDeepDiagnosis"))
    changing = {"Cancel", "Good"}  # what a button or a result says while or after it works
    assert not named - shown - changing


def register(loaded, head, pictures):
    """Load the heads and register them; returns the node of the CT."""
    from MedDeepRegSegLib.mrml.rendering import render_slice
    from MedDeepRegSegLib.mrml.volumes import volume_from_image

    ct, mr = (
        volume_from_image(sitk.ReadImage(str(path)), name)
        for path, name in ((head.ct, "Head CT"), (head.mr, "Head MR"))
    )
    loaded.ui.tabWidget.currentIndex = 2
    panel = loaded.widget.registrationPanel
    panel.ui.fixedVolumeSelector.setCurrentNode(ct)
    panel.ui.movingVolumeSelector.setCurrentNode(mr)
    panel.parameterNode.registrationPreset = head.preset
    Host.screenshot(loaded, pictures / "1 registration before.png", width=WIDTH)
    press(panel, panel.ui.applyButton)
    assert "Good" in panel.ui.resultLabel.text
    Host.screenshot(loaded, pictures / "2 registration after.png", width=WIDTH)
    (composite, *_) = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    assert composite.GetBackgroundVolumeID() == ct.GetID()
    registered = slicer.mrmlScene.GetNodeByID(composite.GetForegroundVolumeID())
    view = render_slice(ct, foreground=registered, foreground_opacity=0.5, size=400, caption="CT and registered MR")
    save_picture(view, pictures / "3 registered.png")
    return ct


def grow_and_measure(loaded, ct, head, pictures):
    """Grow the ventricles and measure them; returns their volume in mL."""
    from MedDeepRegSegLib.mrml.markups import markups_from_points
    from MedDeepRegSegLib.mrml.rendering import render_orthogonal
    from MedDeepRegSegLib.mrml.tables import rows_from_table

    loaded.ui.tabWidget.currentIndex = 3
    panel = loaded.widget.segmentationPanel
    panel.ui.volumeSelector.setCurrentNode(ct)
    panel.ui.segmentNameLineEdit.text = "Ventricles"
    points = markups_from_points([(-r, -a, s) for r, a, s in head.inside], [""] * len(head.inside), "Inside")
    panel.ui.positivePointsSelector.setCurrentNode(points)
    press(panel, panel.ui.growButton)
    segmentation = panel.ui.segmentationSelector.currentNode()
    assert "Ventricles" in segmentation.GetSegmentation().GetNthSegment(0).GetName()
    press(panel, panel.ui.measureButton)
    Host.screenshot(loaded, pictures / "4 grown and measured.png", width=WIDTH)
    save_picture(render_orthogonal(ct, segmentations=[segmentation], size=320), pictures / "5 ventricles.png")
    (row,) = rows_from_table(panel.ui.measurementTableView.mrmlTableNode())[1]
    return row["Volume (mL)"]


def assess(loaded, pictures, reports):
    """Assess the nodule of the practice chest as the tutorial says."""
    from MedDeepRegSegLib.mrml.practice import practice_nodule
    from MedDeepRegSegLib.mrml.rendering import render_slice

    chest, lesions = practice_nodule()
    panel = loaded.widget.casePanel
    panel.ui.segmentSelector.setCurrentNode(lesions)
    panel.ui.segmentSelector.setCurrentSegmentID(lesions.GetSegmentation().GetNthSegmentID(0))
    panel.ui.volumeSelector.setCurrentNode(chest)
    for name, index in (("margin", 1), ("spiculation", 5), ("texture", 5), ("calcification", 6), ("subtlety", 5)):
        panel.widget.findChild("QComboBox", f"{name}ComboBox").currentIndex = index
    panel.onFindings()
    panel.ui.reportPathLineEdit.currentPath = str(reports)
    press(panel, panel.ui.applyButton)
    Host.screenshot(loaded, pictures / "6 assessed.png", width=WIDTH)
    save_picture(render_slice(chest, segmentations=[lesions], size=400), pictures / "7 nodule.png")
    (folder,) = reports.iterdir()
    report = (folder / "report.html").read_text(encoding="utf-8")
    assert "research" in report
    (pictures / "8 report.html").write_text(report, encoding="utf-8")
    return panel.ui.resultLabel.text


@pytest.mark.slow
def test_a_head_is_registered_grown_and_measured_and_a_nodule_assessed(module, head, pictures, tmp_path, tutorial):
    from MedDeepRegSegLib.mrml.scene import load_scene, save_scene

    first = module("MedDeepRegSeg")
    ct = register(first, head, pictures)
    volume = grow_and_measure(first, ct, head, pictures)
    if head.real:
        promised = float(re.search(r"about ([\d.]+) mL", tutorial)[1])
        assert volume == pytest.approx(promised, rel=0.1)
    assert volume > 1
    second = module("MedDeepDiagnosis")
    said = assess(second, pictures, tmp_path / "reports")
    assert f"{re.search(r'shows about ([0-9]+) %', tutorial)[1]} %" in said

    # Save, close, and come back.
    save_scene(tmp_path / "scene.mrb")
    slicer.mrmlScene.Clear(False)
    for loaded in (first, second):
        loaded.enter()
    panel = second.widget.casePanel
    assert panel.ui.segmentSelector.currentNode() is None
    load_scene(tmp_path / "scene.mrb")
    first.enter()
    assert first.widget.registrationPanel.parameterNode.registrationPreset == head.preset
    assert first.widget.segmentationPanel.ui.segmentNameLineEdit.text == "Ventricles"
    second.enter()
    assert panel.ui.segmentSelector.currentNode().GetName() == "Practice nodule"
    assert panel.ui.reportPathLineEdit.currentPath == str(tmp_path / "reports")
    assert panel.findings.values["spiculation"] == "Marked"
