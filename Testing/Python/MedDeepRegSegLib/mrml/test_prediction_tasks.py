"""Predicting, evaluating and selecting from the scene: nodes in, nodes out."""

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.datasets.dataset import Case, Dataset, write_dataset
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.evaluate_task import EvaluateTask
from MedDeepRegSegLib.mrml.predict_task import PredictTask
from MedDeepRegSegLib.mrml.segmentations import image_from_segmentation, segmentation_from_image
from MedDeepRegSegLib.mrml.select_task import SelectTask
from MedDeepRegSegLib.mrml.tasks import run_task
from MedDeepRegSegLib.mrml.volumes import image_from_volume, volume_from_image
from MedDeepRegSegLib.segmentation.segments import named_segment

pytest.importorskip("torch")
pytest.importorskip("monai")

from tiny_segmenter import TINY, write_tiny_segmenter  # imports torch

SPACING = (2.0, 1.5, 1.0)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "tiny"
    _, description = write_tiny_segmenter(folder, TINY["custom"])
    return folder, description


def make_image(seed=0):
    image = sitk.GetImageFromArray(np.random.default_rng(seed).normal(0, 100, (20, 22, 24)).astype(np.float32))
    image.SetSpacing(SPACING)
    image.SetOrigin((10.0, -20.0, 30.0))
    return image


@pytest.fixture
def volume(scene):
    return volume_from_image(make_image(), "CT")


def test_classes_become_a_new_segmentation_of_the_volume(volume, model):
    folder, description = model
    outputs = run_task(PredictTask(volume, model=folder, uncertainty=True, device="cpu"))
    node = outputs["segmentation"]
    assert node.GetName() == "CT segmentation"
    assert node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole()) is volume
    made = node.GetSegmentation()
    shown = [made.GetSegment(one) for one in outputs["segment_ids"]]
    assert [one.GetName() for one in shown] == [one.name for one in description.classes]
    assert shown[0].GetColor() == pytest.approx(description.classes[0].color, abs=1e-3)
    unsure = image_from_volume(outputs["uncertainty"])
    assert unsure.GetSize() == (24, 22, 20)
    assert unsure.GetSpacing() == pytest.approx(SPACING)
    assert sitk.GetArrayFromImage(unsure).max() <= 1


@pytest.mark.parametrize("own", [False, True], ids=["new segmentation", "own segmentation"])
def test_segments_and_uncertainty_are_one_undo_state_or_nothing(scene, volume, model, monkeypatch, own):
    mask = sitk.Image(24, 22, 20, sitk.sitkUInt8)
    mask.CopyInformation(make_image())
    drawn = segmentation_from_image(mask, [], "mine", reference_volume=volume) if own else None
    task = PredictTask(volume, model=model[0], uncertainty=True, segmentation_node=drawn, device="cpu")
    scene.SetUndoOn()
    try:
        levels = scene.GetNumberOfUndoLevels()
        run_task(task)
        assert scene.GetNumberOfUndoLevels() == levels + 1
    finally:
        scene.ClearUndoStack()
        scene.SetUndoOff()

    def fail(*_arguments, **_options):
        msg = "no memory"
        raise MemoryError(msg)

    monkeypatch.setattr("MedDeepRegSegLib.mrml.volumes.volume_from_image", fail)
    nodes = scene.GetNumberOfNodes()
    with pytest.raises(MemoryError):
        run_task(task)
    assert scene.GetNumberOfNodes() == nodes


def test_segments_of_the_same_name_are_replaced(volume, model):
    folder, description = model
    mask = sitk.Image(24, 22, 20, sitk.sitkUInt8)
    mask.CopyInformation(make_image())
    mask[3:9, 3:9, 3:7] = 1
    own = segmentation_from_image(
        mask, [named_segment(1, description.classes[0].name), named_segment(2, "Mine")], "mine", reference_volume=volume
    )
    outputs = run_task(PredictTask([volume], model=folder, segmentation_node=own, device="cpu"))
    assert outputs["segmentation"] is own
    made = own.GetSegmentation()
    names = [made.GetNthSegment(k).GetName() for k in range(made.GetNumberOfSegments())]
    assert sorted(names) == sorted([*(one.name for one in description.classes), "Mine"])
    labels, _ = image_from_segmentation(own, segment_ids=[outputs["segment_ids"][0]], reference=make_image())
    assert (sitk.GetArrayFromImage(labels) != sitk.GetArrayFromImage(mask)).any()


def test_what_is_refused(volume, model, tmp_path):
    with pytest.raises(InputError, match="no volume"):
        run_task(PredictTask([], model=model[0]))
    with pytest.raises(InputError, match="expected 1"):
        run_task(PredictTask([volume, volume], model=model[0], device="cpu"))
    with pytest.raises(InputError, match="model folder"):
        run_task(PredictTask(volume, model=tmp_path, device="cpu"))


def test_evaluation_and_selection_become_tables(scene, model, tmp_path):
    folder, description = model
    cases = []
    for number in range(3):
        sitk.WriteImage(make_image(number), str(tmp_path / f"image{number}.nrrd"))
        labels = make_image(number) > 120
        sitk.WriteImage(labels, str(tmp_path / f"labels{number}.nrrd"))
        made = {"labels": tmp_path / f"labels{number}.nrrd", "role": "test"} if number < 2 else {}
        cases.append(Case(name=f"c{number}", patient=f"p{number}", images=(tmp_path / f"image{number}.nrrd",), **made))
    dataset = Dataset(name="noise", channels=("CT",), classes=description.classes, cases=tuple(cases))
    write_dataset(dataset, tmp_path / "dataset.json")
    outputs = run_task(EvaluateTask(tmp_path / "dataset.json", model=folder, out=tmp_path / "out", device="cpu"))
    table = outputs["table"].GetTable()
    assert table.GetNumberOfRows() == 2 * len(description.classes)
    assert outputs["table"].GetColumnUnitLabel("hd95_mm") == "mm"
    assert outputs["report"].is_file()
    outputs = run_task(SelectTask(tmp_path / "dataset.json", model=folder, count=4, device="cpu"))
    assert outputs["cases"] == ("c2",)
    assert outputs["table"].GetTable().GetNumberOfRows() == 1
