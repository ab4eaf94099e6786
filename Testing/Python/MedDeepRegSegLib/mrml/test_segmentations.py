import numpy as np
import pytest
import SimpleITK as sitk
import slicer
import slicer.util
import vtk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.scene import load_scene, save_scene, subject_hierarchy
from MedDeepRegSegLib.mrml.segmentations import (
    image_from_segmentation,
    segment_id_by_name,
    segmentation_from_image,
    set_segment,
)
from MedDeepRegSegLib.mrml.volumes import volume_from_image
from MedDeepRegSegLib.segmentation.segments import TISSUE, Segment, named_segment

MANY = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SEGMENTS = (named_segment(1, "Liver"), Segment(2, "odd: ~name|é", (0.25, 0.5, 0.75)), named_segment(5, "Spleen"))


def values_image(shape=(7, 8, 9), seed=0, values=(0, 1, 2, 5), euler=(10, 20, 30), spacing=(0.7, 1.3, 4.0)):
    array = np.random.default_rng(seed).choice(np.array(values, np.uint8), shape)
    return on_grid(array, euler, spacing)


def on_grid(array, euler=(0, 0, 0), spacing=(1.0, 1.0, 1.0), origin=(100.5, -2000.25, 31.125), mirrored=False):
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    matrix = Rotation.from_euler("xyz", euler, degrees=True).as_matrix()
    if mirrored:
        matrix[:, 2] *= -1
    image.SetDirection(matrix.ravel().tolist())
    return image


def array_of(image):
    return sitk.GetArrayFromImage(image)


def volume_like(image, name="CT"):
    return volume_from_image(sitk.Cast(image, sitk.sitkInt16), name, window_level=(1, 0))


def in_order(labels, segments, back_segments):
    """Labels with the values 1, 2, ... that the node's order gives."""
    result = np.zeros_like(array_of(labels))
    for segment, back in zip(segments, back_segments, strict=True):
        result[array_of(labels) == segment.value] = back.value
    return result


@MANY
@given(
    seed=st.integers(0, 1000),
    shape=st.tuples(*[st.integers(1, 8)] * 3),
    euler=st.tuples(*[st.floats(-180, 180)] * 3),
    spacing=st.tuples(*[st.floats(0.1, 10)] * 3),
    origin=st.tuples(*[st.floats(-4000, 4000)] * 3),
    mirrored=st.booleans(),
    values=st.sampled_from([(0, 1, 2, 5), (0,), (0, 0, 0, 0, 0, 0, 0, 5)]),
)
def test_round_trip_is_exact(empty_scene, *, seed, shape, euler, spacing, origin, mirrored, values):
    empty_scene()
    array = np.random.default_rng(seed).choice(np.array(values, np.uint8), shape)
    labels = on_grid(array, euler, spacing, origin, mirrored)
    node = segmentation_from_image(labels, SEGMENTS, "seg", reference_volume=volume_like(labels))
    for reference in (None, labels):
        back, segments = image_from_segmentation(node, reference=reference)
        assert back.GetSize() == labels.GetSize()
        np.testing.assert_array_equal(array_of(back), in_order(labels, SEGMENTS, segments))
        np.testing.assert_allclose(back.GetOrigin(), labels.GetOrigin(), rtol=0, atol=1e-6)
        np.testing.assert_allclose(back.GetDirection(), labels.GetDirection(), rtol=0, atol=1e-9)
        np.testing.assert_allclose(back.GetSpacing(), labels.GetSpacing(), rtol=1e-9)


def test_names_colors_terminology_and_references_are_kept(scene):
    labels = values_image()
    volume = volume_like(labels)
    hierarchy = subject_hierarchy()
    folder = hierarchy.CreateFolderItem(hierarchy.GetSceneItemID(), "study")
    hierarchy.CreateItem(folder, volume)
    node = segmentation_from_image(labels, SEGMENTS, "seg", reference_volume=volume)
    _, segments = image_from_segmentation(node)
    for made, found in zip(SEGMENTS, segments, strict=True):
        assert found.name == made.name
        assert found.terminology == (made.terminology or TISSUE)  # Slicer gives every segment a meaning
        np.testing.assert_allclose(found.color, made.color, atol=1e-9)
    assert node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole()) is volume
    assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node)) == folder
    assert not node.GetSegmentation().ContainsRepresentation("Closed surface")
    assert node.GetDisplayNode() is not None


