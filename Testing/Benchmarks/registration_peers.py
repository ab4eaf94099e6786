"""The methods that are compared, each as a function from two image files to a transform.

All transforms map fixed to moving points, LPS mm, as SimpleITK transforms, so that errors are measured alike. Settings
are those that a method's authors recommend for images of different modalities:

- itk-elastix: rigid, affine, B-spline; Mattes mutual information of 32 bins; 4 resolutions; adaptive stochastic gradient
  descent, 5000 random samples drawn anew each iteration; 500 iterations a resolution for each linear stage and 1000 for the
  B-spline, 10 mm between its final control points (ElastixModelZoo Par0035 and Par0027, multi-modal heads). The default
  ``bspline`` map adds a bending energy to the metric, with which it crashed: mutual information alone.
- antspyx: type_of_transform "SyNRA" (rigid, affine, SyN), aff_metric and syn_metric Mattes of 32 bins, the iterations of
  antsRegistrationSyN.sh, 100x70x50x20 down to full resolution (antspyx's own default stops at half of it).
- picsl-greedy: the quick start of its documentation, with the metric that it names for images of different modalities:
  ``-a -m NMI -ia-image-centers -n 100x50x10``, then ``-m NMI -sv -n 100x50x10``.
- convexadam: MIND-SSC, the package's defaults (those of its Learn2Reg entry), on cubic voxels of 2 mm as there. It has no
  linear stage: the moving image is first brought to the fixed one by itk-elastix's affine, whose time is not counted.
- simpleitk: Mattes of 50 bins on 20 % of the voxels; Euler, then affine by gradient descent (100 iterations a level, shrink
  4, 2, 1, sigma 2, 1, 0, from its registration notebooks); then B-spline control points refined 1, 2, 5 times by
  gradient descent with line search (its example ImageRegistrationMethodBSpline3), about 20 mm between the last.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from registration_movements import known_linear

from MedDeepRegSegLib.registration.transforms import as_matrix, matrix_transform
from MedDeepRegSegLib.volumes.resampling import isotropic_grid, resample_to

THREADS = 2
_CONVEX_MM = 2.0
_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Found:
    """What a method found. Transforms map fixed to moving points, LPS mm; ``inverse`` the other way, where it gives one."""

    transform: sitk.Transform
    linear: sitk.Transform | None = None
    inverse: sitk.Transform | None = None


@dataclass(frozen=True)
class Job:
    """A pair to register: image files, a scratch folder, and whether to stop after the linear stages."""

    fixed: Path
    moving: Path
    scratch: Path
    linear: bool


Method = Callable[[Job], Found]


def chain(*transforms: sitk.Transform) -> sitk.CompositeTransform:
    """Return one transform that applies these in the order in which they are given."""
    return sitk.CompositeTransform(list(transforms[::-1]))


def elastix(job: Job) -> Found:
    """Register with itk-elastix."""
    import itk

    fixed, moving = (itk.imread(str(path), itk.F) for path in (job.fixed, job.moving))
    maps = itk.ParameterObject.New()
    for kind, iterations in (("rigid", 500), ("affine", 500), *([] if job.linear else [("bspline", 1000)])):
        chosen = maps.GetDefaultParameterMap(kind, 4)
        chosen["Metric"] = ["AdvancedMattesMutualInformation"]
        chosen["Registration"] = ["MultiResolutionRegistration"]
        for weight in ("Metric0Weight", "Metric1Weight"):
            if weight in chosen:
                del chosen[weight]
        chosen["NumberOfHistogramBins"] = ["32"]
        chosen["MaximumNumberOfIterations"] = [str(iterations)]
        chosen["NumberOfSpatialSamples"] = ["5000"]
        chosen["RequiredRatioOfValidSamples"] = ["0.05"]
        chosen["WriteResultImage"] = ["false"]
        if kind == "rigid":
            chosen["AutomaticTransformInitialization"] = ["true"]
        maps.AddParameterMap(chosen)
    registration = itk.ElastixRegistrationMethod.New(fixed, moving)
    registration.SetParameterObject(maps)
    registration.SetNumberOfThreads(THREADS)
    registration.SetLogToConsole(False)
    registration.UpdateLargestPossibleRegion()
    result = registration.GetTransformParameterObject()
    stages = [result.GetParameterMap(index) for index in range(result.GetNumberOfParameterMaps())]
    reference = sitk.ReadImage(str(job.fixed))
    linear = _fitted(_elastix_field(moving, reference, job.fixed, stages[:2]))
    if job.linear:
        return Found(linear, linear)
    return Found(sitk.DisplacementFieldTransform(_elastix_field(moving, reference, job.fixed, stages)), linear)


def _elastix_field(moving: Any, reference: sitk.Image, fixed: Path, stages: list[Any]) -> sitk.Image:
    """Return the displacement of elastix's stages on the fixed grid."""
    import itk

    parameters = itk.ParameterObject.New()
    for stage in stages:
        parameters.AddParameterMap(stage)
    field = itk.transformix_deformation_field(moving, parameters)
    image = sitk.GetImageFromArray(itk.array_from_image(field).astype(np.float64), isVector=True)
    image.CopyInformation(reference)
    return image


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


