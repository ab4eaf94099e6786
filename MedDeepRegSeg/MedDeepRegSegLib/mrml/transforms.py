"""SimpleITK transforms to transform nodes and back.

A SimpleITK transform maps points of the fixed image to points of the moving image (LPS mm), as resampling needs. A
transform node moves what is under it *to its parent*: a moving volume under the node shall land on the fixed volume,
so the node's transform to parent maps moving to fixed. The SimpleITK transform is therefore the node's transform
*from parent* (in RAS), and that is how it is set here, without inverting anything. The fixed and moving nodes are
recorded under Slicer's own reference roles.

Kinds and their accuracy:

- linear, composite and cubic B-spline transforms have exact counterparts (agreement far below 1e-6 mm, for points
  inside the spline's domain; outside ITK stops at once and the node fades out).
- displacement fields keep their vectors and grid exactly. VTK finds the place of a point between voxels in steps of
  1/65536 voxel, so mapped points agree to about 2e-5 of the difference between neighboring vectors (1e-5 mm in practice).
  Outside of a field ITK does not move points, while the node continues the displacement of the border.
- anything else (a thin-plate spline, a transform that is only known from its inverse) is sampled on the voxels of a
  reference image; the error between voxels is measured and can be bounded by the caller.
- a displacement field in a node is interpolated linearly, as in ITK. Slicer reads transform *files* with cubic
  interpolation, so a saved and reloaded field agrees at its voxels and differs slightly between them.
"""

from collections.abc import Collection

import numpy as np
import SimpleITK as sitk
import slicer
import slicer.util
import vtk
from vtk.util import numpy_support

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.geometry import RAS_LPS, Grid, array_of_matrix, grid_of_image, matrix_of_array, to_lps
from MedDeepRegSegLib.mrml.scene import headless_scene
from MedDeepRegSegLib.mrml.volumes import image_data_of_array

FIXED_ROLE = "spatialRegistrationFixed"
MOVING_ROLE = "spatialRegistrationMoving"
_SPLINE_ORDER = 3
_SEED = 0


def node_from_transform(transform: sitk.Transform, name: str, *, fixed=None, moving=None, node=None, beside=None):
    """Put a SimpleITK transform into a transform node.

    Parameters
    ----------
    transform:
        3-D transform from fixed to moving points, LPS mm.
    name:
        Name of a new node, made unique. A node that is given keeps its own.
    fixed, moving:
        Nodes of the fixed and moving image, recorded as references.
    node:
        ``vtkMRMLTransformNode`` to fill. A subclass must fit: a ``vtkMRMLLinearTransformNode`` takes a linear transform only.
        A parent transform of it is refused, because the result is in world coordinates.
    beside:
        Node beside which a new node is placed in the subject hierarchy; the moving node by default.

    Returns
    -------
    vtkMRMLTransformNode
        A ``vtkMRMLLinearTransformNode`` for a linear transform, otherwise a ``vtkMRMLGridTransformNode``,
        ``vtkMRMLBSplineTransformNode`` or (composite) ``vtkMRMLTransformNode``.

    Raises
    ------
    InputError
        If the transform is not 3-D, is of a kind with no counterpart (sample it on an image first, see
        ``MedDeepRegSegLib.registration.transforms.to_displacement_field``), or does not fit the given node.
    """
    if transform.GetDimension() != 3:
        msg = f"transform {name!r} has {transform.GetDimension()} dimensions, expected 3"
        raise InputError(msg)
    converted, class_name = _vtk_from_sitk(transform, name)
    scene = headless_scene()
    new = node is None
    if new:
        node = scene.AddNewNodeByClass(class_name, scene.GenerateUniqueName(name))
    else:
        check_transform_output(node, [class_name])
    with slicer.util.NodeModify(node):
        if class_name == "vtkMRMLLinearTransformNode":
            node.SetMatrixTransformFromParent(converted)
        else:
            node.SetAndObserveTransformFromParent(converted)
        for role, referenced in ((FIXED_ROLE, fixed), (MOVING_ROLE, moving)):
            node.SetNodeReferenceID(role, referenced.GetID() if referenced is not None else None)
    neighbor = beside if beside is not None else moving
    if new and neighbor is not None:
        from MedDeepRegSegLib.mrml.hierarchy import place_beside

        place_beside(node, neighbor)
    return node


