"""What a registration leaves in a real scene: stages, the Jacobian, and copies of what belongs to the moving volume."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
import slicer.util
import vtk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.hierarchy import place_in_folder, study_folder
from MedDeepRegSegLib.mrml.markups import markups_from_points, points_from_markups, roi_from_box
from MedDeepRegSegLib.mrml.register_task import RegisterTask
from MedDeepRegSegLib.mrml.scene import subject_hierarchy
from MedDeepRegSegLib.mrml.segmentations import image_from_segmentation, segmentation_from_image
from MedDeepRegSegLib.mrml.transforms import (
    node_from_transform,
    registration_nodes,
    transform_from_node,
    transform_points_of_node,
)
from MedDeepRegSegLib.mrml.volumes import image_from_volume, volume_from_image
from MedDeepRegSegLib.registration.known import known_rigid, known_smooth
from MedDeepRegSegLib.registration.settings import RegistrationSettings
from MedDeepRegSegLib.registration.transforms import (
    invert,
    jacobian_determinant,
    linear_and_field,
    transform_points,
    write_transform,
)
from MedDeepRegSegLib.segmentation.segments import named_segment


@dataclass(frozen=True)
class Result:
    transform: Path
    registered: Path
    linear: Path
    deformation: Path | None
    jacobian: Path | None
    quality: str = "good"


def grid_image(value=0, shift=0.0):
    image = sitk.Image(40, 44, 36, sitk.sitkInt16) + value
    image.SetSpacing((3.0, 3.0, 3.5))
    image.SetOrigin((-60.0 + shift, -65.0, 100.0))
    return image


def ball(center, radius=18.0):
    """Return a ball as a label map on the moving grid."""
    image = sitk.Cast(grid_image(shift=5.0), sitk.sitkUInt8)
    index = np.stack(np.meshgrid(*[np.arange(n) for n in image.GetSize()], indexing="ij"), axis=-1)
    points = index * image.GetSpacing() + image.GetOrigin()
    array = (np.linalg.norm(points - center, axis=-1) < radius).astype(np.uint8)
    result = sitk.GetImageFromArray(np.ascontiguousarray(array.transpose(2, 1, 0)))
    result.CopyInformation(image)
    return result


CENTER = np.array([5.0, 3.0, 160.0])


@pytest.fixture(scope="module")
def composite():
    """Linear map after a smooth field, fixed to moving points."""
    linear = known_rigid(CENTER, seed=2, rotation_degrees=8, shift_mm=6)
    return sitk.CompositeTransform([linear, known_smooth(grid_image(), seed=4, magnitude_mm=5)])


@pytest.fixture
def found(tmp_path):
    """Function that writes what the job writes for a transform."""

    def write(transform):
        linear, field = linear_and_field(transform)
        write_transform(transform, tmp_path / "transform.h5")
        write_transform(linear, tmp_path / "linear.tfm")
        sitk.WriteImage(grid_image(7), str(tmp_path / "registered.nii.gz"))
        if field is not None:
            write_transform(field, tmp_path / "deformation.nii.gz")
            sitk.WriteImage(jacobian_determinant(transform, grid_image()), str(tmp_path / "jacobian.nii.gz"))
        return Result(
            tmp_path / "transform.h5",
            tmp_path / "registered.nii.gz",
            tmp_path / "linear.tfm",
            None if field is None else tmp_path / "deformation.nii.gz",
            None if field is None else tmp_path / "jacobian.nii.gz",
        )

    return write


def state(scene):
    return sorted((node.GetID(), node.GetName()) for node in map(scene.GetNthNode, range(scene.GetNumberOfNodes())))


def sphere_model(center):
    source = vtk.vtkSphereSource()
    source.SetCenter(*(np.array(center) * (-1, -1, 1)))
    source.SetRadius(10.0)
    source.Update()
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLModelNode", "tumor")
    node.SetAndObservePolyData(source.GetOutput())
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetColor(0.2, 0.4, 0.6)
    return node


def folder_of(node):
    hierarchy = subject_hierarchy()
    return hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node))


def test_stage_nodes_make_the_whole_and_say_what_they_join(scene, composite, found):
    fixed, moving = volume_from_image(grid_image(1), "CT"), volume_from_image(grid_image(2, 5.0), "MR")
    folder = study_folder("case")
    place_in_folder(moving, folder)
    outputs = RegisterTask(fixed, moving, stage_nodes=True).collect(Path(), found(composite))
    linear, deformation = outputs["linear"], outputs["deformation"]
    assert (linear.GetClassName(), deformation.GetClassName()) == (
        "vtkMRMLLinearTransformNode",
        "vtkMRMLGridTransformNode",
    )
    points = np.random.default_rng(0).uniform([-50, -55, 105], [50, 55, 215], (60, 3))
    expected = transform_points(composite, points)
    np.testing.assert_allclose(transform_points_of_node(outputs["transform"], points), expected, atol=1e-3)
    by_stages = transform_points_of_node(linear, transform_points_of_node(deformation, points))
    np.testing.assert_allclose(by_stages, expected, atol=1e-3)
    for node in (outputs["transform"], linear, deformation):
        assert registration_nodes(node) == (fixed, moving)
        assert folder_of(node) == folder
    jacobian = outputs["jacobian"]
    values = slicer.util.arrayFromVolume(jacobian)
    np.testing.assert_allclose(values, sitk.GetArrayFromImage(jacobian_determinant(composite, grid_image())))
    display = jacobian.GetDisplayNode()
    assert (display.GetWindow(), display.GetLevel()) == (2.0, 1.0)
    color = [0.0] * 4
    display.GetColorNode().GetColor(128, color)  # 1: keeps its volume
    assert min(color[:3]) > 0.9


def test_stages_are_made_only_on_request_and_where_something_bends(scene, composite, found):
    fixed, moving = volume_from_image(grid_image(1), "CT"), volume_from_image(grid_image(2, 5.0), "MR")
    outputs = RegisterTask(fixed, moving).collect(Path(), found(composite))
    assert outputs["linear"] is outputs["deformation"] is outputs["jacobian"] is None
    assert outputs["carried"] == ()
    linear, _ = linear_and_field(composite)
    outputs = RegisterTask(fixed, moving, RegistrationSettings(kind="rigid"), stage_nodes=True).collect(
        Path(), found(linear)
    )
    assert outputs["linear"] is not None
    assert outputs["deformation"] is outputs["jacobian"] is None


@pytest.mark.parametrize("bent", [True, False])
def test_what_belongs_to_the_moving_volume_lands_on_the_fixed_one(scene, composite, found, bent):
    transform = composite if bent else linear_and_field(composite)[0]
    inverse = invert(transform, grid_image())
    fixed, moving = volume_from_image(grid_image(1), "CT"), volume_from_image(grid_image(2, 5.0), "MR")
    folder = study_folder("case")
    labels = ball(CENTER)
    label_map = volume_from_image(labels, "labels", label_map=True)
    segmentation = segmentation_from_image(labels, [named_segment(1, "Liver")], "organs", reference_volume=moving)
    places = CENTER + np.array([[0, 0, 0], [20, 0, 5], [-15, 10, -20.0]])
    points = markups_from_points(places, ["a", "b", "c"], "landmarks")
    points.SetLocked(True)
    model = sphere_model(CENTER)
    nodes = (label_map, segmentation, points, model)
    for node in nodes:
        place_in_folder(node, folder)
    before = {node: node.GetMTime() for node in nodes}
    old_labels, old_points = slicer.util.arrayFromVolume(label_map).copy(), points_from_markups(points)[1]
    settings = RegistrationSettings(kind="deformable" if bent else "rigid")
    outputs = RegisterTask(fixed, moving, settings, carry=nodes).collect(Path(), found(transform))
    copies = outputs["carried"]
    assert [copy.GetClassName() for copy in copies] == [node.GetClassName() for node in nodes]
    assert [copy.GetName() for copy in copies] == [f"{node.GetName()} registered" for node in nodes]
    for copy in copies:
        assert copy.GetParentTransformNode() is None
        assert folder_of(copy) == folder
    names, moved = points_from_markups(copies[2])
    assert names == ("a", "b", "c")
    np.testing.assert_allclose(moved, transform_points(inverse, places), atol=0.1)
    np.testing.assert_allclose(transform_points(transform, moved), places, atol=2e-3)

    expected = sitk.Resample(labels, grid_image(), transform, sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8)
    truth = sitk.GetArrayFromImage(expected) > 0
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(copies[0]) > 0, truth)
    carried, segments = image_from_segmentation(copies[1], reference=fixed)
    assert segments[0].name == "Liver"
    own = sitk.GetArrayFromImage(carried) > 0
    assert (
        2 * (own & truth).sum() / (own.sum() + truth.sum()) > 0.92
    )  # about a tenth of a voxel each way on a ball of 12 voxels
    assert copies[1].GetNodeReference(copies[1].GetReferenceImageGeometryReferenceRole()) is fixed

    surface = slicer.util.arrayFromModelPoints(copies[3]) * (-1, -1, 1)
    away = np.linalg.norm(transform_points(transform, surface.astype(float)) - CENTER, axis=1)
    np.testing.assert_allclose(away, 10.0, atol=0.01)
    assert copies[3].GetDisplayNode().GetColor() == (0.2, 0.4, 0.6)
    # The originals stay.
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(label_map), old_labels)
    np.testing.assert_array_equal(points_from_markups(points)[1], old_points)
    assert model.GetMTime() == before[model]


def test_parents_of_what_is_carried_are_allowed_for(scene, composite, found):
    fixed, moving = volume_from_image(grid_image(1), "CT"), volume_from_image(grid_image(2, 5.0), "MR")
    parent = node_from_transform(sitk.TranslationTransform(3, (-4.0, 0.0, 0.0)), "parent")
    points = markups_from_points(CENTER[None], ["a"], "landmarks")
    points.SetAndObserveTransformNodeID(parent.GetID())
    world = points_from_markups(points)[1]
    assert abs(world - CENTER).max() > 3
    (copy,) = RegisterTask(fixed, moving, carry=[points]).collect(Path(), found(composite))["carried"]
    np.testing.assert_allclose(transform_points(composite, points_from_markups(copy)[1]), world, atol=2e-3)
    assert points.GetParentTransformNode() is parent


def test_what_cannot_be_carried_is_refused_before_the_work(scene, tmp_path):
    fixed, moving = volume_from_image(grid_image(1), "CT"), volume_from_image(grid_image(2, 5.0), "MR")
    box = roi_from_box((0, 0, 100), (10, 10, 120), "box")
    points = markups_from_points(CENTER[None], ["a"], "landmarks")
    before = state(scene)
    for carry, says in (
        ([moving], "expected a segmentation"),
        ([box], "cannot bend"),
        ([points, points], "twice"),
        ([None], "is missing"),
    ):
        with pytest.raises(InputError, match=says):
            RegisterTask(fixed, moving, carry=carry).prepare(tmp_path)
    RegisterTask(fixed, moving, RegistrationSettings(kind="rigid"), carry=[box]).prepare(tmp_path)
    assert state(scene) == before


def test_failure_half_way_leaves_the_scene_and_the_chosen_outputs(scene, composite, found):
    fixed, moving = volume_from_image(grid_image(1), "CT"), volume_from_image(grid_image(2, 5.0), "MR")
    points = markups_from_points(CENTER[None], ["a"], "landmarks")
    output = scene.AddNewNodeByClass("vtkMRMLTransformNode", "mine")
    before = state(scene)
    result = found(composite)
    result.jacobian.write_bytes(b"damaged")
    task = RegisterTask(fixed, moving, carry=[points], stage_nodes=True, output_transform=output)
    with pytest.raises(RuntimeError):
        task.collect(Path(), result)
    assert state(scene) == before
    assert transform_from_node(output).TransformPoint((1.0, 2.0, 3.0)) == (1.0, 2.0, 3.0)


def test_all_is_one_action(scene, composite, found):
    fixed, moving = volume_from_image(grid_image(1), "CT"), volume_from_image(grid_image(2, 5.0), "MR")
    points = markups_from_points(CENTER[None], ["a"], "landmarks")
    scene.SetUndoOn()
    try:
        levels = scene.GetNumberOfUndoLevels()
        RegisterTask(fixed, moving, carry=[points], stage_nodes=True).collect(Path(), found(composite))
        assert scene.GetNumberOfUndoLevels() == levels + 1
    finally:
        scene.ClearUndoStack()
        scene.SetUndoOff()


def test_jacobian_of_a_second_run_shares_the_colors(scene, composite, found):
    fixed, moving = volume_from_image(grid_image(1), "CT"), volume_from_image(grid_image(2, 5.0), "MR")
    first, second = (
        RegisterTask(fixed, moving, stage_nodes=True).collect(Path(), found(composite))["jacobian"] for _ in range(2)
    )
    assert first.GetDisplayNode().GetColorNode() is second.GetDisplayNode().GetColorNode()
    assert image_from_volume(first).GetSize() == grid_image().GetSize()
