"""What came of a task is brought into the views."""

import numpy as np
import pytest
import SimpleITK as sitk
import slicer.util

from MedDeepRegSegLib.mrml.result_views import jump_to, jump_to_segments, show_segments
from MedDeepRegSegLib.mrml.segmentations import segmentation_from_image
from MedDeepRegSegLib.mrml.volumes import volume_from_image
from MedDeepRegSegLib.segmentation.segments import named_segment


def offsets():
    """Return where each slice cuts its own axis: R, A or S mm."""
    axes = {"Sagittal": 0, "Coronal": 1, "Axial": 2}
    nodes = slicer.util.getNodesByClass("vtkMRMLSliceNode")
    return {node.GetOrientation(): node.GetSliceToRAS().GetElement(axes[node.GetOrientation()], 3) for node in nodes}


@pytest.fixture
def nodes(scene):
    labels = np.zeros((30, 20, 20), np.uint8)
    labels[4:8, 3:7, 3:7] = 1
    labels[20:24, 3:7, 13:17] = 2
    image = sitk.GetImageFromArray(labels)
    image.SetSpacing((2.0, 2.0, 3.0))
    volume = volume_from_image(sitk.Cast(image, sitk.sitkInt16) * 100, "CT")
    segments = (named_segment(1, "Liver"), named_segment(2, "Spleen"))
    node = segmentation_from_image(image, segments, "Organs", reference_volume=volume)
    node.GetSegmentation().AddEmptySegment("empty", "Empty", (1, 0, 0))
    return volume, node


def test_slices_go_through_a_segment_and_the_volume_lies_below(nodes):
    volume, segmentation = nodes
    show_segments(volume, segmentation, ("Segment_1",))
    for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
        assert composite.GetBackgroundVolumeID() == volume.GetID()
    cut = offsets()
    assert -14 < cut["Sagittal"] < -4
    assert -14 < cut["Coronal"] < -4
    assert 12 <= cut["Axial"] < 24
    assert segmentation.GetSegmentation().ContainsRepresentation("Closed surface")


def test_several_segments_are_met_in_their_middle(nodes):
    volume, segmentation = nodes
    show_segments(volume, segmentation, ("Segment_1", "Segment_2", "empty"))
    cut = offsets()
    assert cut["Axial"] == pytest.approx(3.0 * 13.5, abs=3.0)
    assert cut["Sagittal"] == pytest.approx(-2.0 * 9.5, abs=2.0)


def test_empty_segments_move_nothing(nodes):
    volume, segmentation = nodes
    jump_to((-10.0, -12.0, 30.0))
    show_segments(volume, segmentation, ("empty",))
    before = offsets()
    show_segments(volume, segmentation, ("empty",))
    assert offsets() == before


def test_a_volume_that_is_shown_keeps_its_zoom(nodes):
    volume, segmentation = nodes
    show_segments(volume, segmentation, ("Segment_1",))
    for node in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
        node.SetFieldOfView(17.0, 17.0, 1.0)
    show_segments(volume, segmentation, ("Segment_2",))
    for node in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
        assert node.GetFieldOfView()[0] == 17.0
    assert offsets()["Axial"] > 50


def test_no_volume_leaves_the_layers(nodes):
    _, segmentation = nodes
    show_segments(None, segmentation, ("Segment_1",))
    for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
        assert composite.GetBackgroundVolumeID() is None


def test_jumping_makes_no_surfaces(nodes):
    """Of a segmentation of a whole body that would hold up the window at every pick."""
    volume, segmentation = nodes
    jump_to_segments(volume, segmentation, ("Segment_2",))
    assert offsets()["Axial"] > 50
    assert not segmentation.GetSegmentation().ContainsRepresentation("Closed surface")


def test_very_many_segments_get_no_surfaces(nodes):
    volume, segmentation = nodes
    for number in range(60):
        segmentation.GetSegmentation().AddEmptySegment(f"more {number}")
    show_segments(volume, segmentation, ("Segment_1",))
    assert not segmentation.GetSegmentation().ContainsRepresentation("Closed surface")
