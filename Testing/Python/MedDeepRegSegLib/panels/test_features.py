"""Image features in the Segmentation tab and in the module logic, with a tiny encoder in a child process."""

import functools

import Host
import numpy as np
import pytest
import SimpleITK as sitk
import slicer
from tiny_networks import write_tiny_encoder

from MedDeepRegSegLib.errors import MissingPackageError
from MedDeepRegSegLib.mrml.segmentations import segmentation_from_image
from MedDeepRegSegLib.mrml.tables import rows_from_table
from MedDeepRegSegLib.segmentation.segments import named_segment


def wait_for_end(panel, seconds=120):
    assert Host.process_events(seconds, until=lambda: not panel.runner.busy), panel.ui.statusLabel.text


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return write_tiny_encoder(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def loaded(module, head_nodes, monkeypatch, tmp_path):
    monkeypatch.setenv("MEDDEEP_CACHE", str(tmp_path / "cache"))
    return module("MedDeepRegSeg")


@pytest.fixture
def panel(loaded, tiny, monkeypatch):
    """The tab, with the tiny encoder in place of the one that ships."""
    from MedDeepRegSegLib.panels import features_section

    tiny_task = functools.partial(features_section.FeaturesTask, model=tiny, device="cpu", backend="torch")
    monkeypatch.setattr(features_section, "FeaturesTask", tiny_task)
    return loaded.widget.segmentationPanel


@pytest.fixture
def organs(head_nodes, small_head):
    """A segmentation of the CT with two segments."""
    values = list(small_head.names)[:2]
    labels = sitk.Cast(small_head.labels == values[0], sitk.sitkUInt8)
    labels += 2 * sitk.Cast(small_head.labels == values[1], sitk.sitkUInt8)
    segments = [named_segment(1, "First"), named_segment(2, "Second")]
    return segmentation_from_image(labels, segments, "Organs", reference_volume=head_nodes[0])


def vector_volumes():
    return slicer.util.getNodesByClass("vtkMRMLVectorVolumeNode")


def backgrounds():
    nodes = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    return {node.GetBackgroundVolumeID() for node in nodes}


def test_buttons_say_what_they_do_and_what_is_missing(panel, organs):
    assert panel.ui.colorFeaturesButton.enabled
    assert "look alike" in panel.ui.colorFeaturesButton.toolTip
    assert not panel.ui.segmentFeaturesButton.enabled
    assert "segmentation" in panel.ui.segmentFeaturesButton.toolTip
    panel.ui.segmentationSelector.setCurrentNode(organs)
    assert panel.ui.segmentFeaturesButton.enabled
    assert "one row a segment" in panel.ui.segmentFeaturesButton.toolTip
    panel.ui.volumeSelector.setCurrentNode(None)
    for button in (panel.ui.colorFeaturesButton, panel.ui.segmentFeaturesButton):
        assert not button.enabled
        assert button.toolTip == "Pick a volume."


def test_features_are_shown_in_color(panel, head_nodes):
    panel.ui.colorFeaturesButton.click()
    assert panel.ui.colorFeaturesButton.text == "Cancel"
    assert not panel.ui.progressBar.isHidden()
    wait_for_end(panel)
    assert panel.ui.statusLabel.text.startswith("Done: at voxels of 4 mm, with the model tiny")
    assert panel.ui.colorFeaturesButton.text == "Show features in color"
    (colored,) = vector_volumes()
    assert colored.GetName() == "CT features"
    assert backgrounds() == {colored.GetID()}
    assert slicer.util.arrayFromVolume(colored).shape == (*slicer.util.arrayFromVolume(head_nodes[0]).shape, 3)
    assert panel.ui.volumeSelector.currentNode() is head_nodes[0]


def test_features_of_segments_are_shown_in_the_table(panel, organs):
    panel.ui.segmentationSelector.setCurrentNode(organs)
    panel.ui.measureCollapsibleButton.collapsed = True
    panel.ui.featureSpacingSpinBox.value = 6.0
    panel.ui.segmentFeaturesButton.click()
    wait_for_end(panel)
    assert panel.ui.statusLabel.text.startswith("Done: at voxels of 6 mm")
    table = panel.ui.measurementTableView.mrmlTableNode()
    assert table.GetName() == "Organs features"
    assert [row["Segment"] for row in rows_from_table(table)[1]] == ["First", "Second"]
    assert not panel.ui.measureCollapsibleButton.collapsed
    assert vector_volumes() == []


def test_voxel_size_is_automatic_or_a_number(panel):
    node, box = panel.parameterNode, panel.ui.featureSpacingSpinBox
    assert node.featureSpacingMm == 0.0
    assert box.text == "automatic"
    box.value = 2.5
    assert node.featureSpacingMm == 2.5
    assert box.text == "2.5 mm"


@pytest.mark.parametrize(("spacing", "expected"), [(0.0, None), (2.5, 2.5)])
def test_voxel_size_arrives_in_the_task(panel, monkeypatch, spacing, expected):
    from MedDeepRegSegLib.panels import features_section

    seen = []
    monkeypatch.setattr(features_section, "FeaturesTask", lambda *_nodes, **options: seen.append(options))
    panel.parameterNode.featureSpacingMm = spacing
    panel.runner.start = lambda *_arguments, **_options: None
    panel.ui.colorFeaturesButton.click()
    assert [options["spacing_mm"] for options in seen] == [expected]


def test_cancel_leaves_the_scene(panel):
    before = sorted(node.GetID() for node in slicer.util.getNodesByClass("vtkMRMLNode"))
    shown = backgrounds()
    panel.ui.colorFeaturesButton.click()
    assert panel.runner.busy
    panel.ui.colorFeaturesButton.click()
    wait_for_end(panel, 10)
    assert "Canceled" in panel.ui.statusLabel.text
    assert sorted(node.GetID() for node in slicer.util.getNodesByClass("vtkMRMLNode")) == before
    assert backgrounds() == shown


def test_logic_extracts_features(loaded, head_nodes, organs, tiny):
    fractions = []
    outputs = loaded.logic.extractFeatures(
        head_nodes[0], organs, model=tiny, device="cpu", progress=lambda fraction, _message: fractions.append(fraction)
    )
    assert vector_volumes() == [outputs["colored"]]
    assert outputs["table"].GetNumberOfRows() == 2
    assert fractions[-1] == 1.0
    assert np.all(np.diff(fractions) >= -1e-9)


def test_logic_plots_a_training_and_follows_it(loaded, tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("step,loss\n1,5\n")
    chart = loaded.logic.plotTraining(log)
    assert slicer.app.applicationLogic().GetSelectionNode().GetActivePlotChartID() == chart.GetID()
    log.write_text("step,loss\n1,5\n2,4\n")
    assert loaded.logic.plotTraining(log, chart=chart) is chart
    assert chart.GetNthPlotSeriesNode(0).GetTableNode().GetNumberOfRows() == 2


def test_the_self_test_checks_features(loaded, head_nodes, organs, tiny):
    from MedDeepRegSegLib.mrml.self_test import check_features

    class Logic:
        @staticmethod
        def extractFeatures(volume, segmentation):
            return loaded.logic.extractFeatures(volume, segmentation, model=tiny, device="cpu")

    class Lazy:
        @staticmethod
        def extractFeatures(volume, segmentation):
            outputs = Logic.extractFeatures(volume, segmentation)
            slicer.util.arrayFromVolume(outputs["colored"])[:] = 7
            return outputs

    assert check_features(Logic, head_nodes[0], organs)["table"].GetNumberOfRows() == 2
    with pytest.raises(AssertionError, match="colors that differ"):
        check_features(Lazy, head_nodes[0], organs)


def test_the_self_test_says_when_torch_is_missing(loaded, head_nodes, organs, monkeypatch):
    import sys

    from MedDeepRegSegLib.mrml.self_test import check_features

    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingPackageError, match="PyTorch"):
        check_features(loaded.logic, head_nodes[0], organs)