def ants(job: Job) -> Found:
    """Register with antspyx."""
    import ants as library

    fixed, moving = (library.image_read(str(path)) for path in (job.fixed, job.moving))
    found = library.registration(
        fixed,
        moving,
        type_of_transform="antsRegistrationSyN[a]" if job.linear else "SyNRA",
        aff_metric="mattes",
        syn_metric="mattes",
        reg_iterations=(100, 70, 50, 20),
        outprefix=str(job.scratch / "ants_"),
    )
    return ants_found(found["fwdtransforms"], found["invtransforms"])


def ants_found(forward: list[str], inverse: list[str]) -> Found:
    """Return the transforms of antspyx's files: [warp, affine], and [affine, inverse warp]."""
    affine = known_linear(sitk.ReadTransform(next(name for name in forward if name.endswith(".mat"))))
    warps = [[name for name in names if name.endswith(".nii.gz")] for names in (forward, inverse)]
    if not warps[0]:
        return Found(affine, affine, affine.GetInverse())
    warp, back = (sitk.DisplacementFieldTransform(sitk.ReadImage(one[0], sitk.sitkVectorFloat64)) for one in warps)
    return Found(chain(warp, affine), affine, chain(affine.GetInverse(), back))


def greedy(job: Job) -> Found:
    """Register with picsl-greedy."""
    from picsl_greedy import Greedy3D

    images = f"-d 3 -threads {THREADS} -i {job.fixed} {job.moving} -n 100x50x10 -m NMI"
    affine, warp, back = (job.scratch / name for name in ("affine.mat", "warp.nii.gz", "inverse.nii.gz"))
    program = Greedy3D()
    program.execute(f"{images} -a -ia-image-centers -dof 12 -o {affine}")
    if job.linear:
        return greedy_found(affine)
    program.execute(f"{images} -sv -it {affine} -o {warp} -oinv {back} -wp 0")
    return greedy_found(affine, warp, back)


def greedy_found(affine: Path, warp: Path | None = None, back: Path | None = None) -> Found:
    """Return the transforms of greedy's files: a matrix of RAS points, and fields of LPS displacements."""
    matrix = _RAS @ np.loadtxt(affine) @ _RAS
    linear = matrix_transform(matrix[:3, :3], matrix[:3, 3])
    if warp is None or back is None:
        return Found(linear, linear, linear.GetInverse())
    bend, unbend = (
        sitk.DisplacementFieldTransform(sitk.ReadImage(str(path), sitk.sitkVectorFloat64)) for path in (warp, back)
    )
    return Found(chain(bend, linear), linear, chain(linear.GetInverse(), unbend))