def transform_from_node(node, *, reference: sitk.Image | None = None, tolerance_mm: float = 0.05) -> sitk.Transform:
    """Return the transform from fixed to moving points of a transform node, including its parents.

    Parameters
    ----------
    node:
        ``vtkMRMLTransformNode``; None gives the identity.
    reference:
        Image (LPS) on whose voxels parts without an exact SimpleITK counterpart are sampled. Usually the fixed image.
    tolerance_mm:
        Largest accepted error of the sampling at random points between the voxels.

    Returns
    -------
    SimpleITK.Transform
        Affine, B-spline, displacement field or composite transform that maps points of the world (from parent), LPS mm.

    Raises
    ------
    InputError
        If the node is no transform, or if a part must be sampled and ``reference`` is absent or its voxels are too large
        for ``tolerance_mm``.
    """
    if node is None:
        return sitk.AffineTransform(3)
    if not node.IsA("vtkMRMLTransformNode"):
        msg = f"{node.GetName()!r} is a {node.GetNodeTagName()}, expected a transform"
        raise InputError(msg)
    general = vtk.vtkGeneralTransform()
    node.GetTransformFromWorld(general)
    parts = vtk.vtkCollection()
    slicer.vtkMRMLTransformNode.FlattenGeneralTransform(parts, general)
    # The collection lists first what is applied first; ITK applies the last one of a composite first.
    converted: list[sitk.Transform] = []
    for part in reversed([parts.GetItemAsObject(index) for index in range(parts.GetNumberOfItems())]):
        exact = _sitk_from_vtk(part)
        if exact is None:
            return _sampled(general, f"transform {node.GetName()!r}", reference, tolerance_mm)
        converted.append(exact)
    merged = _merge_linear(converted)
    if not merged:
        return sitk.AffineTransform(3)
    return merged[0] if len(merged) == 1 else sitk.CompositeTransform(merged)


def transform_points_of_node(node, points: np.ndarray) -> np.ndarray:
    """Map (N, 3) LPS world points from fixed to moving with the node's own transform."""
    general = vtk.vtkGeneralTransform()
    node.GetTransformFromWorld(general)
    return to_lps(_transform_ras(general, to_lps(points)))


def registration_nodes(node) -> tuple:
    """Return the fixed and moving nodes recorded in a transform node (None where not recorded)."""
    return node.GetNodeReference(FIXED_ROLE), node.GetNodeReference(MOVING_ROLE)


def check_transform_output(node, class_names: Collection[str]) -> None:
    """Raise InputError unless a transform node can hold a transform of one of these classes."""
    if not node.IsA("vtkMRMLTransformNode"):
        msg = f"output {node.GetName()!r} is a {node.GetNodeTagName()}, expected a transform"
        raise InputError(msg)
    if node.GetClassName() not in {"vtkMRMLTransformNode", *class_names}:
        kind = f"this kind of transform ({' or '.join(class_names)})" if class_names else "a deformation"
        msg = f"output {node.GetName()!r} is a {node.GetClassName()}, which cannot hold {kind}: pick another output transform"
        raise InputError(msg)
    if node.GetParentTransformNode() is not None:
        msg = f"output transform {node.GetName()!r} is under the transform {node.GetParentTransformNode().GetName()!r}: take it out first"
        raise InputError(msg)


# SimpleITK -> VTK


def _vtk_from_sitk(transform: sitk.Transform, name: str):
    """Return a ``vtkMatrix4x4`` or ``vtkAbstractTransform`` in RAS, and the class of node for it."""
    if transform.GetTransformEnum() == sitk.sitkComposite:
        parts = _merge_linear(_flat(sitk.CompositeTransform(transform)))
        if len(parts) == 1:
            return _vtk_from_sitk(parts[0], name)
        general = vtk.vtkGeneralTransform()
        for part in parts:  # ITK applies the last one first, and so does VTK when it pre-multiplies
            converted, _ = _vtk_from_sitk(part, name)
            general.Concatenate(converted)
        return general, "vtkMRMLTransformNode"
    if transform.IsLinear():
        return matrix_of_array(RAS_LPS @ matrix_of_transform(transform) @ RAS_LPS), "vtkMRMLLinearTransformNode"
    if transform.GetTransformEnum() == sitk.sitkDisplacementField:
        return _grid_transform(sitk.DisplacementFieldTransform(transform)), "vtkMRMLGridTransformNode"
    if transform.GetTransformEnum() == sitk.sitkBSplineTransform:
        spline = sitk.BSplineTransform(transform)
        if spline.GetOrder() == _SPLINE_ORDER:
            return _spline_transform(spline), "vtkMRMLBSplineTransformNode"
    msg = f"transform {name!r} of kind {transform.GetName()} has no counterpart in Slicer: convert it to a displacement field on the fixed image first"
    raise InputError(msg)