def test_slicer_itself_sees_the_same_voxels(scene):
    labels = values_image()
    volume = volume_like(labels)
    node = segmentation_from_image(labels, SEGMENTS, "seg", reference_volume=volume)
    identifier = segment_id_by_name(node, "Spleen")
    array = slicer.util.arrayFromSegmentBinaryLabelmap(node, identifier, volume)
    np.testing.assert_array_equal(array > 0, array_of(labels) == 5)


def test_surface_is_made_on_request(scene):
    array = np.zeros((8, 8, 8), np.uint8)
    array[2:6, 2:6, 2:6] = 1
    node = segmentation_from_image(on_grid(array), SEGMENTS[:1], "seg", surface=True)
    surface = vtk.vtkPolyData()
    node.GetClosedSurfaceRepresentation(node.GetSegmentation().GetNthSegmentID(0), surface)
    assert surface.GetNumberOfPoints() > 8


def test_surface_only_segmentation_is_read_without_changing_it(scene):
    sphere = vtk.vtkSphereSource()
    sphere.SetRadius(10)
    sphere.SetThetaResolution(40)
    sphere.SetPhiResolution(40)
    sphere.Update()
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "drawn")
    node.SetSourceRepresentationToClosedSurface()
    node.AddSegmentFromClosedSurfaceRepresentation(sphere.GetOutput(), "ball", (1, 0, 0))
    reference = on_grid(np.zeros((30, 30, 30), np.uint8), origin=(-15.0, -15.0, -15.0))
    labels, segments = image_from_segmentation(node, reference=reference, crop=True)
    assert [segment.name for segment in segments] == ["ball"]
    assert array_of(labels).sum() == pytest.approx(4 / 3 * np.pi * 1000, rel=0.05)
    assert not node.GetSegmentation().ContainsRepresentation("Binary labelmap")


def two_layers(overlap):
    first, second = np.zeros((6, 6, 6), np.uint8), np.zeros((6, 6, 6), np.uint8)
    first[1:4, 1:4, 1:4] = 1
    second[4 - overlap : 5, 1:4, 1:4] = 1
    node = segmentation_from_image(on_grid(first), [Segment(1, "one", (1, 0, 0))], "seg")
    set_segment(node, on_grid(second), Segment(1, "two", (0, 1, 0)))
    return node, first, second


def test_layers_that_do_not_overlap_are_merged(scene):
    node, first, second = two_layers(overlap=0)
    labels, segments = image_from_segmentation(node)
    assert [segment.name for segment in segments] == ["one", "two"]
    np.testing.assert_array_equal(array_of(labels), first + 2 * second)


def test_overlapping_segments_are_refused_by_name(scene):
    node, first, second = two_layers(overlap=1)
    with pytest.raises(InputError, match=r"'two' of segmentation 'seg' overlaps 'one' \(9 voxels\)"):
        image_from_segmentation(node)
    for name, expected in (("one", first), ("two", second)):
        labels, segments = image_from_segmentation(node, segment_ids=[segment_id_by_name(node, name)])
        assert [segment.value for segment in segments] == [1]
        np.testing.assert_array_equal(array_of(labels), expected)


def test_segment_outside_of_the_reference_is_refused_or_cropped(scene):
    labels = on_grid(np.ones((4, 4, 4), np.uint8))
    node = segmentation_from_image(labels, SEGMENTS[:1], "seg")
    small = sitk.RegionOfInterest(labels, [2, 4, 4], [1, 0, 0])
    with pytest.raises(InputError, match="'Liver' of segmentation 'seg' has 32 voxels outside"):
        image_from_segmentation(node, reference=small)
    cropped, _ = image_from_segmentation(node, reference=small, crop=True)
    assert cropped.GetSize() == (2, 4, 4)
    assert array_of(cropped).all()
    away = sitk.Image(small)
    away.SetOrigin((900.0, 0.0, 0.0))
    with pytest.raises(InputError, match="64 voxels outside"):
        image_from_segmentation(node, reference=away)
    empty, _ = image_from_segmentation(node, reference=away, crop=True)
    assert not array_of(empty).any()


