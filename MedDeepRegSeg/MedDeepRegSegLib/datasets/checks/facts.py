"""What the checks know of a case, from reading it once."""

import hashlib
from dataclasses import dataclass, field

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.datasets.dataset import Case, Dataset
from MedDeepRegSegLib.datasets.fingerprint import CaseFingerprint, describe_case, foreground
from MedDeepRegSegLib.datasets.hashes import content_sha256
from MedDeepRegSegLib.datasets.loading import LoadedCase, labels_on, load_images, map_values
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import NOTE, CancelToken, Progress, no_progress
from MedDeepRegSegLib.segmentation.segmentation_file import read_segmentation
from MedDeepRegSegLib.volumes.geometry import fields_of_view_overlap, same_geometry, volume_corners, world_to_index

_SMALL = 24  # voxels along each edge of the view that cases are compared by


@dataclass(frozen=True, eq=False)
class CaseFacts:
    """A case that was read, or why it could not be.

    Attributes
    ----------
    case : Case
    unreadable : str
        Why an image or the labels cannot be read; empty where all were.
    described : CaseFingerprint, optional
    samples : tuple of numpy.ndarray
        Of :func:`~MedDeepRegSegLib.datasets.fingerprint.describe_case`.
    content, voxels : str
        SHA-256 of the first image as a file, and of its voxels alone, whatever the format.
    values : tuple of int
        Values of the labels as in the file, but 0.
    dropped : tuple of (int, int)
        Values of the file that belong to no class though others are mapped, and their numbers of voxels.
    unknown : tuple of int
        Values that are neither class nor ignored.
    grid : {"", "same", "cropped", "misplaced", "other"}
        Whether the labels lie on the grid of the first image, on a part of it, have as many voxels but lie elsewhere, or lie
        on another grid; empty without labels.
    overlap : float
        Share of the smaller field of view of image and labels that both see.
    centers : dict of int to float
        Left-right place of each class: distance of its center from that of the foreground toward the patient's left, as
        a share of the foreground's width.
    small : numpy.ndarray, optional
        The foreground as 24 voxels along left, back and top, (z, y, x), zero mean.
    notes : tuple of str
        What reading told.
    """

    case: Case
    unreadable: str = ""
    described: CaseFingerprint | None = None
    samples: tuple[np.ndarray, ...] = ()
    content: str = ""
    voxels: str = ""
    values: tuple[int, ...] = ()
    dropped: tuple[tuple[int, int], ...] = ()
    unknown: tuple[int, ...] = ()
    grid: str = ""
    overlap: float = 1.0
    centers: dict[int, float] = field(default_factory=dict)
    small: np.ndarray | None = None
    notes: tuple[str, ...] = ()

    @property
    def present(self) -> frozenset[int]:
        """Values of the classes that have voxels."""
        if self.described is None:
            return frozenset()
        return frozenset(amount.value for amount in self.described.classes if amount.voxels)


def gather(
    case: Case, dataset: Dataset, *, progress: Progress = no_progress, cancel: CancelToken | None = None
) -> CaseFacts:
    """Read a case and return what the checks need. A case that cannot be read raises nothing."""
    notes: list[str] = []

    def listen(fraction: float, message: str) -> None:
        if message.startswith(NOTE):
            notes.append(message.removeprefix(NOTE))
        else:
            progress(fraction, message)

    try:
        images = load_images(case, progress=listen, cancel=cancel)
        stored = None if case.labels is None else read_segmentation(case.labels, progress=listen, cancel=cancel)[0]
        content = content_sha256(case.images[0], cancel=cancel)
    except (InputError, OSError, RuntimeError) as error:
        return CaseFacts(case, unreadable=str(error))
    facts = _labels_facts(case, dataset, images[0], stored)
    labels = None
    if stored is not None and not facts["unknown"]:
        labels = labels_on(map_values(stored, case, dataset), images[0])
    described, samples = describe_case(case, dataset, LoadedCase(images, labels))
    first = images[0]
    voxels = hashlib.sha256(np.ascontiguousarray(sitk.GetArrayViewFromImage(first), np.float32).tobytes()).hexdigest()
    centers, small = _places(first, labels)
    return CaseFacts(
        case,
        described=described,
        samples=samples,
        content=content,
        voxels=voxels,
        centers=centers,
        small=small,
        notes=tuple(notes),
        **facts,
    )


