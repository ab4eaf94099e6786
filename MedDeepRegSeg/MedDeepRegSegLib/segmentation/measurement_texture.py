"""Texture: how the gray levels in a segment are arranged.

Histogram, gray level co-occurrence, gray level runs and gray level zones, with the names and codes of the Image
Biomarker Standardisation Initiative, in 3D. Co-occurrence at distance 1 and runs are measured in each of the 13
directions, and the mean over the directions is given (aggregation ITBB); zones have the 26 neighbors. Nothing is
resampled: directions are those of the voxels, whatever their spacing.
"""

import numpy as np

from MedDeepRegSegLib.segmentation.measured_shape import MeasuredShape
from MedDeepRegSegLib.segmentation.measurement import HOUNSFIELD, NO_UNITS, Measurement
from MedDeepRegSegLib.segmentation.texture_features import (
    cooccurrence_features,
    histogram_features,
    mean_features,
    size_features,
)
from MedDeepRegSegLib.segmentation.texture_matrices import (
    TextureSettings,
    cooccurrence,
    gray_levels,
    run_lengths,
    size_zones,
)

_DEFAULTS = TextureSettings()

_HISTOGRAM = (
    ("entropy", "entropy", "TLU2", "Disorder of the gray levels in bits"),
    ("uniformity", "uniformity", "BJ5W", "Sum of the squared shares of the gray levels"),
)
_COOCCURRENCE = (
    ("joint_maximum", "joint maximum", "GYBY", "Share of the most frequent pair of neighbors"),
    ("joint_average", "joint average", "60VM", "Mean gray level of the pairs"),
    ("joint_variance", "joint variance", "UR99", "Variance of gray levels in the pairs"),
    ("joint_entropy", "joint entropy", "TU9B", "Disorder of the pairs in bits"),
    ("difference_average", "difference average", "TF7R", "Mean difference of neighbors, also called dissimilarity"),
    ("difference_variance", "difference variance", "D3YU", "Variance of the differences of neighbors"),
    ("difference_entropy", "difference entropy", "NTRS", "Disorder of the differences of neighbors in bits"),
    ("sum_entropy", "sum entropy", "P6QZ", "Disorder of the sums of neighbors in bits"),
    ("angular_second_moment", "angular second moment", "8ZQL", "Uniformity of the pairs, also called energy"),
    ("contrast", "contrast", "ACUI", "Mean squared difference of neighbors"),
    ("inverse_difference", "inverse difference", "IB1Z", "Homogeneity: 1 where neighbors are equal"),
    ("inverse_difference_moment", "inverse difference moment", "WF0Z", "Homogeneity, large differences count less"),
    ("inverse_variance", "inverse variance", "E8JP", "Mean inverse squared difference of unequal neighbors"),
    ("correlation", "correlation", "NI2N", "Correlation of neighbors, 1 for a flat region"),
    ("autocorrelation", "autocorrelation", "QWB0", "Mean product of neighbors"),
    ("cluster_tendency", "cluster tendency", "DG8W", "Variance of the sums of neighbors"),
    ("cluster_shade", "cluster shade", "7NFM", "Skew of the sums of neighbors"),
    ("cluster_prominence", "cluster prominence", "AE86", "Fourth moment of the sums of neighbors"),
    ("information_correlation_1", "information correlation 1", "R8DG", "Dependence of neighbors, 0 for none"),
    ("information_correlation_2", "information correlation 2", "JN9H", "Dependence of neighbors, 0 for none"),
)
# Feature, words with {small}, {large}, {size} and {thing} to fill in, code for runs, code for zones.
_SIZES = (
    ("small", "{small} {thing} emphasis", "22OV", "5QRC"),
    ("large", "{large} {thing} emphasis", "W4KF", "48P8"),
    ("low_gray", "low gray level {thing} emphasis", "V3SW", "XMSY"),
    ("high_gray", "high gray level {thing} emphasis", "G3QZ", "5GN9"),
    ("small_low_gray", "{small} {thing} low gray level emphasis", "HTZT", "5RAI"),
    ("small_high_gray", "{small} {thing} high gray level emphasis", "GD3A", "HW1V"),
    ("large_low_gray", "{large} {thing} low gray level emphasis", "IVPO", "YH51"),
    ("large_high_gray", "{large} {thing} high gray level emphasis", "3KUM", "J17V"),
    ("gray_nonuniformity", "gray level non-uniformity", "R5YN", "JNSA"),
    ("gray_nonuniformity_normalized", "normalized gray level non-uniformity", "OVBL", "Y1RO"),
    ("size_nonuniformity", "{thing} {size} non-uniformity", "W92Y", "4JP3"),
    ("size_nonuniformity_normalized", "normalized {thing} {size} non-uniformity", "IC23", "VB3A"),
    ("percentage", "{thing} percentage", "9ZK5", "P30P"),
    ("gray_variance", "gray level variance", "8CE5", "BYLV"),
    ("size_variance", "{thing} {size} variance", "SXLW", "3NSA"),
    ("entropy", "{thing} entropy", "HJ9O", "GU8N"),
)
_RUNS = {"thing": "run", "small": "short", "large": "long", "size": "length"}
_ZONES = {"thing": "zone", "small": "small", "large": "large", "size": "size"}


