"""Predictions: on which voxels, with which names, how unsure, and what is refused."""

import numpy as np
import pytest
import SimpleITK as sitk
from blocks_segmenter import SEGMENTS, case_arrays, description, gray_network, image_of

from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.jobs.runner import run_job
from MedDeepRegSegLib.prediction import predict as module
from MedDeepRegSegLib.prediction.metrics import dice
from MedDeepRegSegLib.prediction.predict import normalized_entropy, predict
from MedDeepRegSegLib.prediction.predict_job import Request
from MedDeepRegSegLib.segmentation.segmentation_file import read_segmentation
from MedDeepRegSegLib.segmentation.segments import named_segment


def same(found, labels, value):
    return dice(sitk.GetArrayFromImage(found) == value, labels == value)


def test_labels_lie_on_the_grid_of_the_image(loaded):
    labels, array = case_arrays(0)
    image = image_of(array)
    found = predict([image], loaded)
    assert found.segments == SEGMENTS
    assert found.uncertainty is None
    assert found.labels.GetPixelID() == sitk.sitkUInt8
    assert found.labels.GetOrigin() == image.GetOrigin()
    np.testing.assert_array_equal(sitk.GetArrayFromImage(found.labels), labels)


@pytest.mark.parametrize("axes", ["LPS", "RAS", "AIR"])
def test_any_orientation_and_voxel_size(loaded, axes):
    """A gray ball and a bright one that does not touch it, in voxels of 1.5 x 1 x 3 mm."""
    place = np.stack(np.meshgrid(3.0 * np.arange(16), 1.0 * np.arange(48), 1.5 * np.arange(40), indexing="ij"))
    labels = np.zeros(place.shape[1:], np.uint8)
    for value, center, radius in ((3, (22, 16, 18), 13), (5, (24, 38, 44), 8)):
        labels[((place - np.reshape(center, (3, 1, 1, 1))) ** 2).sum(axis=0) < radius**2] = value
    array = np.choose(np.searchsorted([0, 3, 5], labels), [0.0, 100.0, 200.0]).astype(np.float32)
    image, truth = (sitk.DICOMOrient(image_of(one, (1.5, 1.0, 3.0)), axes) for one in (array, labels))
    found = predict([image], loaded).labels
    assert found.GetDirection() == image.GetDirection()
    assert found.GetSize() == image.GetSize()
    expected = sitk.GetArrayFromImage(truth)
    assert same(found, expected, 3) > 0.93
    assert same(found, expected, 5) > 0.85


def test_uncertainty_is_at_the_borders(loaded):
    labels, array = case_arrays(0)
    array[labels == 5] = 150  # between the classes
    found = predict([image_of(array)], loaded, uncertainty=True)
    unsure = sitk.GetArrayFromImage(found.uncertainty)
    assert unsure.dtype == np.float32
    assert found.uncertainty.GetOrigin() == found.labels.GetOrigin()
    assert 0 <= unsure.min() <= unsure.max() <= 1
    assert unsure[7:9, 8:10, 15].mean() > 0.4
    assert unsure[0].max() < 0.05


def test_entropy():
    chances = np.zeros((4, 1, 1, 3), np.float32)
    chances[:, 0, 0, 0] = 0.25
    chances[1, 0, 0, 1] = 1
    chances[:2, 0, 0, 2] = 0.5
    np.testing.assert_allclose(normalized_entropy(chances)[0, 0], [1, 0, 0.5], atol=1e-6)
    np.testing.assert_allclose(normalized_entropy(chances.astype(np.float16))[0, 0], [1, 0, 0.5], atol=1e-3)


def test_large_answers_are_kept_as_labels_only(loaded, monkeypatch):
    _, array = case_arrays(0)
    whole = predict([image_of(array)], loaded, uncertainty=True)
    monkeypatch.setattr(module, "_MOST_CHANCES", 100)
    lean = predict([image_of(array)], loaded, uncertainty=True)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(lean.labels), sitk.GetArrayFromImage(whole.labels))
    np.testing.assert_allclose(
        sitk.GetArrayFromImage(lean.uncertainty), sitk.GetArrayFromImage(whole.uncertainty), atol=1e-4
    )


def test_mirrored(loaded):
    torch = pytest.importorskip("torch")

    class OneSided(type(gray_network())):
        """Sees nothing on the right half of what it is shown."""

        def forward(self, volume):
            weight = (torch.arange(volume.shape[-1]) < volume.shape[-1] // 2).float()
            return super().forward(volume * weight)

    loaded.network = OneSided().eval()
    _, array = case_arrays(0)
    array[4:14, 4:16, 17:20] = 100  # a second gray block on the right half
    loaded.description = description(patch=(18, 20, 22))
    plain, both = (
        sitk.GetArrayFromImage(predict([image_of(array)], loaded, mirrored=mirrored, uncertainty=True).uncertainty)
        for mirrored in (False, True)
    )
    # What one of both looks sees and the other one does not is unsure, on either side.
    assert plain[8, 8, [6, 18]].max() < 0.01
    assert both[8, 8, [6, 18]].min() > 0.6
    assert both[0].max() < 0.01
    for one, other in (("Left kidney", "Right kidney"), ("kidney_left", "vein"), ("LungL", "LungR")):
        loaded.description = description(classes=(named_segment(1, one), named_segment(2, other)))
        with pytest.raises(InputError, match="tells sides apart"):
            predict([image_of(array)], loaded, mirrored=True)


def test_what_is_refused(loaded):
    _, array = case_arrays(0)
    image = image_of(array)
    with pytest.raises(InputError, match="expected 1"):
        predict([image, image], loaded)
    with pytest.raises(InputError, match="finite"):
        predict([image_of(np.where(array > 150, np.nan, array))], loaded)
    with pytest.raises(InputError, match="dimensions"):
        predict([image[:, :, 3]], loaded)
    loaded.description = description(channels=("CT", "MR"))
    with pytest.raises(InputError, match="another place"):
        predict([image, image_of(array, origin=(500.0, 500.0, 500.0))], loaded)
    cancel = CancelToken()
    cancel.cancel()
    loaded.description = description()
    with pytest.raises(Canceled):
        predict([image], loaded, cancel=cancel)


def test_job(as_model, tmp_path):
    labels, array = case_arrays(0)
    sitk.WriteImage(image_of(array), str(tmp_path / "ct.nrrd"))
    before = (tmp_path / "ct.nrrd").read_bytes()
    request = Request(
        model=tmp_path / "model",
        images=(tmp_path / "ct.nrrd",),
        out=tmp_path / "out.seg.nrrd",
        uncertainty=tmp_path / "unsure.nrrd",
        device="cpu",
    )
    result = run_job("predict", request)
    read, segments = read_segmentation(tmp_path / "out.seg.nrrd")
    assert [(one.value, one.name, one.terminology) for one in segments] == [
        (one.value, one.name, one.terminology) for one in SEGMENTS
    ]
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read), labels)
    assert result.volumes_ml == pytest.approx([(labels == 3).sum() * 0.008, (labels == 5).sum() * 0.008])
    assert sitk.ReadImage(str(tmp_path / "unsure.nrrd")).GetSize() == (22, 20, 18)
    assert (tmp_path / "ct.nrrd").read_bytes() == before
    with pytest.raises(InputError, match=r"\.seg\.nrrd"):
        run_job("predict", Request(tmp_path, (tmp_path / "ct.nrrd",), tmp_path / "out.nrrd"))
