"""From the scene into the case base: the lesion's segment, the volume behind it, and the findings of the form."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import SimpleITK as sitk

from MedDeepDiagnosisLib.casebase import open_case_base
from MedDeepDiagnosisLib.casebase.checking import parse_cells
from MedDeepDiagnosisLib.casebase.records import (
    CaseRecord,
    DeepFeature,
    ImportOptions,
    ImportReport,
    Origin,
    SegmentReference,
    VolumeReference,
    values_of,
)
from MedDeepDiagnosisLib.casebase.references import segment_reference, volume_reference
from MedDeepDiagnosisLib.measuring import check_inside, measured_features
from MedDeepDiagnosisLib.pathology import Pathology
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.mrml.segmentations import check_segmentation_node, image_from_segmentation
from MedDeepRegSegLib.mrml.volumes import image_from_volume
from MedDeepRegSegLib.segmentation.segments import Segment


def store_case(
    db: str | Path,
    segmentation_node,
    segment_id: str,
    findings: Mapping[str, object],
    pathology: Pathology,
    *,
    patient: str,
    case: str = "",
    study: str = "",
    volume_node=None,
    deep_features: Sequence[DeepFeature] = (),
    who: str = "",
    key_file: Path | None = None,
    options: ImportOptions | None = None,
    cancel: CancelToken | None = None,
) -> ImportReport:
    """Measure a lesion of the scene and store it as a case.

    Storing the same again changes nothing; changed values are refused unless ``options`` say ``update``.

    Parameters
    ----------
    db:
        File or URL of the case base; an absent file is made.
    segmentation_node, segment_id:
        The lesion.
    findings:
        What the form says: rated signs, clinical values and outcomes by name, as numbers or words of their scales. A
        value that the extension measures itself is measured, whatever the form says.
    patient:
        Whose it is; a pseudonym is stored unless the options say otherwise.
    case:
        Name of the case; the patient's name and that of the segment by default.
    volume_node:
        The volume behind the lesion. It is stored by reference: its file if it was saved as it is, its hash, modality and
        grid, but no voxels.
    who:
        Who stores it, for the record; the user of the machine if empty.
    key_file:
        Key of the pseudonyms; beside the file by default.

    Raises
    ------
    InputError
        If a node or a value cannot be used, the segment is empty or outside of the volume, nothing says whose it is, or
        a stored value says otherwise.
    Canceled
        If ``cancel`` was set.
    """
    if not patient.strip():
        msg = "the patient is not named: give a name or number, of which a pseudonym is stored"
        raise InputError(msg)
    check_segmentation_node(segmentation_node)
    if not segment_id:
        msg = "no segment is picked: pick the segment that is the lesion"
        raise InputError(msg)
    _check_names(findings, pathology)
    labels, (segment,) = image_from_segmentation(segmentation_node, segment_ids=[segment_id])
    volumes, drawn = _references(labels, segment, segmentation_node, volume_node)
    measured = measured_features(labels, segment, pathology, cancel=cancel)
    numbers, wrong = parse_cells({**findings, **measured}, pathology)
    if wrong:
        raise InputError("; ".join(wrong))
    how = dict.fromkeys(findings, "form") | dict.fromkeys(measured, f"measured on segment {segment.name!r}")
    record = CaseRecord(
        place=f"segment {segment.name!r}",
        patient=patient,
        case=case.strip() or f"{patient.strip()}/{segment.name}",
        study=study.strip(),
        volumes=volumes,
        segments=(drawn,),
        deep_features=tuple(deep_features),
        **values_of(pathology, {n: v for n, v in numbers.items() if not math.isnan(v)}, how),
    )
    if cancel is not None:
        cancel.raise_if_canceled()
    with open_case_base(db, key_file=key_file) as base:
        return base.import_records([record], pathology, Origin("scene", "", who=who), options=options)


def _check_names(findings: Mapping[str, object], pathology: Pathology) -> None:
    known = {part.name for part in (*pathology.features, *pathology.targets)}
    for name in findings:
        if name not in known:
            msg = f"{name!r} is no feature or target of {pathology.title}, expected one of {', '.join(sorted(known))}"
            raise InputError(msg)


def _references(
    labels: sitk.Image, segment: Segment, segmentation_node, volume_node
) -> tuple[tuple[VolumeReference, ...], SegmentReference]:
    """Return what is stored of the volume, if there is one, and of the segment."""
    volumes: tuple[VolumeReference, ...] = ()
    if volume_node is not None:
        image = image_from_volume(volume_node)
        check_inside(labels, segment, image)
        volumes = (volume_reference(image, volume_node.GetName(), _saved_file(volume_node)),)
    drawn_on = volumes[0].name if volumes else ""
    return volumes, segment_reference(labels, segment, _saved_file(segmentation_node), volume=drawn_on)


def _saved_file(node) -> Path | None:
    """Return the file that holds the node as it is; None if it was changed since or never saved."""
    storage = node.GetStorageNode()
    if storage is None or not storage.GetFileName() or node.GetModifiedSinceRead():
        return None
    if storage.GetNumberOfFileNames() > 1:  # a DICOM series: the folder stands for it
        return None
    path = Path(storage.GetFullNameFromFileName())
    return path if path.is_file() else None