def test_own_grid_grows_to_hold_segments_outside_of_the_reference(scene):
    labels = on_grid(np.ones((4, 4, 4), np.uint8))
    volume = volume_like(sitk.RegionOfInterest(labels, [2, 2, 2], [1, 1, 1]))
    node = segmentation_from_image(labels, SEGMENTS[:1], "seg", reference_volume=volume)
    back, _ = image_from_segmentation(node)
    assert array_of(back).sum() == 64


def test_finer_reference_takes_the_nearest_voxels(scene):
    labels = values_image(euler=(0, 0, 0), spacing=(2.0, 2.0, 2.0))
    node = segmentation_from_image(labels, SEGMENTS, "seg")
    fine = sitk.Expand(labels, [2, 2, 2], sitk.sitkNearestNeighbor)
    back, segments = image_from_segmentation(node, reference=fine)
    np.testing.assert_array_equal(array_of(back), in_order(fine, SEGMENTS, segments))


def test_empty_segmentations(scene):
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "none")
    with pytest.raises(InputError, match="no voxel grid: choose a reference"):
        image_from_segmentation(node)
    labels, segments = image_from_segmentation(node, reference=values_image())
    assert segments == ()
    assert not array_of(labels).any()
    node.GetSegmentation().AddEmptySegment("a", "named but empty")
    labels, segments = image_from_segmentation(node, reference=values_image())
    assert [segment.name for segment in segments] == ["named but empty"]
    assert not array_of(labels).any()


def test_rigid_parent_is_taken_up_and_others_refused(scene, parent_transform):
    labels = values_image()
    node = segmentation_from_image(labels, SEGMENTS, "seg", reference_volume=volume_like(labels))
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", [5, 6, 7], degrees=True).as_matrix()
    matrix[:3, 3] = (10, 20, 30)
    transform = parent_transform(node, matrix)
    moved, segments = image_from_segmentation(node)
    np.testing.assert_array_equal(array_of(moved), in_order(labels, SEGMENTS, segments))
    flip = np.diag([-1.0, -1, 1, 1])
    expected = (flip @ matrix @ flip @ [*labels.TransformIndexToPhysicalPoint((3, 4, 5)), 1])[:3]
    np.testing.assert_allclose(moved.TransformIndexToPhysicalPoint((3, 4, 5)), expected, atol=1e-6)
    # Written back under the parent, it stays where it is in the world.
    segmentation_from_image(moved, segments, "x", node=node)
    again, _ = image_from_segmentation(node)
    np.testing.assert_allclose(again.GetOrigin(), moved.GetOrigin(), atol=1e-6)
    np.testing.assert_array_equal(array_of(again), array_of(moved))
    slicer.util.updateTransformMatrixFromArray(transform, np.diag([2.0, 1, 1, 1]))
    with pytest.raises(InputError, match="harden"):
        image_from_segmentation(node)


def test_set_segment_replaces_one_and_leaves_the_others(scene):
    labels = values_image()
    node = segmentation_from_image(labels, SEGMENTS, "seg", surface=True)
    identifier = segment_id_by_name(node, "Liver")
    everything = on_grid(np.ones((7, 8, 9), np.uint8), (10, 20, 30), (0.7, 1.3, 4.0))
    assert set_segment(node, everything, Segment(1, "ignored", (0, 0, 0), identifier=identifier)) == identifier
    assert node.GetSegmentation().GetNumberOfSegments() == 3
    assert node.GetSegmentation().GetSegment(identifier).GetName() == "Liver"
    liver, _ = image_from_segmentation(node, segment_ids=[identifier])
    assert array_of(liver).all()
    spleen, _ = image_from_segmentation(node, segment_ids=[segment_id_by_name(node, "Spleen")])
    np.testing.assert_array_equal(array_of(spleen) > 0, array_of(labels) == 5)
    first, second = (set_segment(node, everything, Segment(1, "new", (0, 0, 0))) for _ in range(2))
    assert first != second


