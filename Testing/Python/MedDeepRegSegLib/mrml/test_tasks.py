"""Node tasks against stand-ins for the engines' jobs: what goes in, what comes back, and an unchanged scene on failure."""

import sys
import types
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import slicer.util

from MedDeepRegSegLib.errors import Canceled, InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.jobs.registry import JOBS
from MedDeepRegSegLib.mrml.hierarchy import place_in_folder, study_folder
from MedDeepRegSegLib.mrml.markups import markups_from_points, roi_from_box
from MedDeepRegSegLib.mrml.scene import subject_hierarchy
from MedDeepRegSegLib.mrml.segmentations import image_from_segmentation, segment_id_by_name, segmentation_from_image
from MedDeepRegSegLib.mrml.tables import TableColumn, rows_from_table, table_from_rows
from MedDeepRegSegLib.mrml.task_base import one_action
from MedDeepRegSegLib.mrml.tasks import ForegroundTask, GrowTask, MeasureTask, RegisterTask, run_task
from MedDeepRegSegLib.mrml.transforms import node_from_transform, registration_nodes, transform_from_node
from MedDeepRegSegLib.mrml.volumes import image_from_volume, volume_from_image
from MedDeepRegSegLib.registration.settings import RegistrationSettings
from MedDeepRegSegLib.segmentation.grow_job import Suggestion
from MedDeepRegSegLib.segmentation.growing_settings import GrowingSettings
from MedDeepRegSegLib.segmentation.segmentation_file import read_segmentation, write_segmentation
from MedDeepRegSegLib.segmentation.segments import named_segment

SHIFT = sitk.TranslationTransform(3, (5.0, 0.0, 0.0))
SEEN = []


@dataclass(frozen=True)
class RegisterRequest:
    fixed: Path
    moving: Path
    out: Path
    settings: RegistrationSettings
    fixed_mask: Path | None = None
    moving_mask: Path | None = None
    fixed_points: tuple = ()
    moving_points: tuple = ()
    initial: Path | None = None
    interpolation: str = "linear"


@dataclass(frozen=True)
class ImageRequest:
    image: Path | None
    out: Path
    what: str = ""
    positive: tuple = ()
    negative: tuple = ()
    box: tuple | None = None
    segmentation: Path | None = None
    overlapping: tuple = ()
    families: tuple = ()
    bin_width: float | None = None
    bin_count: int | None = None
    foreground: Path | None = None
    settings: GrowingSettings | None = None
    uncertainty: Path | None = None
    model: Path | None = None
    device: str = "cpu"


@dataclass(frozen=True)
class Result:
    transform: Path = Path()
    registered: Path = Path()
    segmentation: Path = Path()
    table: Path = Path()
    columns: tuple = ()
    quality: dict = field(default_factory=dict)
    uncertainty: Path | None = None
    suggestion: Suggestion | None = None


def _register(request, *, progress, cancel):
    SEEN.append(request)
    request.out.mkdir()
    fixed, moving = sitk.ReadImage(str(request.fixed)), sitk.ReadImage(str(request.moving))
    sitk.WriteTransform(SHIFT, str(request.out / "transform.h5"))
    sitk.WriteImage(sitk.Resample(moving, fixed, SHIFT, sitk.sitkLinear, -1.0), str(request.out / "registered.nrrd"))
    progress(0.5, "half")
    return Result(
        transform=request.out / "transform.h5",
        registered=request.out / "registered.nrrd",
        quality={"light": "good"},
    )


def _segment(request, *, progress, cancel):
    SEEN.append(request)
    image = sitk.ReadImage(str(request.image))
    write_segmentation(sitk.Cast(image > 10, sitk.sitkUInt8), [named_segment(1, "Body")], request.out)
    if request.uncertainty is not None:
        sitk.WriteImage(sitk.Cast(image, sitk.sitkFloat32) / 100, str(request.uncertainty))
    suggestion = Suggestion((1.0, 2.0, 3.0), inside=False)
    return Result(segmentation=request.out, uncertainty=request.uncertainty, suggestion=suggestion)


def _measure(request, *, progress, cancel):
    SEEN.append(request)
    labels, segments = read_segmentation(request.segmentation)
    array = sitk.GetArrayViewFromImage(labels)
    lines = [f"{segment.name},{np.count_nonzero(array == segment.value)}" for segment in segments]
    request.out.write_text("\n".join(["Segment,Volume [mm³]", *lines]), encoding="utf-8")
    return Result(table=request.out)


def _canceled(request, *, progress, cancel):
    cancel.cancel()
    cancel.raise_if_canceled()