def _flat(transform: sitk.CompositeTransform) -> list[sitk.Transform]:
    parts: list[sitk.Transform] = []
    for index in range(transform.GetNumberOfTransforms()):
        part = transform.GetNthTransform(index)
        if part.GetTransformEnum() == sitk.sitkComposite:
            parts.extend(_flat(sitk.CompositeTransform(part)))
        else:
            parts.append(part)
    return parts


def _merge_linear(parts: list[sitk.Transform]) -> list[sitk.Transform]:
    """Multiply neighboring linear transforms. An empty list becomes the identity."""
    merged: list[sitk.Transform] = []
    for part in parts:
        if part.IsLinear() and merged and merged[-1].IsLinear():
            merged[-1] = affine_of_matrix(matrix_of_transform(merged[-1]) @ matrix_of_transform(part))
        else:
            merged.append(part)
    return merged or [sitk.AffineTransform(3)]


def matrix_of_transform(transform: sitk.Transform) -> np.ndarray:
    """Return the (4, 4) LPS matrix of a linear 3-D SimpleITK transform of any class."""
    matrix = np.eye(4)
    matrix[:3, 3] = transform.TransformPoint((0.0, 0.0, 0.0))
    down = transform.Downcast()
    if hasattr(down, "GetMatrix"):
        matrix[:3, :3] = np.array(down.GetMatrix()).reshape(3, 3)
        return matrix
    for axis in range(3):  # identity and translation have no matrix to ask for
        matrix[:3, axis] = np.array(transform.TransformPoint(np.eye(3)[axis].tolist())) - matrix[:3, 3]
    return matrix


def affine_of_matrix(matrix: np.ndarray) -> sitk.AffineTransform:
    """Return a (4, 4) LPS matrix as a SimpleITK affine transform."""
    affine = sitk.AffineTransform(3)
    affine.SetMatrix(matrix[:3, :3].ravel().tolist())
    affine.SetTranslation(matrix[:3, 3].tolist())
    return affine


def _oriented(transform, grid: Grid, vectors: np.ndarray, set_data):
    """Give a VTK grid or spline transform its lattice; ``vectors`` are (k, j, i, 3) RAS mm."""
    image_data = image_data_of_array(np.ascontiguousarray(vectors))
    image_data.SetOrigin(grid.origin.tolist())
    image_data.SetSpacing(grid.spacing.tolist())
    directions = np.eye(4)
    directions[:3, :3] = grid.directions
    transform.SetGridDirectionMatrix(matrix_of_array(directions))
    set_data(image_data)
    return transform


def _grid_transform(transform: sitk.DisplacementFieldTransform):
    field = transform.GetDisplacementField()
    vectors = sitk.GetArrayFromImage(field).astype(np.float64) * (-1.0, -1.0, 1.0)
    grid = slicer.vtkOrientedGridTransform()
    grid.SetInterpolationModeToLinear()
    return _oriented(grid, grid_of_image(field), vectors, grid.SetDisplacementGridData)


def _spline_transform(transform: sitk.BSplineTransform):
    images = transform.GetCoefficientImages()
    vectors = np.stack([sitk.GetArrayFromImage(image).astype(np.float64) for image in images], axis=-1)
    spline = slicer.vtkOrientedBSplineTransform()
    spline.SetBorderModeToZero()
    return _oriented(spline, grid_of_image(images[0]), vectors * (-1.0, -1.0, 1.0), spline.SetCoefficientData)


# VTK -> SimpleITK


def _sitk_from_vtk(part) -> sitk.Transform | None:
    """Return the exact counterpart of a VTK transform in RAS, or None if there is none."""
    if part.IsA("vtkLinearTransform"):
        matrix = vtk.vtkMatrix4x4()
        part.Update()
        part.GetMatrix(matrix)
        return affine_of_matrix(RAS_LPS @ array_of_matrix(matrix) @ RAS_LPS)
    if part.IsA("vtkOrientedGridTransform") or part.IsA("vtkOrientedBSplineTransform"):
        if part.GetInverseFlag():
            return None
        part.Update()
        if part.IsA("vtkOrientedGridTransform"):
            return _field_from_vtk(part)
        return _spline_from_vtk(part)
    return None


