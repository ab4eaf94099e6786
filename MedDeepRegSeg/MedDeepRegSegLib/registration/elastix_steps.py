"""elastix one step at a time: one kind of transform at one resolution, from where the step before ended.

elastix cannot be interrupted inside of a run, and tells nothing before its end; short runs let it be canceled, and its
iterations be shown. Maps of parameters are those of elastix's manual (https://elastix.dev).
"""

import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from MedDeepRegSegLib.errors import InputError, MissingPackageError
from MedDeepRegSegLib.registration.linear import Linear

_SAMPLES = 5000
_BINS = 32
_TRANSFORMS = {
    "rigid": "EulerTransform",
    "similarity": "SimilarityTransform",
    "affine": "AffineTransform",
    "deformable": "BSplineTransform",
}

ParameterMap = dict[str, Sequence[str]]


def load_itk() -> Any:
    """Return the module itk with elastix.

    Raises
    ------
    MissingPackageError
    """
    msg = "the method elastix needs the package itk-elastix: install it (pip install itk-elastix) or choose another method"
    if find_spec("itk") is None:
        raise MissingPackageError(msg)
    import itk

    if not hasattr(itk, "ElastixRegistrationMethod"):  # ITK alone
        raise MissingPackageError(msg)
    return itk


class ElastixSteps:
    """Two images in ITK's own form, and the steps that register them.

    Parameters
    ----------
    fixed, moving : SimpleITK.Image
    fixed_mask, moving_mask : SimpleITK.Image, optional
        On the grid of their image; only where they are not 0 are the images compared.
    iterations : int
        Of each step.
    seed : int
        Of the random choice of sample points.
    """

    def __init__(
        self,
        fixed: sitk.Image,
        moving: sitk.Image,
        *,
        fixed_mask: sitk.Image | None = None,
        moving_mask: sitk.Image | None = None,
        iterations: int,
        seed: int,
    ) -> None:
        self._itk = load_itk()
        self._spacings = fixed.GetSpacing(), moving.GetSpacing()
        self._fixed, self._moving = (self._converted(image, np.float32) for image in (fixed, moving))
        self._masks = [
            None if mask is None else self._converted(mask != 0, np.uint8) for mask in (fixed_mask, moving_mask)
        ]
        self._iterations, self._seed = iterations, seed

    def linear(self, kind: str, spacing_mm: float, start: Linear) -> tuple[Linear, tuple[float, ...]]:
        """Return the map, rigid, similarity or affine beyond ``start``, and elastix's cost after each iteration."""
        method, curve = self._run(kind, spacing_mm, [linear_map(start)])
        whole = method.ConvertToItkTransform(method.GetCombinationTransform())
        lever = 100.0
        places = [start.center, *(start.center + lever * axis for axis in np.eye(3))]
        goals = np.array([list(whole.TransformPoint(place.tolist())) for place in places])
        matrix = ((goals[1:] - goals[0]) / lever).T
        return Linear(matrix, goals[0] - start.center, start.center), curve

    def bend(
        self, control_mm: float, spacing_mm: float, before: list[ParameterMap]
    ) -> tuple[list[ParameterMap], tuple[float, ...]]:
        """Return the maps with a B-spline after them, and elastix's cost after each iteration."""
        method, curve = self._run("deformable", spacing_mm, before, control_mm)
        found = method.GetTransformParameterObject()
        return [dict(found.GetParameterMap(number)) for number in range(found.GetNumberOfParameterMaps())], curve

    def displacement(self, maps: list[ParameterMap], lattice: sitk.Image) -> NDArray[np.float32]:
        """Return the displacement (3, Z, Y, X), mm, of elastix's maps at the voxels of ``lattice``, by transformix."""
        itk = self._itk
        place = {
            "Size": [str(count) for count in lattice.GetSize()],
            "Index": ["0"] * 3,
            "Spacing": _texts(lattice.GetSpacing()),
            "Origin": _texts(lattice.GetOrigin()),
            "Direction": _texts(np.array(lattice.GetDirection()).reshape(3, 3).T.ravel()),  # elastix writes columns
        }
        transformix = itk.TransformixFilter[type(self._moving)].New()
        transformix.SetMovingImage(self._moving)
        transformix.SetTransformParameterObject(self._object([*maps[:-1], {**maps[-1], **place}]))
        transformix.ComputeDeformationFieldOn()
        transformix.SetLogToConsole(False)
        with tempfile.TemporaryDirectory(prefix="meddeep-elastix-") as folder:  # else it writes where the process is
            transformix.SetOutputDirectory(folder)
            transformix.UpdateLargestPossibleRegion()
        return np.moveaxis(itk.array_from_image(transformix.GetOutputDeformationField()), -1, 0)

    def _run(
        self, kind: str, spacing_mm: float, before: list[ParameterMap], control_mm: float | None = None
    ) -> tuple[Any, tuple[float, ...]]:
        """Run elastix and return its method object and the cost after each iteration."""
        method = self._itk.ElastixRegistrationMethod[type(self._fixed), type(self._moving)].New()
        method.SetFixedImage(self._fixed)
        method.SetMovingImage(self._moving)
        if self._masks[0] is not None:
            method.SetFixedMask(self._masks[0])
        if self._masks[1] is not None:
            method.SetMovingMask(self._masks[1])
        method.SetParameterObject(self._object([self._parameters(kind, spacing_mm, control_mm)]))
        method.SetInitialTransformParameterObject(self._object(before))
        method.SetLogToConsole(False)
        method.SetLogToFile(True)  # an error says nothing itself
        with tempfile.TemporaryDirectory(prefix="meddeep-elastix-") as folder:
            method.SetOutputDirectory(folder)
            try:
                method.UpdateLargestPossibleRegion()
            except RuntimeError as error:
                log = Path(folder) / "elastix.log"
                raise _explained(log.read_text("utf-8", errors="replace") if log.is_file() else str(error)) from error
            return method, _curve(Path(folder))

    def _parameters(self, kind: str, spacing_mm: float, control_mm: float | None) -> ParameterMap:
        """Return elastix's parameters: Mattes mutual information, adaptive stochastic gradient descent."""
        schedules = [[str(max(1, round(spacing_mm / own))) for own in spacing] for spacing in self._spacings]
        parameters: ParameterMap = {
            "Transform": [_TRANSFORMS[kind]],
            "Registration": ["MultiResolutionRegistration"],
            "NumberOfResolutions": ["1"],
            "FixedImagePyramid": ["FixedSmoothingImagePyramid"],
            "FixedImagePyramidSchedule": schedules[0],
            "MovingImagePyramid": ["MovingSmoothingImagePyramid"],
            "MovingImagePyramidSchedule": schedules[1],
            "Metric": ["AdvancedMattesMutualInformation"],
            "NumberOfHistogramBins": [str(_BINS)],
            "ImageSampler": ["RandomCoordinate" if self._masks[0] is None else "RandomSparseMask"],
            "NumberOfSpatialSamples": [str(_SAMPLES)],
            "NewSamplesEveryIteration": ["true"],
            "RequiredRatioOfValidSamples": ["0.05"],
            "Interpolator": ["LinearInterpolator"],
            "Optimizer": ["AdaptiveStochasticGradientDescent"],
            "MaximumNumberOfIterations": [str(self._iterations)],
            "MaximumStepLength": _texts([spacing_mm / 3]),
            "AutomaticParameterEstimation": ["true"],
            "AutomaticTransformInitialization": ["false"],
            "HowToCombineTransforms": ["Compose"],
            "RandomSeed": [str(self._seed % 2**31)],
            "WriteIterationInfo": ["true"],
            "WriteResultImage": ["false"],
            "ResampleInterpolator": ["FinalBSplineInterpolator"],
            "FinalBSplineInterpolationOrder": ["0"],  # of the resampled image, which is not used
            "Resampler": ["DefaultResampler"],
            "DefaultPixelValue": ["0"],
        }
        if control_mm is None:
            parameters["AutomaticScalesEstimation"] = ["true"]
        else:
            parameters["FinalGridSpacingInPhysicalUnits"] = _texts([control_mm] * 3)
            parameters["GridSpacingSchedule"] = ["1"]
        return parameters

    def _object(self, maps: list[ParameterMap]) -> Any:
        parameters = self._itk.ParameterObject.New()
        for one in maps:
            parameters.AddParameterMap(one)
        return parameters

    def _converted(self, image: sitk.Image, kind: Any) -> Any:
        """Return an image of SimpleITK as one of ITK."""
        result = self._itk.image_from_array(np.ascontiguousarray(sitk.GetArrayViewFromImage(image), dtype=kind))
        result.SetSpacing(image.GetSpacing())
        result.SetOrigin(image.GetOrigin())
        result.SetDirection(self._itk.matrix_from_array(np.array(image.GetDirection()).reshape(3, 3)))
        return result


