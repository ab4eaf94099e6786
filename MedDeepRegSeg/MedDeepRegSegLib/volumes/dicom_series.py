"""Read a folder of one DICOM series as a volume, after a check that its slices are one.

The image library stacks whatever it is given at even distances. Here the positions in the headers are checked
first: missing slices, uneven distances, a tilted gantry, several images at one place, or several series are refused
with a message that says which.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress, part_of
from MedDeepRegSegLib.volumes.geometry import size_text
from MedDeepRegSegLib.volumes.memory import check_memory
from MedDeepRegSegLib.volumes.modality import MODALITY_KEY

_NOT_IMAGES = {"SEG", "RTSTRUCT", "RTPLAN", "RTDOSE", "SR", "PR", "KO", "DOC", "REG", "ECG"}
_SPACING_TOLERANCE = 0.02  # of the distance between slices; positions are often rounded to 0.01 mm
_TILT_TOLERANCE_DEGREES = 0.2


@dataclass(frozen=True)
class _Slice:
    path: Path
    series: str
    description: str
    modality: str
    frames: int
    size: tuple[int, ...]
    spacing: tuple[float, ...]
    position: tuple[float, ...]
    orientation: tuple[float, ...]
    rescale: tuple[float, ...]


def read_dicom_folder(
    folder: Path, what: str = "image", *, progress: Progress = no_progress, cancel: CancelToken | None = None
) -> sitk.Image:
    """Read the one image series of a folder.

    Segmentations, structure sets and other objects without slices may lie beside it. CT numbers come out in HU
    (rescale slope and intercept applied). Modality is kept in the metadata.

    Parameters
    ----------
    folder:
        Folder with the files of one series; folders below it are not searched.
    what:
        What the image is to the user, for messages.
    progress, cancel:
        As everywhere.

    Raises
    ------
    InputError
        If the folder has no DICOM image, several series (they are listed), or slices that are no regular volume.
    """
    slices = _scan(folder, what, part_of(progress, 0.0, 0.6), cancel)
    series = sorted({one.series for one in slices})
    if len(series) > 1:
        listed = "; ".join(_describe([one for one in slices if one.series == uid]) for uid in series)
        msg = f"{what}: {folder} has {len(series)} DICOM series ({listed}), expected 1: move the wanted one to its own folder"
        raise InputError(msg)
    if len(slices) == 1 and slices[0].frames > 1:
        return _with_modality(_read([slices[0].path], what, None), slices[0])
    ordered, spacing = _sorted_slices(slices, what)
    count = size_text((*ordered[0].size[:2], len(ordered)))
    check_memory(np.prod([*ordered[0].size[:2], len(ordered)], dtype=float) * 8, f"reading {what} ({count})", "crop it")
    progress(0.6, f"Reading {len(ordered)} slices of {what}")
    # Slopes that differ from slice to slice (PET) give fractions, which the type of the first slice may not hold.
    fractional = any(value != int(value) for one in ordered for value in one.rescale)
    image = _read([one.path for one in ordered], what, sitk.sitkFloat32 if fractional else None)
    normal = np.cross(ordered[0].orientation[:3], ordered[0].orientation[3:])
    image.SetSpacing((*ordered[0].spacing[:2], spacing))
    image.SetOrigin(ordered[0].position)
    axes = np.column_stack([ordered[0].orientation[:3], ordered[0].orientation[3:], normal])
    image.SetDirection((axes / np.linalg.norm(axes, axis=0)).ravel().tolist())
    progress(1.0, f"Read {len(ordered)} slices of {what}")
    return _with_modality(image, ordered[0])


def _with_modality(image: sitk.Image, source: _Slice) -> sitk.Image:
    for key in image.GetMetaDataKeys():  # names and dates of a patient must not travel into results
        image.EraseMetaData(key)
    image.SetMetaData(MODALITY_KEY, source.modality)
    return image


def _scan(folder: Path, what: str, progress: Progress, cancel: CancelToken | None) -> list[_Slice]:
    try:
        entries = sorted(folder.iterdir())
    except PermissionError as error:
        msg = f"{what}: the folder {folder} cannot be opened (permission denied): choose one that you may read"
        raise InputError(msg) from error
    files = [entry for entry in entries if entry.is_file() and not entry.name.startswith(".")]
    slices, others = [], set()
    for number, path in enumerate(files):
        if cancel is not None:
            cancel.raise_if_canceled()
        progress(number / len(files), f"Looking at {path.name}")
        one = _read_slice(path)
        if one is None:
            continue
        if one.modality in _NOT_IMAGES:
            others.add(one.modality)
        else:
            slices.append(one)
    if slices:
        return slices
    if not entries:
        msg = f"{what}: the folder {folder} is empty, expected the files of one DICOM series"
    elif others:
        msg = f"{what}: {folder} has only DICOM objects without slices ({', '.join(sorted(others))}): pick an image series"
    else:
        below = [entry.name for entry in entries if entry.is_dir()]
        todo = "pick the folder that holds the files of one series"
        if below:
            todo += f" (there are folders below it: {', '.join(below[:5])}{', ...' if len(below) > 5 else ''})"
        msg = f"{what}: {folder} has no DICOM image among its {len(files)} files: {todo}"
    raise InputError(msg)


def _read_slice(path: Path) -> _Slice | None:
    """Return the header of a DICOM image, None for any other file."""
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.SetImageIO("GDCMImageIO")
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        return None

    def text(key: str) -> str:
        return reader.GetMetaData(key).strip("\0 ") if reader.HasMetaDataKey(key) else ""

    def numbers(key: str) -> tuple[float, ...]:
        try:
            return tuple(float(part) for part in text(key).split("\\")) if text(key) else ()
        except ValueError:
            return ()

    size = reader.GetSize()
    return _Slice(
        path=path,
        series=text("0020|000e"),
        description=text("0008|103e"),
        modality=text("0008|0060"),
        frames=size[2] if len(size) > 2 else 1,
        size=tuple(size),
        spacing=tuple(reader.GetSpacing()),
        position=numbers("0020|0032"),
        orientation=numbers("0020|0037"),
        rescale=numbers("0028|1053") + numbers("0028|1052"),
    )


def _describe(slices: Sequence[_Slice]) -> str:
    first = slices[0]
    name = f"'{first.description}' " if first.description else ""
    return f"{name}{first.modality or 'unknown modality'} with {len(slices)} file{'s' if len(slices) > 1 else ''} from {first.path.name}"


def _sorted_slices(slices: Sequence[_Slice], what: str) -> tuple[list[_Slice], float]:
    """Return the slices from first to last along their normal, and their distance in mm; refuse no volumes."""
    if len(slices) == 1:
        msg = f"{what} is a single DICOM slice ({slices[0].path.name}), expected a volume: pick the folder of a whole series"
        raise InputError(msg)
    if any(one.frames > 1 for one in slices):
        msg = f"{what} has {len(slices)} DICOM files of several frames each, expected one volume: pick a single file"
        raise InputError(msg)
    if any(len(one.position) != 3 or len(one.orientation) != 6 for one in slices):
        bad = next(one for one in slices if len(one.position) != 3 or len(one.orientation) != 6)
        msg = f"{what}: the DICOM slice {bad.path.name} does not tell its position in the patient: pick an axial series"
        raise InputError(msg)
    for name, values in (
        ("sizes", {one.size for one in slices}),
        ("pixel spacings", {one.spacing[:2] for one in slices}),
    ):
        if len(values) > 1:
            listed = ", ".join(size_text(value) for value in sorted(values))
            msg = f"{what}: the DICOM slices have different {name} ({listed}), expected one: remove the odd ones"
            raise InputError(msg)
    orientations = np.array([one.orientation for one in slices])
    turned = np.abs(orientations - orientations[0]).max(axis=1) > 1e-3
    if turned.any():
        count = int(turned.sum())
        msg = f"{what}: {count} of {len(slices)} DICOM slices are not parallel to the first (a localizer?): remove them"
        raise InputError(msg)
    normal = np.cross(orientations[0, :3], orientations[0, 3:])
    places = np.array([one.position for one in slices])
    order = np.argsort(places @ normal, kind="stable")
    spacing = _check_positions(places[order], normal, [slices[n].path.name for n in order], what)
    return [slices[n] for n in order], spacing


def _check_positions(places: np.ndarray, normal: np.ndarray, names: Sequence[str], what: str) -> float:
    """Return the distance of slices at ``places`` ((N, 3), sorted along ``normal``); refuse gaps and tilt."""
    heights = places @ normal
    steps = np.diff(heights)
    usual = float(np.median(steps))
    same = int((steps < 0.01 * max(usual, 1e-3)).sum())
    if same or usual <= 0:
        msg = (
            f"{what}: {same} DICOM slices lie at the place of another ({len(names)} in all), as with several time "
            "points, echoes or directions: keep the slices of one volume"
        )
        raise InputError(msg)
    problems = [*_tilt(places, heights, normal), *_gaps(steps, usual, names)]
    if problems:
        msg = f"{what}: the DICOM series is no regular volume: {'; '.join(problems)}: {_todo(problems)}"
        raise InputError(msg)
    return float((heights[-1] - heights[0]) / len(steps))


def _todo(problems: Iterable[str]) -> str:
    if any("missing" in problem for problem in problems):
        return "export the series again with all slices"
    return (
        "resample it to a regular grid (in Slicer: load it with acquisition geometry regularization, harden the "
        "transform, save as NRRD) and pick that"
    )


def _tilt(places: np.ndarray, heights: np.ndarray, normal: np.ndarray) -> list[str]:
    along = places[-1] - places[0]
    sideways = along - (along @ normal) * normal
    degrees = float(np.degrees(np.arctan2(np.linalg.norm(sideways), heights[-1] - heights[0])))
    if degrees > _TILT_TOLERANCE_DEGREES:
        return [f"its slices are shifted sideways as from a gantry tilt of {degrees:.1f} degrees"]
    line = places[0] + np.outer((heights - heights[0]) / (heights[-1] - heights[0]), along)
    apart = float(np.linalg.norm(places - line, axis=1).max())
    return [f"its slices jump sideways by up to {apart:.2f} mm"] if apart > 0.1 else []


def _gaps(steps: np.ndarray, usual: float, names: Sequence[str]) -> list[str]:
    smallest = float(steps.min())
    odd = np.abs(steps - usual) > max(_SPACING_TOLERANCE * usual, 0.01)
    if not odd.any():
        return []
    unit = float(np.median(steps[steps < 1.05 * smallest]))
    multiples = steps / unit
    whole = np.abs(multiples - np.rint(multiples)) < 0.1
    if whole.all() and np.mean(np.rint(multiples) == 1) >= 0.3:
        count = int((np.rint(multiples) - 1).sum())
        at = int(np.argmax(np.rint(multiples) > 1))
        named = f"{count} slice{'s are' if count > 1 else ' is'} missing"
        return [
            f"{named} (slices are {unit:.3g} to {steps.max():.3g} mm apart, first gap {names[at]} to {names[at + 1]})"
        ]
    return [f"the distance between its slices varies from {smallest:.3g} to {steps.max():.3g} mm"]


def _read(paths: Sequence[Path], what: str, pixel_type: int | None) -> sitk.Image:
    reader = sitk.ImageSeriesReader() if len(paths) > 1 else sitk.ImageFileReader()
    if isinstance(reader, sitk.ImageSeriesReader):
        reader.SetFileNames([str(path) for path in paths])
    else:
        reader.SetFileName(str(paths[0]))
    reader.SetImageIO("GDCMImageIO")
    if pixel_type is not None:
        reader.SetOutputPixelType(pixel_type)
    try:
        return reader.Execute()
    except RuntimeError as error:
        msg = f"{what}: the DICOM files from {paths[0].name} cannot be decoded: export the series without compression"
        raise InputError(msg) from error
