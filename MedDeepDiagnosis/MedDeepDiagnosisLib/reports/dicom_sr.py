"""DICOM SR: measurements, rated signs and the prediction as a Measurement Report (TID 1500, PS3.16).

The report is about one lesion. With a segmentation it is a volumetric region (TID 1411) that refers to the DICOM SEG;
without one it is a group of measurements (TID 1501) that refers to the slices. Observer is the software: who rated the
signs is not known to it. When the model abstains the report says so and holds no probability.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from MedDeepDiagnosisLib.models.prediction import Prediction
from MedDeepDiagnosisLib.reports.dicom_codes import (
    coded,
    private_code,
    require_highdicom,
    segment_codes,
    shortened,
    units_code,
)
from MedDeepDiagnosisLib.reports.dicom_seg import (
    MANUFACTURER,
    MODEL_NAME,
    SegmentationObject,
    add_coding_schemes,
    keep_identity_only,
)
from MedDeepDiagnosisLib.reports.dicom_source import SourceSeries, header_faults
from MedDeepDiagnosisLib.reports.tables import MEASURED_SOURCE, Assessment, CaseValue, measurement_code
from MedDeepRegSegLib import __version__
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.segmentation.measurement import Code, Measurement
from MedDeepRegSegLib.segmentation.segments import Segment

if TYPE_CHECKING:
    from highdicom import sr

SERIES_NUMBER_SR = 9002
"""Follows that of the SEG."""

_SERIES_DESCRIPTION = "MedDeep assessment: research, not a diagnosis"

_SOFTWARE_UID = "2.25.236018327514089211735104820391187420391"
"""Says that the observer is this software; one for all versions, as the version is said beside it."""

_PROCEDURES = {"CT": "CTUnspecifiedBodyRegion", "MR": "MRIUnspecifiedBodyRegion"}

_LESION = ("SCT", "52988006", "Lesion")


def measurement_report(
    assessment: Assessment,
    source: SourceSeries,
    *,
    segmentation: SegmentationObject | None = None,
    segment: Segment | None = None,
) -> sr.Comprehensive3DSR:
    """Return the assessment as a DICOM SR of the study and patient of its source.

    Parameters
    ----------
    assessment:
        What is reported. Of its values: ratings, and numbers of image features that were not measured here. Of its
        measurements: those that are defined and have codes, and those that a value was measured by, with a private
        code if need be. Others are places and directions, which the SEG holds itself.
    segmentation, segment:
        The SEG with the one lesion, and the lesion.

    Raises
    ------
    InputError
        If the SEG does not belong to one lesion, or the headers of the source cannot be taken over.
    MissingPackageError
        If highdicom is not installed.
    """
    require_highdicom()
    if (segmentation is None) != (segment is None) or (segmentation is not None and len(segmentation.tracking) != 1):
        msg = "an SR is about one lesion, expected a SEG with that segment alone, or none"
        raise InputError(msg)
    return structured_report([_group(assessment, source, segmentation, segment)], source, segmentation)


def structured_report(
    groups: Sequence[Any],
    source: SourceSeries,
    segmentation: SegmentationObject | None,
    *,
    description: str = _SERIES_DESCRIPTION,
) -> sr.Comprehensive3DSR:
    """Return groups of measurements as a TID 1500 report of the study and patient of a source.

    Parameters
    ----------
    groups:
        Items of TID 1411 or 1501, as highdicom makes them.
    source, segmentation:
        The evidence: the slices, and the SEG that the groups refer to.
    description:
        Of the new series, at most 64 characters.
    """
    from highdicom import UID, sr
    from pydicom.sr.codedict import codes

    modality = str(source.slices[0].get("Modality", ""))
    content = sr.MeasurementReport(
        observation_context=_observer(),
        procedure_reported=getattr(codes.cid100, _PROCEDURES.get(modality, "ImagingProcedure")),
        title=codes.DCM.ImagingMeasurementReport,
        imaging_measurements=list(groups),
    )
    with header_faults("DICOM SR"):
        dataset = sr.Comprehensive3DSR(
            evidence=list(source.slices) if segmentation is None else [*source.slices, segmentation.dataset],
            content=content[0],
            series_instance_uid=UID(),
            series_number=SERIES_NUMBER_SR,
            sop_instance_uid=UID(),
            instance_number=1,
            manufacturer=MANUFACTURER,
            manufacturer_model_name=MODEL_NAME,
            software_versions=__version__,
            is_complete=True,
            is_final=False,
            is_verified=False,
            series_description=description,
            specific_character_set="ISO_IR 192",
        )
    keep_identity_only(dataset)
    add_coding_schemes(dataset)
    return dataset


def _observer() -> sr.ObservationContext:
    from highdicom import sr
    from pydicom.sr.codedict import codes

    return sr.ObservationContext(
        observer_device_context=sr.ObserverContext(
            observer_type=codes.DCM.Device,
            observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(
                uid=_SOFTWARE_UID,
                name=f"{MODEL_NAME} {__version__}",
                manufacturer_name=MANUFACTURER,
                model_name=MODEL_NAME,
                serial_number=__version__,
            ),
        )
    )


def _group(
    assessment: Assessment,
    source: SourceSeries,
    segmentation: SegmentationObject | None,
    segment: Segment | None,
) -> Any:
    from highdicom import sr

    prediction, values, code = assessment.prediction, assessment.values, assessment.code
    contents: dict[str, Any] = {
        "measurements": [
            *measured_items(assessment.measurements, values),
            *_given(values),
            *_predicted(prediction, code),
        ],
        "qualitative_evaluations": [*_rated(values), *_stated(prediction, code)],
    }
    if segmentation is None or segment is None:
        return sr.MeasurementsAndQualitativeEvaluations(
            tracking_identifier=sr.TrackingIdentifier(_new_uid(), identifier=shortened(prediction.case)),
            finding_type=coded(_LESION),
            source_images=[
                sr.SourceImageForMeasurementGroup(one.SOPClassUID, one.SOPInstanceUID) for one in source.slices
            ],
            **contents,
        )
    return segment_group(source, segmentation, segment, 1, **contents)


def segment_group(
    source: SourceSeries, segmentation: SegmentationObject, segment: Segment, number: int, **contents: Any
) -> Any:
    """Return the group of measurements (TID 1411) of a segment that has a number (from 1) in a SEG."""
    from highdicom import sr

    category, kind, _, region = segment_codes(segment)
    identifier, uid = segmentation.tracking[number - 1]
    return sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(uid, identifier=identifier),
        referenced_segment=sr.ReferencedSegment(
            segmentation.dataset.SOPClassUID,
            segmentation.dataset.SOPInstanceUID,
            segment_number=number,
            source_images=[
                sr.SourceImageForSegmentation(source.slices[k].SOPClassUID, source.slices[k].SOPInstanceUID)
                for k in segmentation.shown
            ],
        ),
        finding_category=coded(category),
        finding_type=coded(kind),
        finding_sites=None if region is None else [sr.FindingSite(coded(region))],
        **contents,
    )


def _new_uid() -> str:
    from highdicom import UID

    return UID()


def _algorithm(prediction: Prediction) -> sr.AlgorithmIdentification:
    from highdicom import sr
    from pydicom.sr.codedict import codes

    return sr.AlgorithmIdentification(
        name=f"MedDeep {prediction.pathology}, {prediction.variant_title} ({prediction.learner})",
        version=prediction.model_software_version,
        # A code meaning has no room for the whole of what is predicted.
        parameters=[f"predicts: {prediction.target}", f"model weights SHA-256 {prediction.model_weights_sha256}"],
        family=codes.cid7162.ArtificialIntelligence,
        manufacturer=MANUFACTURER,
    )


def measured_items(measurements: Sequence[Measurement], values: Sequence[CaseValue] = ()) -> list[sr.Measurement]:
    """Return measurements that are defined and have codes, and those that a value was measured by."""
    from highdicom import sr

    used = {value.feature.measurement for value in values if value.source == MEASURED_SOURCE}
    written: list[Measurement] = []
    for one in measurements:
        if one.value is None or (one.quantity_code is None and one.name not in used):
            continue
        # The same quantity in other units of the same dimension, as mL beside mm3, says nothing new.
        if any(_same_quantity(one, other) for other in written) and one.name not in used:
            continue
        written.append(one)
    quantities = [one.quantity_code for one in written]
    found = []
    for one in written:
        twice = one.quantity_code is not None and quantities.count(one.quantity_code) > 1
        method = one.method_code or (
            private_code(f"method.{one.name}", one.description or one.title) if twice else None
        )
        found.append(
            sr.Measurement(
                name=coded(measurement_code(one)),
                value=float(one.value or 0.0),
                unit=coded(one.units_code or units_code(one.units)),
                derivation=None if one.derivation_code is None else coded(one.derivation_code),
                method=None if method is None else coded(method),
            )
        )
    return found


def _same_quantity(one: Measurement, other: Measurement) -> bool:
    return (
        one.quantity_code is not None
        and (one.quantity_code, one.method_code, one.derivation_code, one.description)
        == (other.quantity_code, other.method_code, other.derivation_code, other.description)
        and one.units != other.units
    )


def _given(values: Sequence[CaseValue]) -> list[sr.Measurement]:
    """Return the numbers of the image that were given in a table and not measured here."""
    from highdicom import sr

    method = coded(private_code("method.given", "Given to the software, not measured by it"))
    return [
        sr.Measurement(
            name=coded(value.code),
            value=value.value,
            unit=coded(units_code(value.feature.units)),
            method=method,
        )
        for value in values
        if value.given
        and value.feature.kind == "number"
        and value.feature.group == "measured"
        and value.source != MEASURED_SOURCE
    ]


def _predicted(prediction: Prediction, code: Code) -> list[sr.Measurement]:
    from highdicom import sr

    if prediction.abstains:
        return []
    kind = "Predicted value" if prediction.probability is None else "Probability"
    value = prediction.value if prediction.probability is None else prediction.probability
    unit = coded(units_code(prediction.units))
    level = f"{100 * prediction.interval_level:.0f} %"
    algorithm = _algorithm(prediction)
    figures = (
        (code[1], f"{kind}: {prediction.target}", value),
        (f"{code[1]}.low", f"{kind}, lower bound of the {level} interval", prediction.low),
        (f"{code[1]}.high", f"{kind}, upper bound of the {level} interval", prediction.high),
    )
    return [
        sr.Measurement(
            name=coded(private_code(name, meaning)), value=float(figure or 0.0), unit=unit, algorithm_id=algorithm
        )
        for name, meaning, figure in figures
    ]


def _rated(values: Sequence[CaseValue]) -> list[sr.QualitativeEvaluation]:
    from highdicom import sr

    found = []
    for value in values:
        feature = value.feature
        word = next((step.word for step in feature.words if step.value == value.value), None)
        if word is None or feature.group != "rated":
            continue
        found.append(
            sr.QualitativeEvaluation(
                name=coded(value.code),
                value=coded(private_code(f"{value.code[1]}.{value.value:g}", f"{word} ({value.value:g})")),
            )
        )
    return found


def _stated(prediction: Prediction, code: Code) -> list[sr.QualitativeEvaluation]:
    """Return what the model says in words: whether it abstains, its conformal set, and what it is not."""
    from highdicom import sr

    def evaluation(name: str, title: str, value: str, words: str) -> sr.QualitativeEvaluation:
        return sr.QualitativeEvaluation(coded(private_code(name, title)), coded(private_code(value, words)))

    abstains = ("abstains", "The model abstains: no assessment") if prediction.abstains else ("assessed", "Assessed")
    found = [
        evaluation("statement", "What this is", "research", prediction.statement),
        evaluation("status", "Status of the assessment by the model", *abstains),
        evaluation("outcome", "What is predicted", code[1], prediction.target),
    ]
    if prediction.probability is not None and not prediction.abstains:
        held = prediction.conformal_set
        level = f"{100 * prediction.conformal_level:.0f} %"
        words = " or ".join(held) or "neither"
        value = "_".join(held) or "neither"
        found.append(evaluation("conformal_set", f"What cannot be ruled out, right in {level} of cases", value, words))
    return found
