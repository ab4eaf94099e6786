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
from MedDeepRegSegLib.mrml.transforms import (
    FIXED_ROLE,
    MOVING_ROLE,
    node_from_transform,
    registration_nodes,
    transform_from_node,
    transform_points_of_node,
)
from MedDeepRegSegLib.mrml.volumes import image_from_volume, volume_from_image

MANY = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
LINEAR = 1e-6


def mapped(transform, points):
    return np.array([transform.TransformPoint(point.tolist()) for point in points])


def blob_image(size=(40, 36, 30), spacing=(1.5, 2.0, 2.5), origin=(-30.0, -35.0, -32.0), euler=(5, -7, 10)):
    """Smooth image (three Gaussians) on an oblique grid."""
    image = sitk.Image(size, sitk.sitkFloat32)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    image.SetDirection(Rotation.from_euler("xyz", euler, degrees=True).as_matrix().ravel().tolist())
    total = None
    for sigma, mean in ((12, (0.5, 0.5, 0.5)), (7, (0.35, 0.6, 0.4)), (5, (0.6, 0.3, 0.6))):
        center = image.TransformContinuousIndexToPhysicalPoint([m * s for m, s in zip(mean, size, strict=True)])
        blob = sitk.PhysicalPointSource(sitk.sitkVectorFloat64, size, origin, spacing, image.GetDirection())
        parts = [sitk.VectorIndexSelectionCast(blob, axis) - center[axis] for axis in range(3)]
        squared = parts[0] ** 2 + parts[1] ** 2 + parts[2] ** 2
        blob = sitk.Exp(squared * (-0.5 / sigma**2)) * 100
        total = blob if total is None else total + blob
    return sitk.Cast(total, sitk.sitkFloat32)


def points_inside(image, count=300, margin=0.0, seed=0):
    rng = np.random.default_rng(seed)
    size = np.array(image.GetSize()) - 1
    indices = (margin + (1 - 2 * margin) * rng.uniform(0, 1, (count, 3))) * size
    return np.array([image.TransformContinuousIndexToPhysicalPoint(index.tolist()) for index in indices])


def spline(image, scale_mm=4.0, seed=0):
    transform = sitk.BSplineTransformInitializer(image, [4, 5, 3])
    rng = np.random.default_rng(seed)
    transform.SetParameters(rng.normal(0, scale_mm, len(transform.GetParameters())).tolist())
    return transform


def field(transform, image):
    return sitk.DisplacementFieldTransform(
        sitk.TransformToDisplacementField(
            transform,
            sitk.sitkVectorFloat64,
            image.GetSize(),
            image.GetOrigin(),
            image.GetSpacing(),
            image.GetDirection(),
        )
    )


# Hundredths of a degree: with angles like 1e-293 ITK's own inverse of a direction matrix fails ("suspicious return value
# from SVDC"), and there is nothing right to compare with.
ANGLES = st.tuples(*[st.integers(-9000, 9000).map(lambda hundredths: hundredths / 100)] * 3)


@MANY
@given(
    st.tuples(*[st.floats(-3, 3)] * 9).filter(lambda m: abs(np.linalg.det(np.reshape(m, (3, 3)))) > 0.1),
    st.tuples(*[st.floats(-3000, 3000)] * 3),
    st.tuples(*[st.floats(-3000, 3000)] * 3),
)
def test_any_affine_passes_both_ways(empty_scene, matrix, translation, center):
    empty_scene()
    transform = sitk.AffineTransform(matrix, translation, center)
    node = node_from_transform(transform, "affine")
    points = np.random.default_rng(0).uniform(-1000, 1000, (20, 3))
    np.testing.assert_allclose(transform_points_of_node(node, points), mapped(transform, points), rtol=0, atol=LINEAR)
    np.testing.assert_allclose(
        mapped(transform_from_node(node), points), mapped(transform, points), rtol=0, atol=LINEAR
    )


