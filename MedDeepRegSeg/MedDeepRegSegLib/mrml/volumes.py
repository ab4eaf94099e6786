"""Volume and label map nodes to SimpleITK images and back.

Images are in world coordinates (LPS mm): rigid parent transforms are taken up by the image's geometry, so the voxels
stay bit for bit what they are. Both directions copy; later edits on one side do not reach the other.
"""

import numpy as np
import SimpleITK as sitk
import slicer
import slicer.util
import vtk
from vtk.util import numpy_support

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.geometry import Grid, check_orthonormal, grid_of_image, rigid_parent
from MedDeepRegSegLib.mrml.scene import headless_scene

# Fixed C types, so that an image of 64-bit integers means the same on every platform.
_VTK_TYPES = {
    np.dtype(np.uint8): vtk.VTK_UNSIGNED_CHAR,
    np.dtype(np.int8): vtk.VTK_CHAR,  # Slicer cannot write VTK_SIGNED_CHAR
    np.dtype(np.uint16): vtk.VTK_UNSIGNED_SHORT,
    np.dtype(np.int16): vtk.VTK_SHORT,
    np.dtype(np.uint32): vtk.VTK_UNSIGNED_INT,
    np.dtype(np.int32): vtk.VTK_INT,
    np.dtype(np.float32): vtk.VTK_FLOAT,
    np.dtype(np.float64): vtk.VTK_DOUBLE,
}


def image_from_volume(node, *, what: str = "") -> sitk.Image:
    """Return the voxels of a volume node as a SimpleITK image in world coordinates.

    Parameters
    ----------
    node:
        A ``vtkMRMLScalarVolumeNode`` or ``vtkMRMLLabelMapVolumeNode``. Grids may be oblique, anisotropic and
        left-handed. Rigid parent transforms are taken up by the geometry of the image.
    what:
        How messages call the volume, for example ``"fixed volume"``; its name by default.

    Returns
    -------
    SimpleITK.Image
        3-D, with the node's voxel type (8, 16 or 32-bit integers, 32 or 64-bit floats), voxels bit for bit. LPS mm.

    Raises
    ------
    InputError
        If the node is no scalar volume (color, vector, diffusion and time volumes are not), has no voxels, has
        64-bit integers, has axes that are not at right angles, or is under a transform that scales, shears or warps.
    """
    what = _described(node, what)
    check_volume_node(node, what)
    array = _voxels(node.GetImageData(), what)
    grid = grid_of_volume(node, what)
    image = sitk.GetImageFromArray(array)
    grid.apply_to(image)
    return image


def grid_of_volume(node, what: str) -> Grid:
    """Return the voxel grid of a volume node in world coordinates; voxel (0, 0, 0) is the first one in memory."""
    directions = np.zeros((3, 3))
    node.GetIJKToRASDirections(directions)
    grid = Grid(np.array(node.GetOrigin()), np.array(node.GetSpacing()), directions)
    image_data = node.GetImageData()
    if image_data is not None:
        first = np.array(image_data.GetExtent()[::2])
        if np.any(first):  # a cropped image keeps the indices that it had
            grid = Grid(grid.origin + directions @ (grid.spacing * first), grid.spacing, directions)
    check_orthonormal(grid, what)
    return grid.moved(rigid_parent(node, what))


def check_volume_node(node, what: str = "volume") -> None:
    """Raise InputError unless a node is a scalar volume with voxels."""
    if node is None:
        msg = f"no {what} is chosen: pick a scalar volume"
        raise InputError(msg)
    if node.IsA("vtkMRMLSequenceNode"):
        msg = f"{what} is a time sequence, expected one 3-D volume: pick one item of it in the Sequences module"
        raise InputError(msg)
    if not node.IsA("vtkMRMLScalarVolumeNode"):
        msg = f"{what} is a {_kind(node)}, expected a scalar volume"
        raise InputError(msg)
    if node.IsA("vtkMRMLTensorVolumeNode") or node.IsA("vtkMRMLDiffusionImageVolumeNode") or _components(node) > 1:
        msg = f"{what} has {_components(node)} components a voxel ({_kind(node)}), expected 1: pick a scalar volume or convert it (module Vector to Scalar Volume)"
        raise InputError(msg)
    image_data = node.GetImageData()
    if image_data is None or image_data.GetNumberOfPoints() == 0 or image_data.GetPointData().GetScalars() is None:
        msg = f"{what} has no voxels: load or create its image first"
        raise InputError(msg)