@pytest.fixture
def jobs(scene, monkeypatch):
    """Install the stand-ins; returns a function that replaces what one of them runs."""
    modules = {}
    for name, request, run in (
        ("register", RegisterRequest, _register),
        ("foreground", ImageRequest, _segment),
        ("grow", ImageRequest, _segment),
        ("measure", ImageRequest, _measure),
    ):
        modules[name] = types.ModuleType(JOBS[name])
        modules[name].Request, modules[name].Result, modules[name].run = request, Result, run
        monkeypatch.setitem(sys.modules, JOBS[name], modules[name])
        package, _, leaf = JOBS[name].rpartition(".")
        monkeypatch.setattr(sys.modules[package], leaf, modules[name], raising=False)
    SEEN.clear()
    return lambda name, run: monkeypatch.setattr(modules[name], "run", run)


def volume(name, seed=0, shift=0.0, window_level=(80, 40)):
    array = np.random.default_rng(seed).integers(0, 100, (6, 7, 8)).astype(np.int16)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((1.0, 1.5, 2.0))
    image.SetOrigin((shift, 0.0, 0.0))
    return volume_from_image(image, name, window_level=window_level)


def state(scene):
    return sorted((node.GetID(), node.GetName()) for node in map(scene.GetNthNode, range(scene.GetNumberOfNodes())))


def folder_of(node):
    hierarchy = subject_hierarchy()
    return hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node))


def test_register_passes_everything_and_places_the_results(scene, jobs):
    fixed, moving = volume("fixed"), volume("moving", 1, 3.0, window_level=(17, 9))
    folder = study_folder("case")
    place_in_folder(moving, folder)
    labels = sitk.Cast(image_from_volume(fixed) > 50, sitk.sitkUInt8)
    mask = segmentation_from_image(labels, [named_segment(1, "Body")], "mask", reference_volume=fixed)
    points = [markups_from_points(np.eye(3) * scale, ["a", "b", "c"], "p") for scale in (1.0, 2.0)]
    initial = node_from_transform(sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.1, 0.0, 0.0), "start")
    seen_initial, seen_mask, fractions = [], [], []

    def look(request, *, progress, cancel):
        seen_initial.append(sitk.ReadTransform(str(request.initial)).TransformPoint((1.0, 2.0, 3.0)))
        seen_mask.append(sitk.GetArrayFromImage(sitk.ReadImage(str(request.fixed_mask))))
        return _register(request, progress=progress, cancel=cancel)

    jobs("register", look)
    outputs = run_task(
        RegisterTask(
            fixed,
            moving,
            RegistrationSettings(kind="rigid"),
            fixed_mask=mask,
            fixed_points=points[0],
            moving_points=points[1],
            initial=initial,
        ),
        progress=lambda fraction, message: fractions.append(fraction),
    )
    request = SEEN[0]
    assert request.settings.kind == "rigid"
    assert request.fixed_points == ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    assert request.moving_points[0] == (2.0, 0.0, 0.0)
    assert request.moving_mask is None
    np.testing.assert_allclose(seen_initial[0], transform_from_node(initial).TransformPoint((1.0, 2.0, 3.0)))
    np.testing.assert_array_equal(seen_mask[0], sitk.GetArrayFromImage(labels))
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert not request.fixed.exists()  # the working folder is gone

    assert registration_nodes(outputs["transform"]) == (fixed, moving)
    assert transform_from_node(outputs["transform"]).TransformPoint((0.0, 0.0, 0.0)) == (5.0, 0.0, 0.0)
    expected = sitk.Resample(image_from_volume(moving), image_from_volume(fixed), SHIFT, sitk.sitkLinear, -1.0)
    np.testing.assert_array_equal(
        slicer.util.arrayFromVolume(outputs["registered"]), sitk.GetArrayViewFromImage(expected)
    )
    assert outputs["registered"].GetDisplayNode().GetWindow() == 17
    assert folder_of(outputs["registered"]) == folder_of(outputs["transform"]) == folder
    assert outputs["quality"] == {"light": "good"}


def test_register_fills_the_chosen_outputs(scene, jobs):
    fixed, moving, output = volume("fixed"), volume("moving", 1), volume("output", 2)
    transform = scene.AddNewNodeByClass("vtkMRMLTransformNode", "my transform")
    before = state(scene)
    outputs = run_task(RegisterTask(fixed, moving, output_transform=transform, output_volume=output))
    assert outputs["transform"] is transform
    assert outputs["registered"] is output
    assert state(scene) == before


