"""What SimpleITK hides while it reads NIfTI and NRRD files, looked up in their headers.

SimpleITK (ITK 5.4) fills a truncated NIfTI file with zeros, replaces a spacing of zero or NaN by 1, takes the
qform when the sform is sheared, chooses between two orientations that differ, and drops the length unit of NRRD files, all without a word. The checks here
find these cases before the voxels are read, so that they are refused instead.
"""

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.volumes.geometry import ORTHONORMAL_TOLERANCE, index_to_world, size_text

_CHUNK = 1 << 22
_MILLIMETERS = {"mm": 1.0, "": 1.0, "cm": 10.0, "m": 1000.0, "um": 1e-3, "µm": 1e-3, "μm": 1e-3}
_MILLIMETERS |= {"millimeter": 1.0, "centimeter": 10.0, "meter": 1000.0, "micron": 1e-3, "micrometer": 1e-3}


def is_nifti(path: Path) -> bool:
    """Return whether the name is that of a one-file NIfTI image."""
    return path.name.lower().endswith((".nii", ".nii.gz"))


def is_nrrd(path: Path) -> bool:
    """Return whether the name is that of an NRRD image."""
    return path.name.lower().endswith((".nrrd", ".nhdr"))


def check_nifti(path: Path, what: str, *, cancel: CancelToken | None = None) -> np.ndarray | None:
    """Raise if a NIfTI file is truncated, damaged, or has a header that ITK would silently repair.

    Parameters
    ----------
    path:
        A ``.nii`` or ``.nii.gz`` file.
    what:
        What the image is to the user, for the message.
    cancel:
        Looked at while a compressed file is checked to its end.

    Returns
    -------
    array or None
        The (3, 4) matrix of the sform (voxel index to RAS mm) if the header has a qform that differs from it by
        more than half a voxel, for :func:`orientation_note`; else None.

    Raises
    ------
    InputError
        With one line that says what was wrong and what to do.
    """
    compressed = path.open("rb").read(2) == b"\x1f\x8b"
    try:
        with gzip.open(path) if compressed else path.open("rb") as stream:
            head = stream.read(540)
            needed, other = _check_nifti_head(head, path, what)
            length = len(head)
            if compressed:
                while chunk := stream.read(_CHUNK):
                    length += len(chunk)
                    if cancel is not None:
                        cancel.raise_if_canceled()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        msg = f"{what} is damaged: {path.name} does not unpack to its end ({error}): copy or download it again"
        raise InputError(msg) from error
    if not compressed:
        length = path.stat().st_size
    if length < needed:
        msg = (
            f"{what} is cut off: {path.name} has {length} bytes of image, its header announces {needed}: "
            "copy or download it again"
        )
        raise InputError(msg)
    return other


def _check_nifti_head(head: bytes, path: Path, what: str) -> tuple[int, np.ndarray | None]:
    """Return the length in bytes that the header announces, and the sform if the qform differs."""
    order = next((o for o in "<>" if len(head) >= 348 and struct.unpack(o + "i", head[:4])[0] in (348, 540)), None)
    if order is None:
        msg = f"{what} is no NIfTI image: {path.name} has no NIfTI header: pick an image, or give it its right suffix"
        raise InputError(msg)
    if struct.unpack(order + "i", head[:4])[0] == 540:
        return 0, None  # NIfTI-2 is left to ITK
    dim = struct.unpack(order + "8h", head[40:56])
    bits = struct.unpack(order + "h", head[72:74])[0]
    pixdim = struct.unpack(order + "8f", head[76:108])
    offset = struct.unpack(order + "f", head[108:112])[0]
    if not 1 <= dim[0] <= 7 or any(n < 1 for n in dim[1 : dim[0] + 1]):
        msg = f"{what} has a header with the dimensions {dim}: {path.name} is damaged, copy or download it again"
        raise InputError(msg)
    spacing = pixdim[1 : 1 + min(dim[0], 3)]
    if not all(np.isfinite(step) and step > 0 for step in spacing):
        msg = (
            f"{what} has a spacing of {size_text(spacing)} in the header of {path.name}, expected positive numbers "
            "(pixdim): correct its header"
        )
        raise InputError(msg)
    if head[344:348] == b"ni1\0":
        offset = 0.0
    if not (np.isfinite(offset) and offset >= 0):
        msg = (
            f"{what} has an image that begins at byte {offset:g} in the header of {path.name} (vox_offset), expected "
            "352 or more: the file is damaged, copy or download it again"
        )
        raise InputError(msg)
    count = int(np.prod([int(n) for n in dim[1 : dim[0] + 1]]))
    return int(offset) + count * bits // 8, _check_nifti_orientation(head, order, pixdim, dim, what, path)