@pytest.mark.parametrize(
    "transform",
    [
        sitk.Transform(3, sitk.sitkIdentity),
        sitk.TranslationTransform(3, (1.0, 2.0, 3.0)),
        sitk.ScaleTransform(3, (1.0, 2.0, 0.5)),
        sitk.Euler3DTransform((10.0, 20.0, 30.0), 0.1, 0.2, 0.3, (5.0, 5.0, 5.0)),
        sitk.VersorRigid3DTransform((0.1, 0.2, 0.3, 0.9), (4.0, 5.0, 6.0)),
        sitk.VersorTransform((0.1, 0.2, 0.3, 0.9)),
        sitk.Similarity3DTransform(1.3, (0.1, 0.2, 0.3, 0.9), (4.0, 5.0, 6.0), (7.0, 8.0, 9.0)),
        sitk.ScaleSkewVersor3DTransform(),
        sitk.CompositeTransform([sitk.TranslationTransform(3, (1.0, 2.0, 3.0)), sitk.ScaleTransform(3, (1, 2, 3))]),
        sitk.CompositeTransform(3),
    ],
    ids=lambda transform: transform.GetName(),
)
def test_linear_kinds_become_linear_nodes(scene, transform):
    node = node_from_transform(transform, "linear")
    assert node.GetClassName() == "vtkMRMLLinearTransformNode"
    points = np.random.default_rng(0).uniform(-500, 500, (20, 3))
    np.testing.assert_allclose(transform_points_of_node(node, points), mapped(transform, points), rtol=0, atol=LINEAR)
    np.testing.assert_allclose(
        mapped(transform_from_node(node), points), mapped(transform, points), rtol=0, atol=LINEAR
    )


@MANY
@given(st.integers(0, 10_000), ANGLES, st.tuples(*[st.floats(0.3, 8)] * 3))
def test_spline_passes_both_ways(empty_scene, seed, euler, spacing):
    empty_scene()
    image = blob_image(size=(9, 8, 7), euler=euler, spacing=spacing)
    transform = spline(image, seed=seed)
    node = node_from_transform(transform, "spline")
    assert node.GetClassName() == "vtkMRMLBSplineTransformNode"
    points = points_inside(image, 50)
    np.testing.assert_allclose(transform_points_of_node(node, points), mapped(transform, points), rtol=0, atol=1e-6)
    back = transform_from_node(node)
    np.testing.assert_array_equal(back.GetParameters(), transform.GetParameters())
    np.testing.assert_allclose(mapped(back, points), mapped(transform, points), rtol=0, atol=1e-6)


@MANY
@given(st.integers(0, 10_000), ANGLES, st.tuples(*[st.floats(0.3, 8)] * 3))
def test_field_passes_both_ways(empty_scene, seed, euler, spacing):
    empty_scene()
    image = blob_image(size=(9, 8, 7), euler=euler, spacing=spacing)
    vectors = np.random.default_rng(seed).normal(0, 3, (7, 8, 9, 3))
    displacements = sitk.GetImageFromArray(vectors, isVector=True)
    displacements.CopyInformation(image)
    transform = sitk.DisplacementFieldTransform(sitk.Image(displacements))
    node = node_from_transform(transform, "field")
    assert node.GetClassName() == "vtkMRMLGridTransformNode"
    back = sitk.DisplacementFieldTransform(transform_from_node(node)).GetDisplacementField()
    np.testing.assert_array_equal(sitk.GetArrayViewFromImage(back), vectors)
    np.testing.assert_allclose(back.GetDirection(), image.GetDirection(), rtol=0, atol=1e-12)
    np.testing.assert_allclose(back.GetOrigin(), image.GetOrigin(), rtol=0, atol=1e-9)
    # VTK rounds the place between two voxels to 1/65536 of their distance along each axis, and so the vector by that
    # part of their difference.
    steps = [np.abs(np.diff(vectors, axis=axis)).max() for axis in range(3)]
    points = points_inside(image, 50, margin=0.001)
    np.testing.assert_allclose(
        transform_points_of_node(node, points), mapped(transform, points), rtol=0, atol=sum(steps) / 65536 + 1e-6
    )


def test_smooth_field_maps_points_to_a_hundredth_of_a_micron_scale(scene):
    image = blob_image()
    transform = field(spline(image), image)
    node = node_from_transform(transform, "field")
    points = points_inside(image, margin=0.001)
    error = np.abs(transform_points_of_node(node, points) - mapped(transform, points)).max()
    assert error < 5e-5


def test_composite_keeps_its_order_and_parents_come_first(scene):
    image = blob_image()
    rigid = sitk.Euler3DTransform((1.0, 2.0, 3.0), 0.05, 0.0, 0.03, (5.0, 5.0, 5.0))
    inner = sitk.CompositeTransform([sitk.AffineTransform(3), spline(image, 2.0)])
    transform = sitk.CompositeTransform([rigid, inner, sitk.TranslationTransform(3, (0.5, -0.5, 0.25))])
    node = node_from_transform(transform, "composite")
    assert node.GetClassName() == "vtkMRMLTransformNode"
    points = points_inside(image, margin=0.2)
    np.testing.assert_allclose(transform_points_of_node(node, points), mapped(transform, points), rtol=0, atol=1e-6)
    np.testing.assert_allclose(mapped(transform_from_node(node), points), mapped(transform, points), rtol=0, atol=1e-6)

    parent = node_from_transform(sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.0, 0.1, 0.05, (1.0, 2.0, 3.0)), "parent")
    node.SetAndObserveTransformNodeID(parent.GetID())
    both = mapped(transform, mapped(transform_from_node(parent), points))
    np.testing.assert_allclose(mapped(transform_from_node(node), points), both, rtol=0, atol=1e-6)
    np.testing.assert_allclose(transform_points_of_node(node, points), both, rtol=0, atol=1e-6)