def test_bad_outputs_and_inputs_of_register_are_refused_before_the_job(scene, jobs):
    fixed, moving = volume("fixed"), volume("moving", 1)
    linear = node_from_transform(sitk.Euler3DTransform(), "linear")
    under = volume("under", 2)
    under.SetAndObserveTransformNodeID(linear.GetID())
    empty = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "empty")
    points = markups_from_points(np.eye(3), None, "p")
    before = state(scene)
    cases = [
        (RegisterTask(None, moving), "no fixed volume is chosen"),
        (RegisterTask(fixed, None), "no moving volume is chosen"),
        (RegisterTask(fixed, moving, output_volume=moving), "'moving' is an input"),
        (RegisterTask(fixed, moving, output_transform=linear), "cannot hold a deformation"),
        (RegisterTask(fixed, under, output_transform=linear), "'under' is under the output transform 'linear'"),
        (RegisterTask(fixed, moving, fixed_mask=empty), "fixed mask 'empty' has no voxels"),
        (RegisterTask(fixed, moving, fixed_points=points), "choose the moving points too"),
    ]
    for task, word in cases:
        with pytest.raises(InputError, match=word):
            run_task(task)
    assert SEEN == []
    assert state(scene) == before


@pytest.mark.parametrize("kind", ["error", "canceled", "damaged", "before"])
def test_failure_leaves_the_scene_as_it_was(scene, jobs, kind):
    fixed, moving = volume("fixed"), volume("moving", 1)
    before = state(scene)

    def fail(request, *, progress, cancel):
        if kind == "damaged":
            result = _register(request, progress=progress, cancel=cancel)
            sitk.WriteImage(sitk.Image([4, 4, 4], sitk.sitkVectorFloat32, 3), str(result.registered))
            return result
        if kind == "error":
            raise InputError("the images do not overlap")
        return _canceled(request, progress=progress, cancel=cancel)

    jobs("register", fail)
    token = CancelToken()
    if kind == "before":
        token.cancel()
    expected = InputError if kind in {"error", "damaged"} else Canceled
    with pytest.raises(expected):
        run_task(RegisterTask(fixed, moving), cancel=token)
    assert state(scene) == before
    assert (SEEN == []) == (kind != "damaged")


def test_node_that_was_removed_meanwhile(scene, jobs):
    fixed, moving = volume("fixed"), volume("moving", 1)

    def remove(request, *, progress, cancel):
        scene.RemoveNode(moving)
        return _register(request, progress=progress, cancel=cancel)

    jobs("register", remove)
    with pytest.raises(InputError, match="moving volume was removed while the job was running"):
        run_task(RegisterTask(fixed, moving))


def test_one_undo_state_for_one_task(scene, jobs):
    fixed, moving = volume("fixed"), volume("moving", 1)
    scene.SetUndoOn()
    try:
        levels = scene.GetNumberOfUndoLevels()
        run_task(RegisterTask(fixed, moving))
        assert scene.GetNumberOfUndoLevels() == levels + 1
    finally:
        scene.ClearUndoStack()
        scene.SetUndoOff()


def test_an_action_inside_of_another_is_the_same_undo_state(scene):
    scene.SetUndoOn()
    try:
        levels = scene.GetNumberOfUndoLevels()
        with one_action():
            volume("first")
            with one_action():
                volume("second")
        assert scene.GetNumberOfUndoLevels() == levels + 1

        def fail():
            with one_action():
                with one_action():
                    volume("third")
                raise InputError

        with pytest.raises(InputError):
            fail()
        assert scene.GetFirstNodeByName("third") is None, "the outer action takes all away"
        with one_action():
            pass
        assert scene.GetNumberOfUndoLevels() == levels + 3, "a failed action does not hide the next one"
    finally:
        scene.ClearUndoStack()
        scene.SetUndoOff()


def test_grow_makes_a_segmentation_then_replaces_and_adds(scene, jobs):
    image = volume("CT")
    folder = study_folder("case")
    place_in_folder(image, folder)
    inside = markups_from_points([[1.0, 2.0, 3.0]], None, "in")
    outside = markups_from_points([[4.0, 5.0, 6.0]], None, "out")
    roi = roi_from_box((0, 0, 0), (4, 6, 8), "box")
    first = run_task(GrowTask(image, inside, negative_markups=outside, segment_name="Liver", box_roi=roi))
    assert (SEEN[0].positive, SEEN[0].negative) == (((1.0, 2.0, 3.0),), ((4.0, 5.0, 6.0),))
    np.testing.assert_allclose(SEEN[0].box, (0, 0, 0, 4, 6, 8), atol=1e-3)
    node = first["segmentation"]
    assert folder_of(node) == folder
    assert node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole()) is image
    labels, segments = image_from_segmentation(node, reference=image)
    assert segments[0].name == "Liver"
    assert segments[0].terminology == named_segment(1, "Liver").terminology
    np.testing.assert_array_equal(sitk.GetArrayViewFromImage(labels), slicer.util.arrayFromVolume(image) > 10)

    slicer.util.arrayFromVolume(image)[:] = 0
    slicer.util.arrayFromVolume(image)[0, 0, 0] = 99
    slicer.util.arrayFromVolumeModified(image)
    again = run_task(GrowTask(image, inside, segmentation_node=node, segment_name="Liver"))
    assert again == first
    labels, _ = image_from_segmentation(node, reference=image)
    assert sitk.GetArrayViewFromImage(labels).sum() == 1
    other = run_task(
        GrowTask(
            image, inside, segmentation_node=node, segment_name="Spleen", foreground_segmentation=node, device="cpu"
        )
    )
    assert SEEN[-1].foreground.name == "foreground.seg.nrrd"
    assert SEEN[-1].device == "cpu"
    assert other["segmentation"] is node
    assert node.GetSegmentation().GetNumberOfSegments() == 2


