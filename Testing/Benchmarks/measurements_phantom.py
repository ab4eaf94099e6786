"""The digital phantom of the Image Biomarker Standardisation Initiative and its published values.

Phantom and values are of the reference manual (https://ibsi.readthedocs.io, chapters 3 and 5; Zwanenburg et al.,
Radiology 2020): 5 x 4 x 4 voxels of 2 mm, of which 74 are in the region of interest; gray levels as they are; texture in
3D, averaged over directions.
"""

import numpy as np
import SimpleITK as sitk

# Slices (z), rows (y), columns (x); 0 is outside of the region of interest.
GRAY_LEVELS = (
    ((1, 4, 4, 1, 1), (1, 4, 6, 1, 1), (4, 1, 6, 4, 1), (4, 4, 6, 4, 1)),
    ((1, 4, 4, 1, 1), (1, 1, 6, 1, 1), (0, 1, 3, 1, 1), (4, 4, 6, 1, 1)),
    ((1, 4, 4, 0, 0), (1, 1, 1, 1, 1), (1, 1, 0, 1, 1), (1, 1, 6, 1, 1)),
    ((1, 4, 4, 0, 0), (1, 1, 1, 1, 1), (1, 1, 1, 1, 1), (1, 1, 6, 1, 1)),
)

# Name here: published value, tolerance of the manual (None: half of the last digit).
PUBLISHED: dict[str, tuple[float, float | None]] = {
    "volume_mesh_mm3": (556, 4),
    "volume_mm3": (592, 4),
    "surface_mesh_mm2": (388, 3),
    "surface_to_volume_per_mm": (0.698, 0.004),
    "sphericity_mesh": (0.843, 0.005),
    "largest_diameter_mm": (13.1, 0.1),
    "elongation": (0.816, 0.005),
    "flatness": (0.749, 0.005),
    "intensity_mean": (2.15, None),
    "intensity_skewness": (1.08, None),
    "intensity_kurtosis": (-0.355, None),
    "intensity_median": (1, None),
    "intensity_minimum": (1, None),
    "intensity_percentile_10": (1, None),
    "intensity_percentile_90": (4, None),
    "intensity_maximum": (6, None),
    "intensity_interquartile_range": (3, None),
    "intensity_range": (5, None),
    "intensity_mean_absolute_deviation": (1.55, None),
    "intensity_robust_mean_absolute_deviation": (1.11, None),
    "intensity_energy": (567, None),
    "intensity_root_mean_square": (2.77, None),
    "texture_histogram_entropy": (1.27, None),
    "texture_histogram_uniformity": (0.512, None),
    "texture_cooccurrence_joint_maximum": (0.503, None),
    "texture_cooccurrence_joint_average": (2.14, None),
    "texture_cooccurrence_joint_variance": (3.1, 0.005),
    "texture_cooccurrence_joint_entropy": (2.4, 0.005),
    "texture_cooccurrence_difference_average": (1.43, None),
    "texture_cooccurrence_difference_variance": (3.06, None),
    "texture_cooccurrence_difference_entropy": (1.56, None),
    "texture_cooccurrence_sum_entropy": (1.92, None),
    "texture_cooccurrence_angular_second_moment": (0.303, None),
    "texture_cooccurrence_contrast": (5.32, None),
    "texture_cooccurrence_inverse_difference": (0.677, None),
    "texture_cooccurrence_inverse_difference_moment": (0.618, None),
    "texture_cooccurrence_inverse_variance": (0.0604, None),
    "texture_cooccurrence_correlation": (0.157, None),
    "texture_cooccurrence_autocorrelation": (5.06, None),
    "texture_cooccurrence_cluster_tendency": (7.07, None),
    "texture_cooccurrence_cluster_shade": (16.6, None),
    "texture_cooccurrence_cluster_prominence": (145, None),
    "texture_cooccurrence_information_correlation_1": (-0.157, None),
    "texture_cooccurrence_information_correlation_2": (0.52, 0.0005),
    "texture_runs_small": (0.705, None),
    "texture_runs_large": (3.06, None),
    "texture_runs_low_gray": (0.603, None),
    "texture_runs_high_gray": (9.7, 0.005),
    "texture_runs_small_low_gray": (0.352, None),
    "texture_runs_small_high_gray": (8.54, None),
    "texture_runs_large_low_gray": (2.39, None),
    "texture_runs_large_high_gray": (17.6, None),
    "texture_runs_gray_nonuniformity": (21.8, None),
    "texture_runs_gray_nonuniformity_normalized": (0.43, 0.0005),
    "texture_runs_size_nonuniformity": (26.9, None),
    "texture_runs_size_nonuniformity_normalized": (0.513, None),
    "texture_runs_percentage": (0.68, 0.0005),
    "texture_runs_gray_variance": (3.46, None),
    "texture_runs_size_variance": (0.574, None),
    "texture_runs_entropy": (2.43, None),
    "texture_zones_small": (0.255, None),
    "texture_zones_large": (550, 0.5),
    "texture_zones_low_gray": (0.253, None),
    "texture_zones_high_gray": (15.6, None),
    "texture_zones_small_low_gray": (0.0256, None),
    "texture_zones_small_high_gray": (2.76, None),
    "texture_zones_large_low_gray": (503, None),
    "texture_zones_large_high_gray": (1490, 5),
    "texture_zones_gray_nonuniformity": (1.4, None),
    "texture_zones_gray_nonuniformity_normalized": (0.28, None),
    "texture_zones_size_nonuniformity": (1, None),
    "texture_zones_size_nonuniformity_normalized": (0.2, None),
    "texture_zones_percentage": (0.0676, None),
    "texture_zones_gray_variance": (2.64, None),
    "texture_zones_size_variance": (331, None),
    "texture_zones_entropy": (2.32, None),
}

AXIS_LENGTHS = {"major_axis_mm": (11.4, 0.1), "minor_axis_mm": (9.31, 0.06), "least_axis_mm": (8.54, 0.05)}
"""Published with the covariance divided by N - 1; here and in pyradiomics it is divided by N."""


def phantom() -> tuple[sitk.Image, sitk.Image]:
    """Return the label map of the region of interest and the image."""
    array = np.array(GRAY_LEVELS, np.int16)
    image = sitk.GetImageFromArray(array)
    labels = sitk.GetImageFromArray((array > 0).astype(np.uint8))
    for each in (image, labels):
        each.SetSpacing((2.0, 2.0, 2.0))
    return labels, image


def tolerance(value: float, given: float | None) -> float:
    """Return the tolerance of a published value: the given one, or half of its last digit, a little more for rounding."""
    if given is not None:
        return given * 1.001
    text = f"{value:.10f}".rstrip("0").rstrip(".")
    digits = len(text.split(".")[1]) if "." in text else 0
    return 0.501 * 10.0**-digits
