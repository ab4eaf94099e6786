"""Dividing a structure of a volume node: new and known segmentations, one segment, an unchanged scene on failure."""

import numpy as np
import pytest
import SimpleITK as sitk
from tiny_subdivision import write_tiny_subdivision

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.segmentations import image_from_segmentation, segment_id_by_name, segmentation_from_image
from MedDeepRegSegLib.mrml.tasks import SubdivideTask, run_task
from MedDeepRegSegLib.mrml.volumes import volume_from_image
from MedDeepRegSegLib.segmentation.segments import named_segment


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_tiny_subdivision(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture
def image():
    array = np.random.default_rng(0).integers(0, 100, (32, 33, 34)).astype(np.int16)
    made = sitk.GetImageFromArray(array)
    made.SetSpacing((4.0, 4.0, 4.0))
    return made


@pytest.fixture
def volume(scene, image):
    return volume_from_image(image, "T1")


@pytest.fixture
def brain(volume, image):
    mask = sitk.Image(image.GetSize(), sitk.sitkUInt8)
    mask.CopyInformation(image)
    mask[3:9, 3:9, 3:7] = 1
    return segmentation_from_image(mask, [named_segment(1, "Brain")], "structures", reference_volume=volume)


def test_parts_become_a_new_segmentation_of_the_volume(volume, model):
    outputs = run_task(SubdivideTask(volume, model=model, device="cpu"))
    node = outputs["segmentation"]
    assert node.GetName() == "T1 parts"
    assert node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole()) is volume
    assert outputs["segment_ids"] == (segment_id_by_name(node, "Left dark part"),)
    labels, _ = image_from_segmentation(node, reference=volume)
    assert sitk.GetArrayFromImage(labels).all()


def test_parts_of_a_segment_are_added_to_its_segmentation(volume, brain, model):
    outputs = run_task(SubdivideTask(volume, model=model, segmentation_node=brain, segment_name="Brain", device="cpu"))
    assert outputs["segmentation"] is brain
    count = [
        sitk.GetArrayFromImage(
            image_from_segmentation(brain, segment_ids=[segment_id_by_name(brain, name)], reference=volume)[0]
        ).sum()
        for name in ("Brain", "Left dark part")
    ]
    assert count == [6 * 6 * 4] * 2


def test_a_segment_that_is_not_there_leaves_the_scene_as_it_was(scene, volume, brain, model):
    before = scene.GetNumberOfNodes()
    with pytest.raises(InputError, match="no segment 'Liver'"):
        run_task(SubdivideTask(volume, model=model, segmentation_node=brain, segment_name="Liver"))
    with pytest.raises(InputError, match="without a segmentation"):
        run_task(SubdivideTask(volume, model=model, segment_name="Brain"))
    with pytest.raises(InputError, match="name one that ships"):
        run_task(SubdivideTask(volume, model="liver"))
    assert scene.GetNumberOfNodes() == before
