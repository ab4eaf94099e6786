"""What can be chosen in the effect MedDeep Grow: masking, mode, box, suggestion, doubt; and what its segments are."""

import json

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
from Host.growing import hidden_nodes, preview_ml, volume_ml, wait
from StandIns.growing import RADIUS_MM

BALL_ML = 4 / 3 * np.pi * RADIUS_MM**3 / 1000
CENTER = (6.0, -4.0, 5.0)  # RAS mm
BESIDE = (14.0, -4.0, 5.0)


@pytest.mark.parametrize("kind", ["segment", "intensity"])
def test_masking_settings_hold_for_the_preview_and_the_segment(editor, interaction, liver_segmentation, kind):
    if kind == "segment":
        editor.node.SetSelectedSegmentID("Other")
        editor.click(BESIDE)
        wait(interaction)
        editor.send("KeyPressEvent", key="Return")
        editor.node.SetSelectedSegmentID("Liver")
        editor.node.SetMaskMode(slicer.vtkMRMLSegmentationNode.EditAllowedOutsideAllSegments)
    else:
        editor.node.SourceVolumeIntensityMaskOn()
        editor.node.SetSourceVolumeIntensityMaskRange(0.0, 40.0)
    editor.click(CENTER)
    wait(interaction)
    shown = preview_ml(interaction)
    assert 0.1 * BALL_ML < shown < 0.9 * BALL_ML
    editor.send("KeyPressEvent", key="Return")
    assert volume_ml(liver_segmentation) == pytest.approx(shown)
    if kind == "segment":
        assert volume_ml(liver_segmentation, "Other") == pytest.approx(BALL_ML, rel=0.1)


def test_what_confirming_does_can_be_chosen(editor, effect, interaction, liver_segmentation):
    def grow(place, mode):
        effect.ui.growModeComboBox.setCurrentIndex(["add", "replace", "correct", "remove"].index(mode))
        editor.click(place)
        wait(interaction)
        effect.ui.confirmGrowButton.click()
        return volume_ml(liver_segmentation)

    first = grow(CENTER, "add")
    both = grow(BESIDE, "add")
    assert both > 1.2 * first
    assert grow(BESIDE, "remove") < both - 0.5 * first
    assert grow(CENTER, "replace") == pytest.approx(first)
    assert grow(BESIDE, "correct") == pytest.approx(both), "it starts from what the segment holds"


def test_a_box_keeps_the_structure_inside(editor, effect, interaction):
    from MedDeepRegSegLib.mrml.markups import roi_from_box

    roi = roi_from_box((-6.0, -90.0, -90.0), (90.0, 90.0, 90.0), "Box")  # LPS: what lies left of 6 mm right
    editor.click(CENTER)
    wait(interaction)
    whole = preview_ml(interaction)
    effect.ui.growBoxSelector.setCurrentNode(roi)
    wait(interaction)
    assert 0.3 * whole < preview_ml(interaction) < 0.7 * whole, "the clicks stay and the box counts"
    assert editor.activeEffect.nodeReference("Box") is roi


def test_the_suggestion_is_shown_and_taken(editor, effect, interaction):
    assert not effect.ui.suggestionButton.enabled
    editor.click(CENTER)
    wait(interaction)
    node = next(node for node in hidden_nodes() if "suggestion" in node.GetName())
    assert node.GetNumberOfControlPoints() == 1
    assert "inside" in node.GetNthControlPointLabel(0)
    before = preview_ml(interaction)
    editor.send("KeyPressEvent", key="n")
    wait(interaction)
    assert interaction.clicks == 2
    assert preview_ml(interaction) > before


def test_doubt_is_shown_on_demand(editor, interaction, ramp_volume):
    composite = editor.view.sliceLogic().GetSliceCompositeNode()
    editor.click(CENTER)
    wait(interaction)
    assert composite.GetForegroundVolumeID() is None
    editor.send("KeyPressEvent", key="u")
    wait(interaction, until=lambda: composite.GetForegroundVolumeID() is not None)
    shown = slicer.mrmlScene.GetNodeByID(composite.GetForegroundVolumeID())
    assert slicer.util.arrayFromVolume(shown).max() == 0.5
    editor.send("KeyPressEvent", key="u")
    assert composite.GetForegroundVolumeID() is None


def test_segments_get_meaning_and_reference_geometry(editor, interaction, liver_segmentation, ramp_volume):
    import vtk

    editor.click(CENTER)
    wait(interaction)
    editor.send("KeyPressEvent", key="Return")
    segment = liver_segmentation.GetSegmentation().GetSegment("Liver")
    entry = vtk.reference("")
    assert segment.GetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), entry)
    assert "SCT^10200004^Liver" in str(entry)
    assert tuple(segment.GetColor()) == (0.8, 0.4, 0.3), "the color is the user's"
    role = liver_segmentation.GetReferenceImageGeometryReferenceRole()
    assert liver_segmentation.GetNodeReference(role) is ramp_volume


def test_a_rigid_transform_of_the_segmentation_is_allowed_for(editor, interaction, liver_segmentation, ramp_volume):
    import vtk

    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = vtk.vtkMatrix4x4()
    matrix.SetElement(0, 3, 4.0)
    transform.SetMatrixTransformToParent(matrix)
    for node in (liver_segmentation, ramp_volume):
        node.SetAndObserveTransformNodeID(transform.GetID())
    editor.view.sliceLogic().FitSliceToBackground()
    editor.click(CENTER)
    wait(interaction)
    editor.send("KeyPressEvent", key="Return")
    from MedDeepRegSegLib.mrml.segmentations import image_from_segmentation

    labels, _ = image_from_segmentation(liver_segmentation, segment_ids=["Liver"])
    statistics = sitk.LabelShapeStatisticsImageFilter()
    statistics.Execute(labels)
    assert np.allclose(statistics.GetCentroid(1), np.array(CENTER) * (-1, -1, 1), atol=1.5)


def test_learning_from_corrections_can_be_switched_on(editor, effect, interaction):
    def asked():
        path = interaction._session._folder / "session" / "job" / "request.json"
        return json.loads(path.read_text())["request"]["settings"]["adapt"]

    editor.click(CENTER)
    wait(interaction)
    before = preview_ml(interaction)
    assert not asked()
    effect.ui.growAdaptCheckBox.click()
    assert asked(), "another session"
    wait(interaction)
    assert interaction.clicks == 1, "the clicks are kept"
    assert preview_ml(interaction) == before
