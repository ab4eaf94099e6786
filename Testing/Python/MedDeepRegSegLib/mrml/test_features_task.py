"""The features task against a stand-in for the job: what goes in, what comes back, an unchanged scene on failure."""

import sys
import types
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
import slicer.util
from tiny_networks import write_tiny_encoder

from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.features.features_job import Request
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.jobs.registry import JOBS
from MedDeepRegSegLib.mrml.hierarchy import place_in_folder, study_folder
from MedDeepRegSegLib.mrml.scene import subject_hierarchy
from MedDeepRegSegLib.mrml.segmentations import segmentation_from_image, set_segment
from MedDeepRegSegLib.mrml.tables import TableColumn, rows_from_table, table_from_rows
from MedDeepRegSegLib.mrml.tasks import FeaturesTask, run_task
from MedDeepRegSegLib.mrml.volumes import grid_of_volume, volume_from_image
from MedDeepRegSegLib.segmentation.segmentation_file import read_segmentation
from MedDeepRegSegLib.segmentation.segments import Segment, named_segment
from MedDeepRegSegLib.volumes.phantoms import head_phantom

JOB = "MedDeepRegSegLib.features.features_job"


@dataclass(frozen=True)
class Result:
    colored: Path
    table: Path | None
    spacing_mm: float = 2.0
    model: str = "tiny"
    notes: tuple[str, ...] = ("coarse",)


SEEN = []


def _work(request, *, progress, cancel):
    SEEN.append(request)
    request.out.mkdir()
    image = sitk.Cast(sitk.ReadImage(str(request.image)), sitk.sitkUInt8)
    sitk.WriteImage(sitk.Compose(image, 255 - image, image), str(request.out / "colored.nrrd"))
    progress(0.5, "half")
    table = None
    if request.segmentation is not None:
        table = request.out / "features.csv"
        names = [s.name for path in (request.segmentation, *request.overlapping) for s in read_segmentation(path)[1]]
        table.write_text(
            "\n".join(["Segment,Volume (mm3),Local feature 1 mean", *(f"{name},1.5,0.25" for name in names)])
        )
    return Result(request.out / "colored.nrrd", table)


@pytest.fixture
def job(scene, monkeypatch):
    """Install the stand-in; returns its module."""
    import MedDeepRegSegLib.features

    module = types.ModuleType(JOB)
    module.Request, module.Result, module.run = Request, Result, _work
    monkeypatch.setitem(JOBS, "features", JOB)
    monkeypatch.setitem(sys.modules, JOB, module)
    monkeypatch.setattr(MedDeepRegSegLib.features, "features_job", module, raising=False)
    SEEN.clear()
    return module


@pytest.fixture
def volume(job):
    array = np.random.default_rng(0).integers(0, 100, (6, 7, 8)).astype(np.int16)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((1.0, 1.5, 2.0))
    image.SetOrigin((5.0, -6.0, 7.0))
    node = volume_from_image(image, "CT", window_level=(80, 40))
    place_in_folder(node, study_folder("case"))
    return node


@pytest.fixture
def segmentation(volume):
    """Two segments that overlap."""
    image = sitk.Image(8, 7, 6, sitk.sitkUInt8)
    image.SetSpacing((1.0, 1.5, 2.0))
    image.SetOrigin((5.0, -6.0, 7.0))
    image[1:5, 1:5, 1:5] = 1
    node = segmentation_from_image(image, [named_segment(1, "Liver")], "organs", reference_volume=volume)
    lesion = sitk.Image(image) * 0
    lesion[2:4, 2:4, 2:4] = 1
    set_segment(node, lesion, Segment(1, "Lesion", (1.0, 0.0, 0.0)))
    return node


def state(scene):
    return sorted((node.GetID(), node.GetName()) for node in map(scene.GetNthNode, range(scene.GetNumberOfNodes())))


def folder_of(node):
    hierarchy = subject_hierarchy()
    return hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node))


def test_the_volume_is_colored_beside_it(scene, volume):
    outputs = run_task(FeaturesTask(volume, spacing_mm=1.5, device="cpu", backend="torch", model="somewhere"))
    colored = outputs["colored"]
    assert colored.GetName() == "CT features"
    assert colored.GetVoxelVectorType() == colored.VoxelVectorTypeColorRGB
    np.testing.assert_allclose(
        grid_of_volume(colored, "").index_to_ras(), grid_of_volume(volume, "").index_to_ras(), atol=1e-9
    )
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(colored)[..., 0], slicer.util.arrayFromVolume(volume))
    assert folder_of(colored) == folder_of(volume) == study_folder("case")
    assert outputs["table"] is None
    assert (outputs["spacing_mm"], outputs["model"], outputs["notes"]) == (2.0, "tiny", ("coarse",))
    request = SEEN[0]
    assert (request.spacing_mm, request.device, request.backend, request.model) == (
        1.5,
        "cpu",
        "torch",
        Path("somewhere"),
    )
    assert request.segmentation is None
    assert not request.save_dense


