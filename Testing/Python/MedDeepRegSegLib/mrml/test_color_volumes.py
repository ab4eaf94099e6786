"""RGB images as vector volume nodes."""

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
import vtk
from vtk.util import numpy_support

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.color_volumes import color_volume_from_image
from MedDeepRegSegLib.mrml.volumes import grid_of_volume, volume_from_image


def rgb_image(size=(5, 4, 3), components=3, dtype=np.uint8):
    array = np.random.default_rng(1).integers(0, 255, (*size[::-1], components)).astype(dtype)
    image = sitk.GetImageFromArray(array, isVector=True)
    image.SetSpacing((1.0, 1.5, 2.5))
    image.SetOrigin((10.0, -20.0, 30.0))
    turn = sitk.Euler3DTransform((0, 0, 0), 0.2, -0.1, 0.3).GetMatrix()
    image.SetDirection(turn)
    return image


def voxels(node):
    scalars = node.GetImageData().GetPointData().GetScalars()
    dimensions = node.GetImageData().GetDimensions()
    return numpy_support.vtk_to_numpy(scalars).reshape(*dimensions[::-1], -1)


def test_voxels_and_geometry_arrive(scene):
    image = rgb_image()
    node = color_volume_from_image(image, "Colors")
    assert node.IsA("vtkMRMLVectorVolumeNode")
    assert node.GetVoxelVectorType() == node.VoxelVectorTypeColorRGB
    np.testing.assert_array_equal(voxels(node), sitk.GetArrayFromImage(image))
    for index in [(0, 0, 0), (4, 3, 2), (1, 2, 0)]:
        lps = np.array(image.TransformIndexToPhysicalPoint(index))
        ras = grid_of_volume(node, "node").index_to_ras() @ (*index, 1)
        np.testing.assert_allclose(ras[:3], lps * (-1, -1, 1), atol=1e-6)


def test_it_is_shown_in_its_own_colors(scene):
    array = np.zeros((2, 2, 2, 3), np.uint8)
    array[0, 0, 0], array[1, 1, 1] = (255, 0, 128), (20, 40, 60)
    node = color_volume_from_image(sitk.GetImageFromArray(array, isVector=True), "Colors")
    display = node.GetDisplayNode()
    display.GetOutputImageDataConnection().GetProducer().Update()
    shown = display.GetOutputImageData()
    colors = numpy_support.vtk_to_numpy(shown.GetPointData().GetScalars())
    np.testing.assert_allclose(colors[0, :3].astype(int), (255, 0, 128), atol=1)
    np.testing.assert_allclose(colors[-1, :3].astype(int), (20, 40, 60), atol=1)


def test_a_node_is_filled_again_where_it_lies(scene, parent_transform):
    node = color_volume_from_image(rgb_image(), "Colors")
    shift = np.eye(4)
    shift[:3, 3] = (7.0, 0.0, 0.0)
    parent_transform(node, shift)
    image = rgb_image((3, 3, 3))
    assert color_volume_from_image(image, "ignored", node=node) is node
    assert node.GetName() == "Colors"
    world = grid_of_volume(node, "node").index_to_ras()
    np.testing.assert_allclose(world[:3, 3], (-10.0, 20.0, 30.0), atol=1e-6)
    assert node.GetImageData().GetDimensions() == (3, 3, 3)


@pytest.mark.parametrize(
    "image",
    [rgb_image(components=4), rgb_image(dtype=np.int16), sitk.Image(4, 4, 4, sitk.sitkUInt8), rgb_image()[:, :, 0]],
)
def test_what_is_no_color_image_is_refused(scene, image):
    with pytest.raises(InputError, match="expected a 3-D RGB image"):
        color_volume_from_image(image, "Colors")
    assert slicer.util.getNodesByClass("vtkMRMLVectorVolumeNode") == []


def test_another_kind_of_output_is_refused(scene):
    gray = volume_from_image(sitk.Image(4, 4, 4, sitk.sitkInt16), "gray", window_level=(1, 0))
    with pytest.raises(InputError, match="'gray' is a Volume, expected a vector volume"):
        color_volume_from_image(rgb_image(), "Colors", node=gray)


def test_colors_survive_saving(scene, tmp_path):
    from MedDeepRegSegLib.mrml.scene import clear_scene, load_scene, save_scene

    image = rgb_image()
    color_volume_from_image(image, "Colors")
    save_scene(tmp_path / "scene.mrb")
    clear_scene()
    load_scene(tmp_path / "scene.mrb")
    node = slicer.util.getNode("Colors")
    assert node.IsA("vtkMRMLVectorVolumeNode")
    assert isinstance(node.GetImageData(), vtk.vtkImageData)
    np.testing.assert_array_equal(voxels(node), sitk.GetArrayFromImage(image))
