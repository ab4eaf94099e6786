"""Color images as vector volume nodes that Slicer shows in their own colors."""

import numpy as np
import SimpleITK as sitk
import slicer
import slicer.util

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.geometry import check_orthonormal, grid_of_image, rigid_parent
from MedDeepRegSegLib.mrml.scene import headless_scene
from MedDeepRegSegLib.mrml.volumes import image_data_of_array


def color_volume_from_image(image: sitk.Image, name: str, *, node=None, beside=None):
    """Put an RGB image into a vector volume node.

    Parameters
    ----------
    image:
        3-D, three components of unsigned 8-bit integers (red, green, blue), LPS mm in world coordinates.
    name:
        Name of a new node; made unique in the scene. A node that is given keeps its own.
    node:
        ``vtkMRMLVectorVolumeNode`` whose voxels and geometry are replaced. Rigid parent transforms of it are allowed
        for, so that the volume lies where the image lies.
    beside:
        Node beside which a new node is placed in the subject hierarchy.

    Returns
    -------
    vtkMRMLVectorVolumeNode
        Shown in its own colors: 0 to 255 without any window.

    Raises
    ------
    InputError
        If the image is no RGB image, or ``node`` is no vector volume or under a transform that scales, shears or
        warps. The scene is then unchanged.
    """
    what = f"image {name!r}"
    array = sitk.GetArrayViewFromImage(image)
    if image.GetDimension() != 3 or array.ndim != 4 or array.shape[3] != 3 or array.dtype != np.uint8:
        msg = f"{what} has {image.GetDimension()} dimensions and {image.GetNumberOfComponentsPerPixel()} components of type {array.dtype}, expected a 3-D RGB image of 8-bit integers"
        raise InputError(msg)
    grid = grid_of_image(image)
    check_orthonormal(grid, what)
    if node is not None:
        check_color_output(node)
        grid = grid.moved(np.linalg.inv(rigid_parent(node, f"output volume {node.GetName()!r}")))
    image_data = image_data_of_array(array)
    new = node is None
    if new:
        scene = headless_scene()
        node = scene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", scene.GenerateUniqueName(name))
    with slicer.util.NodeModify(node):
        node.SetVoxelVectorType(slicer.vtkMRMLVectorVolumeNode.VoxelVectorTypeColorRGB)
        node.SetOrigin(*grid.origin)
        node.SetSpacing(*grid.spacing)
        node.SetIJKToRASDirections(grid.directions.tolist())
        node.SetAndObserveImageData(image_data)
    if node.GetDisplayNode() is None:
        node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    with slicer.util.NodeModify(display):
        display.AutoWindowLevelOff()
        display.SetWindowLevel(255.0, 127.5)
    if new and beside is not None:
        from MedDeepRegSegLib.mrml.hierarchy import place_beside

        place_beside(node, beside)
    return node


def check_color_output(node) -> None:
    """Raise InputError unless a node can be filled with a color image."""
    if not node.IsA("vtkMRMLVectorVolumeNode"):
        msg = f"output {node.GetName()!r} is a {node.GetNodeTagName()}, expected a vector volume: pick another output volume"
        raise InputError(msg)
    rigid_parent(node, f"output volume {node.GetName()!r}")
