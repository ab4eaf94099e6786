"""What a segment is: a label value with a name, a color and a coded meaning.

The meaning is written as Slicer writes it (a *terminology entry*), so that a segment made here can be
exported as DICOM SEG without asking the user what it is.
"""

import colorsys
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from MedDeepRegSegLib.errors import InputError

MAXIMUM_VALUE = 65535
"""Largest label value: label maps are stored with 8 or 16 bits."""

_CONTEXT = "Segmentation category and type - 3D Slicer General Anatomy list"
_STRUCTURE = ("SCT", "123037004", "Anatomical Structure")
_ALTERED = ("SCT", "49755003", "Morphologically Altered Structure")
_TISSUE = ("SCT", "85756007", "Tissue")
_RIGHT = ("SCT", "24028007", "Right")
_LEFT = ("SCT", "7771000", "Left")
_NO_CODE = ("", "", "")

Code = tuple[str, str, str]
"""Coding scheme, code value and code meaning of a DICOM code."""


@dataclass(frozen=True)
class Segment:
    """One segment of a label map."""

    value: int
    """Label value of its voxels, from 1."""
    name: str
    """Name shown to the user; not empty."""
    color: tuple[float, float, float]
    """Red, green and blue, each in [0, 1]."""
    terminology: str = ""
    """Terminology entry as Slicer serializes it; empty where nothing is known."""
    identifier: str = ""
    """Identifier of the segment within its segmentation; made from the value where empty."""


def check_segments(segments: Sequence[Segment]) -> None:
    """Raise :class:`InputError` unless the segments can stand together in one label map.

    Values must be whole numbers from 1 to 65535 and unique, names not empty, colors within [0, 1], and
    identifiers that are given unique.
    """
    values: dict[int, str] = {}
    identifiers: dict[str, str] = {}
    for segment in segments:
        if not segment.name.strip():
            msg = f"segment of value {segment.value} has no name, expected one: give it a name"
            raise InputError(msg)
        if isinstance(segment.value, bool) or not isinstance(segment.value, int):
            msg = f"segment {segment.name!r} has the value {segment.value!r}, expected a whole number"
            raise InputError(msg)
        if not 1 <= segment.value <= MAXIMUM_VALUE:
            msg = f"segment {segment.name!r} has the value {segment.value}, expected 1 to {MAXIMUM_VALUE}: renumber it"
            raise InputError(msg)
        if segment.value in values:
            msg = (
                f"segments {values[segment.value]!r} and {segment.name!r} have the same value {segment.value}, "
                "expected different ones: renumber one"
            )
            raise InputError(msg)
        values[segment.value] = segment.name
        if len(segment.color) != 3 or not all(math.isfinite(part) and 0 <= part <= 1 for part in segment.color):
            msg = f"segment {segment.name!r} has the color {segment.color}, expected three numbers from 0 to 1"
            raise InputError(msg)
        if segment.identifier and segment.identifier in identifiers:
            msg = (
                f"segments {identifiers[segment.identifier]!r} and {segment.name!r} have the same identifier "
                f"{segment.identifier!r}, expected different ones: rename one"
            )
            raise InputError(msg)
        identifiers[segment.identifier] = segment.name


def with_identifiers(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    """Return the segments, each with a unique identifier; those that are given stay."""
    taken = {segment.identifier for segment in segments if segment.identifier}
    complete = []
    for segment in segments:
        identifier = segment.identifier
        number = 0
        while not identifier:
            candidate = f"Segment_{segment.value}" + (f"_{number}" if number else "")
            number += 1
            if candidate not in taken:
                identifier = candidate
                taken.add(candidate)
        complete.append(replace(segment, identifier=identifier))
    return tuple(complete)


def free_value(segments: Sequence[Segment]) -> int:
    """Return the smallest label value that no segment has."""
    taken = {segment.value for segment in segments}
    return next(value for value in range(1, len(taken) + 2) if value not in taken)


def default_color(index: int) -> tuple[float, float, float]:
    """Return the color of the ``index``-th segment (from 0) that has no color of its own.

    Neighbors in the sequence differ clearly: hues step by the golden ratio, and lightness alternates.

    Examples
    --------
    >>> default_color(0) == default_color(0)
    True
    >>> default_color(0) == default_color(1)
    False
    """
    hue = (0.08 + index * 0.6180339887498949) % 1.0
    saturation, brightness = ((0.65, 0.95), (0.85, 0.75), (0.45, 0.85))[index % 3]
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, brightness)
    return round(red, 4), round(green, 4), round(blue, 4)


def terminology_entry(category: Code, kind: Code, modifier: Code = _NO_CODE, region: Code = _NO_CODE) -> str:
    """Return a terminology entry as Slicer serializes it.

    Parameters
    ----------
    category:
        For example ``("SCT", "123037004", "Anatomical Structure")``.
    kind:
        The type within the category, for example ``("SCT", "10200004", "Liver")``.
    modifier:
        Modifier of the type, for example the side.
    region:
        Where in the body a lesion is.
    """
    codes = "~".join("^".join(code) for code in (category, kind, modifier))
    place = "~".join(("Anatomic codes - DICOM master list", "^".join(region), "^^"))
    return f"{_CONTEXT}~{codes}~{place}"


TISSUE = terminology_entry(_TISSUE, _TISSUE)
"""The entry of a segment of which nothing is known; Slicer's own default."""