def _lattice(part, image_data) -> tuple[Grid, np.ndarray] | None:
    """Return lattice and (k, j, i, 3) RAS vectors of a VTK transform, or None if the lattice is not regular."""
    matrix = part.GetGridDirectionMatrix()
    directions = np.eye(3) if matrix is None else array_of_matrix(matrix)[:3, :3]
    spacing = np.array(image_data.GetSpacing())
    if np.any(spacing <= 0) or image_data.GetNumberOfScalarComponents() != 3:
        return None
    first = np.array(image_data.GetExtent()[::2])
    origin = np.array(image_data.GetOrigin()) + directions @ (spacing * first)
    values = numpy_support.vtk_to_numpy(image_data.GetPointData().GetScalars()).astype(np.float64)
    return Grid(origin, spacing, directions), values.reshape(*image_data.GetDimensions()[::-1], 3)


def _field_from_vtk(part) -> sitk.Transform | None:
    if part.GetInterpolationMode() == vtk.VTK_NEAREST_INTERPOLATION:
        return None
    lattice = _lattice(part, part.GetDisplacementGrid())
    if lattice is None:
        return None
    grid, vectors = lattice
    vectors = vectors * part.GetDisplacementScale() + part.GetDisplacementShift()
    field = sitk.GetImageFromArray(np.ascontiguousarray(vectors * (-1.0, -1.0, 1.0)), isVector=True)
    grid.apply_to(field)
    return sitk.DisplacementFieldTransform(field)


def _spline_from_vtk(part) -> sitk.Transform | None:
    bulk = part.GetBulkTransformMatrix()
    if bulk is not None and not np.array_equal(array_of_matrix(bulk), np.eye(4)):
        return None  # elastix-style sum of a linear and a spline transform
    lattice = _lattice(part, part.GetCoefficientData())
    if lattice is None or min(lattice[1].shape[:3]) <= _SPLINE_ORDER:
        return None
    grid, vectors = lattice
    vectors = vectors * part.GetDisplacementScale() * (-1.0, -1.0, 1.0)
    images = []
    for axis in range(3):
        image = sitk.GetImageFromArray(np.ascontiguousarray(vectors[..., axis]))
        grid.apply_to(image)
        images.append(image)
    return sitk.BSplineTransform(images, _SPLINE_ORDER)


def _sampled(general, what: str, reference: sitk.Image | None, tolerance_mm: float) -> sitk.Transform:
    if reference is None:
        msg = f"{what} has no exact counterpart (an inverse or a thin-plate spline): choose a reference volume to sample it on"
        raise InputError(msg)
    grid = grid_of_image(reference)
    size = np.array(reference.GetSize())
    k, j, i = np.meshgrid(*[np.arange(length, dtype=float) for length in size[::-1]], indexing="ij")
    points = _index_to_ras(grid, np.stack([i, j, k], axis=-1).reshape(-1, 3))
    vectors = (_transform_ras(general, points) - points) * (-1.0, -1.0, 1.0)
    field = sitk.GetImageFromArray(vectors.reshape(*size[::-1], 3), isVector=True)
    grid.apply_to(field)
    transform = sitk.DisplacementFieldTransform(field)
    indices = np.random.default_rng(_SEED).uniform(0, 1, (500, 3)) * (size - 1)
    points = _index_to_ras(grid, indices)
    expected = to_lps(_transform_ras(general, points))
    found = np.array([transform.TransformPoint(point.tolist()) for point in to_lps(points)])
    error = float(np.max(np.linalg.norm(found - expected, axis=1)))
    if not error <= tolerance_mm:
        msg = f"{what} sampled on the voxels of the reference is off by up to {error:.3g} mm, expected at most {tolerance_mm:g} mm: choose a reference with smaller voxels or a larger tolerance"
        raise InputError(msg)
    return transform


def _index_to_ras(grid: Grid, indices: np.ndarray) -> np.ndarray:
    matrix = grid.index_to_ras()
    return indices @ matrix[:3, :3].T + matrix[:3, 3]


def _transform_ras(transform, points: np.ndarray) -> np.ndarray:
    source, target = vtk.vtkPoints(), vtk.vtkPoints()
    target.SetDataTypeToDouble()
    source.SetData(numpy_support.numpy_to_vtk(np.ascontiguousarray(points, dtype=np.float64), deep=True))
    transform.TransformPoints(source, target)
    return numpy_support.vtk_to_numpy(target.GetData()).copy()