def test_grow_makes_a_volume_of_its_doubt_and_tells_the_next_point(scene, jobs):
    image = volume("CT")
    points = markups_from_points([[1.0, 2.0, 3.0]], None, "in")
    plain = run_task(GrowTask(image, points, settings=GrowingSettings(adapt=True)))
    assert plain["uncertainty"] is None
    assert plain["suggestion"] == ((1.0, 2.0, 3.0), False)
    assert (SEEN[0].uncertainty, SEEN[0].settings.adapt) == (None, True)
    scene.SetUndoOn()
    try:
        levels = scene.GetNumberOfUndoLevels()
        settings = GrowingSettings(max_extent_mm=50.0)
        told = run_task(GrowTask(image, points, settings=settings, adapt=True, uncertainty=True, segment_name="Liver"))
        assert scene.GetNumberOfUndoLevels() == levels + 1, "segment and volume are one action"
    finally:
        scene.ClearUndoStack()
        scene.SetUndoOff()
    assert SEEN[1].settings == GrowingSettings(max_extent_mm=50.0, adapt=True)
    node = told["uncertainty"]
    assert node.GetName() == "Liver uncertainty"
    np.testing.assert_allclose(
        slicer.util.arrayFromVolume(node), slicer.util.arrayFromVolume(image) / 100, rtol=0, atol=1e-6
    )
    np.testing.assert_allclose(node.GetOrigin(), image.GetOrigin())
    display = node.GetDisplayNode()
    assert display.GetApplyThreshold()
    assert (display.GetWindowLevelMin(), display.GetWindowLevelMax()) == (0.0, 1.0)
    again = run_task(GrowTask(image, points, uncertainty=True, uncertainty_node=node))
    assert again["uncertainty"] is node
    scene.RemoveNode(node)
    before = state(scene)
    with pytest.raises(InputError, match="was removed"):
        run_task(GrowTask(image, points, uncertainty=True, uncertainty_node=node))
    assert state(scene) == before


def test_foreground_adds_its_segment(scene, jobs):
    image = volume("CT")
    outputs = run_task(ForegroundTask(image, what="head"))
    assert SEEN[0].what == "head"
    assert segment_id_by_name(outputs["segmentation"], "Body") in outputs["segment_ids"]


def test_bad_input_of_segment_tasks(scene, jobs):
    image = volume("CT")
    points = markups_from_points([[1.0, 2.0, 3.0]], None, "in")
    none = markups_from_points(np.empty((0, 3)), [], "nothing")
    empty = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "empty")
    before = state(scene)
    cases = [
        (GrowTask(image, None), "no positive points is chosen"),
        (GrowTask(image, none), "'nothing' has no placed points"),
        (GrowTask(image, points, segment_name=" "), "has no name"),
        (GrowTask(None, points), "no volume is chosen"),
        (GrowTask(image, points, segmentation_node=image), "expected a segmentation"),
        (ForegroundTask(None), "no volume is chosen"),
        (MeasureTask(None), "no segmentation is chosen"),
        (MeasureTask(empty, image), "'empty' has no segments"),
    ]
    for task, word in cases:
        with pytest.raises(InputError, match=word):
            run_task(task)
    assert SEEN == []
    assert state(scene) == before


def test_measure_fills_a_table_beside_the_segmentation(scene, jobs):
    image = volume("CT")
    array = np.zeros((6, 7, 8), np.uint8)
    array[1:3, 1:3, 1:3] = 1
    array[4, 4, 4] = 2
    labels = sitk.GetImageFromArray(array)
    labels.CopyInformation(image_from_volume(image))
    segments = [named_segment(1, "Liver"), named_segment(2, "Spleen")]
    node = segmentation_from_image(labels, segments, "organs", reference_volume=image)
    folder = study_folder("case")
    place_in_folder(node, folder)
    for volume_node in (image, None):
        table = run_task(MeasureTask(node, volume_node))["table"]
        columns, rows = rows_from_table(table)
        assert [(column.title, column.units) for column in columns] == [("Segment", ""), ("Volume", "mm³")]
        assert [list(row.values()) for row in rows] == [["Liver", 8], ["Spleen", 1]]
        assert folder_of(table) == folder
    assert SEEN[1].image is None
    mine = table_from_rows([TableColumn("old")], [], "mine")
    assert run_task(MeasureTask(node, image, table_node=mine))["table"] is mine