def linear_map(linear: Linear) -> ParameterMap:
    """Return a linear map in elastix's form."""
    return {
        "Transform": ["AffineTransform"],
        "NumberOfParameters": ["12"],
        "TransformParameters": _texts([*linear.matrix.ravel(), *linear.shift]),
        "CenterOfRotationPoint": _texts(linear.center),
        "InitialTransformParameterFileName": ["NoInitialTransform"],
        "HowToCombineTransforms": ["Compose"],
    }


def _texts(numbers: Any) -> list[str]:
    """Return numbers as text that keeps every digit."""
    return [repr(float(number)) for number in numbers]


def _curve(folder: Path) -> tuple[float, ...]:
    """Return the column of the metric in elastix's table of iterations; empty when there is none."""
    table = folder / "IterationInfo.0.R0.txt"
    if not table.is_file():
        return ()
    header, *rows = (line.split("\t") for line in table.read_text("utf-8").splitlines())
    if "2:Metric" not in header:
        return ()
    column = header.index("2:Metric")
    return tuple(float(row[column]) for row in rows if len(row) > column)


def _explained(log: str) -> Exception:
    """Return the error to raise for a run that failed, from its log."""
    said = " ".join(line.strip() for line in log.splitlines() if "error" in line.lower() or "samples" in line.lower())
    if "samples map outside" in said or "enough image samples" in said or "valid samples" in said:
        msg = (
            "elastix lost the overlap of the images: start it from landmarks or a transform that brings them together, "
            "enlarge the masks, or choose another method"
        )
        return InputError(msg)
    return RuntimeError(f"elastix failed: {said[-300:] or 'it does not say why'}")
