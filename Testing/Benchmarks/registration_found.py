"""Read what a method left: one transform from fixed to moving points, LPS mm, whatever its own conventions."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from registration_movements import known_linear
from registration_peers import CONVEX_MM, Job

from MedDeepRegSegLib.registration.transforms import matrix_transform
from MedDeepRegSegLib.volumes.resampling import isotropic_grid

_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Found:
    """What a method found: ``transform`` and its linear part map fixed to moving points, ``inverse`` the other way.

    ``inverse`` is None where the method gives none.
    """

    transform: sitk.Transform
    linear: sitk.Transform
    inverse: sitk.Transform | None = None


def read_found(method: str, job: Job) -> Found:
    """Return what ``method`` left in the folder of the job; every method that is no peer is one of our engines."""
    read = {"itk-elastix": _elastix, "antspyx": _ants, "picsl-greedy": _greedy, "convexadam": _convexadam}
    return read.get(method, _plain)(job)


def chain(*transforms: sitk.Transform) -> sitk.CompositeTransform:
    """Return one transform that applies these in the order in which they are given."""
    return sitk.CompositeTransform(list(transforms[::-1]))


def voxel_field(displacement: NDArray[np.floating], grid: sitk.Image) -> sitk.DisplacementFieldTransform:
    """Return the transform of displacements (Z, Y, X, 3), voxels along the array's axes, on ``grid``."""
    direction = np.array(grid.GetDirection()).reshape(3, 3)
    along = displacement[..., ::-1] * np.array(grid.GetSpacing())  # x, y, z of the grid, mm
    image = sitk.GetImageFromArray(np.ascontiguousarray(along @ direction.T, dtype=np.float64), isVector=True)
    image.CopyInformation(grid)
    return sitk.DisplacementFieldTransform(image)


def _plain(job: Job) -> Found:
    """Read transforms that SimpleITK wrote."""
    linear = sitk.ReadTransform(str(job.folder / "linear.tfm"))
    whole, back = (job.folder / name for name in ("transform.h5", "inverse.h5"))
    if not whole.is_file():
        return Found(linear, linear, linear.GetInverse())
    return Found(sitk.ReadTransform(str(whole)), linear, sitk.ReadTransform(str(back)) if back.is_file() else None)


def _elastix(job: Job) -> Found:
    """Read displacements on the fixed grid."""
    reference = sitk.ReadImage(str(job.fixed))
    fields = []
    for name in ("linear", "field"):
        values = np.load(job.folder / f"{name}.npy").astype(np.float64)
        fields.append(sitk.GetImageFromArray(values, isVector=True))
        fields[-1].CopyInformation(reference)
    linear = _fitted(fields[0])
    return Found(linear if job.linear else sitk.DisplacementFieldTransform(fields[1]), linear)


def _fitted(field: sitk.Image) -> sitk.AffineTransform:
    """Return the linear map whose displacement the field is."""
    size = np.array(field.GetSize())
    index = np.stack(np.meshgrid(*[np.linspace(0, n - 1, 5).astype(int) for n in size], indexing="ij"), -1).reshape(
        -1, 3
    )
    points = np.array([field.TransformIndexToPhysicalPoint(one) for one in index.tolist()])
    goals = points + np.array([field.GetPixel(one) for one in index.tolist()])
    middle = points.mean(axis=0)
    matrix = np.linalg.lstsq(points - middle, goals - goals.mean(axis=0), rcond=None)[0].T
    return matrix_transform(matrix, goals.mean(axis=0) - middle, middle)


def _ants(job: Job) -> Found:
    """Read an affine matrix, and fields of LPS displacements that bend the fixed space first."""
    affine = known_linear(sitk.ReadTransform(str(job.folder / "ants_0GenericAffine.mat")))
    if job.linear:
        return Found(affine, affine, affine.GetInverse())
    bend, back = (_field(job.folder / f"ants_1{name}.nii.gz") for name in ("Warp", "InverseWarp"))
    return Found(chain(bend, affine), affine, chain(affine.GetInverse(), back))


def _greedy(job: Job) -> Found:
    """Read a matrix of RAS points, and fields of LPS displacements that bend the fixed space first."""
    matrix = _RAS @ np.loadtxt(job.folder / "affine.mat") @ _RAS
    affine = matrix_transform(matrix[:3, :3], matrix[:3, 3])
    if job.linear:
        return Found(affine, affine, affine.GetInverse())
    bend, back = (_field(job.folder / f"{name}.nii.gz") for name in ("warp", "inverse"))
    return Found(chain(bend, affine), affine, chain(affine.GetInverse(), back))


def _convexadam(job: Job) -> Found:
    """Read displacements of voxels, and the affine start that follows them."""
    grid = isotropic_grid(sitk.ReadImage(str(job.fixed)), CONVEX_MM)
    affine = sitk.ReadTransform(str(job.start))
    return Found(chain(voxel_field(np.load(job.folder / "voxels.npy"), grid), affine), affine)


def _field(path: Path) -> sitk.DisplacementFieldTransform:
    return sitk.DisplacementFieldTransform(sitk.ReadImage(str(path), sitk.sitkVectorFloat64))
