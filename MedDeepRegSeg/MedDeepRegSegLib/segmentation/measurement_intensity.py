"""Statistics of the image within a segment."""

import numpy as np

from MedDeepRegSegLib.segmentation.measured_shape import MeasuredShape
from MedDeepRegSegLib.segmentation.measurement import HOUNSFIELD, NO_UNITS, Measurement

_STATISTICS = (
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
_ATTENUATION = ("DCM", "112031", "Attenuation Coefficient")


def measure_intensity(shape: MeasuredShape | None, units: str = "") -> list[Measurement]:
    """Return mean, standard deviation (of the population), extremes and percentiles; None for nothing.

    Voxels that are not finite are left out.
    """
    values = None
    if shape is not None and shape.intensities is not None:
        values = shape.intensities[np.isfinite(shape.intensities)]
    is_ct = units == "HU"
    return [
        Measurement(
            f"intensity_{name}",
            f"Intensity {title.lower()}" if not title[0].isdigit() else f"Intensity {title}",
            float(compute(values)) if values is not None and values.size else None,
            units,
            f"{title} of the image in the segment.",
            _ATTENUATION if is_ct else None,
            HOUNSFIELD if is_ct else NO_UNITS,
            code,
        )
        for name, title, code, compute in _STATISTICS
    ]
