"""The Registration tab as its user sees it: unchanged module file, real scene, jobs in child processes."""

import os
import time

import Host
import numpy as np
import pytest
import slicer

from MedDeepRegSegLib.mrml.transforms import registration_nodes, transform_from_node


def wait_for_end(panel, seconds=120):
    assert Host.process_events(seconds, until=lambda: not panel.runner.busy), panel.ui.statusLabel.text


@pytest.fixture
def panel(module, slicer_scene):
    return module("MedDeepRegSeg").widget.registrationPanel


def kind_of(node, name):
    return type(node.registrationKind)[name]


def node_names():
    return sorted(node.GetName() for node in slicer.util.getNodesByClass("vtkMRMLStorableNode"))


def test_apply_says_what_is_missing(panel, head_nodes):
    ct, mr = head_nodes
    apply = panel.ui.applyButton
    assert not apply.enabled
    assert "fixed volume" in apply.toolTip
    panel.ui.fixedVolumeSelector.setCurrentNode(ct)
    assert "moving volume" in apply.toolTip
    panel.ui.movingVolumeSelector.setCurrentNode(ct)
    assert "same" in apply.toolTip
    panel.ui.movingVolumeSelector.setCurrentNode(mr)
    assert apply.enabled
    points = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
    panel.ui.fixedLandmarksSelector.setCurrentNode(points)
    assert not apply.enabled
    assert "landmarks" in apply.toolTip
    panel.ui.fixedLandmarksSelector.setCurrentNode(None)
    panel.ui.outputVolumeSelector.setCurrentNode(mr)
    assert "overwrite" in apply.toolTip


def test_the_two_volumes_of_a_scene_are_picked(module, head_nodes):
    panel = module("MedDeepRegSeg").widget.registrationPanel
    assert panel.ui.fixedVolumeSelector.currentNode() is head_nodes[0]
    assert panel.ui.movingVolumeSelector.currentNode() is head_nodes[1]


def test_apply_registers_and_shows_the_quality(module, head_nodes):
    ct, mr = head_nodes
    panel = module("MedDeepRegSeg").widget.registrationPanel
    panel.parameterNode.registrationKind = kind_of(panel.parameterNode, "RIGID")
    assert panel.ui.kindComboBox.currentText == "Rigid"
    panel.ui.applyButton.click()
    assert panel.ui.applyButton.text == "Cancel"
    assert not panel.ui.progressBar.isHidden()
    wait_for_end(panel)
    assert panel.ui.applyButton.text == "Apply"
    assert panel.ui.statusLabel.text == "Done."
    transform = slicer.util.getNode("MR to CT")
    assert registration_nodes(transform) == (ct, mr)
    shift = np.array(transform_from_node(transform).TransformPoint((0.0, -5.0, -12.0))) - (0.0, -5.0, -12.0)
    np.testing.assert_allclose(shift, (12.0, -8.0, 5.0), atol=2.0)
    assert panel.parameterNode.outputTransform is None, "the next registration must not replace this one"
    assert transform.GetName() in panel.ui.resultLabel.text
    registered = slicer.util.getNode("MR registered")
    assert registered.GetImageData().GetDimensions() == ct.GetImageData().GetDimensions()
    assert any(word in panel.ui.resultLabel.text for word in ("Good", "Check it", "Failed"))


def test_cancel_ends_the_child_and_leaves_the_scene(module, head_nodes, tmp_path):
    panel = module("MedDeepRegSeg").widget.registrationPanel
    before = node_names()
    panel.ui.applyButton.click()
    assert Host.process_events(30, until=lambda: panel.ui.progressBar.value > 0)
    pid = panel.runner._job._pid
    panel.ui.applyButton.click()
    started = time.monotonic()
    assert Host.process_events(5, until=lambda: not panel.runner.busy)
    assert time.monotonic() - started < 3  # two seconds, and some for a loaded machine
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert node_names() == before
    assert "Canceled" in panel.ui.statusLabel.text
    assert panel.ui.applyButton.text == "Apply"


def test_bad_input_is_explained_and_leaves_the_scene(module, head_nodes, dialogs_shown):
    ct, _mr = head_nodes
    slicer.util.arrayFromVolume(ct)[:] = 7
    slicer.util.arrayFromVolumeModified(ct)
    before = node_names()
    panel = module("MedDeepRegSeg").widget.registrationPanel
    panel.ui.applyButton.click()
    wait_for_end(panel)
    assert len(dialogs_shown.texts()) == 1
    assert "fixed" in dialogs_shown.texts()[0]
    assert panel.ui.statusLabel.text == dialogs_shown.texts()[0]
    assert node_names() == before


def test_closing_the_scene_ends_the_job_and_forgets_the_result(module, head_nodes):
    panel = module("MedDeepRegSeg").widget.registrationPanel
    panel.ui.applyButton.click()
    panel.ui.resultLabel.text = "of another patient"
    assert panel.runner.busy
    slicer.mrmlScene.Clear(False)
    assert not panel.runner.busy
    assert Host.process_events(0.3)
    assert panel.ui.resultLabel.text == "No registration yet."


def test_a_moving_volume_under_its_initial_transform_is_refused(module, head_nodes, dialogs_shown):
    _ct, mr = head_nodes
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "By hand")
    mr.SetAndObserveTransformNodeID(transform.GetID())
    panel = module("MedDeepRegSeg").widget.registrationPanel
    panel.parameterNode.initialTransform = transform
    panel.ui.applyButton.click()
    assert not panel.runner.busy
    assert "under the initial transform" in dialogs_shown.texts()[0]


def test_a_failed_installation_is_shown(module, head_nodes, dialogs_shown, monkeypatch):
    import subprocess

    panel = module("MedDeepRegSeg").widget.registrationPanel

    def fail(*_arguments):
        raise subprocess.CalledProcessError(1, "pip")

    monkeypatch.setattr("MedDeepRegSegLib.panels.panel.ensurePackages", fail)
    panel.ui.applyButton.click()
    assert not panel.runner.busy
    assert "could not start" in dialogs_shown.texts()[0]


def test_choices_are_saved_with_the_scene(module, head_nodes, tmp_path):
    from MedDeepRegSegLib.mrml.scene import load_scene, save_scene

    panel = module("MedDeepRegSeg").widget.registrationPanel
    panel.parameterNode.registrationKind = kind_of(panel.parameterNode, "AFFINE")
    save_scene(tmp_path / "scene.mrb")
    slicer.mrmlScene.Clear(False)
    load_scene(tmp_path / "scene.mrb")
    node = module("MedDeepRegSeg").logic.getParameterNode()
    assert node.registrationKind.value == "affine"
    assert node.fixedVolume.GetName() == "CT"