def test_segments_get_a_row_each_even_where_they_overlap(scene, volume, segmentation):
    place_in_folder(segmentation, study_folder("case"))
    outputs = run_task(FeaturesTask(volume, segmentation))
    table = outputs["table"]
    assert table.GetName() == "organs features"
    assert folder_of(table) == folder_of(segmentation)
    columns, rows = rows_from_table(table)
    assert [row["Segment"] for row in rows] == ["Liver", "Lesion"]
    assert [column.units for column in columns] == ["", "mm3", ""]
    assert "local feature 1" in columns[2].description
    assert all(column.description for column in columns)
    assert outputs["colored"] is not None
    assert len(SEEN[0].overlapping) == 1


def test_only_the_table_is_made_where_no_colors_are_wanted(scene, volume, segmentation):
    outputs = run_task(FeaturesTask(volume, segmentation, color=False))
    assert outputs["colored"] is None
    assert outputs["table"].GetNumberOfRows() == 2
    assert slicer.util.getNodesByClass("vtkMRMLVectorVolumeNode") == []


def test_nodes_can_be_filled_again(scene, volume, segmentation):
    first = run_task(FeaturesTask(volume, segmentation))
    before = state(scene)
    again = FeaturesTask(volume, segmentation, color_node=first["colored"], table_node=first["table"])
    assert run_task(again)["table"] is first["table"]
    assert state(scene) == before


def test_one_undo_state(scene, volume, segmentation):
    scene.SetUndoOn()
    scene.ClearUndoStack()
    run_task(FeaturesTask(volume, segmentation))
    assert scene.GetNumberOfUndoLevels() == 1
    scene.SetUndoOff()
    scene.ClearUndoStack()


def _wrong_table(request, *, progress, cancel):
    result = _work(request, progress=progress, cancel=cancel)
    result.table.write_text("Segment,Segment\na,b\n")
    return result


def _wrong_colors(request, *, progress, cancel):
    result = _work(request, progress=progress, cancel=cancel)
    sitk.WriteImage(sitk.Image(3, 3, 3, sitk.sitkInt16), str(result.colored))
    return result


def _cancel(request, *, progress, cancel):
    cancel.cancel()
    return _work(request, progress=progress, cancel=cancel)


@pytest.mark.parametrize(
    ("run", "error"), [(_wrong_table, InputError), (_wrong_colors, InputError), (_cancel, Canceled)]
)
def test_nothing_changes_on_failure_or_cancel(volume, segmentation, job, run, error):
    job.run = run
    before = state(slicer.mrmlScene)
    with pytest.raises(error):
        run_task(FeaturesTask(volume, segmentation), cancel=CancelToken())
    assert state(slicer.mrmlScene) == before


def test_a_volume_that_is_removed_meanwhile_is_told(scene, volume, segmentation, job):
    def remove(request, *, progress, cancel):
        scene.RemoveNode(volume)
        return _work(request, progress=progress, cancel=cancel)

    job.run = remove
    with pytest.raises(InputError, match="the volume was removed"):
        run_task(FeaturesTask(volume, segmentation))
    assert slicer.util.getNodesByClass("vtkMRMLTableNode") == []


def test_bad_nodes_are_refused_before_the_work(scene, volume, segmentation):
    empty = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "none")
    empty.CreateDefaultDisplayNodes()
    table = table_from_rows([TableColumn("a")], [], "table")
    for task, message in (
        (FeaturesTask(None), "no volume is chosen"),
        (FeaturesTask(volume, empty), "'none' has no segments"),
        (FeaturesTask(volume, color=False), "pick a segmentation"),
        (FeaturesTask(volume, color_node=volume), "expected a vector volume"),
        (FeaturesTask(volume, segmentation, table_node=segmentation), "expected a table"),
        (FeaturesTask(segmentation, segmentation, table_node=table), "expected a scalar volume"),
    ):
        with pytest.raises(InputError, match=message):
            run_task(task)
    assert SEEN == []


def test_the_job_itself_with_a_tiny_encoder(scene, tmp_path, monkeypatch):
    monkeypatch.setenv("MEDDEEP_CACHE", str(tmp_path / "cache"))
    phantom = head_phantom(3, spacing_mm=8.0, size=(24, 30, 28))
    volume = volume_from_image(phantom.mr, "MR")
    labels = sitk.Cast(phantom.labels, sitk.sitkUInt8)
    names = [named_segment(value, name) for value, name in list(phantom.names.items())[:2]]
    kept = sitk.Mask(labels, sitk.Or(labels == names[0].value, labels == names[1].value))
    segmentation = segmentation_from_image(kept, names, "organs", reference_volume=volume)
    options = {"model": write_tiny_encoder(tmp_path / "tiny"), "device": "cpu", "backend": "torch", "spacing_mm": 8.0}
    outputs = run_task(FeaturesTask(volume, segmentation, **options))
    colors = slicer.util.arrayFromVolume(outputs["colored"])
    assert colors.shape == (28, 30, 24, 3)
    assert colors.reshape(-1, 3).std(axis=0).min() > 1
    columns, rows = rows_from_table(outputs["table"])
    assert [row["Segment"] for row in rows] == [segment.name for segment in names]
    counts = [np.count_nonzero(sitk.GetArrayViewFromImage(labels) == segment.value) for segment in names]
    assert [row["Voxels"] for row in rows] == counts
    assert all(column.description for column in columns)
    features = [column.key for column in columns if "feature" in column.key]
    assert len(features) == 2 * (16 + 32)
    assert all(isinstance(row[key], float) for row in rows for key in features)
    assert outputs["spacing_mm"] == 8.0
    assert "tiny" in outputs["model"]
