import numpy as np
import pytest
import SimpleITK as sitk
import slicer
import slicer.util
import vtk
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps
from scipy.spatial.transform import Rotation

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.geometry import RAS_LPS, array_of_matrix
from MedDeepRegSegLib.mrml.scene import load_scene, save_scene, subject_hierarchy
from MedDeepRegSegLib.mrml.volumes import image_from_volume, volume_from_image

DTYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]
MANY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def rotations(draw, mirrored=True):
    quaternion = draw(st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: np.linalg.norm(q) > 0.1))
    matrix = Rotation.from_quat(quaternion).as_matrix()
    if mirrored and draw(st.booleans()):
        matrix[:, 2] *= -1
    return matrix


@st.composite
def images(draw, dtypes=DTYPES):
    shape = draw(st.tuples(*[st.integers(1, 6)] * 3))
    array = draw(nps.arrays(np.dtype(draw(st.sampled_from(dtypes))), shape))
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(draw(st.tuples(*[st.floats(0.1, 10)] * 3)))
    image.SetOrigin(draw(st.tuples(*[st.floats(-5000, 5000)] * 3)))
    image.SetDirection(draw(rotations()).ravel().tolist())
    return image


@st.composite
def rigid_matrices(draw):
    matrix = np.eye(4)
    matrix[:3, :3] = draw(rotations())
    matrix[:3, 3] = draw(st.tuples(*[st.floats(-2000, 2000)] * 3))
    return matrix


def corners(image):
    size = np.array(image.GetSize()) - 1
    return np.array(
        [image.TransformIndexToPhysicalPoint([int(v) for v in size * corner]) for corner in np.ndindex(2, 2, 2)]
    )


def node_point(node, index):
    """RAS world position of a voxel through the node's own matrices and transforms."""
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    local = matrix.MultiplyPoint([*[float(v) for v in index], 1])[:3]
    world = [0.0] * 3
    node.TransformPointToWorld(local, world)
    return np.array(world)


def bits(image):
    return sitk.GetArrayViewFromImage(image).tobytes()


@MANY
@given(images())
def test_round_trip_is_exact(empty_scene, image):
    empty_scene()
    node = volume_from_image(image, "volume", window_level=(1, 0))
    back = image_from_volume(node)
    assert bits(back) == bits(image)
    assert back.GetPixelID() == image.GetPixelID()
    assert back.GetSize() == image.GetSize()
    np.testing.assert_allclose(corners(back), corners(image), rtol=0, atol=1e-9)
    # The node itself says the same in RAS.
    last = np.array(image.GetSize()) - 1
    np.testing.assert_allclose(node_point(node, last) * (-1, -1, 1), corners(image)[-1], rtol=0, atol=1e-9)


@MANY
@given(images(dtypes=["int16"]), rigid_matrices())
def test_rigid_parent_is_taken_up(empty_scene, image, matrix):
    scene = empty_scene()
    node = volume_from_image(image, "volume", window_level=(1, 0))
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    slicer.util.updateTransformMatrixFromArray(transform, matrix)
    node.SetAndObserveTransformNodeID(transform.GetID())
    moved = image_from_volume(node)
    assert bits(moved) == bits(image)
    np.testing.assert_allclose(moved.GetSpacing(), image.GetSpacing(), rtol=1e-12)
    last = np.array(image.GetSize()) - 1
    for corner, position in zip(np.ndindex(2, 2, 2), corners(moved), strict=True):
        np.testing.assert_allclose(position, node_point(node, last * corner) * (-1, -1, 1), rtol=0, atol=1e-6)
    # Written back into the node under its parent, it lies where the image lies.
    volume_from_image(moved, "ignored", node=node)
    np.testing.assert_allclose(corners(image_from_volume(node)), corners(moved), rtol=0, atol=1e-6)


@given(nps.arrays(np.uint32, (2, 3, 4)))
@example(np.full((2, 3, 4), 0x7FC12345, np.uint32))  # a NaN with a payload
@example(np.full((2, 3, 4), 0xFFC00001, np.uint32))
@settings(max_examples=30, deadline=None)
def test_any_float_pattern_passes_bit_exact(empty_scene, pattern):
    empty_scene()
    image = sitk.GetImageFromArray(pattern.view(np.float32))
    back = image_from_volume(volume_from_image(image, "volume", window_level=(1, 0)))
    assert bits(back) == pattern.tobytes()


def ramp(dtype="int16"):
    image = sitk.GetImageFromArray(np.arange(4 * 5 * 6).reshape(4, 5, 6).astype(dtype))
    image.SetSpacing((0.5, 1.5, 3.0))
    return image


def test_both_directions_copy(scene):
    image = ramp()
    node = volume_from_image(image, "volume")
    image[0, 0, 0] = 99
    assert slicer.util.arrayFromVolume(node)[0, 0, 0] == 0
    taken = image_from_volume(node)
    slicer.util.arrayFromVolume(node)[1, 1, 1] = -7
    slicer.util.arrayFromVolumeModified(node)
    assert taken[1, 1, 1] == 1 * 30 + 1 * 6 + 1
    taken[2, 2, 2] = -9
    assert slicer.util.arrayFromVolume(node)[2, 2, 2] == 2 * 30 + 2 * 6 + 2


