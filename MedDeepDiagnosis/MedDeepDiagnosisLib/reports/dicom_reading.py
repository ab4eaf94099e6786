"""Read a DICOM SR that MedDeep wrote back as rows: what was measured, predicted and stated, of which finding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from MedDeepDiagnosisLib.reports.dicom_seg import MANUFACTURER
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.volumes.dicom_frames import pydicom_for

_WHAT = "reading a DICOM report"
_TRACKING, _MEASUREMENTS, _METHOD, _DERIVATION = "112039", "126010", "370129005", "121401"
"""Code values of tracking identifier, imaging measurements (DCM), measurement method (SCT) and derivation (DCM)."""


@dataclass(frozen=True)
class ReportRow:
    """One statement of a report.

    Attributes
    ----------
    finding:
        Which finding it is about: its tracking identifier.
    name:
        What was measured or stated.
    value:
        The number, or the words.
    units:
        UCUM units of a number; empty for words.
    method:
        How it was measured or derived, as far as the report says.
    """

    finding: str
    name: str
    value: float | str
    units: str
    method: str


def is_own_report(path: Path) -> bool:
    """Return whether a file is a DICOM SR (TID 1500) that MedDeep wrote."""
    pydicom = pydicom_for(_WHAT)
    try:
        tags = ["Modality", "Manufacturer", "ContentTemplateSequence"]
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=tags)
    except (OSError, pydicom.errors.InvalidDicomError):
        return False
    template = header.get("ContentTemplateSequence")
    identifier = str(template[0].get("TemplateIdentifier", "")) if template else ""
    return (header.get("Modality"), header.get("Manufacturer"), identifier) == ("SR", MANUFACTURER, "1500")


def read_report(path: Path) -> tuple[ReportRow, ...]:
    """Return the rows of a report, in its order.

    Raises
    ------
    InputError
        If the file is no report of MedDeep.
    MissingPackageError
        If pydicom is not installed.
    """
    if not is_own_report(path):
        msg = f"{Path(path).name} is no DICOM report that MedDeep wrote: load it with the extension of its writer"
        raise InputError(msg)
    dataset = pydicom_for(_WHAT).dcmread(path)
    rows: list[ReportRow] = []
    for container in dataset.ContentSequence:
        if _code(container) == _MEASUREMENTS:
            for group in container.get("ContentSequence", ()):
                rows += _group(group)
    return tuple(rows)


def _group(group: Any) -> Iterator[ReportRow]:
    items = list(group.get("ContentSequence", ()))
    finding = next((str(one.TextValue) for one in items if _code(one) == _TRACKING), "")
    for item in items:
        if item.ValueType == "NUM" and item.get("MeasuredValueSequence"):
            (measured,) = item.MeasuredValueSequence
            # The floating point value has all digits; the decimal string has sixteen signs.
            number = measured.get("FloatingPointValue", measured.NumericValue)
            (units,) = measured.MeasurementUnitsCodeSequence
            yield ReportRow(finding, _meaning(item), float(number), _shown(units), _method(item))
        elif item.ValueType == "CODE" and item.get("RelationshipType") == "CONTAINS":
            yield ReportRow(finding, _meaning(item), str(item.ConceptCodeSequence[0].CodeMeaning), "", "")


def _method(item: Any) -> str:
    said = [
        str(one.ConceptCodeSequence[0].CodeMeaning)
        for one in item.get("ContentSequence", ())
        if one.ValueType == "CODE" and _code(one) in (_METHOD, _DERIVATION)
    ]
    return "; ".join(said)


def _shown(units: Any) -> str:
    value = str(units.get("CodeValue") or units.get("LongCodeValue") or "")
    return "" if value == "1" else value


def _code(item: Any) -> str:
    named = item.get("ConceptNameCodeSequence")
    return str(named[0].get("CodeValue", "")) if named else ""


def _meaning(item: Any) -> str:
    return str(item.ConceptNameCodeSequence[0].CodeMeaning)
