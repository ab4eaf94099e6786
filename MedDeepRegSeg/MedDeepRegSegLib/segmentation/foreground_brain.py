"""The brain with its fluid, inside the skull: in CT by the ring of bone, in MR by a balloon.

A mask for orientation and for restricting other work, not for brain volumetry. The idea for CT is that of Muschelli et
al., Validated automatic brain extraction of head CT images, NeuroImage 2015.
"""

import numpy as np
from scipy import ndimage

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.progress import CancelToken
from MedDeepRegSegLib.segmentation.brain_surface import brain_by_balloon
from MedDeepRegSegLib.segmentation.foreground_grid import WorkGrid
from MedDeepRegSegLib.segmentation.morphology import (
    Mask,
    Spacing,
    closed,
    components,
    connected_to,
    depth_in,
    dilate,
    filled,
    filled_in_slices,
)

_BONE_HU = 250.0
_SMALLEST_BRAIN_ML = 50.0


def ct_brain(grid: WorkGrid, head: Mask) -> Mask:
    """Return the brain in a head CT on the native grid; all of the tissue where there is no skull.

    Parameters
    ----------
    grid:
        The CT, Hounsfield units.
    head:
        The head on the grid's ``values``.
    """
    if (head & (grid.values > _BONE_HU)).sum() < 0.01 * head.sum():
        return grid.to_native(head)
    brain = ct_brain_on_grid(grid, head)
    return _checked(grid, np.zeros_like(head) if brain is None else brain)


def ct_brain_on_grid(grid: WorkGrid, head: Mask) -> Mask | None:
    """Return the brain inside bone on the grid's ``values``; None where less than 50 ml are found."""
    values, spacing = grid.values, grid.spacing
    bone = head & (values > _BONE_HU)
    # Slices with a closed ring of bone: the neck has none, apart from the spinal canal.
    ring = closed(bone, spacing, 6.0)
    inside = filled_in_slices(ring) & ~bone
    soft = inside & head & (values > -15) & (values < 100) & ~dilate(bone, spacing, 1.0)
    brain = _central_part(soft, spacing, head)
    brain = closed(dilate(brain, spacing, 2.5) & inside & (values > -30) & (values < 120), spacing, 5.0)
    # Filled before bone is taken out: enhanced vessels in the brain are as dense as bone, and are no skull.
    brain = filled(brain & head)
    brain &= ~bone | (depth_in(brain, spacing) > 4.0)
    return brain if brain.sum() * np.prod(spacing) >= _SMALLEST_BRAIN_ML * 1000 else None


def mr_brain(grid: WorkGrid, head: Mask, *, cancel: CancelToken | None = None) -> Mask:
    """Return the brain in a head MR on the native grid, by a balloon (:mod:`.brain_surface`).

    Parameters
    ----------
    grid:
        The image; intensities of any scale.
    head:
        The head on the grid's ``values``.
    """
    return _checked(grid, brain_by_balloon(grid.values, head, grid.spacing, cancel=cancel))


def _central_part(tissue: Mask, spacing: Spacing, head: Mask) -> Mask:
    """Return the part of ``tissue`` that hangs together with its thickest, most central piece."""
    depth = depth_in(tissue, spacing)
    in_head = depth_in(head, spacing)
    for radius in (3.0, 4.5, 6.0, 8.0):
        labels, sizes = components(depth > radius)
        if sizes.size < 2:
            break
        # The scalp and neck hang on where the erosion was too weak: then much of the part is near the skin.
        weights = ndimage.sum(in_head, labels, np.arange(1, sizes.size))
        part = labels == int(np.argmax(weights)) + 1
        near_skin = float(np.mean(in_head[part] < 8.0))
        if near_skin < 0.1 or radius == 8.0:
            return connected_to(tissue & dilate(part, spacing, radius + 0.5 * max(spacing)), part)
    return tissue


def _checked(grid: WorkGrid, brain: Mask) -> Mask:
    if brain.sum() * np.prod(grid.spacing) < _SMALLEST_BRAIN_ML * 1000:
        msg = "no brain was found in the field of view, expected a head CT or MR: pick the head volume or another structure"
        raise InputError(msg)
    return grid.to_native(brain)
