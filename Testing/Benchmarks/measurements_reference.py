"""The reference values of pyradiomics beside the measurements of MedDeep, feature by feature.

The values are pyradiomics' own baseline (version 1.3 to 2.0, in the shared data) with its settings: gray levels 25 wide
that begin at a multiple of 25, or 64 of them, or one of 5000; distance 1; features averaged over 13 directions; nothing
resampled.
"""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import SimpleITK as sitk

from MedDeepRegSegLib.segmentation.measurements import SegmentMeasurements, measure
from MedDeepRegSegLib.segmentation.segments import Segment
from MedDeepRegSegLib.segmentation.texture_matrices import TextureSettings

SHIFT = 2000.0  # pyradiomics adds this to intensities before it squares them

_SHAPE = {
    "VoxelVolume": "volume_mm3",
    "MeshVolume": "volume_mesh_mm3",
    "SurfaceArea": "surface_mesh_mm2",
    "SurfaceVolumeRatio": "surface_to_volume_per_mm",
    "Sphericity": "sphericity_mesh",
    "MajorAxisLength": "major_axis_mm",
    "MinorAxisLength": "minor_axis_mm",
    "LeastAxisLength": "least_axis_mm",
    "Elongation": "elongation",
    "Flatness": "flatness",
    "Maximum3DDiameter": "largest_diameter_mm",
    "Maximum2DDiameterSlice": "longest_diameter_mm",
}
_FIRST_ORDER = {
    "Mean": "intensity_mean",
    "Median": "intensity_median",
    "Minimum": "intensity_minimum",
    "Maximum": "intensity_maximum",
    "Range": "intensity_range",
    "10Percentile": "intensity_percentile_10",
    "90Percentile": "intensity_percentile_90",
    "InterquartileRange": "intensity_interquartile_range",
    "MeanAbsoluteDeviation": "intensity_mean_absolute_deviation",
    "RobustMeanAbsoluteDeviation": "intensity_robust_mean_absolute_deviation",
    "Skewness": "intensity_skewness",
    "Entropy": "texture_histogram_entropy",
    "Uniformity": "texture_histogram_uniformity",
}
# What pyradiomics defines in another way is computed from ours.
_COMPUTED: dict[str, Callable[[SegmentMeasurements], float]] = {
    "Variance": lambda found: found.value("intensity_standard_deviation") ** 2,
    "Kurtosis": lambda found: found.value("intensity_kurtosis") + 3,
    "Energy": lambda found: _shifted_energy(found),
    "RootMeanSquared": lambda found: (_shifted_energy(found) / found.value("voxels")) ** 0.5,
}
_COOCCURRENCE = {
    "MaximumProbability": "joint_maximum",
    "JointAverage": "joint_average",
    "SumSquares": "joint_variance",
    "JointEntropy": "joint_entropy",
    "DifferenceAverage": "difference_average",
    "DifferenceVariance": "difference_variance",
    "DifferenceEntropy": "difference_entropy",
    "SumEntropy": "sum_entropy",
    "JointEnergy": "angular_second_moment",
    "Contrast": "contrast",
    "Id": "inverse_difference",
    "Idm": "inverse_difference_moment",
    "InverseVariance": "inverse_variance",
    "Correlation": "correlation",
    "Autocorrelation": "autocorrelation",
    "ClusterTendency": "cluster_tendency",
    "ClusterShade": "cluster_shade",
    "ClusterProminence": "cluster_prominence",
    "Imc1": "information_correlation_1",
    "Imc2": "information_correlation_2",
}
_RUNS = {
    "ShortRunEmphasis": "small",
    "LongRunEmphasis": "large",
    "LowGrayLevelRunEmphasis": "low_gray",
    "HighGrayLevelRunEmphasis": "high_gray",
    "ShortRunLowGrayLevelEmphasis": "small_low_gray",
    "ShortRunHighGrayLevelEmphasis": "small_high_gray",
    "LongRunLowGrayLevelEmphasis": "large_low_gray",
    "LongRunHighGrayLevelEmphasis": "large_high_gray",
    "GrayLevelNonUniformity": "gray_nonuniformity",
    "GrayLevelNonUniformityNormalized": "gray_nonuniformity_normalized",
    "RunLengthNonUniformity": "size_nonuniformity",
    "RunLengthNonUniformityNormalized": "size_nonuniformity_normalized",
    "RunPercentage": "percentage",
    "GrayLevelVariance": "gray_variance",
    "RunVariance": "size_variance",
    "RunEntropy": "entropy",
}
BY_ANOTHER_DEFINITION = {
    "MeshVolume": "triangles differ",
    "SurfaceArea": "triangles differ",
    "SurfaceVolumeRatio": "triangles differ",
    "Sphericity": "triangles differ",
    "Maximum2DDiameterSlice": "theirs joins outlines of neighboring slices",
}
"""Features that cannot be equal, and why."""

