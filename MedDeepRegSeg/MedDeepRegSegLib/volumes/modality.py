"""What kind of image this is, and the gray scale to show it with.

CT numbers have a fixed scale (air -1000 HU, water 0 HU); MR intensities have none. That is how they are told
apart where the DICOM header is gone.
"""

from enum import Enum

import numpy as np
import SimpleITK as sitk

MODALITY_KEY = "0008|0060"
"""Key of the DICOM attribute Modality in the metadata of a SimpleITK image."""

_SAMPLES = 200_000


class Modality(Enum):
    """Kind of image."""

    CT = "CT"
    MR = "MR"
    UNKNOWN = "unknown"


def sample_values(image: sitk.Image, count: int = _SAMPLES) -> np.ndarray:
    """Return at most about ``count`` finite voxels, evenly spread, as (N,) float64."""
    flat = sitk.GetArrayViewFromImage(image).reshape(-1)
    # A stride that shares no factor with the row length would be ideal; odd strides avoid the usual even sizes.
    step = max(1, flat.size // count) | 1
    values = np.asarray(flat[::step], dtype=np.float64)
    return values[np.isfinite(values)]


def guess_modality(image: sitk.Image) -> Modality:
    """Guess whether an image is CT or MR.

    The DICOM attribute Modality decides where the image has it. Otherwise the values decide: CT in Hounsfield
    units has air near -1000 HU or padding below it, and soft tissue within -150 to 150 HU. A volume without
    values below -200 is MR when it has a wide, non-negative range. What is neither stays unknown, for example
    a brain-extracted CT whose background was set to 0, or an image normalized to zero mean.

    Parameters
    ----------
    image:
        Scalar 3-D image.
    """
    if image.HasMetaDataKey(MODALITY_KEY):
        named = image.GetMetaData(MODALITY_KEY).strip().upper()
        return {"CT": Modality.CT, "MR": Modality.MR}.get(named, Modality.UNKNOWN)
    values = sample_values(image)
    if values.size == 0 or values.min() == values.max():
        return Modality.UNKNOWN
    if values.min() < -200:
        air = np.mean(values < -700)
        tissue = np.mean((values > -150) & (values < 150))
        return Modality.CT if air + tissue > 0.3 and tissue > 0.02 and values.max() < 32000 else Modality.UNKNOWN
    nonzero = values[values != 0]
    low, high = np.percentile(nonzero, [1, 99])
    # Interpolation leaves small negative values around an MR; a normalized image has many.
    if low < -0.05 * high:
        return Modality.UNKNOWN
    return Modality.MR if high > 150 or high <= 1.5 else _narrow_range(values, nonzero)


def _narrow_range(values: np.ndarray, nonzero: np.ndarray) -> Modality:
    """Tell an 8-bit MR from a brain-extracted CT (0 to 100 HU inside, background exactly 0)."""
    extracted = nonzero.size < 0.9 * values.size
    median = float(np.median(nonzero))
    return Modality.UNKNOWN if extracted and 5 < median < 70 else Modality.MR


def display_window(image: sitk.Image) -> tuple[float, float]:
    """Return the display window (width) and level (center) that show the contents of an image well.

    CT gets a soft-tissue window (400, 40 HU), or a brain window (100, 40 HU) when nearly everything that is not
    air lies within -100 to 150 HU. All else gets the range from the 1st to the 99.5th percentile of its foreground.

    Parameters
    ----------
    image:
        Scalar 3-D image.

    Returns
    -------
    tuple
        Window width (> 0) and level, in the units of the voxels.
    """
    values = sample_values(image)
    if values.size == 0:
        return 1.0, 0.0
    if guess_modality(image) is Modality.CT:
        solid = values[values > -500]
        brain_only = solid.size > 0 and np.mean((solid > -100) & (solid < 150)) > 0.97
        return (100.0, 40.0) if brain_only else (400.0, 40.0)
    lowest, middle = values.min(), values.mean()
    foreground = values[values > lowest + 0.2 * (middle - lowest)]
    if foreground.size < 100:
        foreground = values
    low, high = np.percentile(foreground, [1, 99.5])
    # Black is the background, so that dark tissue keeps its shade.
    low = min(low, max(lowest, low - 0.1 * (high - low)))
    if high <= low:
        low, high = values.min(), values.max()
    width = float(high - low)
    return (width, float(low + high) / 2) if width > 0 else (1.0, float(low))