# Name in lower case: category, type, modifier, color. Codes and colors are those of Slicer's general anatomy list.
_KNOWN: dict[str, tuple[Code, Code, Code, tuple[int, int, int]]] = {
    "aorta": (_STRUCTURE, ("SCT", "15825003", "Aorta"), _NO_CODE, (224, 97, 76)),
    "brain": (_STRUCTURE, ("SCT", "12738006", "Brain"), _NO_CODE, (250, 250, 225)),
    "head": (_STRUCTURE, ("SCT", "69536005", "Head"), _NO_CODE, (177, 122, 101)),
    "left kidney": (_STRUCTURE, ("SCT", "64033007", "Kidney"), _LEFT, (185, 102, 83)),
    "right kidney": (_STRUCTURE, ("SCT", "64033007", "Kidney"), _RIGHT, (185, 102, 83)),
    "left lateral ventricle": (_STRUCTURE, ("SCT", "66720007", "Lateral ventricle"), _LEFT, (88, 106, 215)),
    "right lateral ventricle": (_STRUCTURE, ("SCT", "66720007", "Lateral ventricle"), _RIGHT, (88, 106, 215)),
    "left lung": (_STRUCTURE, ("SCT", "39607008", "Lung"), _LEFT, (197, 165, 145)),
    "right lung": (_STRUCTURE, ("SCT", "39607008", "Lung"), _RIGHT, (150, 190, 200)),
    "lesion": (_ALTERED, ("SCT", "4147007", "Mass"), _NO_CODE, (144, 238, 144)),
    "liver": (_STRUCTURE, ("SCT", "10200004", "Liver"), _NO_CODE, (221, 130, 101)),
    "nodule": (_ALTERED, ("SCT", "4147007", "Mass"), _NO_CODE, (144, 238, 144)),
    "skull": (_STRUCTURE, ("SCT", "89546000", "Skull"), _NO_CODE, (241, 214, 145)),
    "spleen": (_STRUCTURE, ("SCT", "78961009", "Spleen"), _NO_CODE, (157, 108, 162)),
    "thorax": (_STRUCTURE, ("SCT", "51185008", "Thorax"), _NO_CODE, (177, 122, 101)),
    "ventricles": (_STRUCTURE, ("SCT", "35764002", "Brain ventricle"), _NO_CODE, (88, 106, 215)),
}

# Parts of the brain: codes of DICOM CID 7140 and of Slicer's list, colors as FreeSurfer's readers know them. The names are
# those of the subdivision model "brain"; a part with sides is added for both.
_BRAIN_PARTS: tuple[tuple[str, Code, bool, tuple[int, int, int]], ...] = (
    ("cerebral white matter", ("SCT", "68523003", "Cerebral White Matter"), True, (245, 245, 245)),
    ("cerebral cortex", ("SCT", "40146001", "Cerebral Grey Matter"), True, (205, 62, 78)),
    ("third ventricle", ("SCT", "49841001", "Third ventricle"), False, (204, 182, 142)),
    ("fourth ventricle", ("SCT", "35918002", "Fourth ventricle"), False, (42, 204, 164)),
    ("thalamus", ("SCT", "119406000", "Thalamus"), True, (0, 118, 14)),
    ("caudate nucleus", ("SCT", "11000004", "Caudate nucleus"), True, (122, 186, 220)),
    ("putamen", ("SCT", "89278009", "Putamen"), True, (236, 13, 176)),
    ("globus pallidus", ("SCT", "14738005", "Globus pallidus"), True, (12, 48, 255)),
    ("hippocampus", ("SCT", "5366008", "Hippocampus"), True, (220, 216, 20)),
    ("amygdala", ("SCT", "4958002", "Amygdala"), True, (103, 255, 255)),
    ("nucleus accumbens", ("SCT", "427667007", "Nucleus Accumbens"), True, (255, 165, 0)),
    ("ventral diencephalon", ("DCM", "110700", "Ventral Diencephalon"), True, (165, 42, 42)),
    ("brainstem", ("SCT", "119238007", "Brain Stem"), False, (119, 159, 176)),
    ("cerebellar white matter", ("SCT", "33060004", "Cerebellar white matter"), True, (220, 248, 164)),
    ("cerebellar cortex", ("SCT", "25991003", "Cerebellar Cortex"), True, (230, 148, 34)),
)
for _name, _kind, _sided, _color in _BRAIN_PARTS:
    for _prefix, _modifier in (("left ", _LEFT), ("right ", _RIGHT)) if _sided else (("", _NO_CODE),):
        _KNOWN[_prefix + _name] = (_STRUCTURE, _kind, _modifier, _color)


def named_segment(value: int, name: str, *, identifier: str = "") -> Segment:
    """Return a segment whose color and coded meaning follow from its name where the name is known.

    Unknown names become a *tissue* with :func:`default_color`.

    Examples
    --------
    >>> named_segment(1, "Liver").terminology.split("~")[2]
    'SCT^10200004^Liver'
    """
    known = _KNOWN.get(name.strip().lower())
    if known is None:
        return Segment(value, name, default_color(value - 1), TISSUE, identifier)
    category, kind, modifier, rgb = known
    color = (round(rgb[0] / 255, 4), round(rgb[1] / 255, 4), round(rgb[2] / 255, 4))
    return Segment(value, name, color, terminology_entry(category, kind, modifier), identifier)
