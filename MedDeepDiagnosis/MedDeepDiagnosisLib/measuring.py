"""The features of a pathology that the extension measures itself, on one segment."""

import SimpleITK as sitk

from MedDeepDiagnosisLib.pathology import Pathology
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.segmentation.measurements import measure
from MedDeepRegSegLib.segmentation.segments import Segment


def measured_features(
    labels: sitk.Image, segment: Segment, pathology: Pathology, *, cancel: CancelToken | None = None
) -> dict[str, float]:
    """Measure one segment and return the features of the pathology that the extension measures.

    Parameters
    ----------
    labels:
        Label map that holds the segment.

    Returns
    -------
    Feature name to value in the feature's units. A measurement that a tiny segment does not allow is absent.

    Raises
    ------
    InputError
        If the segment is empty, or the extension knows no measurement of a name that the pathology wants.
    """
    (measured,) = measure(labels, (segment,), cancel=cancel)
    known = {measurement.name: measurement for measurement in measured.measurements}
    values = {}
    for feature in pathology.features:
        if feature.measurement is None:
            continue
        if feature.measurement not in known:
            msg = f"feature {feature.name}: there is no measurement {feature.measurement!r}, expected one of {', '.join(known)}"
            raise InputError(msg)
        values[feature.name] = known[feature.measurement].value
    return values
