"""Segmentations on disk: ``.seg.nrrd`` as Slicer reads and writes it, and plain label maps.

A ``.seg.nrrd`` is an NRRD label map whose header carries names, colors and meanings of its labels, so
every NRRD reader sees the label map and Slicer sees the segmentation. The field names are those of
Slicer's segmentation storage (vtkMRMLSegmentationStorageNode).
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.outputs import atomic_path
from MedDeepRegSegLib.jobs.progress import NOTE, CancelToken, Progress, no_progress
from MedDeepRegSegLib.segmentation.dicom_segmentation import dicom_segmentation, read_dicom_segmentation
from MedDeepRegSegLib.segmentation.segments import (
    Segment,
    check_segments,
    default_color,
    named_segment,
    with_identifiers,
)
from MedDeepRegSegLib.volumes.dicom_headers import is_dicom
from MedDeepRegSegLib.volumes.geometry import check_label_map
from MedDeepRegSegLib.volumes.reading import check_file

_REPRESENTATION = "Binary labelmap"
_NAMES_SHOWN = 5
_TERMINOLOGY_TAG = "TerminologyEntry"


def write_segmentation(labels: sitk.Image, segments: Sequence[Segment], path: Path) -> None:
    """Write a label map and its segments as ``.seg.nrrd``, whole or not at all.

    Slicer opens the file as a segmentation with names, colors, meanings and the geometry of the image it
    was made on; SimpleITK opens it as a label map.

    Parameters
    ----------
    labels:
        3-D label map of whole numbers.
    segments:
        One for each label in ``labels``. A segment without voxels is kept as an empty one.
    path:
        File to write; its name ends in ``.seg.nrrd``.

    Raises
    ------
    InputError
        If the name has another ending, segments contradict each other, or a label has no segment.
    """
    path = Path(path)
    if not path.name.lower().endswith(".seg.nrrd"):
        msg = f"{path.name} is not the name of a segmentation file, expected one that ends in .seg.nrrd"
        raise InputError(msg)
    check_label_map(labels, "segmentation")
    check_segments(segments)
    for segment in segments:
        if "|" in segment.terminology or "\n" in segment.terminology:
            msg = f"terminology of segment {segment.name!r} holds a bar or a line break, expected a terminology entry"
            raise InputError(msg)
    array = sitk.GetArrayViewFromImage(labels)
    extents = _extents(array)
    without = sorted(set(extents) - {segment.value for segment in segments})
    if without:
        shown = ", ".join(map(str, without[:_NAMES_SHOWN])) + (", ..." if len(without) > _NAMES_SHOWN else "")
        msg = f"label map has values without a segment ({shown}): give a segment for each value"
        raise InputError(msg)
    highest = max([segment.value for segment in segments], default=1)
    image = sitk.GetImageFromArray(array.astype(np.uint8 if highest <= 255 else np.uint16))
    image.CopyInformation(labels)
    for key, value in _header(labels, with_identifiers(segments), extents).items():
        image.SetMetaData(key, value)
    with atomic_path(path) as temporary:
        sitk.WriteImage(image, str(temporary), useCompression=True)


def read_segmentation(
    path: Path,
    *,
    grid: sitk.Image | None = None,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> tuple[sitk.Image, tuple[Segment, ...]]:
    """Read a segmentation: ``.seg.nrrd`` of Slicer or of MedDeep, a DICOM SEG, or any label map that SimpleITK reads.

    Slicer stores segments that may overlap in several layers. Layers that do not overlap are merged into
    one label map; where their label values collide, later segments get new values.

    Parameters
    ----------
    path:
        File to read, or a folder with one DICOM SEG among other files. A label map without names gets names and colors
        by its values. Lengths in another unit than mm are converted.
    grid:
        Image that the segmentation belongs to. A DICOM SEG holds only the slices that have a segment: it comes out on
        the grid of the image where it was drawn on its slices. Other files come out as they are.
    progress, cancel:
        As everywhere. Progress tells only what the user should know about how the file was read.

    Returns
    -------
    labels, segments:
        The label map (uint8 or uint16, without metadata) and its segments in the order of the file. Voxels
        of values that no segment stands for are 0.

    Raises
    ------
    InputError
        If the file is missing, unreadable or truncated, is no label map, is too large for the memory, or its
        segments overlap (they are named).
    MissingPackageError
        If it is a DICOM SEG and pydicom is not installed.
    """
    path = Path(path)
    if path.is_dir() or (path.is_file() and is_dicom(path)):
        found = dicom_segmentation(path)
        if found is not None:
            labels, dicom_segments, notes = read_dicom_segmentation(found, grid=grid, cancel=cancel)
            for note in notes:
                progress(1.0, f"{NOTE}{note}")
            return labels, dicom_segments
    if path.is_dir():
        msg = f"segmentation {path} is a folder, expected a file: pick a .seg.nrrd, a DICOM SEG or a label map"
        raise InputError(msg)
    file = check_file(path, "segmentation", cancel=cancel)
    image = file.read()
    header = {key: image.GetMetaData(key) for key in image.GetMetaDataKeys()}
    described = _described_segments(header, path.name)
    layers = _layers(image, path.name)
    if note := file.note(layers[0]):
        progress(1.0, f"{NOTE}{note}")
    # A file of Slicer with no segment at all holds a 1x1x1 image, which is a label map like any other.
    for layer in layers:
        check_label_map(layer, f"segmentation {path.name}")
        if layer.GetNumberOfPixels() > 1:
            file.check_extent(layer)
    if not described:
        return _plain(layers, path.name)
    return _merged(layers, described, path.name)


def _extents(array: np.ndarray) -> dict[int, tuple[int, ...]]:
    """Return the bounding box (i, i, j, j, k, k; inclusive) of each label in ``array`` (k, j, i)."""
    from scipy import ndimage

    # find_objects wants small whole numbers, and check_label_map bounds their count, not their size.
    values = np.unique(array)
    values = values[values > 0]
    if values.size == 0:
        return {}
    dense = np.searchsorted(values, array).astype(np.int32) + 1
    dense[array == 0] = 0
    return {
        int(value): tuple(bound for part in reversed(box) for bound in (part.start, part.stop - 1))
        for value, box in zip(values, ndimage.find_objects(dense), strict=True)
        if box is not None
    }


def _header(labels: sitk.Image, segments: Sequence[Segment], extents: Mapping[int, tuple[int, ...]]) -> dict[str, str]:
    fields = {
        "Segmentation_MasterRepresentation": _REPRESENTATION,
        "Segmentation_ContainedRepresentationNames": f"{_REPRESENTATION}|",
        "Segmentation_ReferenceImageExtentOffset": "0 0 0",
        "Segmentation_ConversionParameters": (
            f"Reference image geometry|{_geometry_text(labels)}|Image geometry of the volume the segments were made on.&"
        ),
    }
    for number, segment in enumerate(segments):
        extent = extents.get(segment.value, (0, -1, 0, -1, 0, -1))
        tags = f"{_TERMINOLOGY_TAG}:{segment.terminology}|" if segment.terminology else ""
        fields |= {
            f"Segment{number}_ID": segment.identifier,
            f"Segment{number}_Name": segment.name,
            f"Segment{number}_NameAutoGenerated": "0",
            f"Segment{number}_Color": " ".join(f"{part:.6g}" for part in segment.color),
            f"Segment{number}_ColorAutoGenerated": "0",
            f"Segment{number}_LabelValue": str(segment.value),
            f"Segment{number}_Layer": "0",
            f"Segment{number}_Extent": " ".join(map(str, extent)),
            f"Segment{number}_Tags": tags,
        }
    return fields


def _geometry_text(labels: sitk.Image) -> str:
    """Return the grid as Slicer serializes it: index-to-RAS matrix row by row, then the extent."""
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(labels.GetDirection()).reshape(3, 3) * np.array(labels.GetSpacing())
    matrix[:3, 3] = labels.GetOrigin()
    matrix[:2] *= -1  # LPS to RAS
    numbers = [repr(float(number) + 0.0) for number in matrix.ravel()]  # + 0.0 turns -0.0 into 0.0
    numbers += [str(bound) for size in labels.GetSize() for bound in (0, size - 1)]
    return ";".join(numbers) + ";"


def _described_segments(header: Mapping[str, str], file_name: str) -> list[tuple[Segment, int]]:
    """Return the segments of the header, each with its layer."""
    described = []
    number = 0
    while f"Segment{number}_ID" in header:

        def field(key: str, default: str, number: int = number) -> str:
            return header.get(f"Segment{number}_{key}", default)

        identifier = field("ID", "")
        try:
            value = int(field("LabelValue", "1"))
            layer = int(field("Layer", str(number)))  # files of before layers have one for each segment
        except ValueError as error:
            msg = f"segmentation {file_name}: label value or layer of segment {identifier!r} is not a whole number: save it again from Slicer"
            raise InputError(msg) from error
        tags = dict(part.split(":", 1) for part in field("Tags", "").split("|") if ":" in part)
        name = field("Name", "")
        segment = Segment(
            value=value,
            name=name if name.strip() else identifier or f"Segment {value}",
            color=_color(field("Color", field("DefaultColor", "")), number),
            terminology=tags.get(_TERMINOLOGY_TAG, ""),
            identifier=identifier,
        )
        described.append((segment, layer))
        number += 1
    return described


def _color(text: str, number: int) -> tuple[float, float, float]:
    parts = re.findall(r"[-+0-9.eE]+", text)
    try:
        red, green, blue = (min(max(float(part), 0.0), 1.0) for part in parts)
    except ValueError:
        return default_color(number)
    return red, green, blue


def _layers(image: sitk.Image, file_name: str) -> list[sitk.Image]:
    """Return the 3-D label maps that a file holds."""
    components = image.GetNumberOfComponentsPerPixel()
    if image.GetDimension() == 4 and components == 1:
        size = [*image.GetSize()[:3], 0]
        return [sitk.Extract(image, size, [0, 0, 0, frame]) for frame in range(image.GetSize()[3])]
    if image.GetDimension() == 2 and components == 1:
        return [sitk.JoinSeries(image)]
    if image.GetDimension() != 3:
        msg = f"segmentation {file_name} has {image.GetDimension()} dimensions, expected 3: export one label map"
        raise InputError(msg)
    if components == 1:
        return [image]
    return [sitk.VectorIndexSelectionCast(image, index) for index in range(components)]


def _plain(layers: Sequence[sitk.Image], file_name: str) -> tuple[sitk.Image, tuple[Segment, ...]]:
    if len(layers) != 1:
        msg = (
            f"segmentation {file_name} has {len(layers)} components and names no segments, "
            "expected a label map or a .seg.nrrd: export it from Slicer as a labelmap volume"
        )
        raise InputError(msg)
    array = sitk.GetArrayViewFromImage(layers[0])
    values = [int(value) for value in np.unique(array) if value > 0]
    if values and values[-1] > np.iinfo(np.uint16).max:
        msg = f"segmentation {file_name} has the value {values[-1]}, expected at most 65535: renumber its labels"
        raise InputError(msg)
    segments = tuple(named_segment(value, f"Segment {value}") for value in values)
    return _image(array, layers[0]), with_identifiers(segments)


def _merged(
    layers: Sequence[sitk.Image], described: Sequence[tuple[Segment, int]], file_name: str
) -> tuple[sitk.Image, tuple[Segment, ...]]:
    wanted = [segment.value for segment, _ in described]
    taken = set(wanted)
    arrays = [sitk.GetArrayViewFromImage(layer) for layer in layers]
    merged = np.zeros(arrays[0].shape, np.uint16)
    segments: list[Segment] = []
    overlaps: dict[str, None] = {}
    used: set[int] = set()
    for segment, layer in described:
        value = segment.value
        if value in used or not 1 <= value <= np.iinfo(np.uint16).max:
            value = next(number for number in range(1, len(taken) + 2) if number not in taken)
            taken.add(value)
        used.add(value)
        if layer < len(arrays) and segment.value > 0:  # no voxels lie in a layer that the file lacks
            inside = arrays[layer] == segment.value
            for other in np.unique(merged[inside]):
                if other:
                    overlaps[next(known.name for known in segments if known.value == other)] = None
                    overlaps[segment.name] = None
            merged[inside] = value
        segments.append(Segment(value, segment.name, segment.color, segment.terminology, segment.identifier))
    if overlaps:
        names = list(overlaps)
        shown = ", ".join(map(repr, names[:_NAMES_SHOWN])) + (", ..." if len(names) > _NAMES_SHOWN else "")
        msg = (
            f"segmentation {file_name} has overlapping segments ({shown}), expected each voxel in one segment: "
            "remove the overlap (in Slicer: Segment Editor, Logical operators, Subtract) or save them apart"
        )
        raise InputError(msg)
    return _image(merged, layers[0]), with_identifiers(_with_unique_identifiers(segments))


def _with_unique_identifiers(segments: Sequence[Segment]) -> list[Segment]:
    seen: set[str] = set()
    unique = []
    for segment in segments:
        identifier = "" if segment.identifier in seen else segment.identifier
        seen.add(segment.identifier)
        unique.append(Segment(segment.value, segment.name, segment.color, segment.terminology, identifier))
    return unique


def _image(array: np.ndarray, grid: sitk.Image) -> sitk.Image:
    small = np.uint8 if array.max(initial=0) <= 255 else np.uint16
    image = sitk.GetImageFromArray(array.astype(small))
    image.SetSpacing(grid.GetSpacing())
    image.SetOrigin(grid.GetOrigin())
    image.SetDirection(grid.GetDirection())
    return image