def convexadam(job: Job, affine: sitk.Transform) -> Found:
    """Register with convexAdam from an affine start."""
    import torch
    from convexAdam.convex_adam_MIND import convex_adam_pt

    fixed, moving = (sitk.ReadImage(str(path)) for path in (job.fixed, job.moving))
    grid = isotropic_grid(fixed, _CONVEX_MM)
    arrays = [
        sitk.GetArrayFromImage(resample_to(image, grid, transform))
        for image, transform in ((fixed, None), (moving, affine))
    ]
    displacement = convex_adam_pt(*arrays, dtype=torch.float32, device=torch.device("cpu"))
    return Found(chain(voxel_field(displacement, grid), affine), affine)


def voxel_field(displacement: NDArray[np.floating], grid: sitk.Image) -> sitk.DisplacementFieldTransform:
    """Return the transform of displacements (Z, Y, X, 3), voxels along the array's axes, on ``grid``."""
    direction = np.array(grid.GetDirection()).reshape(3, 3)
    along = displacement[..., ::-1] * np.array(grid.GetSpacing())  # x, y, z of the grid, mm
    image = sitk.GetImageFromArray(np.ascontiguousarray(along @ direction.T, dtype=np.float64), isVector=True)
    image.CopyInformation(grid)
    return sitk.DisplacementFieldTransform(image)


def simpleitk(job: Job) -> Found:
    """Register with SimpleITK's registration framework."""
    fixed, moving = (sitk.ReadImage(str(path), sitk.sitkFloat32) for path in (job.fixed, job.moving))
    start = sitk.CenteredTransformInitializer(
        fixed, moving, sitk.Euler3DTransform(), sitk.CenteredTransformInitializerFilter.GEOMETRY
    )
    center = np.array(sitk.Euler3DTransform(start).GetCenter())
    _descend(fixed, moving, start)
    matrix, offset = as_matrix(start) or (np.eye(3), np.zeros(3))
    affine = matrix_transform(matrix, matrix @ center + offset - center, center)
    _descend(fixed, moving, affine)
    if job.linear:
        return Found(affine, affine, affine.GetInverse())
    bend = sitk.BSplineTransformInitializer(fixed, [2, 2, 2], order=3)
    method = _mutual_information()
    method.SetOptimizerAsGradientDescentLineSearch(5.0, 100, convergenceMinimumValue=1e-4, convergenceWindowSize=5)
    method.SetInitialTransformAsBSpline(bend, inPlace=True, scaleFactors=[1, 2, 5])
    method.SetMovingInitialTransform(affine)
    _levels(method)
    method.Execute(fixed, moving)
    return Found(chain(bend, affine), affine)


def _mutual_information() -> sitk.ImageRegistrationMethod:
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(50)
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(0.2, 1)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetNumberOfThreads(THREADS)
    return method


def _levels(method: sitk.ImageRegistrationMethod) -> None:
    method.SetShrinkFactorsPerLevel([4, 2, 1])
    method.SetSmoothingSigmasPerLevel([2, 1, 0])
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOff()


def _descend(fixed: sitk.Image, moving: sitk.Image, transform: sitk.Transform) -> None:
    method = _mutual_information()
    method.SetOptimizerAsGradientDescent(1.0, 100, convergenceMinimumValue=1e-6, convergenceWindowSize=10)
    method.SetOptimizerScalesFromPhysicalShift()
    _levels(method)
    method.SetInitialTransform(transform, inPlace=True)
    method.Execute(fixed, moving)


PEERS: dict[str, tuple[str, ...]] = {
    "itk-elastix": ("itk",),
    "antspyx": ("ants",),
    "picsl-greedy": ("picsl_greedy",),
    "convexadam": ("convexAdam", "itk"),
    "simpleitk": ("SimpleITK",),
}
"""Peers, and the packages that each needs."""


def installed(name: str) -> bool:
    """Return whether the packages of a peer are there."""
    return all(find_spec(package) is not None for package in PEERS[name])
