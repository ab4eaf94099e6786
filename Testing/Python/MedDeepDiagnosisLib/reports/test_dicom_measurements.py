"""Measurements of several segments in one report."""

import pytest

pytest.importorskip("highdicom", reason="highdicom writes SR and SEG")

from MedDeepDiagnosisLib.reports.dicom_measurements import SERIES_DESCRIPTION, segments_report
from MedDeepDiagnosisLib.reports.dicom_seg import segmentation_object
from MedDeepDiagnosisLib.reports.dicom_source import read_source_series
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.segmentation.measurements import measure
from MedDeepRegSegLib.segmentation.segments import named_segment


def test_each_segment_has_a_group_that_refers_to_its_number(series, lesion_maker):
    source = read_source_series(series)
    labels = lesion_maker(source.grid)
    segments = (named_segment(5, "Nodule"), named_segment(2, "Liver"))
    written = segmentation_object(labels, segments, source)
    measured = measure(labels, segments)
    report = segments_report(measured, source, written)
    assert report.SeriesDescription == SERIES_DESCRIPTION
    groups = next(
        item for item in report.ContentSequence if item.ConceptNameCodeSequence[0].CodeMeaning == "Imaging Measurements"
    ).ContentSequence
    referred = [
        (item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID, item.ReferencedSOPSequence[0].ReferencedSegmentNumber)
        for group in groups
        for item in group.ContentSequence
        if item.ValueType == "IMAGE" and "ReferencedSegmentNumber" in item.ReferencedSOPSequence[0]
    ]
    uid = written.dataset.SOPInstanceUID
    assert referred == [(uid, 1), (uid, 2)]
    with pytest.raises(InputError, match="1 segments were measured, expected the 2"):
        segments_report(measured[:1], source, written)
