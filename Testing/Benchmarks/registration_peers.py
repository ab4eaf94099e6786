"""The methods that are compared, each as a function from two image files to a transform.

All transforms map fixed to moving points, LPS mm, as SimpleITK transforms, so that errors are measured alike. Settings
are those that a method's authors recommend for images of different modalities:

- itk-elastix: rigid, affine, B-spline; Mattes mutual information of 32 bins; 4 resolutions of 500 iterations each; adaptive
  stochastic gradient descent, 5000 random samples drawn anew each iteration (ElastixModelZoo Par0035). The default
  ``bspline`` map adds a bending energy to the metric, with which it crashed: mutual information alone. 30 mm between the final
  control points: on CT-T1 the default of 10 mm folded and made the affine result worse (7.8 to 9.8 mm; 20 mm: 8.8; 30 mm:
  6.7; Par0027, CT and MR of the head and neck, has 60 and more). It gets a mask of the fixed body and 10 mm around it, as
  its manual advises: without, its affine stage loses T1-T2 (15 mm instead of 5).
- antspyx: type_of_transform "SyNRA" (rigid, affine, SyN), aff_metric and syn_metric Mattes of 32 bins, the iterations of
  antsRegistrationSyN.sh, 100x70x50x20 down to full resolution (antspyx's own default stops at half of it).
- picsl-greedy: the quick start of its documentation, with the metric that it names for images of different modalities:
  ``-a -m NMI -ia-image-centers -n 100x50x10``, then ``-m NMI -s 3vox 1vox -n 100x50x10``. On three development pairs this
  smoothing was better than the default (4.9, 7.0, 8.1 against 5.2, 7.2, 8.2 mm), than the quick start's ``-sv`` (6.6, 8.1, 11.8)
  and than its WNCC (10 and more); a mask (``-gm``) lost T1-T2; ``-search`` and a rigid start changed nothing.
- convexadam: MIND-SSC, the package's defaults (those of its Learn2Reg entry), on cubic voxels of 2 mm as there. It has no
  linear stage: the moving image is first brought to the fixed one by itk-elastix's affine, whose time is not counted.
- simpleitk: Mattes of 50 bins; Euler, then affine by regular steps of gradient descent (20 % of the voxels, 200 iterations a
  level, its example ImageRegistrationMethod4; shrink 4, 2, 1, sigma 2, 1, 0 from its notebooks, whose own optimizer stops
  after 10 iterations here: 6.3 instead of 5.6 mm on CT-T1); then B-spline control points refined 1, 2, 5 times by gradient
  descent with line search (its example ImageRegistrationMethodBSpline3; 5 % of the voxels), about 20 mm between the last.
  On T1-T2 this was better than LBFGSB (4.6 against 6.7 mm).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from registration_movements import known_linear

from MedDeepRegSegLib.registration.transforms import as_matrix, matrix_transform
from MedDeepRegSegLib.segmentation.foreground import foreground_mask
from MedDeepRegSegLib.volumes.resampling import isotropic_grid, resample_to

THREADS = 2
ELASTIX_ITERATIONS = (("rigid", 500), ("affine", 500), ("bspline", 500))
_CONVEX_MM = 2.0
_AROUND_MM = 10.0
_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Found:
    """What a method found. Transforms map fixed to moving points, LPS mm; ``inverse`` the other way, where it gives one."""

    transform: sitk.Transform
    linear: sitk.Transform | None = None
    inverse: sitk.Transform | None = None


@dataclass(frozen=True)
class Job:
    """A pair to register: image files, a scratch folder, whether to stop after the linear stages, and the fixed body."""

    fixed: Path
    moving: Path
    scratch: Path
    linear: bool
    mask: Path | None = None


Method = Callable[[Job], Found]


def with_mask(job: Job) -> Job:
    """Return the job with a mask of the fixed body, widened so that its outline counts."""
    fixed = sitk.ReadImage(str(job.fixed))
    radius = [max(1, round(_AROUND_MM / spacing)) for spacing in fixed.GetSpacing()]
    mask = sitk.BinaryDilate(foreground_mask(fixed, "body"), radius, sitk.sitkBox)
    path = job.scratch / "mask.nii.gz"
    sitk.WriteImage(mask, str(path))
    return replace(job, mask=path)


def chain(*transforms: sitk.Transform) -> sitk.CompositeTransform:
    """Return one transform that applies these in the order in which they are given."""
    return sitk.CompositeTransform(list(transforms[::-1]))


def elastix(job: Job) -> Found:
    """Register with itk-elastix."""
    import itk

    fixed, moving = (itk.imread(str(path), itk.F) for path in (job.fixed, job.moving))
    maps = itk.ParameterObject.New()
    for kind, iterations in ELASTIX_ITERATIONS[: 2 if job.linear else 3]:
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
        if kind == "bspline":
            chosen["FinalGridSpacingInPhysicalUnits"] = ["30.0"]
        if kind == "rigid":
            chosen["AutomaticTransformInitialization"] = ["true"]
        maps.AddParameterMap(chosen)
    registration = itk.ElastixRegistrationMethod.New(fixed, moving)
    registration.SetParameterObject(maps)
    if job.mask is not None:
        registration.SetFixedMask(itk.imread(str(job.mask), itk.UC))
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
    program.execute(f"{images} -s 3vox 1vox -it {affine} -o {warp} -oinv {back} -wp 0")
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
    method = _mutual_information(0.05)
    method.SetOptimizerAsGradientDescentLineSearch(5.0, 100, convergenceMinimumValue=1e-4, convergenceWindowSize=5)
    method.SetInitialTransformAsBSpline(bend, inPlace=True, scaleFactors=[1, 2, 5])
    method.SetMovingInitialTransform(affine)
    _levels(method)
    method.Execute(fixed, moving)
    return Found(chain(bend, affine), affine)


def _mutual_information(share: float) -> sitk.ImageRegistrationMethod:
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(50)
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(share, 1)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetNumberOfThreads(THREADS)
    return method


def _levels(method: sitk.ImageRegistrationMethod) -> None:
    method.SetShrinkFactorsPerLevel([4, 2, 1])
    method.SetSmoothingSigmasPerLevel([2, 1, 0])
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOff()


def _descend(fixed: sitk.Image, moving: sitk.Image, transform: sitk.Transform) -> None:
    method = _mutual_information(0.2)
    method.SetOptimizerAsRegularStepGradientDescent(1.0, 1e-3, 200, relaxationFactor=0.6)
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
