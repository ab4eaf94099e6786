"""Masks of what matters in an image: body, head, skull, lungs, thoracic cavity, brain."""

from typing import Literal, get_args

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken, Progress, no_progress
from MedDeepRegSegLib.segmentation import foreground_body, foreground_brain, foreground_chest, foreground_skull
from MedDeepRegSegLib.segmentation.foreground_grid import WorkGrid, work_grid
from MedDeepRegSegLib.segmentation.segments import Segment, named_segment
from MedDeepRegSegLib.volumes.geometry import check_volume
from MedDeepRegSegLib.volumes.modality import Modality, guess_modality

Structure = Literal["body", "head", "skull", "lungs", "thorax", "brain"]
STRUCTURES: tuple[str, ...] = get_args(Structure)
_CT_ONLY = {"lungs": "a chest CT", "thorax": "a chest CT", "skull": "a head CT"}


def foreground_segments(what: str) -> tuple[Segment, ...]:
    """Return the segments of the labels that :func:`foreground_mask` gives for ``what``."""
    _check_structure(what)
    names = ("right lung", "left lung") if what == "lungs" else (what,)
    return tuple(named_segment(value, name.capitalize()) for value, name in enumerate(names, start=1))


def foreground_mask(
    image: sitk.Image,
    what: str = "body",
    *,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> sitk.Image:
    """Return a mask of a structure.

    Parameters
    ----------
    image:
        3-D CT in Hounsfield units or MR of any contrast. Brain-extracted images are fine for ``"body"``,
        ``"head"`` and ``"brain"``, which all give the extracted tissue then.
    what:
        ``"body"`` or ``"head"``: all of the patient, without table and head rest, with inner air.
        ``"lungs"`` (CT): 1 right, 2 left. ``"thorax"`` (CT): lungs and what lies between them.
        ``"brain"``: inside of the skull. ``"skull"`` (CT): bone of the head.

    Returns
    -------
    SimpleITK.Image
        uint8 on the grid of ``image``; 0 outside.

    Raises
    ------
    InputError
        If the image is unusable, ``what`` unknown, or the structure cannot be found in this image.
    """
    _check_structure(what)
    check_volume(image, minimum_size=3)
    cancel = CancelToken() if cancel is None else cancel
    cancel.raise_if_canceled()
    modality = guess_modality(image)
    if what in _CT_ONLY and modality is not Modality.CT:
        shown = {Modality.MR: "an MR"}.get(modality, "no CT in Hounsfield units")
        msg = (
            f"{what} cannot be found in this image, which looks like {shown}; expected {_CT_ONLY[what]} in HU: pick one"
        )
        raise InputError(msg)
    progress(0.0, f"Finding the {what}")
    grid = work_grid(image)
    cancel.raise_if_canceled()
    envelope = _envelope(grid, modality, head=what in ("head", "skull", "brain"))
    progress(0.5, f"Finding the {what}")
    cancel.raise_if_canceled()
    native: np.ndarray = envelope
    if what in ("lungs", "thorax"):
        body = _on_work_grid(grid, envelope)
        _check_air(grid, body)
        native = foreground_chest.ct_lungs(grid, body)
        progress(0.8, f"Finding the {what}")
        cancel.raise_if_canceled()
        if what == "thorax":
            native = foreground_chest.ct_thorax(grid, body, native)
    elif what == "skull":
        native = foreground_skull.ct_skull(grid, _on_work_grid(grid, envelope))
    elif what == "brain":
        native = _brain(grid, modality, envelope, cancel)
    cancel.raise_if_canceled()
    mask = grid.mask_image(native)
    progress(1.0, f"Found the {what}")
    return mask


def _check_structure(what: str) -> None:
    if what not in STRUCTURES:
        msg = f"foreground structure is {what!r}, expected one of {', '.join(STRUCTURES)}"
        raise InputError(msg)


def _envelope(grid: WorkGrid, modality: Modality, *, head: bool) -> np.ndarray:
    """Return the body or head on the native grid."""
    if modality is Modality.CT:
        return foreground_body.ct_body(grid)
    background, share = _border_value(grid)
    # An extracted CT, or an MR normalized to zero mean: the background is one value within the range of tissue.
    if modality is Modality.UNKNOWN and share > 0.5:
        return foreground_body.extracted_tissue(grid, background)
    return foreground_body.mr_body(grid, head=head)


def _brain(grid: WorkGrid, modality: Modality, head: np.ndarray, cancel: CancelToken) -> np.ndarray:
    """Return the brain on the native grid: all of the tissue where the brain was extracted before."""
    if _is_extracted(grid):
        return head
    on_grid = _on_work_grid(grid, head)
    if modality is Modality.CT:
        return foreground_brain.ct_brain(grid, on_grid)
    return foreground_brain.mr_brain(grid, on_grid, cancel=cancel)


def _border_value(grid: WorkGrid) -> tuple[float, float]:
    """Return the most frequent value on the sides of the field of view, and its share of the voxels there."""
    values = grid.values
    sides = np.concatenate([values[:, [0, -1]].ravel(), values[:, :, [0, -1]].ravel()])
    found, counts = np.unique(sides, return_counts=True)
    return float(found[counts.argmax()]), float(counts.max() / sides.size)


def _is_extracted(grid: WorkGrid) -> bool:
    """Return whether the image is an extracted brain: no tissue but one value near the border and no skull."""
    background, share = _border_value(grid)
    if share < 0.9:
        return False
    values = grid.values
    tissue = np.abs(values - background) > 0.01 * float(np.ptp(values))
    return guess_modality(grid.original) is Modality.UNKNOWN and float(tissue.mean()) < 0.5


def _on_work_grid(grid: WorkGrid, native: np.ndarray) -> np.ndarray:
    if not grid.averaged:
        return native
    image = sitk.GetImageFromArray(native.astype(np.uint8))
    image.CopyInformation(grid.oriented)
    coarse = sitk.Resample(image, grid.coarse, sitk.Transform(), sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8)
    return sitk.GetArrayFromImage(coarse) > 0


def _check_air(grid: WorkGrid, body: np.ndarray) -> None:
    if not (body & (grid.values < -400)).any():
        msg = "the field of view holds no air inside the body, so no lung; expected a chest CT in HU: pick one"
        raise InputError(msg)
