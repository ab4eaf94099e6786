"""What the node tasks prepare is what the real jobs take, also through a job file."""

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.jobs.registry import job_module
from MedDeepRegSegLib.jobs.schema import from_json, to_json
from MedDeepRegSegLib.mrml.markups import markups_from_points, roi_from_box
from MedDeepRegSegLib.mrml.segmentations import segmentation_from_image
from MedDeepRegSegLib.mrml.tasks import FeaturesTask, ForegroundTask, GrowTask, MeasureTask, RegisterTask
from MedDeepRegSegLib.mrml.transforms import node_from_transform
from MedDeepRegSegLib.mrml.volumes import volume_from_image
from MedDeepRegSegLib.segmentation.segments import named_segment


def make_task(name):
    image = sitk.GetImageFromArray(np.arange(5 * 6 * 7).reshape(5, 6, 7).astype(np.int16))
    volume = volume_from_image(image, "volume", window_level=(100, 50))
    points = markups_from_points([[1.0, 2.0, 3.0]], None, "points")
    labels = sitk.Cast(image > 50, sitk.sitkUInt8)
    segmentation = segmentation_from_image(labels, [named_segment(1, "Liver")], "organs", reference_volume=volume)
    if name == "register":
        return RegisterTask(
            volume,
            volume_from_image(image, "moving", window_level=(100, 50)),
            fixed_mask=segmentation,
            fixed_points=points,
            moving_points=points,
            initial=node_from_transform(sitk.Euler3DTransform(), "start"),
        )
    if name == "grow":
        return GrowTask(
            volume,
            points,
            negative_markups=points,
            box_roi=roi_from_box((0, 0, 0), (5, 5, 5), "box"),
            foreground_segmentation=segmentation,
            adapt=True,
            uncertainty=True,
            model="folder",
        )
    if name == "foreground":
        return ForegroundTask(volume, what="body")
    if name == "features":
        return FeaturesTask(volume, segmentation, spacing_mm=2.0, model="folder", device="cpu", backend="torch")
    return MeasureTask(segmentation, volume)


@pytest.mark.parametrize("name", ["features", "foreground", "grow", "measure", "register"])
def test_prepared_request_passes_through_a_job_file(scene, tmp_path, name):
    module = job_module(name)
    job, request = make_task(name).prepare(tmp_path)
    assert job == name
    assert isinstance(request, module.Request)
    assert from_json(module.Request, to_json(request)) == request