def volume_from_image(
    image: sitk.Image,
    name: str,
    *,
    node=None,
    beside=None,
    label_map: bool = False,
    window_level: tuple[float, float] | None = None,
):
    """Put a SimpleITK image into a volume node.

    Parameters
    ----------
    image:
        3-D, one component, LPS mm in world coordinates.
    name:
        Name of a new node; made unique in the scene. A node that is given keeps its own.
    node:
        Volume node whose voxels and geometry are replaced. Rigid parent transforms of it are allowed for, so that
        the volume lies where the image lies. Without it a new node is made.
    beside:
        Node beside which a new node is placed in the subject hierarchy.
    label_map:
        Make a label map volume; needs integer voxels.
    window_level:
        Display window and level of a new scalar volume. Robust ones are found from the voxels by default. They are
        set once and are not automatic, so the display does not flicker when voxels change.

    Returns
    -------
    vtkMRMLScalarVolumeNode
        The node; a ``vtkMRMLLabelMapVolumeNode`` for a label map.

    Raises
    ------
    InputError
        If the image is not 3-D, has several components, complex or 64-bit integer voxels, or if ``node`` is under
        a transform that scales, shears or warps. The scene is then unchanged.
    """
    image_data = _image_data(image, f"image {name!r}", label_map=label_map)
    grid = grid_of_image(image)
    check_orthonormal(grid, f"image {name!r}")
    new = node is None
    if new:
        class_name = "vtkMRMLLabelMapVolumeNode" if label_map else "vtkMRMLScalarVolumeNode"
        scene = headless_scene()
        node = scene.AddNewNodeByClass(class_name, scene.GenerateUniqueName(name))
    else:
        check_volume_output(node, label_map)
        grid = grid.moved(np.linalg.inv(rigid_parent(node, f"output volume {node.GetName()!r}")))
    with slicer.util.NodeModify(node):
        node.SetOrigin(*grid.origin)
        node.SetSpacing(*grid.spacing)
        node.SetIJKToRASDirections(grid.directions.tolist())
        node.SetAndObserveImageData(image_data)
    _display(node, image, new=new, label_map=label_map, window_level=window_level)
    if new and beside is not None:
        from MedDeepRegSegLib.mrml.hierarchy import place_beside

        place_beside(node, beside)
    return node


def _described(node, what: str) -> str:
    if node is None:
        return what or "volume"
    return f"{what} {node.GetName()!r}" if what else f"volume {node.GetName()!r}"


def _kind(node) -> str:
    return node.GetNodeTagName() if hasattr(node, "GetNodeTagName") else type(node).__name__


def _components(node) -> int:
    image_data = node.GetImageData()
    if image_data is None:
        return 3 if node.IsA("vtkMRMLTensorVolumeNode") else 1
    return image_data.GetNumberOfScalarComponents()


def _voxels(image_data, what: str) -> np.ndarray:
    """Return a view of the voxels, shape (k, j, i)."""
    scalars = image_data.GetPointData().GetScalars()
    try:
        array = numpy_support.vtk_to_numpy(scalars)
    except (TypeError, AssertionError, KeyError) as error:
        msg = f"{what} has voxels of type {scalars.GetDataTypeAsString()}, expected 8, 16 or 32-bit integers or floats: cast it"
        raise InputError(msg) from error
    if array.dtype not in _VTK_TYPES:
        msg = f"{what} has 64-bit integer voxels ({array.dtype}), which images in Slicer files cannot hold: cast it to 32-bit integers or to double (module Cast Scalar Volume)"
        raise InputError(msg)
    return array.reshape(image_data.GetDimensions()[::-1])


def _image_data(image: sitk.Image, what: str, *, label_map: bool):
    if image.GetDimension() != 3:
        msg = f"{what} has {image.GetDimension()} dimensions, expected 3: pick one 3-D volume of it"
        raise InputError(msg)
    if image.GetNumberOfComponentsPerPixel() != 1:
        msg = f"{what} has {image.GetNumberOfComponentsPerPixel()} components, expected 1: make a scalar image of it"
        raise InputError(msg)
    if image.GetNumberOfPixels() == 0:
        msg = f"{what} has no voxels"
        raise InputError(msg)
    array = sitk.GetArrayViewFromImage(image)
    vtk_type = _VTK_TYPES.get(array.dtype)
    if vtk_type is None:
        msg = f"{what} has voxels of type {image.GetPixelIDTypeAsString()}, expected 8, 16 or 32-bit integers or floats: cast it"
        raise InputError(msg)
    if label_map and array.dtype.kind not in "iu":
        msg = f"{what} has voxels of type {image.GetPixelIDTypeAsString()}, expected whole numbers for a label map: cast it"
        raise InputError(msg)
    return image_data_of_array(array)


def image_data_of_array(array: np.ndarray, kind=vtk.vtkImageData):
    """Return a deep copy of a (k, j, i) or (k, j, i, component) array as VTK image data with unit geometry."""
    components = array.shape[3] if array.ndim == 4 else 1
    image_data = kind()
    image_data.SetDimensions(*array.shape[2::-1])
    flat = (
        np.ascontiguousarray(array).reshape(-1, components) if components > 1 else np.ascontiguousarray(array).ravel()
    )
    scalars = numpy_support.numpy_to_vtk(flat, deep=True, array_type=_VTK_TYPES[array.dtype])
    scalars.SetName("ImageScalars")
    image_data.GetPointData().SetScalars(scalars)
    return image_data


def check_volume_output(node, label_map: bool = False) -> None:
    """Raise InputError unless a volume node can be filled with an image."""
    if not node.IsA("vtkMRMLScalarVolumeNode") or node.IsA("vtkMRMLTensorVolumeNode"):
        msg = f"output {node.GetName()!r} is a {_kind(node)}, expected a scalar volume"
        raise InputError(msg)
    if node.IsA("vtkMRMLLabelMapVolumeNode") != label_map:
        expected = "label map" if label_map else "scalar"
        msg = f"output {node.GetName()!r} is a {_kind(node)}, expected a {expected} volume: pick another output volume"
        raise InputError(msg)
    rigid_parent(node, f"output volume {node.GetName()!r}")


def _display(node, image: sitk.Image, *, new: bool, label_map: bool, window_level) -> None:
    had_display = node.GetDisplayNode() is not None
    if not had_display:
        node.CreateDefaultDisplayNodes()
    if label_map or (had_display and not new and window_level is None):
        return
    from MedDeepRegSegLib.mrml.display import set_display_window

    if window_level is None:
        from MedDeepRegSegLib.volumes.modality import display_window

        window_level = display_window(image)
    set_display_window(node, *window_level)
