"""DICOM SEG: segments as a binary segmentation object that refers to the slices they were drawn on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk

from MedDeepDiagnosisLib.reports.dicom_codes import coded, coding_schemes, require_highdicom, segment_codes, shortened
from MedDeepDiagnosisLib.reports.dicom_source import SourceSeries, header_faults, labels_on_source
from MedDeepRegSegLib import __version__
from MedDeepRegSegLib.segmentation.segments import Segment, check_segments

if TYPE_CHECKING:
    from highdicom.seg import Segmentation, SegmentDescription

MANUFACTURER = "MedDeep"
MODEL_NAME = "MedDeepDiagnosis"
SERIES_NUMBER_SEG = 9001
"""Far from the numbers of scanners, so that no series of the study has it by chance."""

_SERIES_DESCRIPTION = "MedDeep segmentation: research, not a diagnosis"

_RESAMPLED = "Resampled onto the slices by nearest neighbor; for research"

_UNKNOWN_METHOD = "Segmentation read by MedDeep, method not recorded"


@dataclass(frozen=True)
class SegmentationObject:
    """A DICOM SEG with what a report about it needs.

    Attributes
    ----------
    dataset:
        highdicom's ``Segmentation``.
    tracking:
        Identifier and UID of each segment, in the order of their numbers from 1.
    shown:
        Indices of the slices of the source that show any of the segments, in ascending order.
    notes:
        How the segments came onto the slices, where that is not plain.
    """

    dataset: Segmentation
    tracking: tuple[tuple[str, str], ...]
    shown: tuple[int, ...]
    notes: tuple[str, ...] = ()


def segmentation_object(
    labels: sitk.Image,
    segments: Sequence[Segment],
    source: SourceSeries,
    *,
    method: str = _UNKNOWN_METHOD,
) -> SegmentationObject:
    """Return segments as a DICOM SEG of the study and patient of their source.

    Parameters
    ----------
    labels:
        Label map that holds the segments, in the space of the source; see
        :func:`~MedDeepDiagnosisLib.reports.dicom_source.labels_on_source` for its grid.
    segments:
        Those to write; they get the numbers 1, 2, ... in this order.
    source:
        The slices. Only those with a voxel of a segment get frames.
    method:
        How the segments were made, at most 64 characters. They are marked as semiautomatic: a person looked at them.

    Raises
    ------
    InputError
        If segments contradict each other, are empty, or do not lie on the slices.
    MissingPackageError
        If highdicom is not installed.
    """
    require_highdicom()
    from highdicom import UID
    from highdicom.seg import Segmentation, SegmentationTypeValues
    from pydicom.uid import ExplicitVRLittleEndian

    check_segments(segments)
    frames, notes = labels_on_source(labels, segments, source)
    tracking = tuple((segment.name, str(UID())) for segment in segments)
    with header_faults("DICOM SEG"):
        dataset = Segmentation(
            source_images=list(source.slices),
            pixel_array=frames,
            segmentation_type=SegmentationTypeValues.BINARY,
            segment_descriptions=[
                _description(number, segment, uid, method)
                for number, (segment, (_, uid)) in enumerate(zip(segments, tracking, strict=True), start=1)
            ],
            series_instance_uid=UID(),
            series_number=SERIES_NUMBER_SEG,
            sop_instance_uid=UID(),
            instance_number=1,
            manufacturer=MANUFACTURER,
            manufacturer_model_name=MODEL_NAME,
            software_versions=__version__,
            device_serial_number=__version__,
            content_label="LESION",
            content_description=_RESAMPLED if notes else "Segments of a MedDeep assessment, for research",
            transfer_syntax_uid=ExplicitVRLittleEndian,
            series_description=_SERIES_DESCRIPTION,
            specific_character_set="ISO_IR 192",
        )
    keep_identity_only(dataset)
    add_coding_schemes(dataset)
    shown = np.flatnonzero(frames.any(axis=(1, 2)))
    return SegmentationObject(dataset, tracking, tuple(int(index) for index in shown), notes)


_KEPT = {"PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex"}
"""Of the patient: what an archive files an object by."""

_OF_STUDY = {"StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName", "StudyDescription"}

_PEOPLE_AND_REASONS = ("Physician", "Consulting", "AdmittingDiagnos", "ReferencedStudy", "ProcedureCode")
"""Beginnings or parts of names of attributes of a study that tell of other people or of why it was made."""


def keep_identity_only(dataset: Any) -> None:
    """Take out of a new object what the DICOM library copies of the patient beyond who it is and which study it is.

    Age, size and weight, history, comments, alerts, occupation, address, other names, visit and requests stay with the
    source, and so do hospital, station and operators of the scanner. What says that data are de-identified, and subject
    numbers of a trial, are kept.
    """
    dataset.pop("ContributingEquipmentSequence", None)
    for element in list(dataset):
        name, group = element.keyword, element.tag.group
        of_patient = group in (0x0010, 0x0032, 0x0038) and name not in _KEPT
        of_study = group == 0x0008 and name not in _OF_STUDY and any(part in name for part in _PEOPLE_AND_REASONS)
        if of_patient or of_study:
            del dataset[element.tag]


def add_coding_schemes(dataset: Any) -> None:
    """Say in a dataset what its coding schemes are, where it uses any that are not DICOM's own."""
    items = coding_schemes(dataset)
    if items:
        dataset.CodingSchemeIdentificationSequence = items


def _description(number: int, segment: Segment, uid: str, method: str) -> SegmentDescription:
    from highdicom import AlgorithmIdentificationSequence
    from highdicom.color import CIELabColor
    from highdicom.seg import SegmentAlgorithmTypeValues, SegmentDescription
    from pydicom.sr.codedict import codes

    category, kind, modifier, region = segment_codes(segment)
    description = SegmentDescription(
        segment_number=number,
        segment_label=shortened(segment.name),
        segmented_property_category=coded(category),
        segmented_property_type=coded(kind),
        algorithm_type=SegmentAlgorithmTypeValues.SEMIAUTOMATIC,
        algorithm_identification=AlgorithmIdentificationSequence(
            name=shortened(method), family=codes.cid7162.ManualProcessing, version=__version__
        ),
        tracking_uid=uid,
        tracking_id=segment.name,
        anatomic_regions=None if region is None else [coded(region)],
        display_color=CIELabColor.from_rgb(*(round(255 * part) for part in segment.color)),
    )
    if modifier is not None:
        (item,) = description.SegmentedPropertyTypeCodeSequence
        item.SegmentedPropertyTypeModifierCodeSequence = [coded(modifier)]
    return description
