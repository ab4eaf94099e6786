"""Statistics of the image within a segment.

Those with an IBSI code are as the Image Biomarker Standardisation Initiative defines them (Zwanenburg et al., Radiology
2020): kurtosis is 0 for a normal distribution, variance and standard deviation are of the population.
"""

from collections.abc import Callable

import numpy as np

from MedDeepRegSegLib.segmentation.measured_shape import MeasuredShape
from MedDeepRegSegLib.segmentation.measurement import HOUNSFIELD, HOUNSFIELD2, NO_UNITS, Code, Measurement

_ATTENUATION = ("DCM", "112031", "Attenuation Coefficient")

_Statistic = tuple[str, str, Code, Callable[[np.ndarray], float]]

_STATISTICS: tuple[_Statistic, ...] = (
    ("mean", "Mean", ("SCT", "373098007", "Mean"), np.mean),
    ("standard_deviation", "Standard deviation", ("SCT", "386136009", "Standard Deviation"), np.std),
    ("minimum", "Minimum", ("SCT", "255605001", "Minimum"), np.min),
    ("percentile_5", "5th percentile", ("SCT", "371888009", "Fifth percentile"), lambda v: np.percentile(v, 5)),
    ("median", "Median", ("SCT", "373099004", "Median"), np.median),
    (
        "percentile_95",
        "95th percentile",
        ("SCT", "371889001", "Ninety-fifth percentile"),
        lambda v: np.percentile(v, 95),
    ),
    ("maximum", "Maximum", ("SCT", "56851009", "Maximum"), np.max),
)


def _mean_deviation(values: np.ndarray) -> float:
    return float(np.abs(values - values.mean()).mean())


def _robust_mean_deviation(values: np.ndarray) -> float:
    low, high = np.percentile(values, (10, 90))
    return _mean_deviation(values[(values >= low) & (values <= high)])


def _moment(values: np.ndarray, power: int) -> float:
    """Return the standardized central moment; 0 where all values are the same."""
    away = values - values.mean()
    spread = float((away**2).mean())
    if spread <= (1e-12 * float(np.abs(values).max())) ** 2:
        return 0.0
    return float((away**power).mean()) / spread ** (power / 2)


# In the units of the image.
_SPREADS: tuple[_Statistic, ...] = (
    ("percentile_10", "10th percentile", ("IBSI", "QG58", "10th percentile"), lambda v: np.percentile(v, 10)),
    ("percentile_90", "90th percentile", ("IBSI", "8DWT", "90th percentile"), lambda v: np.percentile(v, 90)),
    (
        "interquartile_range",
        "Interquartile range",
        ("IBSI", "SALO", "Interquartile range"),
        lambda v: float(np.diff(np.percentile(v, (25, 75)))[0]),
    ),
    ("range", "Range", ("IBSI", "2OJQ", "Range"), np.ptp),
    (
        "mean_absolute_deviation",
        "Mean absolute deviation",
        ("IBSI", "4FUA", "Mean absolute deviation"),
        _mean_deviation,
    ),
    (
        "robust_mean_absolute_deviation",
        "Robust mean absolute deviation",
        ("IBSI", "1128", "Robust mean absolute deviation"),
        _robust_mean_deviation,
    ),
    (
        "root_mean_square",
        "Root mean square",
        ("IBSI", "5ZWQ", "Root mean square"),
        lambda v: float(np.sqrt((v**2).mean())),
    ),
)

# Without units.
_SHAPES: tuple[_Statistic, ...] = (
    ("skewness", "Skewness", ("IBSI", "KE2A", "Skewness"), lambda v: _moment(v, 3)),
    (
        "kurtosis",
        "Kurtosis",
        ("IBSI", "IPH6", "Excess kurtosis"),
        lambda v: _moment(v, 4) - 3 if np.ptp(v) > 0 else 0.0,
    ),
)


def measure_intensity(shape: MeasuredShape | None, units: str = "") -> list[Measurement]:
    """Return mean, spread, extremes, percentiles and moments; None for nothing.

    Voxels that are not finite are left out.
    """
    values = None
    if shape is not None and shape.intensities is not None:
        values = shape.intensities[np.isfinite(shape.intensities)]
    is_ct = units == "HU"
    quantity = _ATTENUATION if is_ct else None
    units_code = HOUNSFIELD if is_ct else NO_UNITS

    def one(statistic: _Statistic, shown: str, quantity: Code | None, units_code: Code, derivation: Code | None):
        name, title, _, compute = statistic
        return Measurement(
            f"intensity_{name}",
            f"Intensity {title.lower()}" if not title[0].isdigit() else f"Intensity {title}",
            float(compute(values)) if values is not None and values.size else None,
            shown,
            f"{title} of the image in the segment.",
            quantity,
            units_code,
            derivation,
        )

    energy: _Statistic = ("energy", "Energy", ("IBSI", "N8CA", "Energy"), lambda v: float((v**2).sum()))
    return [
        *(one(each, units, quantity, units_code, each[2]) for each in _STATISTICS),
        *(one(each, units, each[2], units_code, None) for each in _SPREADS),
        *(one(each, "", each[2], NO_UNITS, None) for each in _SHAPES),
        one(energy, f"{units}2" if units else "", energy[2], HOUNSFIELD2 if is_ct else NO_UNITS, None),
    ]
