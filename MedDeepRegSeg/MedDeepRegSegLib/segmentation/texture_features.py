"""Numbers that describe the three matrices of a texture.

Formulas are those of the Image Biomarker Standardisation Initiative (Zwanenburg et al., Radiology 2020, and its
reference manual, chapters LFYI, TP0I and 9SAK); logarithms are to base 2.
"""

import numpy as np


def cooccurrence_features(gray: np.ndarray, counts: np.ndarray) -> dict[str, float]:
    """Return the features of a symmetric co-occurrence matrix.

    Parameters
    ----------
    gray:
        (M,) gray levels of rows and columns.
    counts:
        (M, M) how often they are neighbors; not all zero.
    """
    p = counts / counts.sum()
    i, j = gray[:, None].astype(float), gray[None].astype(float)
    marginal = p.sum(axis=1)
    difference = np.bincount(np.abs(gray[:, None] - gray[None]).ravel(), p.ravel())
    total = np.bincount((gray[:, None] + gray[None]).ravel(), p.ravel())
    steps = np.arange(len(difference))
    mean = float(gray @ marginal)
    variance = float((gray - mean) ** 2 @ marginal)
    apart = i + j - 2 * mean
    autocorrelation = float((i * j * p).sum())
    difference_mean = float(steps @ difference)
    joint_entropy, marginal_entropy = _entropy(p), _entropy(marginal)
    product = marginal[:, None] * marginal[None]
    possible = product > 0
    logarithm = np.log2(product[possible])
    crossed = -float((p[possible] * logarithm).sum())
    independent = -float((product[possible] * logarithm).sum())
    return {
        "joint_maximum": float(p.max()),
        "joint_average": mean,
        "joint_variance": variance,
        "joint_entropy": joint_entropy,
        "difference_average": difference_mean,
        "difference_variance": float((steps - difference_mean) ** 2 @ difference),
        "difference_entropy": _entropy(difference),
        "sum_entropy": _entropy(total),
        "angular_second_moment": float((p**2).sum()),
        "contrast": float((steps**2) @ difference),
        "inverse_difference": float((difference / (1 + steps)).sum()),
        "inverse_difference_moment": float((difference / (1 + steps**2)).sum()),
        "inverse_variance": float((difference[1:] / steps[1:] ** 2).sum()),
        # A flat region is fully correlated, as other software has it.
        "correlation": (autocorrelation - mean**2) / variance if variance > 0 else 1.0,
        "autocorrelation": autocorrelation,
        "cluster_tendency": float((apart**2 * p).sum()),
        "cluster_shade": float((apart**3 * p).sum()),
        "cluster_prominence": float((apart**4 * p).sum()),
        "information_correlation_1": (joint_entropy - crossed) / marginal_entropy if marginal_entropy > 0 else 0.0,
        "information_correlation_2": float(np.sqrt(max(1 - np.exp(-2 * (independent - joint_entropy)), 0.0))),
    }


def size_features(gray: np.ndarray, sizes: np.ndarray, counts: np.ndarray, voxels: int) -> dict[str, float]:
    """Return the features of a matrix of gray levels and sizes, be they lengths of runs or voxels of zones.

    Parameters
    ----------
    gray, sizes, counts:
        (M,) each: gray level, size, and how many runs or zones have both.
    voxels:
        Number of voxels in the segment.
    """
    number = float(counts.sum())
    p = counts / number
    g2, s2 = gray.astype(float) ** 2, sizes.astype(float) ** 2
    by_gray = np.bincount(gray, counts)
    _, which = np.unique(sizes, return_inverse=True)
    by_size = np.bincount(which, counts)
    gray_mean, size_mean = float(gray @ p), float(sizes @ p)
    return {
        "small": float((p / s2).sum()),
        "large": float((p * s2).sum()),
        "low_gray": float((p / g2).sum()),
        "high_gray": float((p * g2).sum()),
        "small_low_gray": float((p / s2 / g2).sum()),
        "small_high_gray": float((p / s2 * g2).sum()),
        "large_low_gray": float((p * s2 / g2).sum()),
        "large_high_gray": float((p * s2 * g2).sum()),
        "gray_nonuniformity": float((by_gray**2).sum()) / number,
        "gray_nonuniformity_normalized": float((by_gray**2).sum()) / number**2,
        "size_nonuniformity": float((by_size**2).sum()) / number,
        "size_nonuniformity_normalized": float((by_size**2).sum()) / number**2,
        "percentage": number / voxels,
        "gray_variance": float((gray - gray_mean) ** 2 @ p),
        "size_variance": float((sizes - size_mean) ** 2 @ p),
        "entropy": _entropy(p),
    }


def histogram_features(levels: np.ndarray) -> dict[str, float]:
    """Return entropy and uniformity of the histogram of gray levels (N,)."""
    counts = np.bincount(levels)
    p = counts / counts.sum()
    return {"entropy": _entropy(p), "uniformity": float((p**2).sum())}


def mean_features(found: list[dict[str, float]]) -> dict[str, float]:
    """Return the mean of each feature over the directions; nothing where there are none."""
    return {name: float(np.mean([each[name] for each in found])) for name in found[0]} if found else {}


def _entropy(p: np.ndarray) -> float:
    some = p[p > 0]
    return max(-float((some * np.log2(some)).sum()), 0.0)
