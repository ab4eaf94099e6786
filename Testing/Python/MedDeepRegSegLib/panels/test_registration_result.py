"""The Result section of the Registration tab: light, fading, curve; and the same through the module logic."""

import pytest
import slicer

from MedDeepRegSegLib.mrml.markups import markups_from_points
from MedDeepRegSegLib.mrml.transforms import node_from_transform
from MedDeepRegSegLib.registration.quality import Quality, StageCurve


def quality(**changes):
    values = {
        "light": "check",
        "reasons": ("overlap < 50 %",),
        "mutual_information_before": 0.1,
        "mutual_information_after": 0.2,
        "overlap": 0.5,
        "folding_fraction": 0.0,
        "sd_log_jacobian": 0.0,
        "inverse_mean_mm": 0.0,
        "inverse_p95_mm": 0.0,
        "curves": (StageCurve("rigid", "similarity", (0.1, 0.2, 0.25)),),
    }
    return Quality(**{**values, **changes})


@pytest.fixture
def panel(module, head_nodes):
    return module("MedDeepRegSeg").widget.registrationPanel


@pytest.fixture
def outputs(head_nodes):
    import SimpleITK as sitk

    ct, mr = head_nodes
    transform = node_from_transform(sitk.AffineTransform(3), "MR to CT", fixed=ct, moving=mr)
    return {"transform": transform, "registered": mr, "quality": quality()}


def composites():
    return slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")


def test_light_and_reasons_are_text_that_cannot_break_the_page(panel):
    from MedDeepRegSegLib.panels.registration_result import qualityText

    text = qualityText(quality())
    assert "Check it" in text
    assert "overlap &lt; 50 %" in text
    assert "#c62828" in qualityText(quality(light="failed"))


def test_the_numbers_behind_the_light_are_shown(panel):
    from MedDeepRegSegLib.panels.registration_result import measuresText

    errors = {"landmark_errors_before_mm": (9.0, 11.0), "landmark_errors_mm": (1.0, 2.0)}
    text = measuresText(quality(inverse_p95_mm=0.04, folding_fraction=0.001, **errors))
    assert "Overlap 50%, folding 0.10%, inverse off by 0.04 mm" in text
    assert "10.0 mm before, 1.5 mm now" in text
    assert "Landmarks" not in measuresText(quality())


def test_all_nodes_that_were_made_are_named(panel, outputs):
    from MedDeepRegSegLib.panels.registration_result import outputsText

    extra = {"linear": outputs["transform"], "deformation": None, "carried": (outputs["registered"],)}
    text = outputsText({**outputs, **extra})
    assert "Linear part: MR to CT" in text
    assert "Carried along: MR" in text
    assert "Deformation" not in text


def test_the_volumes_fade(panel, head_nodes, outputs):
    assert not panel.ui.fadeSlider.enabled
    panel.resultSection.show(head_nodes[0], outputs)
    assert panel.ui.fadeSlider.enabled
    assert {node.GetForegroundOpacity() for node in composites()} == {0.5}
    panel.ui.fadeSlider.value = 80
    assert {node.GetForegroundOpacity() for node in composites()} == {0.8}
    panel.clearResult()
    panel.ui.fadeSlider.value = 0
    assert {node.GetForegroundOpacity() for node in composites()} == {0.8}


def test_the_curve_is_shown_and_hidden(panel, head_nodes, outputs):
    button, manager = panel.ui.curveButton, slicer.app.layoutManager()
    assert not button.enabled
    assert button.toolTip == "Register first."
    panel.resultSection.show(head_nodes[0], outputs)
    before = manager.layout
    button.click()
    (chart,) = slicer.util.getNodesByClass("vtkMRMLPlotChartNode")
    selection = slicer.mrmlScene.GetSingletonNode("Singleton", "vtkMRMLSelectionNode")
    assert selection.GetActivePlotChartID() == chart.GetID()
    assert manager.layout != before
    assert button.text == "Hide iteration curve"
    button.click()
    assert manager.layout == before
    assert button.text == "Show iteration curve"
    button.click()
    assert slicer.util.getNodesByClass("vtkMRMLPlotChartNode") == [chart], "the chart is made once"
    slicer.mrmlScene.RemoveNode(chart)
    button.click()
    button.click()
    assert len(slicer.util.getNodesByClass("vtkMRMLPlotChartNode")) == 1, "a deleted chart is made anew"
    button.click()


def test_without_iterations_there_is_no_curve(panel, head_nodes, outputs):
    panel.resultSection.show(head_nodes[0], {**outputs, "quality": quality(curves=())})
    assert not panel.ui.curveButton.enabled
    assert "no iterations" in panel.ui.curveButton.toolTip


def test_logic_takes_what_the_panel_offers(module, head_nodes):
    ct, mr = head_nodes
    places = [(10.0, 0.0, 0.0), (-20.0, 10.0, 5.0), (0.0, 30.0, -20.0)]
    fixed = markups_from_points(places, ["a", "b", "c"], "fixed")
    moved = [(x + 12.0, y - 8.0, z + 5.0) for x, y, z in places]
    moving = markups_from_points(moved, ["a", "b", "c"], "moving")
    logic = module("MedDeepRegSeg").logic
    result = logic.register(
        ct,
        mr,
        preset="rigid-same-patient",
        engine="landmarks",
        carry=[moving],
        stageNodes=True,
        interpolation="nearest",
        fixed_points=fixed,
        moving_points=moving,
    )
    assert result["linear"].IsA("vtkMRMLLinearTransformNode")
    assert result["deformation"] is None
    (carried,) = result["carried"]
    assert carried.GetNthControlPointPosition(1) == pytest.approx((20.0, -10.0, 5.0), abs=1e-3)  # RAS
    original = set(slicer.util.arrayFromVolume(mr).ravel().tolist()) | {0}
    assert set(slicer.util.arrayFromVolume(result["registered"]).ravel().tolist()) <= original


def test_logic_plots_the_iterations(module, outputs):
    chart = module("MedDeepRegSeg").logic.plotIterations(outputs)
    assert chart.GetTitle() == "MR to CT"
