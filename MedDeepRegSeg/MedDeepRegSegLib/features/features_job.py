"""The job "features": an image in, a folder with dense features, colors, a picture and a table of segments out."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.features.coloring import colored_features, feature_picture
from MedDeepRegSegLib.features.encode import EncodedVolume, encode
from MedDeepRegSegLib.features.pooling import PooledFeatures, Row, feature_rows, pool_segments
from MedDeepRegSegLib.jobs.outputs import atomic_folder
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress, part_of
from MedDeepRegSegLib.segmentation.overlay import write_png
from MedDeepRegSegLib.segmentation.segmentation_file import read_segmentation
from MedDeepRegSegLib.segmentation.segments import Segment
from MedDeepRegSegLib.volumes.geometry import check_same_geometry
from MedDeepRegSegLib.volumes.reading import read_volume, write_image

COLORED, PICTURE, LOCAL, CONTEXT, TABLE = "colored.nrrd", "features.png", "local.nrrd", "context.nrrd", "features.csv"


@dataclass(frozen=True)
class Request:
    """What to compute features of."""

    image: Path
    """Image file, or folder of one DICOM series."""
    out: Path
    """Folder for the results."""
    segmentation: Path | None = None
    """Segments to compute features of, on the grid of the image: ``.seg.nrrd`` or a label map."""
    overlapping: tuple[Path, ...] = ()
    """Further files with segments that overlap those of ``segmentation``; their rows follow."""
    spacing_mm: float | None = None
    """Working voxel size, mm; what suits the field of view if None."""
    model: Path | None = None
    """Folder of an encoder; the one that ships if None."""
    device: str = "auto"
    """``auto``, ``cpu`` or ``cuda``."""
    backend: str = "auto"
    """``auto``, ``torch``, ``torch-bf16`` or ``openvino``."""
    seed: int = 0
    """Nothing here is random: the same for every seed."""
    save_dense: bool = True
    """Whether to write the dense features, too."""
    color: bool = True
    """Whether to make the colored volume and the picture."""
    cache: bool = True
    """Whether to use and fill the user's cache of features."""


@dataclass(frozen=True)
class Result:
    """What was computed."""

    folder: Path
    """Where the files are."""
    colored: Path | None
    """``colored.nrrd``: red, green and blue, uint8, on the grid of the image."""
    picture: Path | None
    """``features.png``: slices of the image beside their colored features."""
    local: Path | None
    """``local.nrrd``: local features, 16 components, float32, at twice the working voxel size."""
    context: Path | None
    """``context.nrrd``: context features, 32 components, float32, at eight times the working voxel size."""
    table: Path | None
    """``features.csv``: one row for each segment."""
    rows: tuple[dict[str, str | int | float | None], ...]
    """The same rows, head to value."""
    spacing_mm: float
    """Working voxel size that was used."""
    model: str
    """Name and version of the encoder."""
    backend: str
    """What computed the features."""
    seconds: float
    """Duration of the encoding."""
    notes: tuple[str, ...] = ()
    """What a reader should know."""


def run(request: Request, *, progress: Progress = no_progress, cancel: CancelToken | None = None) -> Result:
    """Compute the features and write them; nothing is written unless everything is complete.

    Raises
    ------
    InputError
        If a file or option cannot be used, a segmentation lies on another grid, or all its segments are empty.
    MissingPackageError
        If PyTorch, or a backend that is asked for, is not installed.
    Canceled
        If ``cancel`` was set. Nothing was written then.
    """
    cancel = CancelToken() if cancel is None else cancel
    if request.overlapping and request.segmentation is None:
        msg = "overlapping segments are given without a segmentation, expected one: give the first file as segmentation"
        raise InputError(msg)
    if request.out.exists() and not request.out.is_dir():
        msg = f"{request.out} is a file, expected a folder to write to: choose another name or remove the file"
        raise InputError(msg)
    progress(0.0, "Reading")
    image = read_volume(request.image, progress=part_of(progress, 0.0, 0.05), cancel=cancel)
    layers = _layers(request, image, part_of(progress, 0.05, 0.1), cancel)
    encoded = _encoded(request, image, part_of(progress, 0.1, 0.65), cancel)
    rows = _rows(encoded, layers, part_of(progress, 0.65, 0.7), cancel)
    drawn = _drawn(image, encoded, layers, part_of(progress, 0.7, 0.85), cancel) if request.color else None
    progress(0.87, "Writing")
    out = request.out
    with atomic_folder(out) as folder:
        if drawn is not None:
            write_image(drawn[0], folder / COLORED)
            write_png(drawn[1], folder / PICTURE)
            cancel.raise_if_canceled()
        if request.save_dense:
            _write_dense(encoded.local, encoded.local_grid, folder / LOCAL)
            progress(0.95, "Writing")
            cancel.raise_if_canceled()
            _write_dense(encoded.context, encoded.context_grid, folder / CONTEXT)
        if rows:
            with (folder / TABLE).open("w", newline="", encoding="utf-8") as table:
                writer = csv.DictWriter(table, list(rows[0]), lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)
        cancel.raise_if_canceled()
    # What an earlier run left here and this one did not write may belong to another image.
    written = {COLORED: request.color, PICTURE: request.color, TABLE: bool(rows)}
    written |= {LOCAL: request.save_dense, CONTEXT: request.save_dense}
    for name in (name for name, now in written.items() if not now):
        (out / name).unlink(missing_ok=True)
    progress(1.0, "Written")
    return Result(
        folder=out,
        colored=out / COLORED if request.color else None,
        picture=out / PICTURE if request.color else None,
        local=out / LOCAL if request.save_dense else None,
        context=out / CONTEXT if request.save_dense else None,
        table=out / TABLE if rows else None,
        rows=tuple(rows),
        spacing_mm=encoded.spacing_mm,
        model=encoded.model,
        backend=encoded.backend,
        seconds=round(encoded.seconds, 3),
        notes=encoded.notes,
    )


