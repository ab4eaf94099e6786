"""DICOM codes: what is written where a standard code is known, and where there is none.

A name without a standard code gets one of the private coding scheme :data:`PRIVATE_SCHEME`, whose value is the name that
programs know (of a feature, of a measurement) and whose meaning is the title that people read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from MedDeepRegSegLib.errors import MissingPackageError
from MedDeepRegSegLib.segmentation.measurement import CM3, HOUNSFIELD, MM, MM2, MM3, NO_UNITS, PER_MM, Code
from MedDeepRegSegLib.segmentation.segments import TISSUE, Segment

if TYPE_CHECKING:  # a package that is only there when DICOM is written
    from highdicom.sr import CodedConcept

PRIVATE_SCHEME = "99MEDDEEP"
"""DICOM reserves schemes that begin with 99 for private use."""

_LONGEST_MEANING = 64
"""Characters that DICOM allows for a code meaning (value representation LO, PS3.5 table 6.2-1)."""

_LONGEST_VALUE = 16
"""Characters of a code value (SH); longer ones are stored as long code value."""

_LEAST_HIGHDICOM = (0, 28)
"""The first with a character set of its own for what is written."""

_INSTALL = "'pip install \"highdicom>=0.28\"'"

_SCHEME_NAMES = {
    "IBSI": "Imaging Biomarker Standardisation Initiative",
    PRIVATE_SCHEME: "MedDeep private codes",
    "99QIICR": "Quantitative Image Informatics for Cancer Research",
}

_UNITS: dict[str, Code] = {
    "": NO_UNITS,
    "mm": MM,
    "mm2": MM2,
    "mm²": MM2,
    "mm3": MM3,
    "mm³": MM3,
    "mL": CM3,
    "ml": CM3,
    "cm³": CM3,
    "1/mm": PER_MM,
    "HU": HOUNSFIELD,
    "%": ("UCUM", "%", "percent"),
    "years": ("UCUM", "a", "year"),
    "hours": ("UCUM", "h", "hour"),
    "days": ("UCUM", "d", "day"),
    "kg": ("UCUM", "kg", "kilogram"),
    "kg/m²": ("UCUM", "kg/m2", "kilogram per square meter"),
    "mg/dL": ("UCUM", "mg/dL", "milligram per deciliter"),
    "mmHg": ("UCUM", "mm[Hg]", "millimeter of mercury"),
}


def units_code(units: str) -> Code:
    """Return the UCUM code of units as they are shown; other units become an annotation of UCUM, ``{points}``.

    Examples
    --------
    >>> units_code("mm³")
    ('UCUM', 'mm3', 'cubic millimeter')
    >>> units_code("points")
    ('UCUM', '{points}', 'points')
    """
    known = _UNITS.get(units.strip())
    if known is not None:
        return known
    plain = "".join(sign for sign in units if sign.isascii() and sign.isprintable() and sign not in "{}")
    return "UCUM", f"{{{plain or 'units'}}}", units


def private_code(value: str, meaning: str) -> Code:
    """Return a code of the private scheme."""
    return PRIVATE_SCHEME, value, meaning


def shortened(text: str, limit: int = _LONGEST_MEANING) -> str:
    """Return a text of at most ``limit`` characters on one line, cut at a word where it is too long; never empty."""
    flat = " ".join(text.replace("\\", "/").split()) or "-"
    if len(flat) <= limit:
        return flat
    cut = flat[: limit - 3]
    return (cut.rsplit(" ", 1)[0] if " " in cut[limit // 2 :] else cut) + "..."


def coded(code: Code) -> CodedConcept:
    """Return a code as highdicom wants it."""
    from highdicom.sr import CodedConcept

    scheme, value, meaning = code
    return CodedConcept(value=value, scheme_designator=scheme, meaning=shortened(meaning))


def coding_schemes(dataset: Any) -> list[Any]:
    """Return what DICOM wants to know of the coding schemes that a dataset uses beyond its own (PS3.3 C.12.1)."""
    from pydicom import Dataset

    used = {
        str(element.value)
        for element in dataset.iterall()
        if element.keyword == "CodingSchemeDesignator" and str(element.value) in _SCHEME_NAMES
    }
    items = []
    for scheme in sorted(used):
        item = Dataset()
        item.CodingSchemeDesignator = scheme
        item.CodingSchemeName = _SCHEME_NAMES[scheme]
        items.append(item)
    return items


def segment_codes(segment: Segment) -> tuple[Code, Code, Code | None, Code | None]:
    """Return category, type, modifier of the type, and region of a segment's terminology entry.

    A segment whose entry is empty or damaged is a *tissue*, the one thing that is sure.
    """
    for entry in (segment.terminology, TISSUE):
        parts = [_code(part) for part in entry.split("~")[1:]]
        if len(parts) >= 2 and parts[0] is not None and parts[1] is not None:
            parts += [None] * (6 - len(parts))
            return parts[0], parts[1], parts[2], parts[4]
    msg = "the terminology entry of a tissue has no codes"
    raise AssertionError(msg)


def _code(text: str) -> Code | None:
    parts = text.split("^")
    return (parts[0], parts[1], parts[2]) if len(parts) == 3 and all(part.strip() for part in parts) else None


def require_highdicom() -> None:
    """Raise MissingPackageError unless DICOM objects can be written."""
    try:
        import highdicom
    except ImportError as error:
        msg = f"DICOM SR and SEG need the packages highdicom and pydicom: install them with {_INSTALL}"
        raise MissingPackageError(msg) from error
    numbers = re.findall(r"\d+", highdicom.__version__)[:2]
    if tuple(int(number) for number in numbers) < _LEAST_HIGHDICOM:
        msg = f"highdicom {highdicom.__version__} is too old, expected 0.28 or later: install it with {_INSTALL}"
        raise MissingPackageError(msg)