def _check_nifti_orientation(  # noqa: PLR0917 - parts of one header
    head: bytes, order: str, pixdim: tuple[float, ...], dim: tuple[int, ...], what: str, path: Path
) -> np.ndarray | None:
    qform_code, sform_code = struct.unpack(order + "hh", head[252:256])
    if sform_code <= 0:
        return None
    sform = np.array(struct.unpack(order + "12f", head[280:328])).reshape(3, 4)
    lengths = np.linalg.norm(sform[:, :3], axis=0)
    if not (np.isfinite(sform).all() and (lengths > 0).all()):
        msg = f"{what} has an orientation matrix (sform) that is not usable in {path.name}: correct its header"
        raise InputError(msg)
    axes = sform[:, :3] / lengths
    shear = np.abs(axes.T @ axes - np.eye(3)).max()
    # Single precision leaves about 1e-4 in matrices that went through several programs.
    if shear > 10 * ORTHONORMAL_TOLERANCE:
        msg = (
            f"{what} has axes that are not perpendicular (sform of {path.name}, off by {shear:.2g}): resample it to a "
            "regular grid first"
        )
        raise InputError(msg)
    if qform_code <= 0:
        return None
    corners = np.array([[i, j, k, 1] for i in (0, 1) for j in (0, 1) for k in (0, 1)], dtype=float)
    corners[:, :3] *= [max(n - 1, 1) for n in (*dim[1:4], 1, 1)[:3]]
    apart = np.linalg.norm(corners @ (sform - _qform(head, order, pixdim)).T, axis=1).max()
    return sform if apart > 0.5 * float(min(lengths)) else None


def orientation_note(image: sitk.Image, sform: np.ndarray | None, name: str) -> str:
    """Return which of two differing orientations the image library used, for the user; "" if they do not differ.

    The choice is left to ITK (as in Slicer, so that a file lies at the same place in both): the sform if its code
    is 1 (scanner), else the qform. Other programs prefer the sform.

    Parameters
    ----------
    image:
        The image as it was read.
    sform:
        What :func:`check_nifti` returned.
    name:
        Name of the file.
    """
    if sform is None:
        return ""
    read = np.diag([-1.0, -1.0, 1.0]) @ index_to_world(image)[:3]
    used, left = ("sform", "qform") if np.allclose(read, sform, atol=1e-2) else ("qform", "sform")
    return f"{name} has two orientations that differ; its {used} is used and its {left} is not"


def _qform(head: bytes, order: str, pixdim: tuple[float, ...]) -> np.ndarray:
    """Return the (3, 4) matrix of the qform (NIfTI-1 standard, method 2)."""
    b, c, d, *offset = struct.unpack(order + "6f", head[256:280])
    a = np.sqrt(max(0.0, 1 - b * b - c * c - d * d))
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - c * c - b * b],
        ]
    )
    scale = np.array([pixdim[1], pixdim[2], pixdim[3] * (-1 if pixdim[0] < 0 else 1)])
    return np.column_stack([rotation * scale, offset])


def nifti_says_unit(path: Path) -> bool:
    """Return whether a NIfTI header names its unit of length; ITK converts meters and micrometers to mm."""
    with gzip.open(path) if path.open("rb").read(2) == b"\x1f\x8b" else path.open("rb") as stream:
        head = stream.read(124)
    return len(head) == 124 and (head[123] & 7) in (1, 2, 3)


def nrrd_millimeters(path: Path, what: str) -> float:
    """Return what to multiply the geometry of an NRRD file with to get mm, and check its spacing.

    Parameters
    ----------
    path:
        A ``.nrrd`` or ``.nhdr`` file.
    what:
        What the image is to the user, for the message.

    Raises
    ------
    InputError
        If the header has a spacing that is not a positive number, unknown units, or units that differ by axis.
    """
    fields = _nrrd_fields(path)
    numbers = fields.get("spacings", "") + " " + fields.get("space directions", "")
    kinds = fields.get("kinds", "").split()
    spatial = [kind for kind in kinds if kind in ("domain", "space")] if kinds else []
    words = numbers.replace("(", " ").replace(")", " ").replace(",", " ").split()
    missing = words.count("nan") > (len(kinds) - len(spatial) if kinds and "spacings" in fields else 0)
    if missing or any(_is_no_step(word) for word in fields.get("spacings", "").split()):
        msg = f"{what} has no valid spacing in the header of {path.name} ({numbers.strip()}): correct its header"
        raise InputError(msg)
    named = fields.get("space units", fields.get("units", ""))
    units = {unit.strip().lower() for unit in named.split('"')[1::2]} - {"", "none", "???"}
    factors = {_MILLIMETERS.get(unit) for unit in units}
    if None in factors or len(factors) > 1:
        msg = f"{what} has the units {named.strip()} in {path.name}, expected one unit of length: convert it to mm"
        raise InputError(msg)
    return float(factors.pop() or 1.0) if factors else 1.0


def _is_no_step(word: str) -> bool:
    """Return whether a word of the field ``spacings`` is neither a step nor the NaN of an axis without one."""
    try:
        return float(word) == 0 or float(word) in (np.inf, -np.inf)
    except ValueError:
        return True


def _nrrd_fields(path: Path) -> dict[str, str]:
    """Return the fields of an NRRD header, names in lower case."""
    fields: dict[str, str] = {}
    with path.open("rb") as stream:
        for _ in range(10_000):
            line = stream.readline(1 << 20).decode("utf-8", "replace").rstrip("\r\n")
            if not line:
                break
            name, separator, value = line.partition(": ")
            if separator and not line.startswith("#") and ":=" not in name:
                fields[name.strip().lower()] = value.strip()
    return fields
