"""Transforms as SimpleITK and Slicer keep them: apply, flatten, invert, read and write.

Every transform maps fixed points to moving points, LPS mm (the convention of resampling). A deformable result is the
composite [linear, displacement field]: the field bends the fixed space first, the linear map follows, and outside of
the field only the linear map is left.
"""

from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.outputs import atomic_path
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.registration.fields import determinant, invert_field, sample_field

_LINEAR_NAMES = (
    "Euler3DTransform",
    "VersorTransform",
    "VersorRigid3DTransform",
    "Similarity3DTransform",
    "ScaleTransform",
    "ScaleVersor3DTransform",
    "ScaleSkewVersor3DTransform",
    "ComposeScaleSkewVersor3DTransform",
    "AffineTransform",
    "TranslationTransform",
    "IdentityTransform",
)
_FIELD_SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".mha")
_TRANSFORM_SUFFIXES = (".h5", ".hdf5", ".tfm", ".txt", ".mat")


def matrix_transform(
    matrix: NDArray[np.floating], translation: NDArray[np.floating], center: NDArray[np.floating] | None = None
) -> sitk.AffineTransform:
    """Return the affine transform x -> matrix (x - center) + center + translation."""
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(np.asarray(matrix, dtype=float).ravel().tolist())
    transform.SetTranslation(np.asarray(translation, dtype=float).tolist())
    if center is not None:
        transform.SetCenter(np.asarray(center, dtype=float).tolist())
    return transform


def field_transform(field: NDArray[np.floating], reference: sitk.Image) -> sitk.DisplacementFieldTransform:
    """Return the transform of a field (3, Z, Y, X), mm, on the grid of ``reference``."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(np.moveaxis(field, 0, -1), dtype=np.float64), isVector=True)
    image.CopyInformation(reference)
    return sitk.DisplacementFieldTransform(image)


def bent_then_linear(field: sitk.DisplacementFieldTransform, linear: sitk.Transform) -> sitk.CompositeTransform:
    """Return the composite that bends the fixed space first; the linear map follows."""
    composite = sitk.CompositeTransform(3)
    composite.AddTransform(linear)
    composite.AddTransform(field)  # added last, applied first
    return composite


def field_array(transform: sitk.DisplacementFieldTransform) -> tuple[NDArray[np.float64], sitk.Image]:
    """Return the field (3, Z, Y, X), mm, of a displacement field transform, and its image."""
    image = transform.GetDisplacementField()
    return np.ascontiguousarray(np.moveaxis(sitk.GetArrayViewFromImage(image), -1, 0)), image


def parts(transform: sitk.Transform) -> list[sitk.Transform]:
    """Return the simple transforms of ``transform`` in the order in which they act on a point."""
    if transform.GetDimension() != 3:
        msg = f"transform is {transform.GetDimension()}-D, expected 3-D: choose a transform of volumes"
        raise InputError(msg)
    concrete = transform.Downcast()
    if concrete.GetName() != "CompositeTransform":
        return [concrete]
    composite = sitk.CompositeTransform(concrete)
    count = composite.GetNumberOfTransforms()
    return [part for i in reversed(range(count)) for part in parts(composite.GetNthTransform(i))]


def as_matrix(transform: sitk.Transform) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Return (matrix, offset) of a transform whose parts are all linear, x -> matrix x + offset; None otherwise."""
    matrix, offset = np.eye(3), np.zeros(3)
    for part in parts(transform):
        if part.GetName() not in _LINEAR_NAMES:
            return None
        # Differences of images of unit steps are exact for a linear map.
        zero = np.array(part.TransformPoint((0.0, 0.0, 0.0)))
        own = np.stack([np.array(part.TransformVector(axis, (0.0, 0.0, 0.0))) for axis in np.eye(3).tolist()], axis=1)
        matrix, offset = own @ matrix, own @ offset + zero
    return matrix, offset


def linear_and_field(
    transform: sitk.Transform,
) -> tuple[sitk.AffineTransform, sitk.DisplacementFieldTransform | None]:
    """Return the linear map and the field of a result apart.

    Parameters
    ----------
    transform : SimpleITK.Transform
        Linear parts only, or one displacement field that acts first and linear parts after it.

    Returns
    -------
    linear : SimpleITK.AffineTransform
        All linear parts as one.
    field : SimpleITK.DisplacementFieldTransform or None
        None where nothing bends.

    Raises
    ------
    InputError
        When the transform has another form.
    """
    first, *rest = parts(transform) or [sitk.AffineTransform(3)]
    field = None
    if first.GetName() == "DisplacementFieldTransform":
        field, first = sitk.DisplacementFieldTransform(first), sitk.AffineTransform(3)
    linear = as_matrix(sitk.CompositeTransform([*reversed(rest), first]))  # a composite lists first what acts last
    if linear is None:
        names = ", ".join(part.GetName() for part in parts(transform))
        msg = (
            f"transform has the parts {names}, expected linear parts after at most one displacement field: "
            "sample it as a displacement field first"
        )
        raise InputError(msg)
    return matrix_transform(*linear), field


