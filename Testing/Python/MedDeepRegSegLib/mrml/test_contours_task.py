"""Contours and their alignment on nodes, with the jobs themselves."""

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
import slicer.util

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.hierarchy import place_in_folder, study_folder
from MedDeepRegSegLib.mrml.scene import subject_hierarchy
from MedDeepRegSegLib.mrml.segmentations import segmentation_from_image
from MedDeepRegSegLib.mrml.tables import rows_from_table
from MedDeepRegSegLib.mrml.tasks import AlignContoursTask, ContoursTask, run_task
from MedDeepRegSegLib.mrml.transforms import registration_nodes, transform_points_of_node
from MedDeepRegSegLib.mrml.volumes import volume_from_image
from MedDeepRegSegLib.segmentation.segments import named_segment
from MedDeepRegSegLib.volumes.curve_files import Markup, write_markups


def drawn(origin=(-20.0, 15.0, 40.0)):
    k, j, i = np.indices((8, 26, 34))
    labels = (((i - 13.3) / 10) ** 2 + ((j - 12.6) / 7) ** 2 + ((k - 3.5) / 3) ** 2 <= 1).astype(np.uint8)
    labels[3:6, 10:15, 20:30] = 1
    image = sitk.GetImageFromArray(labels)
    image.SetSpacing((1.0, 1.0, 3.0))
    image.SetOrigin(origin)
    return image


@pytest.fixture
def volume(scene):
    labels = drawn()
    noise = np.random.default_rng(0).normal(0, 4, sitk.GetArrayFromImage(labels).shape)
    image = sitk.GetImageFromArray((60.0 * sitk.GetArrayFromImage(labels) + noise).astype(np.float32))
    image.CopyInformation(labels)
    node = volume_from_image(image, "CT")
    place_in_folder(node, study_folder("case"))
    return node


@pytest.fixture
def segmentation(volume):
    return segmentation_from_image(drawn(), [named_segment(1, "Liver")], "organs", reference_volume=volume)


def parent_of(node):
    hierarchy = subject_hierarchy()
    return hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node))


def test_segments_become_curves_lines_tables_and_a_color_volume(scene, volume, segmentation):
    outputs = run_task(ContoursTask(volume, segmentation, marked=2))
    assert [node.GetClassName() for node in outputs["contours"]] == ["vtkMRMLMarkupsClosedCurveNode"] * 2
    assert {node.GetClassName() for node in outputs["fits"]} == {
        "vtkMRMLMarkupsClosedCurveNode",
        "vtkMRMLMarkupsLineNode",
    }
    for node in outputs["contours"]:
        assert node.GetLocked()
        assert not node.GetDisplayNode().GetPointLabelsVisibility()
        points = slicer.util.arrayFromMarkupsControlPoints(node)
        # RAS: the ellipse lies around index (13.3, 12.6).
        np.testing.assert_allclose(points.mean(axis=0)[:2], [20 - 13.3, -15 - 12.6], atol=3)
        assert subject_hierarchy().GetItemName(parent_of(node)) == "organs contours"
        assert subject_hierarchy().GetItemParent(parent_of(node)) == study_folder("case")
    _columns, rows = rows_from_table(outputs["table"])
    assert len(rows) == 6
    assert all(row["Confidence"] > 0 for row in rows)
    columns, (row,) = rows_from_table(outputs["structures"])
    assert row["Segment"] == "Liver"
    assert {column.units for column in columns} >= {"mm", "degree"}
    assert outputs["projection"].GetVoxelVectorType() == slicer.vtkMRMLVectorVolumeNode.VoxelVectorTypeColorRGB
    assert parent_of(outputs["projection"]) == parent_of(outputs["table"]) == study_folder("case")
    assert 0 < outputs["mean_confidence"] <= 1


def test_edges_of_a_volume_alone_and_a_segmentation_alone(scene, volume, segmentation):
    outputs = run_task(ContoursTask(volume, level=30.0, fit="line", marked=1, projection=False))
    assert outputs["projection"] is outputs["structures"] is None
    assert len(outputs["contours"]) == 1
    assert all(node.IsA("vtkMRMLMarkupsLineNode") for node in outputs["fits"])
    assert len(run_task(ContoursTask(None, segmentation, marked=1))["contours"]) == 1


def test_the_alignment_becomes_a_linear_transform(scene, volume, segmentation):
    moving = segmentation_from_image(drawn((-14.0, 12.0, 45.0)), [named_segment(1, "Liver")], "moved")
    scene.SetUndoOn()
    scene.ClearUndoStack()
    outputs = run_task(AlignContoursTask(moving, segmentation))
    assert scene.GetNumberOfUndoLevels() == 1
    scene.SetUndoOff()
    node = outputs["transform"]
    assert node.IsA("vtkMRMLLinearTransformNode")
    assert node.GetName() == "moved to organs"
    assert outputs["mean_mm"] < 0.5
    assert outputs["p95_mm"] >= outputs["mean_mm"]
    assert registration_nodes(node) == (segmentation, moving)
    # What lies under the node moves from the moving onto the fixed side; fixed points map to moving points.
    fixed = np.array([[-7.0, 27.0, 50.0]])
    np.testing.assert_allclose(transform_points_of_node(node, fixed), np.add(fixed, (6, -3, 5)), atol=0.6)
    matrix = slicer.util.arrayFromTransformMatrix(node)
    np.testing.assert_allclose(matrix[:3, 3], (6, -3, -5), atol=1.5)
    again = run_task(AlignContoursTask(moving, segmentation, kind="similarity", transform_node=node))
    assert again["transform"] is node


def test_bad_nodes_are_refused_and_nothing_changes(scene, volume, segmentation):
    empty = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "none")
    table = scene.AddNewNodeByClass("vtkMRMLTableNode", "table")
    before = scene.GetNumberOfNodes()
    for task, words in (
        (ContoursTask(None), "neither a volume nor a segmentation"),
        (ContoursTask(volume, empty), "'none' has no segments"),
        (ContoursTask(volume, level=1e6), "no line at the level"),
        (AlignContoursTask(None, segmentation), "no segmentation is chosen"),
        (AlignContoursTask(empty, segmentation), "'none' has no segments"),
        (AlignContoursTask(segmentation, segmentation, transform_node=table), "table"),
    ):
        with pytest.raises(InputError, match=words):
            run_task(task)
        assert scene.GetNumberOfNodes() == before


def test_slicer_opens_a_file_of_several_curves(scene, tmp_path):
    path = tmp_path / "contours.mrk.json"
    square = np.array([[0.0, 0, 5], [10, 0, 5], [10, 10, 5], [0, 10, 5]])
    write_markups(
        [Markup("ClosedCurve", "ring", square, (1.0, 0.0, 0.0)), Markup("Line", "axis", square[:2], (0.0, 1.0, 0.0))],
        path,
    )
    names = {}
    for index, kind in enumerate(("ClosedCurve", "Line")):
        storage = slicer.vtkMRMLMarkupsJsonStorageNode()
        scene.AddNode(storage)
        node = storage.AddNewMarkupsNodeFromFile(str(path), None, index)
        names[kind] = node.GetName()
        assert node.IsA(f"vtkMRMLMarkups{kind}Node")
        points = slicer.util.arrayFromMarkupsControlPoints(node)
        np.testing.assert_allclose(points, square[: len(points)] * (-1, -1, 1))
    assert names == {"ClosedCurve": "ring", "Line": "axis"}
