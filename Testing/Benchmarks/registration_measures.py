"""What is measured of a transform: errors, overlap, folds, inverse."""

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from registration_cases import Files
from registration_found import Found

from MedDeepRegSegLib.registration.quality import dice, inverse_consistency
from MedDeepRegSegLib.registration.transforms import jacobian_determinant, transform_points
from MedDeepRegSegLib.volumes.resampling import resample_to


def measure(found: Found, files: Files, unmoved: Found | None = None) -> dict:
    """Return the measures of one result.

    Parameters
    ----------
    found : Found
    files : Files
    unmoved : Found, optional
        What the same method found for the unmoved image: it tells the goals of a case whose truth is not known.

    Returns
    -------
    dict
        Errors in mm in the moving image (of a consistency case: in the unmoved one), over points of the fixed body;
        fraction of the body's voxels with det J <= 0 and standard deviation of log det J there; None for what cannot be
        measured.
    """
    with np.load(files.truth) as truth:
        points, goals = truth["points"], truth["goals"]
    known = sitk.Transform(3, sitk.sitkIdentity)
    if unmoved is not None:
        known, goals = sitk.ReadTransform(str(files.unmoved[1])), transform_points(unmoved.transform, points)

    def errors(transform: sitk.Transform) -> NDArray[np.float64]:
        return np.linalg.norm(transform_points(known, transform_points(transform, points)) - goals, axis=1)

    final = errors(found.transform)
    row: dict = {
        "before_mm": float(errors(sitk.TranslationTransform(3)).mean()),
        "linear_mm": float(errors(found.linear).mean()),
        "mean_mm": float(final.mean()),
        "median_mm": float(np.median(final)),
        "p95_mm": float(np.percentile(final, 95)),
        "largest_mm": float(final.max()),
        "dice": _overlap(found, files),
    }
    body = sitk.ReadImage(str(files.body))
    determinant = sitk.GetArrayFromImage(jacobian_determinant(found.transform, body))
    inside = determinant[sitk.GetArrayViewFromImage(body) != 0]
    row["folds"] = float((inside <= 0).mean())
    row["sd_log_jacobian"] = float(np.log(np.maximum(inside, 1e-3)).std())
    row |= {"inverse_mean_mm": None, "inverse_p95_mm": None}
    if found.inverse is not None:
        left = inverse_consistency(found.transform, found.inverse, points)
        row |= {"inverse_mean_mm": float(left.mean()), "inverse_p95_mm": float(np.percentile(left, 95))}
    return row


def _overlap(found: Found, files: Files) -> float | None:
    """Return the mean Dice coefficient of the labels, where there are some."""
    if not all(path.is_file() for path in files.labels):
        return None
    fixed, moving = (sitk.ReadImage(str(path)) for path in files.labels)
    carried = resample_to(moving, fixed, found.transform, interpolation="nearest", outside=0)
    values = np.unique(sitk.GetArrayViewFromImage(fixed))
    return float(np.mean([dice(fixed, carried, int(value)) for value in values if value]))
