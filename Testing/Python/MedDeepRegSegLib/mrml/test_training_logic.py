"""Networks of one's own through the module logic: real jobs on coarse heads; nodes and folders in, nodes and files out."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from Host.fixtures import module, slicer_host, slicer_scene  # noqa: F401 (fixtures)
from small_heads import write_small_heads

from MedDeepRegSegLib.datasets.dataset import read_dataset
from MedDeepRegSegLib.datasets.loading import load_case
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.mrml.segmentations import image_from_segmentation, segmentation_from_image
from MedDeepRegSegLib.mrml.tables import rows_from_table
from MedDeepRegSegLib.mrml.volumes import volume_from_image
from MedDeepRegSegLib.segmentation.segmentation_file import read_segmentation

pytest.importorskip("torch")
pytest.importorskip("monai")

from tiny_networks import write_tiny_encoder, write_tiny_growing
from tiny_segmenter import TINY, write_tiny_segmenter  # imports torch


@pytest.fixture(scope="module")
def heads(tmp_path_factory):
    """The file of a dataset: a case for training, one for validation, one for test, and two that are not labeled."""
    return write_small_heads(tmp_path_factory.mktemp("data") / "heads")


@pytest.fixture(scope="module")
def model(heads, tmp_path_factory):
    """The folder of a model of the classes of the heads, which has learned nothing."""
    dataset = read_dataset(heads)
    folder = tmp_path_factory.mktemp("model") / "tiny"
    settings = replace(TINY["custom"], classes=len(dataset.classes) + 1)
    write_tiny_segmenter(folder, settings, classes=dataset.classes, channels=dataset.channels, validation=())
    return folder


@pytest.fixture
def logic(module):  # noqa: F811
    """The logic of the module."""
    return module("MedDeepRegSeg").logic


@pytest.fixture
def watch():
    """The options with which every method is followed; what is told has an end."""
    told = []
    yield {"progress": lambda fraction, message: told.append((fraction, message)), "cancel": CancelToken()}
    assert told[-1] == (1.0, "Done")


def test_volumes_and_segmentations_become_a_dataset(logic, heads, watch, tmp_path):
    pairs = []
    for case in read_dataset(heads).cases[:3]:
        volume = volume_from_image(sitk.ReadImage(str(case.images[0])), case.name)
        labels, segments = read_segmentation(case.labels)
        drawn = segmentation_from_image(labels, segments, f"{case.name} drawn", reference_volume=volume)
        pairs.append((volume, drawn))
    pairs[2] = (pairs[2][0], None)
    made = logic.makeDataset(pairs, tmp_path / "made", patients=["Ann", "Bob", "Eve"], validation=0.5, **watch)
    dataset = read_dataset(made["dataset"])
    assert made["dataset"] == tmp_path / "made" / "dataset.json"
    assert made["roles"] == {"training": 1, "validation": 1, "test": 0, "unused": 1}
    assert [case.patient for case in dataset.cases] == ["Ann", "Bob", "Eve"]
    assert tuple(segment.name for segment in dataset.classes) == made["classes"]
    loaded = load_case(dataset.cases[0], dataset)
    own, segments = image_from_segmentation(pairs[0][1], reference=loaded.images[0])
    values = {segment.name: segment.value for segment in segments}
    for segment in dataset.classes:
        there = sitk.GetArrayFromImage(loaded.labels) == segment.value
        assert np.array_equal(there, sitk.GetArrayFromImage(own) == values[segment.name])
    _, rows = rows_from_table(made["table"])
    assert [row["Case"] for row in rows if row["Check"] == "no labels"] == ["phantom-003"]


def test_the_costs_of_networks_become_a_table(logic, heads, watch, monkeypatch):
    from MedDeepRegSegLib.training.cases import plan

    monkeypatch.setattr(plan, "NETWORKS", ("encoder", "custom"))  # the others take long to count
    made = logic.compareNetworks(heads, device="cpu", **watch)
    columns, rows = rows_from_table(made["table"])
    titles = [column.title for column in columns]
    assert (titles[0], titles[2]) == ("Network", "Memory to train")
    assert [row[columns[0].key] for row in rows] == ["encoder", "custom"]
    assert made["left_out"] == ()
    assert columns[2].units == "GiB"
    assert all(0 < row[columns[2].key] < 8.0 for row in rows)


def test_an_evaluation_becomes_a_table_and_a_report(logic, heads, model, watch, tmp_path):
    made = logic.evaluate(heads, model, tmp_path / "out", device="cpu", **watch)
    columns, rows = rows_from_table(made["table"])
    keys = {column.title: column.key for column in columns}
    assert [row[keys["Case"]] for row in rows] == ["phantom-003"] * len(rows)
    assert [row[keys["Class"]] for row in rows] == [segment.name for segment in read_dataset(heads).classes]
    assert rows[1][keys["True volume"]] > 0
    assert made["report"] == tmp_path / "out" / "report.html"
    assert "phantom-003" in made["report"].read_text(encoding="utf-8")
    # The cases of another role, into another folder.
    made = logic.evaluate(heads, model, tmp_path / "other", "validation", device="cpu")
    assert {row[keys["Case"]] for row in rows_from_table(made["table"])[1]} == {"phantom-002"}


def test_cases_to_label_next_become_a_table(logic, heads, model, watch):
    import slicer

    table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", "mine")
    made = logic.selectCases(heads, model, 5, device="cpu", table_node=table, **watch)
    assert made["table"] is table
    columns, rows = rows_from_table(made["table"])
    keys = {column.title: column.key for column in columns}
    assert set(made["cases"]) == {"phantom-004", "phantom-005"}
    assert [row[keys["Case"]] for row in rows] == list(made["cases"])
    assert [row[keys["Rank"]] for row in rows] == [1, 2]
    assert all(0 <= row[keys["Uncertainty"]] <= 1 and row[keys["Distance"]] > 0 for row in rows)


def test_a_growing_network_is_fine_tuned_and_grown_with(logic, heads, watch, tmp_path, monkeypatch):
    import slicer

    from MedDeepRegSegLib.training import growing_tuning

    monkeypatch.setattr(growing_tuning, "_SYNTHETIC", 1)
    start = write_tiny_growing(tmp_path / "start")
    options = {"start": start, "steps": 2, "clicks": 2, "most_objects": 2, "device": "cpu"}
    made = logic.trainGrowing(heads, tmp_path / "model", **options, **watch)
    assert made["model"] == str(tmp_path / "model")
    assert made["verdict"] in ("better", "not better", "worse")
    assert made["text"]
    columns, rows = rows_from_table(made["table"])
    assert [column.title for column in columns][:4] == ["What", "Before", "After", "Gained or saved"]
    assert rows
    with (tmp_path / "model" / "clicks_saved.csv").open(newline="") as stream:
        assert len(list(csv.reader(stream))) == 1 + 2 * 2  # a title; two objects before and after
    # What was made is a model to grow with.
    image = sitk.ReadImage(str(read_dataset(heads).cases[0].images[0]))
    points = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "points")
    x, y, z = image.TransformIndexToPhysicalPoint([size // 2 for size in image.GetSize()])
    points.AddControlPoint((-x, -y, z))
    grown = logic.grow(volume_from_image(image, "Head"), points, "Brain", model=made["model"], device="cpu")
    assert len(grown["segment_ids"]) == 1


@pytest.mark.slow
def test_an_encoder_is_trained_without_labels(logic, heads, watch, tmp_path):
    from MedDeepRegSegLib.models.networks import load_encoder

    start = write_tiny_encoder(tmp_path / "start")
    made = logic.trainEncoder(heads, tmp_path / "encoder", start=start, steps=2, device="cpu", **watch)
    assert made["model"] == str(tmp_path / "encoder")
    assert made["steps"] == 2
    assert made["error_before"] > 0
    assert f"{made['error_after']:.2f} after the training" in made["text"]
    assert load_encoder(tmp_path / "encoder").description.training.steps == 2


def test_a_model_becomes_a_bundle_and_a_bundle_a_model(logic, heads, model, watch, tmp_path):
    from MedDeepRegSegLib.errors import InputError
    from MedDeepRegSegLib.models.segmenter_folder import load_segmenter

    made = logic.exportBundle(model, tmp_path / "bundle", **watch)
    assert made["folder"] == tmp_path / "bundle"
    assert made["needs_meddeep"] is any(
        scale.method == "contrast" for scale in load_segmenter(model).description.preprocessing.channels
    )
    assert (tmp_path / "bundle" / "configs" / "inference.json").is_file()
    back = logic.importBundle(made["folder"], tmp_path / "back")
    assert (back["folder"], back["name"]) == (tmp_path / "back", made["name"])
    one, other = (load_segmenter(folder).network.state_dict() for folder in (model, back["folder"]))
    assert all(np.array_equal(one[name].numpy(), other[name].numpy()) for name in one)
    with pytest.raises(InputError, match="choose the folder of a MONAI bundle"):
        logic.importBundle(model, tmp_path / "none")
    assert not (tmp_path / "none").exists()
