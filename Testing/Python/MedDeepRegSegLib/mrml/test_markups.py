import numpy as np
import pytest
import SimpleITK as sitk
import slicer.util
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps
from scipy.spatial.transform import Rotation

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.markups import (
    box_from_roi,
    markups_from_points,
    paired_points,
    points_from_markups,
    roi_from_box,
)
from MedDeepRegSegLib.mrml.scene import load_scene, save_scene, subject_hierarchy
from MedDeepRegSegLib.mrml.transforms import node_from_transform

COORDINATES = st.floats(-5000, 5000)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(nps.arrays(float, st.tuples(st.integers(0, 6), st.just(3)), elements=COORDINATES))
def test_points_round_trip(empty_scene, points):
    empty_scene()
    labels = [f"p {index}" for index in range(len(points))]
    node = markups_from_points(points, labels, "points")
    names, back = points_from_markups(node)
    assert names == tuple(labels)
    np.testing.assert_allclose(back, points, rtol=0, atol=1e-9)
    if len(points):
        np.testing.assert_allclose(slicer.util.arrayFromMarkupsControlPoints(node), points * (-1, -1, 1), atol=1e-9)


def test_parent_transforms_apply_both_ways(scene):
    warp = sitk.BSplineTransformInitializer(sitk.Image([20, 20, 20], sitk.sitkUInt8), [4, 4, 4])
    warp.SetParameters(np.random.default_rng(0).normal(0, 0.5, len(warp.GetParameters())).tolist())
    points = np.array([[5.0, 6.0, 7.0], [10.0, 9.0, 8.0]])
    node = markups_from_points(points, None, "points")
    parent = node_from_transform(warp, "warp")
    node.SetAndObserveTransformNodeID(parent.GetID())
    _, moved = points_from_markups(node)
    # The node's transform from parent maps the moved points back.
    np.testing.assert_allclose([warp.TransformPoint(p.tolist()) for p in moved], points, rtol=0, atol=0.01)
    markups_from_points(points, ["a", "b"], "ignored", node=node)
    names, back = points_from_markups(node)
    assert names == ("a", "b")
    np.testing.assert_allclose(back, points, rtol=0, atol=0.01)


def test_points_that_are_not_placed_are_left_out(scene):
    node = markups_from_points(np.eye(3), ["a", "b", "c"], "points")
    node.UnsetNthControlPointPosition(1)
    names, points = points_from_markups(node)
    assert names == ("a", "c")
    assert len(points) == 2
    node.SetNthControlPointPositionMissing(0)
    assert points_from_markups(node)[0] == ("c",)


def test_pairs_by_label_else_by_order(scene):
    fixed = markups_from_points(np.eye(3), ["a", "b", "c"], "fixed")
    moving = markups_from_points(10 * np.eye(3)[[2, 0, 1]], ["c", "a", "b"], "moving")
    first, second = paired_points(fixed, moving)
    np.testing.assert_allclose(second, 10 * first)
    other = markups_from_points(10 * np.eye(3), ["x", "y", "z"], "other")
    np.testing.assert_allclose(paired_points(fixed, other)[1], 10 * np.eye(3))
    short = markups_from_points(np.eye(3)[:2], None, "short")
    with pytest.raises(InputError, match="3 points in 'fixed' and 2 in 'short'"):
        paired_points(fixed, short)
    with pytest.raises(InputError, match="choose the moving points too"):
        paired_points(fixed, None)


def test_an_unplaced_point_does_not_shift_the_pairs(scene, caplog):
    places = np.arange(12.0).reshape(4, 3)
    fixed = markups_from_points(places, ["a", "b", "c", "d"], "fixed")
    moving = markups_from_points(10 * places, ["w", "x", "y", "z"], "moving")
    fixed.UnsetNthControlPointPosition(0)
    moving.SetNthControlPointPositionMissing(3)
    first, second = paired_points(fixed, moving)
    np.testing.assert_allclose(first, places[1:3])
    np.testing.assert_allclose(second, 10 * places[1:3])
    assert "not placed in both lists: 'a', 'd'" in caplog.text
    other = markups_from_points(places, ["a", "b", "c", "e"], "other")
    with pytest.raises(InputError, match="'fixed' lacks 'e'; 'other' lacks 'd'"):
        paired_points(fixed, other)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.tuples(*[COORDINATES] * 3), st.tuples(*[st.floats(0.1, 500)] * 3))
def test_box_round_trip(empty_scene, minimum, size):
    empty_scene()
    maximum = np.array(minimum) + size
    low, high = box_from_roi(roi_from_box(minimum, maximum, "box"))
    # Slicer keeps the size of a ROI in single precision.
    np.testing.assert_allclose(low, minimum, rtol=0, atol=1e-3)
    np.testing.assert_allclose(high, maximum, rtol=0, atol=1e-3)


def test_rotated_roi_gives_the_box_around_it(scene, parent_transform):
    node = roi_from_box((-10, -10, -10), (10, 10, 10), "box")
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("z", 45, degrees=True).as_matrix()
    matrix[:3, 3] = (1, 2, 3)
    parent_transform(node, matrix)
    low, high = box_from_roi(node)
    half = 10 * np.sqrt(2)
    np.testing.assert_allclose(low, [-1 - half, -2 - half, 3 - 10], atol=1e-3)
    np.testing.assert_allclose(high, [-1 + half, -2 + half, 3 + 10], atol=1e-3)
    with pytest.raises(InputError, match="under a transform"):
        roi_from_box((0, 0, 0), (1, 1, 1), "x", node=node)


def test_place_and_file(scene, tmp_path):
    first = markups_from_points(np.eye(3), None, "points")
    hierarchy = subject_hierarchy()
    folder = hierarchy.CreateFolderItem(hierarchy.GetSceneItemID(), "study")
    hierarchy.CreateItem(folder, first)
    second = markups_from_points(np.eye(3) * 1234.56789, None, "points", beside=first)
    assert second.GetName() != "points"
    assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(second)) == folder
    roi_from_box((1.5, 2.5, 3.5), (4, 5, 6), "box")
    name = second.GetName()
    save_scene(tmp_path / "s.mrb")
    load_scene(tmp_path / "s.mrb")
    np.testing.assert_allclose(points_from_markups(slicer.util.getNode(name))[1], np.eye(3) * 1234.56789, atol=1e-6)
    np.testing.assert_allclose(box_from_roi(slicer.util.getNode("box")), [(1.5, 2.5, 3.5), (4, 5, 6)], atol=1e-3)


def test_bad_input_is_refused(scene):
    table = scene.AddNewNodeByClass("vtkMRMLTableNode", "t")
    points = markups_from_points(np.eye(3), None, "points")
    count = scene.GetNumberOfNodes()
    cases = [
        (lambda: points_from_markups(None, what="positive points"), "no positive points is chosen"),
        (lambda: points_from_markups(table), "'t' is a Table, expected markups"),
        (lambda: markups_from_points([[1, 2, np.nan]], None, "x"), "not finite"),
        (lambda: markups_from_points(np.eye(3), ["a"], "x"), "1 names are given for 3 points"),
        (lambda: box_from_roi(points), "of the kind ROI"),
        (lambda: roi_from_box((0, 0, 0), (1, 1, 0), "x"), "the second ones larger"),
    ]
    for call, word in cases:
        with pytest.raises(InputError, match=word):
            call()
    assert scene.GetNumberOfNodes() == count
    with pytest.raises(InputError, match="not placed yet"):
        box_from_roi(scene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "r"))