LABELS = ("brain1", "brain2", "breast1", "lung1", "lung2")
IMAGES = LABELS[:3]
"""Cases whose image is there."""
SETTINGS = {
    "": TextureSettings(bin_width=25),
    "_FBN": TextureSettings(bin_count=64),
    "_flatRegion": TextureSettings(bin_width=5000),
}
"""Suffix of the baseline's columns, and the gray levels behind it."""


@dataclass(frozen=True)
class Compared:
    """One feature of one case."""

    case: str
    feature: str
    own_name: str
    theirs: float
    ours: float

    @property
    def difference(self) -> float:
        """Relative difference; absolute where theirs is almost zero."""
        return (self.ours - self.theirs) / (abs(self.theirs) if abs(self.theirs) > 1e-9 else 1.0)


def compared(folder: Path) -> Iterator[Compared]:
    """Yield every feature that both have, of all cases in the folder ``07_pyradiomics``."""
    for case in LABELS:
        found = _measured(folder, case, ("shape",))
        for feature, name in _SHAPE.items():
            yield Compared(case, feature, name, _reference(folder, "shape", case, feature), _value(found, name))
    for case in IMAGES:
        found = _measured(folder, case, ("size", "intensity", "texture"), SETTINGS[""])
        for feature, name in _FIRST_ORDER.items():
            theirs = _reference(folder, "firstorder", case, feature)
            yield Compared(case, feature, name, theirs, _value(found, name))
        for feature, compute in _COMPUTED.items():
            yield Compared(case, feature, "computed", _reference(folder, "firstorder", case, feature), compute(found))
        for suffix, settings in SETTINGS.items():
            found = _measured(folder, case, ("texture",), settings)
            column = case + suffix
            for kind, prefix, features in (("glcm", "cooccurrence", _COOCCURRENCE), ("glrlm", "runs", _RUNS)):
                for feature, name in features.items():
                    own = f"texture_{prefix}_{name}"
                    yield Compared(column, feature, own, _reference(folder, kind, column, feature), _value(found, own))


def _measured(
    folder: Path, case: str, families: tuple[str, ...], texture: TextureSettings | None = None
) -> SegmentMeasurements:
    labels = sitk.ReadImage(str(folder / f"{case}_label.nrrd"))
    file = folder / f"{case}_image.nrrd"
    image = sitk.ReadImage(str(file)) if texture is not None else None
    segment = Segment(1, case, (1.0, 0.0, 0.0))
    return measure(labels, [segment], image, families=families, texture=texture)[0]


def _reference(folder: Path, kind: str, column: str, feature: str) -> float:
    with (folder / f"baseline_{kind}.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["featureName"] == f"original_{kind}_{feature}":
                return float(row[column])
    msg = f"baseline_{kind}.csv has no feature {feature}"
    raise KeyError(msg)


def _value(found: SegmentMeasurements, name: str) -> float:
    value = found.value(name)
    return float("nan") if value is None else value


def _shifted_energy(found: SegmentMeasurements) -> float:
    count, mean = found.value("voxels"), found.value("intensity_mean")
    return found.value("intensity_energy") + count * (2 * SHIFT * mean + SHIFT**2)
