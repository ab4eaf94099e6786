"""Layers of a segmentation node: VTK oriented image data to arrays on a voxel grid and back."""

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk
import slicer
import vtk
from vtk.util import numpy_support

from MedDeepRegSegLib.mrml.geometry import Grid, array_of_matrix, check_orthonormal, matrix_of_array
from MedDeepRegSegLib.mrml.volumes import image_data_of_array

# Grids that agree to this part of a voxel all over are taken as the same lattice.
_SAME_LATTICE = 1e-3


def set_reference_grid(segmentation, grid: Grid, size: Sequence[int]) -> None:
    """Set the reference geometry of a ``vtkSegmentation`` in its own coordinates."""
    extent = [0, size[0] - 1, 0, size[1] - 1, 0, size[2] - 1]
    text = slicer.vtkSegmentationConverter.SerializeImageGeometry(matrix_of_array(grid.index_to_ras()), extent)
    name = slicer.vtkSegmentationConverter.GetReferenceImageGeometryParameterName()
    segmentation.SetConversionParameter(name, text)


def oriented_image(array: np.ndarray, grid: Grid):
    """Return labels as oriented image data, cropped to where they are not 0 (which the extent remembers)."""
    image = slicer.vtkOrientedImageData()
    filled = [np.flatnonzero(array.any(axis=tuple({0, 1, 2} - {axis}))) for axis in (2, 1, 0)]
    if filled[0].size:
        (i0, i1), (j0, j1), (k0, k1) = ((int(found[0]), int(found[-1])) for found in filled)
        image = image_data_of_array(array[k0 : k1 + 1, j0 : j1 + 1, i0 : i1 + 1], slicer.vtkOrientedImageData)
        image.SetExtent(i0, i1, j0, j1, k0, k1)
    image.SetImageToWorldMatrix(matrix_of_array(grid.index_to_ras()))
    return image


def grid_of_oriented(image) -> Grid:
    """Return the grid of oriented image data; voxel (0, 0, 0) is the first one in memory."""
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    values = array_of_matrix(matrix)
    axes = values[:3, :3]
    spacing = np.linalg.norm(axes, axis=0)
    first = np.array(image.GetExtent()[::2])
    return Grid(values[:3, 3] + axes @ first, spacing, axes / spacing)


def is_empty(layer) -> bool:
    """Return whether a layer has no voxels at all."""
    return layer is None or layer.IsEmpty() or layer.GetPointData().GetScalars() is None


def sample_layer(layer, parent: np.ndarray, grid: Grid, size: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return a layer's values on the target grid (k, j, i), and the values of its voxels outside of the target."""
    array = numpy_support.vtk_to_numpy(layer.GetPointData().GetScalars()).reshape(layer.GetDimensions()[::-1])
    source = grid_of_oriented(layer)
    check_orthonormal(source, "segment's label map")
    source = source.moved(parent)
    to_target = np.linalg.inv(grid.index_to_ras()) @ source.index_to_ras()
    outside = _outside(array, to_target, size)
    steps = np.abs(to_target[:3, :3] - np.eye(3)) @ np.array(layer.GetDimensions())
    offset = np.rint(to_target[:3, 3]).astype(int)
    if np.all(steps < _SAME_LATTICE) and np.all(np.abs(to_target[:3, 3] - offset) < _SAME_LATTICE):
        return _pasted(array, offset, size), outside
    image = sitk.GetImageFromArray(array)
    source.apply_to(image)
    target = sitk.Image([int(length) for length in size], sitk.sitkUInt8)
    grid.apply_to(target)
    resampled = sitk.Resample(image, target, sitk.Transform(), sitk.sitkNearestNeighbor, 0.0, image.GetPixelID())
    return sitk.GetArrayFromImage(resampled), outside


def _outside(array: np.ndarray, to_target: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Return the non-zero values of voxels whose centers lie outside of the target's box."""
    corners = np.array(list(np.ndindex(2, 2, 2))) * (np.array(array.shape[::-1]) - 1)
    limit = np.array(size) - 0.5
    slack = 1e-6
    mapped = corners @ to_target[:3, :3].T + to_target[:3, 3]
    if np.all(mapped > -0.5 - slack) and np.all(mapped < limit + slack):
        return np.empty(0, array.dtype)
    indices = np.argwhere(array)
    mapped = indices[:, ::-1] @ to_target[:3, :3].T + to_target[:3, 3]
    inside = np.all((mapped > -0.5 - slack) & (mapped < limit + slack), axis=1)
    return array[tuple(indices[~inside].T)]


def _pasted(array: np.ndarray, offset: np.ndarray, size: Sequence[int]) -> np.ndarray:
    result = np.zeros(tuple(size)[::-1], array.dtype)
    into, part = [], []
    for axis in (2, 1, 0):
        length = array.shape[2 - axis]
        start, stop = max(offset[axis], 0), min(offset[axis] + length, size[axis])
        if start >= stop:
            return result
        into.append(slice(start, stop))
        part.append(slice(start - offset[axis], stop - offset[axis]))
    result[tuple(into)] = array[tuple(part)]
    return result
