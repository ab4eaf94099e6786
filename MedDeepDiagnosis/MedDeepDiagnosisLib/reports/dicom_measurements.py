"""DICOM SR of the measurements of segments, without any assessment: TID 1500 with a group for each segment of a SEG."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from MedDeepDiagnosisLib.reports.dicom_codes import require_highdicom
from MedDeepDiagnosisLib.reports.dicom_seg import SegmentationObject
from MedDeepDiagnosisLib.reports.dicom_source import SourceSeries
from MedDeepDiagnosisLib.reports.dicom_sr import measured_items, segment_group, structured_report
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.segmentation.measurements import SegmentMeasurements

if TYPE_CHECKING:  # a package that is only there when DICOM is written
    from highdicom import sr

SERIES_DESCRIPTION = "MedDeep measurements: research, not a diagnosis"


def segments_report(
    measured: Sequence[SegmentMeasurements], source: SourceSeries, segmentation: SegmentationObject
) -> sr.Comprehensive3DSR:
    """Return what was measured on segments as a DICOM SR of the study and patient of their source.

    Parameters
    ----------
    measured:
        In the order of the segments of the SEG. Measurements without a standard code, as places and directions, are left
        out: the SEG holds them itself.
    source, segmentation:
        The slices and the SEG that holds the segments.

    Raises
    ------
    InputError
        If there are not as many segments as in the SEG, or the headers of the source cannot be taken over.
    MissingPackageError
        If highdicom is not installed.
    """
    require_highdicom()
    if len(measured) != len(segmentation.tracking):
        msg = f"{len(measured)} segments were measured, expected the {len(segmentation.tracking)} of the DICOM SEG"
        raise InputError(msg)
    groups = [
        segment_group(source, segmentation, one.segment, number, measurements=measured_items(one.measurements))
        for number, one in enumerate(measured, start=1)
    ]
    return structured_report(groups, source, segmentation, description=SERIES_DESCRIPTION)
