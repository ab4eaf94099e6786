"""A segment is recognized by its voxels and their place, and by nothing else."""

import numpy as np
import pytest
import SimpleITK as sitk
import slicer

from MedDeepRegSegLib.mrml.scene import load_scene, save_scene
from MedDeepRegSegLib.mrml.segment_digest import segment_digest
from MedDeepRegSegLib.mrml.segmentations import segmentation_from_image, set_segment
from MedDeepRegSegLib.segmentation.segments import Segment, named_segment


@pytest.fixture
def image():
    labels = np.zeros((12, 14, 16), np.uint8)
    labels[3:6, 4:8, 5:9] = 1
    labels[8:10, 4:8, 5:9] = 2
    found = sitk.GetImageFromArray(labels)
    found.SetSpacing((0.7, 0.7, 2.5))
    found.SetOrigin((-31.4, 12.25, 100.1))
    return found


@pytest.fixture
def node(scene, image):
    return segmentation_from_image(image, (named_segment(1, "Liver"), named_segment(2, "Spleen")), "Organs")


def test_it_lasts_while_others_change_and_the_scene_is_opened_again(node, image, tmp_path):
    before = segment_digest(node, "Segment_1")
    assert len(before) == 64
    assert before != segment_digest(node, "Segment_2")
    grown = sitk.Cast(image == 2, sitk.sitkUInt8)
    set_segment(
        node, sitk.BinaryDilate(grown, (3, 3, 1)), Segment(2, "Spleen", (0.2, 0.4, 0.6), identifier="Segment_2")
    )
    assert segment_digest(node, "Segment_1") == before
    save_scene(tmp_path / "s.mrb")
    load_scene(tmp_path / "s.mrb")
    again = slicer.util.getNode("Organs")
    assert again is not node
    assert segment_digest(again, "Segment_1") == before


def test_one_voxel_or_one_step_aside_changes_it(node, image, scene):
    before = segment_digest(node, "Segment_1")
    image[5, 4, 3] = 0
    fewer = segmentation_from_image(image, (named_segment(1, "Liver"), named_segment(2, "Spleen")), "Fewer")
    assert segment_digest(fewer, "Segment_1") != before
    image[5, 4, 3] = 1
    image.SetOrigin((-31.4, 12.25, 101.1))
    moved = segmentation_from_image(image, (named_segment(1, "Liver"), named_segment(2, "Spleen")), "Moved")
    assert segment_digest(moved, "Segment_1") != before


def test_what_has_no_voxels_has_none(node):
    node.GetSegmentation().AddEmptySegment("empty", "Empty", (1, 0, 0))
    assert segment_digest(node, "empty") == ""
    assert segment_digest(node, "nowhere") == ""
    assert segment_digest(None, "Segment_1") == ""