def test_label_map_node(scene):
    node = volume_from_image(ramp("uint8"), "labels", label_map=True)
    assert node.GetClassName() == "vtkMRMLLabelMapVolumeNode"
    assert bits(image_from_volume(node)) == bits(ramp("uint8"))
    with pytest.raises(InputError, match="whole numbers"):
        volume_from_image(ramp("float32"), "labels", label_map=True)


def test_nested_parents_and_cropped_extent(scene, parent_transform):
    node = volume_from_image(ramp(), "volume")
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", [10, 20, 30], degrees=True).as_matrix()
    inner = parent_transform(node, matrix)
    matrix[:3, 3] = (100, -50, 7)
    parent_transform(inner, matrix)
    clip = vtk.vtkImageClip()
    clip.SetInputData(node.GetImageData())
    clip.SetOutputWholeExtent(2, 4, 1, 3, 1, 2)
    clip.ClipDataOn()
    clip.Update()
    node.SetAndObserveImageData(clip.GetOutput())
    image = image_from_volume(node)
    assert image[0, 0, 0] == 1 * 30 + 1 * 6 + 2
    expected = node_point(node, (2, 1, 1)) * (-1, -1, 1)
    np.testing.assert_allclose(image.GetOrigin(), expected, atol=1e-9)


@pytest.mark.parametrize(
    ("matrix", "word"),
    [
        (np.diag([1.0, 1.0, 1.1, 1.0]), "scaling or shearing"),
        (np.array([[1, 0.2, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]), "scaling or shearing"),
    ],
)
def test_scaled_or_sheared_parent_is_refused(scene, parent_transform, matrix, word):
    node = volume_from_image(ramp(), "CT")
    parent_transform(node, matrix)
    with pytest.raises(InputError, match=f"'CT' is under the {word} transform 'parent': harden"):
        image_from_volume(node)
    before = slicer.util.arrayFromVolume(node).copy()
    with pytest.raises(InputError, match="harden"):
        volume_from_image(ramp() * 2, "x", node=node)
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(node), before)


def test_warped_parent_is_refused_and_works_once_hardened(scene):
    node = volume_from_image(ramp("float32"), "CT")
    warp = scene.AddNewNodeByClass("vtkMRMLTransformNode", "warp")
    spline = vtk.vtkThinPlateSplineTransform()
    spline.SetBasisToR()
    points, moved = vtk.vtkPoints(), vtk.vtkPoints()
    for position in np.ndindex(2, 2, 2):
        points.InsertNextPoint(*(10.0 * np.array(position)))
        moved.InsertNextPoint(*(10.0 * np.array(position) + (np.sum(position) == 3)))
    spline.SetSourceLandmarks(points)
    spline.SetTargetLandmarks(moved)
    warp.SetAndObserveTransformToParent(spline)
    node.SetAndObserveTransformNodeID(warp.GetID())
    with pytest.raises(InputError, match="non-linear transform 'warp': harden"):
        image_from_volume(node)
    assert node.HardenTransform()
    assert image_from_volume(node).GetSize()[0] > 0


def test_other_kinds_of_nodes_are_refused(scene):
    with pytest.raises(InputError, match="no fixed volume is chosen"):
        image_from_volume(None, what="fixed volume")
    vector = scene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "RGB")
    vector.SetAndObserveImageData(_components(3))
    with pytest.raises(InputError, match=r"'RGB' has 3 components.*Vector to Scalar"):
        image_from_volume(vector)
    disguised = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "time")
    disguised.SetAndObserveImageData(_components(7))
    with pytest.raises(InputError, match="'time' has 7 components"):
        image_from_volume(disguised)
    diffusion = scene.AddNewNodeByClass("vtkMRMLDiffusionWeightedVolumeNode", "DWI")
    with pytest.raises(InputError, match="DWI"):
        image_from_volume(diffusion)
    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "cine")
    with pytest.raises(InputError, match="time sequence"):
        image_from_volume(sequence)
    with pytest.raises(InputError, match="expected a scalar volume"):
        image_from_volume(scene.AddNewNodeByClass("vtkMRMLModelNode", "m"))
    with pytest.raises(InputError, match="no voxels"):
        image_from_volume(scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "empty"))


def _components(count, kind=vtk.VTK_SHORT):
    image_data = vtk.vtkImageData()
    image_data.SetDimensions(3, 3, 3)
    image_data.AllocateScalars(kind, count)
    return image_data


def test_64_bit_integers_are_refused_both_ways(scene):
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "big")
    node.SetAndObserveImageData(_components(1, vtk.VTK_LONG_LONG))
    with pytest.raises(InputError, match=r"64-bit integer.*cast"):
        image_from_volume(node)
    count = scene.GetNumberOfNodes()
    with pytest.raises(InputError, match="cast it"):
        volume_from_image(sitk.GetImageFromArray(np.zeros((2, 2, 2), np.int64)), "big")
    assert scene.GetNumberOfNodes() == count