def test_direction_is_from_parent(scene):
    """Moving points go to fixed points through the node's transform to parent, as Slicer's users expect."""
    transform = sitk.TranslationTransform(
        3, (10.0, 0.0, 0.0)
    )  # a fixed point lies 10 mm further left in the moving image
    node = node_from_transform(transform, "shift")
    assert node.GetTransformFromParent().TransformPoint(0, 0, 0) == (-10, 0, 0)  # left is negative in RAS
    assert node.GetTransformToParent().TransformPoint(-10, 0, 0) == (0, 0, 0)


def compare_hardened(moving, transform, tolerance):
    """A hardened moving volume holds what SimpleITK resamples through the same transform."""
    volume = volume_from_image(moving, "moving", window_level=(100, 50))
    node = node_from_transform(transform, "registration", moving=volume)
    volume.SetAndObserveTransformNodeID(node.GetID())
    assert slicer.modules.transforms.logic().hardenTransform(volume)
    hardened = image_from_volume(volume)
    background = float(sitk.GetArrayViewFromImage(moving).min())
    expected = sitk.Resample(moving, hardened, transform, sitk.sitkLinear, background)
    difference = np.abs(sitk.GetArrayFromImage(hardened) - sitk.GetArrayFromImage(expected))
    # Outside of the spline's domain (the moving image's box here) ITK and VTK continue differently.
    domain = sitk.Resample(moving * 0 + 1, hardened, sitk.Transform(), sitk.sitkLinear, 0.0)
    inside = (sitk.GetArrayViewFromImage(expected) > 5) & (sitk.GetArrayViewFromImage(domain) > 0.99)
    assert inside.mean() > 0.2
    assert difference[inside].max() < tolerance


def test_hardening_a_linear_node_moves_the_volume_onto_fixed(scene):
    transform = sitk.Euler3DTransform((10.0, -20.0, 5.0), 0.1, -0.2, 0.3, (5.0, 5.0, 5.0))
    compare_hardened(blob_image(), transform, 1e-3)


def test_hardening_warped_nodes_resamples_as_simpleitk(scene):
    image = blob_image()
    transform = spline(image, 2.0)
    compare_hardened(image, transform, 0.02)
    compare_hardened(image, field(transform, image), 0.02)
    rigid = sitk.Euler3DTransform((2.0, 1.0, 0.0), 0.02, 0.0, 0.05)
    compare_hardened(image, sitk.CompositeTransform([rigid, transform]), 0.02)


def test_inverse_brings_points_back(scene):
    image = blob_image()
    for transform, tolerance in (
        (sitk.Euler3DTransform((1.0, 2.0, 3.0), 0.1, 0.2, 0.3), 1e-9),
        (spline(image, 1.0), 1e-2),
    ):
        node = node_from_transform(transform, "t")
        points = points_inside(image, margin=0.2)
        forward = transform_points_of_node(node, points)
        node.Inverse()
        np.testing.assert_allclose(transform_points_of_node(node, forward), points, rtol=0, atol=tolerance)


def test_inverse_warp_is_sampled_on_a_reference_with_a_known_error(scene):
    image = blob_image()
    node = node_from_transform(spline(image, 1.0), "warp")
    node.Inverse()
    with pytest.raises(InputError, match=r"'warp' has no exact counterpart.*reference volume"):
        transform_from_node(node)
    sampled = transform_from_node(node, reference=image, tolerance_mm=0.05)
    points = points_inside(image, margin=0.05, seed=1)
    error = np.linalg.norm(mapped(sampled, points) - transform_points_of_node(node, points), axis=1)
    assert error.max() < 0.05
    with pytest.raises(InputError, match="expected at most 1e-06 mm"):
        transform_from_node(node, reference=image, tolerance_mm=1e-6)