def measure_texture(
    shape: MeasuredShape | None, units: str = "", settings: TextureSettings = _DEFAULTS
) -> list[Measurement]:
    """Return how gray levels were made, and features of histogram, co-occurrence, runs and zones; None for nothing.

    Voxels that are not finite are left out. A segment of one voxel has no neighbors and so no co-occurrence.

    Raises
    ------
    InputError
        If the settings make too many gray levels.
    """
    count, width = 0, None
    histogram: dict[str, float] = {}
    pairs: dict[str, float] = {}
    runs: dict[str, float] = {}
    zones: dict[str, float] = {}
    levels, size = _levels(shape, settings.for_units(units))
    if levels is not None:
        inside = levels[levels > 0]
        count, width = int(inside.max()), size
        histogram = histogram_features(inside)
        pairs = mean_features([cooccurrence_features(*matrix) for matrix in cooccurrence(levels)])
        runs = mean_features([size_features(*matrix, inside.size) for matrix in run_lengths(levels)])
        zones = size_features(*size_zones(levels), inside.size)
    is_ct = units == "HU"
    found = [
        Measurement(
            "texture_gray_levels",
            "Texture gray levels",
            count,
            "",
            "Number of gray levels from the lowest to the highest in the segment.",
            None,
            NO_UNITS,
        ),
        Measurement(
            "texture_bin_width",
            "Texture gray level width",
            width,
            units,
            "Range of intensities that make one gray level.",
            None,
            HOUNSFIELD if is_ct else NO_UNITS,
        ),
    ]
    rows = [("histogram", "Histogram", *row, histogram) for row in _HISTOGRAM]
    rows += [
        ("cooccurrence", "Co-occurrence", name, words, code, f"{told}; mean over 13 directions", pairs)
        for name, words, code, told in _COOCCURRENCE
    ]
    for name, words, code, _ in _SIZES:
        named = words.format(**_RUNS)
        told = f"{named.capitalize()} of gray level runs; mean over 13 directions"
        rows.append(("runs", "Run lengths", name, named, code, told, runs))
    for name, words, _, code in _SIZES:
        named = words.format(**_ZONES)
        rows.append(("zones", "Zone sizes", name, named, code, f"{named.capitalize()} of gray level zones", zones))
    return found + [
        Measurement(
            f"texture_{kind}_{name}",
            f"{head}: {words}",
            values.get(name),
            "",
            f"{told}.",
            ("IBSI", code, words.capitalize()),
            NO_UNITS,
        )
        for kind, head, name, words, code, told, values in rows
    ]


def _levels(shape: MeasuredShape | None, settings: TextureSettings) -> tuple[np.ndarray | None, float]:
    """Return the gray levels (k, j, i) of a shape, 0 outside, and their width; None where there are none."""
    if shape is None or shape.intensities is None:
        return None, 0.0
    finite = np.isfinite(shape.intensities)
    if not finite.any():
        return None, 0.0
    made, width = gray_levels(shape.intensities[finite], settings)
    inside = np.zeros(len(finite), np.int32)
    inside[finite] = made
    levels = np.zeros(shape.mask.shape, np.int32)
    levels[shape.mask] = inside
    return levels, width