def test_two_sides_do_not_share_memory(scene):
    labels = values_image()
    node = segmentation_from_image(labels, SEGMENTS, "seg")
    before, _ = image_from_segmentation(node)
    copy = array_of(before)
    labels[0, 0, 0] = 2 if labels[0, 0, 0] == 1 else 1
    after, _ = image_from_segmentation(node)
    np.testing.assert_array_equal(array_of(after), copy)


@pytest.mark.parametrize("name", ["scene.mrml", "scene.mrb"])
def test_saved_and_reloaded_scene_holds_the_same_segments(scene, tmp_path, name):
    labels = values_image()
    segmentation_from_image(labels, SEGMENTS, "seg", reference_volume=volume_like(labels))
    save_scene(tmp_path / name)
    load_scene(tmp_path / name)
    node = slicer.util.getNode("seg")
    back, segments = image_from_segmentation(node, reference=labels)
    np.testing.assert_array_equal(array_of(back), in_order(labels, SEGMENTS, segments))
    assert [segment.name for segment in segments] == [segment.name for segment in SEGMENTS]
    assert segments[0].terminology == SEGMENTS[0].terminology
    np.testing.assert_allclose(segments[1].color, SEGMENTS[1].color, atol=1 / 255)
    assert node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole()).GetName() == "CT"


def test_many_segments_need_16_bits(scene):
    array = np.arange(300, dtype=np.uint16).reshape(3, 10, 10)
    segments = [Segment(value, f"s{value}", (1, 0, 0)) for value in range(1, 300)]
    node = segmentation_from_image(on_grid(array), segments, "seg")
    back, found = image_from_segmentation(node)
    assert back.GetPixelID() == sitk.sitkUInt16
    assert len(found) == 299
    np.testing.assert_array_equal(array_of(back), array)


def test_bad_input_is_refused_and_the_scene_unchanged(scene):
    labels = values_image()
    volume = volume_like(labels)
    count = scene.GetNumberOfNodes()
    cases = [
        (lambda: segmentation_from_image(labels, SEGMENTS[:2], "x"), r"values \[5\] that no segment has"),
        (lambda: segmentation_from_image(sitk.Cast(labels, sitk.sitkFloat32), SEGMENTS, "x"), "whole numbers"),
        (lambda: segmentation_from_image(labels[:, :, 0], SEGMENTS, "x"), "2 dimensions"),
        (lambda: segmentation_from_image(labels, [*SEGMENTS, named_segment(5, "again")], "x"), "same value 5"),
        (lambda: segmentation_from_image(labels, SEGMENTS, "x", node=volume), "expected a segmentation"),
        (lambda: image_from_segmentation(None), "no segmentation is chosen"),
        (lambda: image_from_segmentation(volume), "'CT' is a Volume, expected a segmentation"),
    ]
    for call, word in cases:
        with pytest.raises(InputError, match=word):
            call()
    assert scene.GetNumberOfNodes() == count
    node = segmentation_from_image(labels, SEGMENTS, "x")
    with pytest.raises(InputError, match="has no segment 'nobody'"):
        image_from_segmentation(node, segment_ids=["nobody"])


def test_overlapping_segments_come_in_several_label_maps(scene):
    from MedDeepRegSegLib.mrml.segmentations import images_from_segmentation

    arrays = np.zeros((3, 10, 12, 14), np.uint8)
    arrays[0, 2:8, 2:8, 2:8] = 1
    arrays[1, 4:9, 4:9, 4:9] = 1  # overlaps the first
    arrays[2, 0:2, 0:2, 0:2] = 1  # overlaps neither
    node = None
    for name, array in zip(("Large", "Inside", "Apart"), arrays, strict=True):
        mask = sitk.GetImageFromArray(array)
        if node is None:
            node = segmentation_from_image(mask, [Segment(1, name, (1.0, 0.0, 0.0))], "Overlaps")
        else:
            set_segment(node, mask, Segment(1, name, (0.0, 1.0, 0.0)))
    images = images_from_segmentation(node)
    assert [segment.name for _, segments in images for segment in segments] == ["Large", "Inside", "Apart"]
    found = {
        segment.name: sitk.GetArrayFromImage(labels) == segment.value
        for labels, segments in images
        for segment in segments
    }
    for name, array in zip(("Large", "Inside", "Apart"), arrays, strict=True):
        np.testing.assert_array_equal(found[name], array > 0)
