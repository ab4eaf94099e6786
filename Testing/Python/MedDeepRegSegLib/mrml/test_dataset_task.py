import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.datasets.dataset import read_dataset
from MedDeepRegSegLib.datasets.loading import load_case
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.dataset_task import DatasetTask
from MedDeepRegSegLib.mrml.segmentations import segmentation_from_image
from MedDeepRegSegLib.mrml.tables import rows_from_table
from MedDeepRegSegLib.mrml.task_base import run_task
from MedDeepRegSegLib.mrml.volumes import image_from_volume, volume_from_image
from MedDeepRegSegLib.segmentation.segments import named_segment


def pair(seed, name, segment="Liver"):
    rng = np.random.default_rng(seed)
    image = sitk.GetImageFromArray(rng.normal(100, 9, (10, 11, 12)).astype(np.int16))
    image.SetSpacing((1.0, 1.5, 2.0))
    image.SetOrigin((3.0, -4.0, 5.0))
    volume = volume_from_image(image, name)
    array = np.zeros((10, 11, 12), np.uint8)
    array[2:7, 2:7, 3:8] = 1
    labels = sitk.GetImageFromArray(array)
    labels.CopyInformation(image_from_volume(volume))
    return volume, segmentation_from_image(
        labels, [named_segment(1, segment)], f"{name} drawn", reference_volume=volume
    )


def test_the_scene_becomes_a_dataset(scene, tmp_path):
    pairs = [pair(1, "A/B"), pair(2, "A B"), pair(3, "c", "liver"), (pair(4, "d")[0], None)]
    made = run_task(DatasetTask(pairs, folder=tmp_path / "new", patients=["p", "p", "q", "r"], validation=0.5))
    dataset = read_dataset(made["dataset"])
    assert dataset.name == "new"
    assert [case.name for case in dataset.cases] == ["A_B", "A_B_2", "c", "d"]
    assert [segment.name.lower() for segment in dataset.classes] == ["liver"]
    roles = {case.name: case.role for case in dataset.cases}
    assert roles["A_B"] == roles["A_B_2"] != roles["c"]
    assert roles["d"] == "unused"
    loaded = load_case(dataset.cases[0], dataset)
    assert (sitk.GetArrayViewFromImage(loaded.labels) == 1).sum() == 125
    volume = image_from_volume(pairs[0][0])
    assert np.allclose(loaded.images[0].GetOrigin(), volume.GetOrigin())
    assert (sitk.GetArrayViewFromImage(loaded.images[0]) == sitk.GetArrayViewFromImage(volume)).all()
    _, rows = rows_from_table(made["table"])
    assert any(row["Check"] == "no labels" and row["Case"] == "d" for row in rows)


def test_nothing_is_overwritten(scene, tmp_path):
    pairs = [pair(1, "a"), pair(2, "b")]
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="is not empty"):
        run_task(DatasetTask(pairs, folder=tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_wrong_choices_are_told_and_leave_nothing(scene, tmp_path):
    first, second = pair(1, "a"), pair(2, "b")
    folder = tmp_path / "new"
    with pytest.raises(InputError, match="no segmentation is chosen"):
        run_task(DatasetTask([(first[0], None)], folder=folder))
    with pytest.raises(InputError, match="has no volume"):
        run_task(DatasetTask([(None, first[1])], folder=folder))
    with pytest.raises(InputError, match="a volume is chosen twice"):
        run_task(DatasetTask([first, first], folder=folder))
    with pytest.raises(InputError, match="1 patients for 2 volumes"):
        run_task(DatasetTask([first, second], folder=folder, patients=["p"]))
    with pytest.raises(InputError, match="1 patient has labels to draw from"):
        run_task(DatasetTask([first, second], folder=folder, patients=["p", "p"]))
    assert not folder.exists()
    made = run_task(DatasetTask([first, second], folder=folder, validation=0.5))
    assert rows_from_table(made["table"])[1] == []
