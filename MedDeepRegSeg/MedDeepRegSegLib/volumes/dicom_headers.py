"""Headers of DICOM images in a folder, read with the image library alone."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import SimpleITK as sitk

from MedDeepRegSegLib.volumes.dicom_stack import Plane

NOT_IMAGES = frozenset({"SEG", "RTSTRUCT", "RTPLAN", "RTDOSE", "SR", "PR", "KO", "DOC", "REG", "ECG", "SM"})
"""Modalities of objects that are no slices of a patient."""

_CODECS = {
    "13": "shift_jis",
    "58": "gb2312",
    "87": "iso2022_jp_2",
    "100": "latin_1",
    "101": "iso8859_2",
    "109": "iso8859_3",
    "110": "iso8859_4",
    "126": "iso8859_7",
    "127": "iso8859_6",
    "138": "iso8859_8",
    "144": "iso8859_5",
    "148": "iso8859_9",
    "149": "euc_kr",
    "159": "iso2022_jp_2",
    "166": "tis_620",
    "192": "utf_8",
    "203": "iso8859_15",
    "GB18030": "gb18030",
    "GBK": "gbk",
}
"""Python's names of character sets, by the number after ISO_IR or ISO 2022 IR, or the name (PS3.3 C.12.1.1.2)."""

_ESCAPES = re.compile(rb"\x1b(\$?[()*+-/][ -~]|\$[AB])")
"""Marks of a change of character set, for codecs that know only one."""


@dataclass(frozen=True)
class Header:
    """What the header of an image says.

    Attributes
    ----------
    path:
        The file.
    series, description, modality:
        Series Instance UID, Series Description and Modality; empty where they are absent.
    frames:
        Number of frames.
    plane:
        Where its one slice lies; without place for files of several frames.
    rescale:
        Slope and intercept, as far as they are there.
    stored:
        Bits that a pixel has, and whether it has a sign (Bits Stored, Pixel Representation); empty where they are absent.
    """

    path: Path
    series: str
    description: str
    modality: str
    frames: int
    plane: Plane
    rescale: tuple[float, ...]
    stored: tuple[float, ...] = ()


def is_dicom(path: Path) -> bool:
    """Return whether a file has the mark of DICOM."""
    try:
        with path.open("rb") as stream:
            return stream.read(132)[128:] == b"DICM"
    except OSError:
        return False


def read_header(path: Path) -> Header | None:
    """Return the header of a DICOM image, None for any other file."""
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.SetImageIO("GDCMImageIO")
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        return None

    def stored(key: str) -> str:
        return reader.GetMetaData(key).strip("\0 ") if reader.HasMetaDataKey(key) else ""

    character_set = stored("0008|0005")

    def text(key: str) -> str:
        return decoded(stored(key), character_set)

    def numbers(key: str) -> tuple[float, ...]:
        try:
            return tuple(float(part) for part in text(key).split("\\")) if text(key) else ()
        except ValueError:
            return ()

    size = reader.GetSize()
    number = numbers("0020|0013")
    return Header(
        path=path,
        series=text("0020|000e"),
        description=""
        if text("0008|103e") == "None"
        else text("0008|103e"),  # as some converters write it where it is absent
        modality=text("0008|0060"),
        frames=size[2] if len(size) > 2 else 1,
        plane=Plane(
            name=path.name,
            size=tuple(size[:2]),
            spacing=tuple(reader.GetSpacing()[:2]),
            position=numbers("0020|0032"),
            orientation=numbers("0020|0037"),
            number=int(number[0]) if number else None,
        ),
        rescale=numbers("0028|1053") + numbers("0028|1052"),
        stored=numbers("0028|0101") + numbers("0028|0103"),
    )


def decoded(text: str, character_set: str) -> str:
    """Return a text of a header in the letters that it was written with.

    The image library hands over bytes as they are in the file; Python keeps those that are no UTF-8 as surrogates, which
    cannot be printed. Many scanners name no character set, or not the one they use; then UTF-8 and Latin 1 are tried.

    Parameters
    ----------
    text:
        As the image library returns it.
    character_set:
        Specific Character Set (0008,0005), with a backslash between several.

    Examples
    --------
    >>> decoded("Sch\\udce4del", "ISO_IR 100")
    'Schädel'
    """
    data = text.encode("utf-8", "surrogateescape")
    names = [part.strip().replace("_", " ").split(" ")[-1] for part in character_set.split("\\")]
    known = [_CODECS[name] for name in reversed(names) if name in _CODECS]
    for codec in (*known, "utf_8"):
        try:
            return (data if codec.startswith("iso2022") else _ESCAPES.sub(b"", data)).decode(codec)
        except UnicodeDecodeError:
            continue
    return data.decode("latin_1")


def by_series(headers: Sequence[Header]) -> dict[str, list[Header]]:
    """Return the headers of each series, series in the order of their identifiers."""
    return {uid: [one for one in headers if one.series == uid] for uid in sorted({one.series for one in headers})}


def series_text(headers: Sequence[Header]) -> str:
    """Return a series in words: what it is, how large, and its first file."""
    first = headers[0]
    name = f"'{first.description}' " if first.description else ""
    files = f"{len(headers)} file{'s' if len(headers) > 1 else ''}"
    return f"{name}{first.modality or 'unknown modality'} with {files} from {first.path.name}"