def transform_points(transform: sitk.Transform, points: NDArray[np.floating]) -> NDArray[np.float64]:
    """Map points.

    Parameters
    ----------
    transform : SimpleITK.Transform
    points : ndarray, shape (N, 3)
        LPS mm.

    Returns
    -------
    ndarray, shape (N, 3)
    """
    result = np.array(points, dtype=np.float64)
    if result.ndim != 2 or result.shape[1] != 3:
        msg = f"points have shape {result.shape}, expected (N, 3): give one row l, p, s for each point"
        raise InputError(msg)
    for part in parts(transform):
        linear = as_matrix(part) if part.GetName() in _LINEAR_NAMES else None
        if linear is not None:
            result = result @ linear[0].T + linear[1]
        elif part.GetName() == "DisplacementFieldTransform":
            field, image = field_array(sitk.DisplacementFieldTransform(part))
            direction = np.array(image.GetDirection()).reshape(3, 3)
            index = np.linalg.solve(direction, (result - image.GetOrigin()).T) / np.array(image.GetSpacing())[:, None]
            result = result + sample_field(field, index).T
        else:
            result = np.array([part.TransformPoint(point) for point in result.tolist()]).reshape(-1, 3)
    return result


def to_displacement_field(transform: sitk.Transform, reference: sitk.Image) -> sitk.Image:
    """Return the displacement (vector image of doubles, LPS mm) of ``transform`` at the voxels of ``reference``."""
    return sitk.TransformToDisplacementField(
        transform,
        sitk.sitkVectorFloat64,
        reference.GetSize(),
        reference.GetOrigin(),
        reference.GetSpacing(),
        reference.GetDirection(),
    )


def jacobian_determinant(transform: sitk.Transform, reference: sitk.Image) -> sitk.Image:
    """Return det of the derivative of ``transform`` at the voxels of ``reference`` (central differences).

    1 keeps volume, below 1 shrinks, 0 or less folds.

    Returns
    -------
    SimpleITK.Image
        float32 on the grid of ``reference``.
    """
    if min(reference.GetSize()) < 2:
        msg = f"reference has size {reference.GetSize()}, expected 2 or more voxels along each axis: choose a volume"
        raise InputError(msg)
    image = to_displacement_field(transform, reference)
    array = sitk.GetArrayViewFromImage(image)
    spacing = np.array(reference.GetSpacing())
    direction = np.array(reference.GetDirection()).reshape(3, 3)
    result = np.empty(array.shape[:3], dtype=np.float32)
    depth = array.shape[0]
    for start in range(0, depth, 16):  # slabs bound the memory
        low, high = max(start - 1, 0), min(start + 17, depth)
        if high - low < 2:
            low = high - 2
        slab = np.moveaxis(array[low:high], -1, 0)
        along = [np.gradient(slab, spacing[axis], axis=3 - axis) for axis in range(3)]
        by_axis = np.stack(along, axis=1)
        gradient = np.einsum("ca...,wa->cw...", by_axis, direction)
        stop = min(start + 16, depth)
        result[start:stop] = determinant(gradient)[start - low : stop - low]
    output = sitk.GetImageFromArray(result)
    output.CopyInformation(reference)
    return output


def invert(transform: sitk.Transform, reference: sitk.Image, *, cancel: CancelToken | None = None) -> sitk.Transform:
    """Return the explicit inverse, moving to fixed points.

    Linear parts are inverted exactly. Displacement fields are inverted numerically on their own grid; other
    deformations (B-splines, thin plates) are first sampled on the grid of ``reference``.

    Parameters
    ----------
    transform : SimpleITK.Transform
        Fold-free.
    reference : SimpleITK.Image
        Its grid covers the fixed space where the inverse is wanted.
    cancel : CancelToken, optional

    Returns
    -------
    SimpleITK.Transform
        An AffineTransform, or a CompositeTransform of affine and displacement field transforms.
    """
    linear = as_matrix(transform)
    if linear is not None:
        return _inverse_matrix(*linear)
    inverted: list[sitk.Transform] = []
    for part in parts(transform):
        matrix = as_matrix(part)
        if matrix is not None:
            inverted.append(_inverse_matrix(*matrix))
            continue
        if part.GetName() == "DisplacementFieldTransform":
            field, image = field_array(sitk.DisplacementFieldTransform(part))
        else:
            image = to_displacement_field(part, reference)
            field = np.moveaxis(sitk.GetArrayFromImage(image), -1, 0)
        direction = np.array(image.GetDirection()).reshape(3, 3)
        inverse = invert_field(field, np.array(image.GetSpacing()), direction, cancel=cancel)
        inverted.append(field_transform(inverse, image))
    if len(inverted) == 1:
        return inverted[0]
    # What acted last is undone first. A composite applies the transform that was added last first.
    composite = sitk.CompositeTransform(3)
    for part in inverted:
        composite.AddTransform(part)
    return composite