def test_thin_plate_spline_is_sampled(scene):
    node = scene.AddNewNodeByClass("vtkMRMLTransformNode", "landmarks")
    thin_plate = vtk.vtkThinPlateSplineTransform()
    thin_plate.SetBasisToR()
    source, target = vtk.vtkPoints(), vtk.vtkPoints()
    for position in np.ndindex(2, 2, 2):
        source.InsertNextPoint(*(40.0 * np.array(position) - 20))
        target.InsertNextPoint(*(40.0 * np.array(position) - 20 + 2 * (position[0] == position[1])))
    thin_plate.SetSourceLandmarks(source)
    thin_plate.SetTargetLandmarks(target)
    node.SetAndObserveTransformFromParent(thin_plate)
    image = blob_image()
    transform = transform_from_node(node, reference=image)
    points = points_inside(image, margin=0.05)
    np.testing.assert_allclose(mapped(transform, points), transform_points_of_node(node, points), rtol=0, atol=0.05)


def test_references_and_place_are_recorded(scene):
    fixed, moving = (volume_from_image(blob_image(), name, window_level=(1, 0)) for name in ("fixed", "moving"))
    hierarchy = subject_hierarchy()
    folder = hierarchy.CreateFolderItem(hierarchy.GetSceneItemID(), "study")
    hierarchy.CreateItem(folder, moving)
    node = node_from_transform(sitk.Euler3DTransform(), "t", fixed=fixed, moving=moving)
    assert registration_nodes(node) == (fixed, moving)
    assert slicer.vtkMRMLTransformNode.GetFixedNodeReferenceRole() == FIXED_ROLE
    assert slicer.vtkMRMLTransformNode.GetMovingNodeReferenceRole() == MOVING_ROLE
    assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node)) == folder


@pytest.mark.parametrize("kind", ["linear", "spline", "field", "composite"])
def test_saved_and_reloaded_scene_maps_the_same_points(scene, tmp_path, kind):
    image = blob_image()
    fixed = volume_from_image(image, "fixed", window_level=(100, 50))
    rigid = sitk.Euler3DTransform((1.0, 2.0, 3.0), 0.05, 0.0, 0.03, (5.0, 5.0, 5.0))
    warp = spline(image, 2.0)
    transform = {
        "linear": rigid,
        "spline": warp,
        "field": field(warp, image),
        "composite": sitk.CompositeTransform([rigid, warp]),
    }[kind]
    node_from_transform(transform, "t", fixed=fixed)
    save_scene(tmp_path / "scene.mrb")
    load_scene(tmp_path / "scene.mrb")
    node = slicer.util.getNode("t")
    assert registration_nodes(node)[0].GetName() == "fixed"
    points = points_inside(image, margin=0.1)
    # Slicer reads fields with cubic interpolation, so between voxels they differ a little; see the module's text.
    tolerance = 0.05 if kind == "field" else 1e-5
    np.testing.assert_allclose(
        transform_points_of_node(node, points), mapped(transform, points), rtol=0, atol=tolerance
    )
    np.testing.assert_allclose(mapped(transform_from_node(node), points), mapped(transform, points), rtol=0, atol=1e-5)


def test_bad_transforms_and_nodes_are_refused(scene):
    volume = volume_from_image(blob_image(size=(5, 5, 5)), "v", window_level=(1, 0))
    count = scene.GetNumberOfNodes()
    with pytest.raises(InputError, match="2 dimensions"):
        node_from_transform(sitk.Euler2DTransform(), "flat")
    with pytest.raises(InputError, match=r"no counterpart.*displacement field"):
        node_from_transform(sitk.BSplineTransformInitializer(blob_image(), [4, 4, 4], 2), "quadratic")
    with pytest.raises(InputError, match="expected a transform"):
        transform_from_node(volume)
    with pytest.raises(InputError, match="expected a transform"):
        node_from_transform(sitk.Euler3DTransform(), "t", node=volume)
    assert scene.GetNumberOfNodes() == count
    linear = node_from_transform(sitk.Euler3DTransform(), "linear")
    with pytest.raises(InputError, match="pick another output transform"):
        node_from_transform(spline(blob_image()), "t", node=linear)
    generic = scene.AddNewNodeByClass("vtkMRMLTransformNode", "any")
    assert node_from_transform(sitk.TranslationTransform(3, (1.0, 0.0, 0.0)), "t", node=generic) is generic
    generic.SetAndObserveTransformNodeID(linear.GetID())
    with pytest.raises(InputError, match="take it out"):
        node_from_transform(sitk.Euler3DTransform(), "t", node=generic)
    assert transform_from_node(None).TransformPoint((1.0, 2.0, 3.0)) == (1.0, 2.0, 3.0)
