"""The augmentation task on nodes: a preview, samples in the scene if asked, files where they are wanted."""

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
import slicer.util

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.segmentations import image_from_segmentation, segmentation_from_image
from MedDeepRegSegLib.mrml.tasks import AugmentTask, run_task
from MedDeepRegSegLib.mrml.volumes import image_from_volume, volume_from_image
from MedDeepRegSegLib.segmentation.segments import named_segment


@pytest.fixture
def nodes(scene):
    """Return a volume and its segmentation."""
    labels = np.zeros((12, 14, 16), np.uint8)
    labels[3:9, 4:10, 9:14], labels[3:9, 4:10, 2:7] = 1, 2
    random = np.random.default_rng(0)
    image = sitk.GetImageFromArray((random.normal(0, 10, labels.shape) + 200.0 * labels).astype(np.int16))
    labels = sitk.GetImageFromArray(labels)
    for part in (image, labels):
        part.SetSpacing((1.0, 1.5, 2.0))
        part.SetOrigin((5.0, -6.0, 7.0))
    volume = volume_from_image(image, "MR")
    pair = [named_segment(1, "Left hippocampus"), named_segment(2, "Right hippocampus")]
    return volume, segmentation_from_image(labels, pair, "parts", reference_volume=volume)


def test_a_preview_alone_leaves_the_rest_of_the_scene(nodes, tmp_path):
    volume, segmentation = nodes
    before = slicer.util.arrayFromVolume(volume).copy()
    count = slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLVolumeNode")
    outputs = run_task(AugmentTask(volume, segmentation, preset="MR", count=3, out=tmp_path / "kept"))
    preview = outputs["preview"]
    assert preview.IsA("vtkMRMLVectorVolumeNode")
    assert preview.GetImageData().GetDimensions()[2] == 1
    assert slicer.util.arrayFromVolume(preview).max() > 200
    assert (outputs["volumes"], outputs["segmentations"], len(outputs["happened"])) == ((), (), 3)
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLVolumeNode") == count + 1
    assert np.array_equal(slicer.util.arrayFromVolume(volume), before)
    assert (tmp_path / "kept" / "image_003.seg.nrrd").is_file()
    assert outputs["folder"] == tmp_path / "kept"
    again = run_task(AugmentTask(volume, None, count=1, preview_node=preview))
    assert again["preview"] is preview


def test_samples_in_the_scene(nodes):
    volume, segmentation = nodes
    outputs = run_task(AugmentTask(volume, segmentation, preset="light", count=2, seed=4, samples=True))
    assert [node.GetName() for node in outputs["volumes"]] == ["MR sample 1", "MR sample 2"]
    for sample, parts in zip(outputs["volumes"], outputs["segmentations"], strict=True):
        labels, segments = image_from_segmentation(parts, reference=sample)
        image = image_from_volume(sample)
        assert [segment.name for segment in segments] == ["Left hippocampus", "Right hippocampus"]
        bright = sitk.GetArrayViewFromImage(image)[sitk.GetArrayViewFromImage(labels) == 2]
        assert bright.mean() > sitk.GetArrayViewFromImage(image).mean() + 50


def test_bad_choices_leave_the_scene_as_it_was(nodes):
    volume, segmentation = nodes
    count = slicer.mrmlScene.GetNumberOfNodes()
    for task, says in (
        (AugmentTask(None), "no volume is chosen"),
        (AugmentTask(volume, segmentation, preset="none"), "expected one of CT"),
        (AugmentTask(volume, count=0), "count is 0"),
        (AugmentTask(volume, preview_node=volume), "expected a vector volume"),
    ):
        with pytest.raises(InputError, match=says):
            run_task(task)
    assert slicer.mrmlScene.GetNumberOfNodes() == count