def _inverse_matrix(matrix: NDArray[np.float64], offset: NDArray[np.float64]) -> sitk.AffineTransform:
    """Return the inverse of x -> matrix x + offset."""
    if abs(np.linalg.det(matrix)) < 1e-9:
        msg = "the transform flattens space (its matrix is singular): it has no inverse; choose another transform"
        raise InputError(msg)
    inverse = np.linalg.inv(matrix)
    return matrix_transform(inverse, -inverse @ offset)


def write_transform(transform: sitk.Transform, path: Path | str, *, reference: sitk.Image | None = None) -> None:
    """Write a transform that SimpleITK and Slicer read back.

    Parameters
    ----------
    transform : SimpleITK.Transform
    path : Path
        .h5 or .tfm keep all parts; .nii.gz, .nrrd and .mha hold one displacement field on the grid of ``reference``.
    reference : SimpleITK.Image, optional
        Needed for a displacement field, unless the transform is one already.

    Raises
    ------
    InputError
        When the suffix is not one of these.
    """
    path = Path(path)
    name = path.name.lower()
    if name.endswith(_FIELD_SUFFIXES):
        if reference is not None:
            image = to_displacement_field(transform, reference)
        elif len(parts(transform)) == 1 and parts(transform)[0].GetName() == "DisplacementFieldTransform":
            image = sitk.DisplacementFieldTransform(parts(transform)[0]).GetDisplacementField()
        else:
            msg = f"{path.name} is a displacement field and needs a grid: give a reference image, or write .h5"
            raise InputError(msg)
        # Single precision is exact to 1e-5 mm and what other programs write; it halves the file.
        with atomic_path(path) as temporary:
            sitk.WriteImage(sitk.Cast(image, sitk.sitkVectorFloat32), str(temporary), True)
        return
    if not name.endswith(_TRANSFORM_SUFFIXES):
        known = ", ".join(_TRANSFORM_SUFFIXES[:4] + _FIELD_SUFFIXES)
        msg = f"{path.name} has a suffix that is no transform's, expected one of {known}: rename it"
        raise InputError(msg)
    if name.endswith((".tfm", ".txt", ".mat")) and any(
        part.GetName() == "DisplacementFieldTransform" for part in parts(transform)
    ):
        msg = f"{path.name} would hold a displacement field as text, which loses its exactness: write .h5 or .nii.gz"
        raise InputError(msg)
    with atomic_path(path) as temporary:
        sitk.WriteTransform(transform, str(temporary))


def read_transform(path: Path | str) -> sitk.Transform:
    """Read a transform: .h5, .tfm, .txt, .mat, or a displacement field (.nii.gz, .nii, .nrrd, .mha).

    Raises
    ------
    InputError
        When the file is absent, damaged, not 3-D, or no transform.
    """
    path = Path(path)
    if not path.is_file():
        msg = f"transform file {path} is not there: check the name"
        raise InputError(msg)
    name = path.name.lower()
    try:
        if name.endswith(_FIELD_SUFFIXES):
            image = sitk.ReadImage(str(path))
            if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 3:
                msg = (
                    f"{path.name} has {image.GetNumberOfComponentsPerPixel()} components in {image.GetDimension()}-D, "
                    "expected 3 in 3-D (a displacement field): choose a transform file"
                )
                raise InputError(msg)
            return sitk.DisplacementFieldTransform(sitk.Cast(image, sitk.sitkVectorFloat64))
        transform = sitk.ReadTransform(str(path))
    except RuntimeError as error:
        msg = f"{path.name} cannot be read as a transform: write it again as .h5 with SimpleITK, ANTs or Slicer"
        raise InputError(msg) from error
    if transform.GetDimension() != 3:
        msg = f"{path.name} holds a {transform.GetDimension()}-D transform, expected 3-D: choose a transform of volumes"
        raise InputError(msg)
    return transform.Downcast()