def _labels_facts(case: Case, dataset: Dataset, image: sitk.Image, stored: sitk.Image | None) -> dict:
    if stored is None:
        return {"values": (), "dropped": (), "unknown": (), "grid": "", "overlap": 1.0}
    values, counts = np.unique(sitk.GetArrayViewFromImage(stored), return_counts=True)
    amounts = {int(value): int(count) for value, count in zip(values, counts, strict=True) if value}
    known = {segment.value for segment in dataset.classes} | {dataset.ignored_value}
    mapped = {own for own, _ in case.values}
    return {
        "values": tuple(amounts),
        "dropped": tuple((own, n) for own, n in amounts.items() if case.values and own not in mapped),
        "unknown": () if case.values else tuple(own for own in amounts if own not in known),
        "grid": _grid_of(stored, image),
        "overlap": fields_of_view_overlap(image, stored),
    }


def _grid_of(labels: sitk.Image, image: sitk.Image) -> str:
    if same_geometry(labels, image):
        return "same"
    if labels.GetSize() == image.GetSize():
        distance = np.linalg.norm(volume_corners(labels) - volume_corners(image), axis=1).max()
        return "misplaced" if distance > min(image.GetSpacing()) else "other"
    alike = np.allclose(labels.GetSpacing(), image.GetSpacing(), rtol=1e-3)
    alike = alike and np.allclose(labels.GetDirection(), image.GetDirection(), atol=1e-3)
    corners = world_to_index(image, volume_corners(labels)) + 0.5
    whole = np.abs(corners - np.rint(corners)).max() < 0.05
    inside = (corners > -0.1).all() and (corners < np.array(image.GetSize()) + 0.1).all()
    return "cropped" if alike and whole and inside else "other"


def _places(image: sitk.Image, labels: sitk.Image | None) -> tuple[dict[int, float], np.ndarray | None]:
    """Return the left-right place of each class, and the small view of the foreground."""
    oriented = sitk.DICOMOrient(image, "LPS")
    array = sitk.GetArrayFromImage(oriented).astype(np.float32)
    inside = foreground(array)
    if not inside.any():
        return {}, None
    edges = []
    for axis in range(3):
        share = np.cumsum(inside.sum(axis=tuple(other for other in range(3) if other != axis)))
        first, last = np.searchsorted(share, [0.01 * share[-1], 0.99 * share[-1]])
        edges.append((int(first), int(last) + 1))
    small = _small(array, edges)
    if labels is None:
        return {}, small
    drawn = sitk.GetArrayFromImage(sitk.DICOMOrient(labels, "LPS"))
    columns = inside.sum(axis=(0, 1))
    middle = float((columns * np.arange(columns.size)).sum() / columns.sum())
    width = max(edges[2][1] - edges[2][0], 1)
    centers = {}
    for value in np.unique(drawn):
        if value:
            along = (drawn == value).sum(axis=(0, 1))
            centers[int(value)] = float((along * np.arange(along.size)).sum() / along.sum() - middle) / width
    return centers, small


def _small(array: np.ndarray, edges: list[tuple[int, int]]) -> np.ndarray:
    from scipy.ndimage import gaussian_filter, map_coordinates

    box = array[tuple(slice(first, last) for first, last in edges)]
    box = gaussian_filter(box, [length / _SMALL / 2 for length in box.shape])
    axes = [(np.arange(_SMALL) + 0.5) / _SMALL * length - 0.5 for length in box.shape]
    small = map_coordinates(box, np.meshgrid(*axes, indexing="ij"), order=1, mode="nearest")
    return small - small.mean()