Layer = tuple[sitk.Image, tuple[Segment, ...]]


def _layers(request: Request, image: sitk.Image, progress: Progress, cancel: CancelToken) -> list[Layer]:
    """Read the segmentations, refusing what lies on another grid before anything is computed."""
    if request.segmentation is None:
        return []
    layers = []
    for file in (request.segmentation, *request.overlapping):
        labels, segments = read_segmentation(file, grid=image, progress=progress, cancel=cancel)
        if not segments:
            msg = f"segmentation {file.name} has no segments, expected at least one: grow or draw one first"
            raise InputError(msg)
        check_same_geometry(image, labels, "image", f"segmentation {file.name}")
        layers.append((labels, segments))
    if not any(sitk.GetArrayViewFromImage(labels).any() for labels, _ in layers):
        msg = f"segmentation {request.segmentation.name} has only empty segments, expected voxels in one: draw or grow one"
        raise InputError(msg)
    return layers


def _encoded(request: Request, image: sitk.Image, progress: Progress, cancel: CancelToken) -> EncodedVolume:
    from MedDeepRegSegLib.models.networks import load_encoder

    encoder = load_encoder(request.model, request.device)
    return encode(
        image,
        spacing_mm=request.spacing_mm,
        encoder=encoder,
        backend=request.backend,
        cache=request.cache,
        progress=progress,
        cancel=cancel,
    )


def _rows(encoded: EncodedVolume, layers: Sequence[Layer], progress: Progress, cancel: CancelToken) -> list[Row]:
    results: list[PooledFeatures | None] = []
    segments: list[Segment] = []
    for number, (labels, own) in enumerate(layers):
        share = part_of(progress, number / len(layers), (number + 1) / len(layers))
        results += pool_segments(encoded, labels, own, allow_empty=True, progress=share, cancel=cancel)
        segments += own
    # Features of other voxel sizes or networks do not compare: a table that is put together later must tell.
    origin: Row = {"Working voxel size (mm)": encoded.spacing_mm, "Encoder": encoded.model}
    return [{**row, **origin} for row in feature_rows(results, segments)] if segments else []


def _drawn(
    image: sitk.Image, encoded: EncodedVolume, layers: Sequence[Layer], progress: Progress, cancel: CancelToken
) -> tuple[sitk.Image, np.ndarray]:
    """Return the colored volume and the picture, with the outlines of the first layer of segments."""
    colored = colored_features(image, encoded, progress=progress, cancel=cancel)
    labels, segments = layers[0] if layers else (None, None)
    if labels is not None and not sitk.GetArrayViewFromImage(labels).any():
        labels, segments = None, None
    title = f"{encoded.model}, {encoded.spacing_mm:g} mm"
    picture = feature_picture(image, colored, labels=labels, segments=segments, title=title)
    cancel.raise_if_canceled()
    return colored, picture


def _write_dense(features: np.ndarray, grid: sitk.Image, path: Path) -> None:
    """Write features as a vector image. Not compressed: they hardly shrink, and it would take longer than computing them."""
    vectors = sitk.GetImageFromArray(features.astype(np.float32, copy=False), isVector=True)
    vectors.CopyInformation(grid)
    sitk.WriteImage(vectors, str(path))
