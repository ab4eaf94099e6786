"""Segments that MedDeep makes are ready for DICOM SEG export: coded meaning, color, and the geometry of their volume."""

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
import vtk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.edited_segment import segment_to_edit
from MedDeepRegSegLib.mrml.grow_commit import give_meaning
from MedDeepRegSegLib.mrml.markups import markups_from_points
from MedDeepRegSegLib.mrml.tasks import GrowTask, run_task
from MedDeepRegSegLib.mrml.volumes import volume_from_image
from MedDeepRegSegLib.segmentation.growing_settings import GrowingSettings


@pytest.fixture
def volume(scene):
    grid = np.indices((20, 24, 22)) - np.array([10, 12, 11]).reshape(3, 1, 1, 1)
    ball = np.linalg.norm(grid, axis=0) < 6
    noise = np.random.default_rng(1).normal(0, 3, ball.shape)
    image = sitk.GetImageFromArray((100 * ball + noise).astype(np.int16))
    image.SetSpacing((2.0, 2.0, 3.0))
    image.SetOrigin((-22.0, -24.0, -30.0))
    return volume_from_image(image, "Volume")


def terminology(segmentation, identifier):
    entry = vtk.reference("")
    segmentation.GetSegmentation().GetSegment(identifier).GetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), entry)
    return str(entry)


def reference(segmentation):
    return segmentation.GetNodeReference(segmentation.GetReferenceImageGeometryReferenceRole())


def test_a_grown_segment_is_ready_for_dicom(volume):
    inside = markups_from_points([(0.0, 0.0, 0.0)], ["inside"], "Inside")
    settings = GrowingSettings(method="classic")
    made = run_task(GrowTask(volume, inside, settings=settings, segment_name="Spleen"))
    (identifier,) = made["segment_ids"]
    assert "SCT^78961009^Spleen" in terminology(made["segmentation"], identifier)
    assert reference(made["segmentation"]) is volume
    segment = made["segmentation"].GetSegmentation().GetSegment(identifier)
    assert np.allclose(np.array(segment.GetColor()) * 255, (157, 108, 162), atol=1)


def test_a_segment_to_edit_is_made_once(volume):
    segmentation, identifier = segment_to_edit(volume, None, "Liver")
    assert reference(segmentation) is volume
    assert "SCT^10200004^Liver" in terminology(segmentation, identifier)
    again = segment_to_edit(volume, segmentation, "Liver")
    assert again == (segmentation, identifier)
    _, other = segment_to_edit(volume, segmentation, "Something")
    assert other != identifier
    assert "Tissue" in terminology(segmentation, other)
    assert segmentation.GetSegmentation().GetNumberOfSegments() == 2


def test_a_segmentation_without_geometry_gets_that_of_the_volume(volume):
    bare = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Bare")
    segmentation, _ = segment_to_edit(volume, bare, "Liver")
    assert segmentation is bare
    assert reference(bare) is volume


def test_what_cannot_be_edited_is_refused(volume):
    with pytest.raises(InputError, match="no name"):
        segment_to_edit(volume, None, "  ")
    with pytest.raises(InputError, match="no volume"):
        segment_to_edit(None, None, "Liver")
    with pytest.raises(InputError, match="expected a segmentation"):
        segment_to_edit(volume, volume, "Liver")
    assert slicer.util.getNodesByClass("vtkMRMLSegmentationNode") == []


def test_a_meaning_that_the_user_gave_stays(volume):
    segmentation, identifier = segment_to_edit(volume, None, "Liver")
    segmentation.GetSegmentation().GetSegment(identifier).SetName("Spleen")
    assert not give_meaning(segmentation, identifier)
    assert "Liver" in terminology(segmentation, identifier)
    _, other = segment_to_edit(volume, segmentation, "Something")
    segmentation.GetSegmentation().GetSegment(other).SetName("Spleen")
    assert give_meaning(segmentation, other)
    assert "SCT^78961009^Spleen" in terminology(segmentation, other)
