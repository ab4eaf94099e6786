"""The peers of the registration benchmark. Each registers two image files and leaves its own files in a folder.

registration_found.py reads these in another process: two copies of ITK in one process crash now and then, so SimpleITK
is imported here only by what runs on it. Settings are those that a method's authors recommend for images of different modalities:

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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

THREADS = 2
ELASTIX_ITERATIONS = (("rigid", 500), ("affine", 500), ("bspline", 500))
CONVEX_MM = 2.0

PEERS: dict[str, tuple[str, ...]] = {
    "itk-elastix": ("itk",),
    "antspyx": ("ants",),
    "picsl-greedy": ("picsl_greedy",),
    "convexadam": ("convexAdam", "itk"),
    "simpleitk": ("SimpleITK",),
}
"""Peers, and the packages that each needs."""


@dataclass(frozen=True)
class Job:
    """A pair to register.

    Attributes
    ----------
    fixed, moving : Path
        Images.
    folder : Path
        Where a method leaves its files.
    linear : bool
        Whether to stop after the linear stages.
    mask : Path, optional
        The fixed body and what is near it.
    start : Path, optional
        Affine transform to start from, for a method without a linear stage.
    """

    fixed: Path
    moving: Path
    folder: Path
    linear: bool = False
    mask: Path | None = None
    start: Path | None = None


def elastix(job: Job) -> None:
    """Register with itk-elastix; leave the displacements on the fixed grid, (Z, Y, X, 3) mm."""
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
    for name, used in (("linear", stages[:2]), ("field", stages)):
        np.save(job.folder / f"{name}.npy", _elastix_field(moving, used))


def _elastix_field(moving: Any, stages: list[Any]) -> np.ndarray:
    import itk

    parameters = itk.ParameterObject.New()
    for stage in stages:
        parameters.AddParameterMap(stage)
    return itk.array_from_image(itk.transformix_deformation_field(moving, parameters)).astype(np.float32)


def ants(job: Job) -> None:
    """Register with antspyx; leave the affine matrix, the warp and its inverse."""
    import ants as library

    fixed, moving = (library.image_read(str(path)) for path in (job.fixed, job.moving))
    library.registration(
        fixed,
        moving,
        type_of_transform="antsRegistrationSyN[a]" if job.linear else "SyNRA",
        aff_metric="mattes",
        syn_metric="mattes",
        reg_iterations=(100, 70, 50, 20),
        outprefix=str(job.folder / "ants_"),
    )


def greedy(job: Job) -> None:
    """Register with picsl-greedy; leave the affine matrix, the warp and its inverse."""
    from picsl_greedy import Greedy3D

    images = f"-d 3 -threads {THREADS} -i {job.fixed} {job.moving} -n 100x50x10 -m NMI"
    affine, warp, back = (job.folder / name for name in ("affine.mat", "warp.nii.gz", "inverse.nii.gz"))
    program = Greedy3D()
    program.execute(f"{images} -a -ia-image-centers -dof 12 -o {affine}")
    if not job.linear:
        program.execute(f"{images} -s 3vox 1vox -it {affine} -o {warp} -oinv {back} -wp 0")


def convexadam(job: Job) -> None:
    """Register with convexAdam from an affine start; leave the displacement, voxels along the axes of the array."""
    import SimpleITK as sitk
    import torch
    from convexAdam.convex_adam_MIND import convex_adam_pt

    from MedDeepRegSegLib.volumes.resampling import isotropic_grid, resample_to

    fixed, moving = (sitk.ReadImage(str(path)) for path in (job.fixed, job.moving))
    grid = isotropic_grid(fixed, CONVEX_MM)
    affine = sitk.ReadTransform(str(job.start))
    arrays = [sitk.GetArrayFromImage(resample_to(one, grid, by)) for one, by in ((fixed, None), (moving, affine))]
    np.save(job.folder / "voxels.npy", convex_adam_pt(*arrays, dtype=torch.float32, device=torch.device("cpu")))


def simpleitk(job: Job) -> None:
    """Register with SimpleITK's registration framework; leave the transforms."""
    import SimpleITK as sitk

    from MedDeepRegSegLib.registration.transforms import as_matrix, matrix_transform

    fixed, moving = (sitk.ReadImage(str(path), sitk.sitkFloat32) for path in (job.fixed, job.moving))
    start = sitk.CenteredTransformInitializer(
        fixed, moving, sitk.Euler3DTransform(), sitk.CenteredTransformInitializerFilter.GEOMETRY
    )
    center = np.array(sitk.Euler3DTransform(start).GetCenter())
    _descend(fixed, moving, start)
    matrix, offset = as_matrix(start) or (np.eye(3), np.zeros(3))
    affine = matrix_transform(matrix, matrix @ center + offset - center, center)
    _descend(fixed, moving, affine)
    sitk.WriteTransform(affine, str(job.folder / "linear.tfm"))
    if job.linear:
        return
    bend = sitk.BSplineTransformInitializer(fixed, [2, 2, 2], order=3)
    method = _mutual_information(0.05)
    method.SetOptimizerAsGradientDescentLineSearch(5.0, 100, convergenceMinimumValue=1e-4, convergenceWindowSize=5)
    method.SetInitialTransformAsBSpline(bend, inPlace=True, scaleFactors=[1, 2, 5])
    method.SetMovingInitialTransform(affine)
    _levels(method)
    method.Execute(fixed, moving)
    sitk.WriteTransform(sitk.CompositeTransform([affine, bend]), str(job.folder / "transform.h5"))


def _mutual_information(share: float) -> Any:
    import SimpleITK as sitk

    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(50)
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(share, 1)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetNumberOfThreads(THREADS)
    return method


def _levels(method: Any) -> None:
    method.SetShrinkFactorsPerLevel([4, 2, 1])
    method.SetSmoothingSigmasPerLevel([2, 1, 0])
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOff()


def _descend(fixed: Any, moving: Any, transform: Any) -> None:
    method = _mutual_information(0.2)
    method.SetOptimizerAsRegularStepGradientDescent(1.0, 1e-3, 200, relaxationFactor=0.6)
    method.SetOptimizerScalesFromPhysicalShift()
    _levels(method)
    method.SetInitialTransform(transform, inPlace=True)
    method.Execute(fixed, moving)


RUN: dict[str, Callable[[Job], None]] = {
    "itk-elastix": elastix,
    "antspyx": ants,
    "picsl-greedy": greedy,
    "convexadam": convexadam,
    "simpleitk": simpleitk,
}
"""What runs each peer."""
