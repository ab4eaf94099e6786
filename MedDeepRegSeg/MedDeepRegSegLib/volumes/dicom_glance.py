"""Look at a DICOM file that the image library does not read: is it whole and no image, or was it cut off?

The elements are gone through one by one, as DICOM PS3.5 section 7 and PS3.10 section 7 lay them out; pixels are not decoded.
"""

import mmap
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

_EXPLICIT, _BIG_ENDIAN, _DEFLATED = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
_IMPLICIT = "1.2.840.10008.1.2"

_LONG = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
"""Kinds of values whose length has four bytes."""

_UNKNOWN_LENGTH = 0xFFFFFFFF

_SOP_CLASS, _SYNTAX = (0x0002, 0x0002), (0x0002, 0x0010)
_TEXTS = {
    (0x0008, 0x0005): "character_set",
    (0x0008, 0x0016): "sop_class",
    (0x0008, 0x0060): "modality",
    (0x0008, 0x103E): "description",
    (0x0020, 0x000E): "series",
}

_SLICE_CLASSES = tuple(
    f"1.2.840.10008.5.1.4.1.1.{number}"
    for number in ("2", "2.1", "2.2", "4", "4.1", "4.3", "20", "128", "128.1", "130")
)
"""CT, MR, nuclear medicine and PET images (PS3.4 B.5), which must be readable as such."""


@dataclass(frozen=True)
class Glance:
    """What a file says, as far as it goes.

    Attributes
    ----------
    sop_class, modality, series, description, character_set:
        As in its header; empty where they are absent or behind the end of the file. The description has its bytes as letters
        (see :func:`~MedDeepRegSegLib.volumes.dicom_headers.decoded`).
    whole:
        Whether the file goes to the end of its last element and says what it is.
    """

    sop_class: str = ""
    modality: str = ""
    series: str = ""
    description: str = ""
    character_set: str = ""
    whole: bool = False

    @property
    def is_slice(self) -> bool:
        """Whether it says that it is an image of the kinds that volumes are made of."""
        return self.sop_class in _SLICE_CLASSES


class _CutError(Exception):
    """The file ends within an element, or there is none where one should be."""


def glance(path: Path) -> Glance:
    """Return what a file says; files that are no DICOM, empty or cannot be opened come out as not whole."""
    try:
        with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _look(data)
    except (OSError, ValueError):  # mmap refuses empty files
        return Glance()


def _look(data: mmap.mmap) -> Glance:
    found: dict[tuple[int, int], bytes] = {}
    whole = True
    try:
        start = _Walk(data, found).through(132, group=2) if data[128:132] == b"DICM" else 0
        syntax = _text(found.get(_SYNTAX, b""))
        if not syntax:
            if data[start : start + 2] != b"\x08\x00":
                raise _CutError
            syntax = _EXPLICIT if data[start + 4 : start + 6].isalpha() else _IMPLICIT
        rest: mmap.mmap | bytes = data
        if syntax == _DEFLATED:
            unpacked = zlib.decompressobj(-zlib.MAX_WBITS)
            rest, start = unpacked.decompress(data[start:]), 0
            whole = unpacked.eof
        _Walk(rest, found, explicit=syntax != _IMPLICIT, order=">" if syntax == _BIG_ENDIAN else "<").through(start)
    except (_CutError, struct.error, zlib.error, RecursionError):
        whole = False
    texts = {name: _text(found.get(tag, b"")) for tag, name in _TEXTS.items()}
    texts["sop_class"] = texts["sop_class"] or _text(found.get(_SOP_CLASS, b""))
    return Glance(**texts, whole=whole and bool(texts["sop_class"] or texts["modality"]))


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape").strip("\0 ")


class _Walk:
    """Goes from element to element.

    Parameters
    ----------
    data:
        Bytes of the file.
    found:
        Gets the values of short elements that lie in no sequence, by tag.
    explicit:
        Whether elements say what kind of value they have.
    order:
        Order of bytes, as :mod:`struct` has it.
    """

    def __init__(
        self, data: mmap.mmap | bytes, found: dict[tuple[int, int], bytes], *, explicit: bool = True, order: str = "<"
    ) -> None:
        self._data, self._found, self._explicit, self._order = data, found, explicit, order

    def through(self, start: int, *, group: int | None = None, within: bool = False) -> int:
        """Return where the elements end: those of a group, those of a sequence of unknown length, or all.

        Raises
        ------
        _CutError
            If the file ends before.
        """
        place, end = start, len(self._data)
        while place + 8 <= end:
            tag = struct.unpack_from(f"{self._order}HH", self._data, place)
            if group is not None and tag[0] != group:
                return place
            if within and tag in ((0xFFFE, 0xE00D), (0xFFFE, 0xE0DD)):
                return place + 8
            if tag == (0, 0):
                break  # what some writers fill files up with, or a part that was never copied
            kind, value, length = self._head(tag, place)
            if length == _UNKNOWN_LENGTH:
                # A sequence of unknown kind has its elements without kinds (PS3.5 6.2.2).
                walk = _Walk(self._data, {}, explicit=False) if kind == b"UN" else self
                place = walk.through(value, within=True)
                continue
            place = value + length
            if place > end:
                raise _CutError
            if not within and length < 1024:
                self._found[tag] = self._data[value:place]
        if within or (place < end and self._data[place:end].strip(b"\0")):
            raise _CutError
        return place

    def _head(self, tag: tuple[int, ...], place: int) -> tuple[bytes, int, int]:
        """Return the kind of an element, where its value begins, and how long it is."""
        if tag[0] == 0xFFFE or not self._explicit:
            return b"", place + 8, struct.unpack_from(f"{self._order}I", self._data, place + 4)[0]
        kind = bytes(self._data[place + 4 : place + 6])
        if not (kind.isalpha() and kind.isupper()):
            raise _CutError
        if kind in _LONG:
            return kind, place + 12, struct.unpack_from(f"{self._order}I", self._data, place + 8)[0]
        return kind, place + 8, struct.unpack_from(f"{self._order}H", self._data, place + 6)[0]