@pytest.mark.parametrize(
    ("image", "word"),
    [
        (sitk.Image([4, 4], sitk.sitkInt16), "2 dimensions"),
        (sitk.Image([4, 4, 4, 2], sitk.sitkInt16), "4 dimensions"),
        (sitk.Image([4, 4, 4], sitk.sitkVectorFloat32, 3), "3 components"),
        (sitk.Image([4, 4, 4], sitk.sitkComplexFloat32), "complex"),
    ],
)
def test_other_kinds_of_images_are_refused(scene, image, word):
    count = scene.GetNumberOfNodes()
    with pytest.raises(InputError, match=word):
        volume_from_image(image, "x")
    assert scene.GetNumberOfNodes() == count


def test_sheared_grid_is_refused(scene):
    node = volume_from_image(ramp(), "sheared")
    directions = np.eye(3)
    directions[0, 1] = 0.2
    node.SetIJKToRASDirections(directions.tolist())
    with pytest.raises(InputError, match="right angles"):
        image_from_volume(node)


def test_output_node_keeps_its_display_and_name(scene):
    node = volume_from_image(ramp(), "first", window_level=(40, 20))
    image = ramp() * 3
    assert volume_from_image(image, "second", node=node) is node
    assert node.GetName() == "first"
    assert (node.GetDisplayNode().GetWindow(), node.GetDisplayNode().GetLevel()) == (40, 20)
    with pytest.raises(InputError, match="pick another output"):
        volume_from_image(image, "x", node=node, label_map=True)


def test_new_volume_is_beside_its_input_with_a_fixed_window(scene):
    hierarchy = subject_hierarchy()
    first = volume_from_image(ramp(), "first")
    folder = hierarchy.CreateFolderItem(hierarchy.GetSceneItemID(), "study")
    hierarchy.CreateItem(folder, first)
    second = volume_from_image(ramp(), "first", beside=first)
    assert second.GetName() != "first"
    assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(second)) == folder
    display = second.GetDisplayNode()
    assert not display.GetAutoWindowLevel()
    assert display.GetWindow() > 0


@pytest.mark.parametrize("name", ["scene.mrml", "scene.mrb"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_saved_and_reloaded_scene_holds_the_same_image(scene, tmp_path, name, dtype):
    image = ramp(dtype)
    image.SetOrigin((1234.5678901, -987.654321, 0.1))
    image.SetDirection(Rotation.from_euler("xyz", [10, 20, 30], degrees=True).as_matrix().ravel().tolist())
    volume_from_image(image, "volume")
    save_scene(tmp_path / name)
    load_scene(tmp_path / name)
    back = image_from_volume(slicer.util.getNode("volume"))
    assert back.GetPixelID() == image.GetPixelID()
    assert bits(back) == bits(image)
    np.testing.assert_allclose(corners(back), corners(image), rtol=0, atol=1e-6)


def test_flip_is_its_own_inverse():
    np.testing.assert_array_equal(RAS_LPS @ RAS_LPS, np.eye(4))
    matrix = vtk.vtkMatrix4x4()
    np.testing.assert_array_equal(array_of_matrix(matrix), np.eye(4))


def test_real_mr_volume_reads_as_simpleitk_reads_it(scene, shared_data):
    paths = sorted(shared_data.rglob("*.nrrd")) + sorted(shared_data.rglob("*.nii.gz"))
    path = next((p for p in paths if p.stat().st_size < 30e6 and _is_scalar_volume(p)), None)
    if path is None:
        pytest.skip("no scalar volume among the real images")
    direct = sitk.ReadImage(str(path))
    logic = slicer.modules.volumes.logic()
    image = image_from_volume(logic.AddArchetypeVolume(str(path), "real", logic.SingleFile))
    assert sorted(image.GetSize()) == sorted(direct.GetSize())
    # Slicer may reverse axes of a file; every voxel must keep its place in the world.
    np.testing.assert_array_equal(voxels_in_place(image, direct), sitk.GetArrayViewFromImage(direct))


def voxels_in_place(image, reference):
    return sitk.GetArrayFromImage(sitk.Resample(image, reference, sitk.Transform(), sitk.sitkNearestNeighbor, -12345))


def test_left_handed_volume_keeps_its_places_through_a_file(scene, tmp_path):
    image = ramp()
    image.SetDirection((1, 0, 0, 0, 1, 0, 0, 0, -1))
    volume_from_image(image, "volume")
    save_scene(tmp_path / "scene.mrb")
    load_scene(tmp_path / "scene.mrb")
    back = image_from_volume(slicer.util.getNode("volume"))
    np.testing.assert_array_equal(voxels_in_place(back, image), sitk.GetArrayViewFromImage(image))


def _is_scalar_volume(path):
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        return False
    return reader.GetDimension() == 3 and reader.GetNumberOfComponents() == 1 and min(reader.GetSize()) > 1
