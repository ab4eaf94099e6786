"""The skull in CT: the bone around the brain, with face and jaw where they are in view.

In MR bone is as dark as air, so that nothing tells it from the sinuses: there the skull is refused, not guessed.
"""

import numpy as np

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.segmentation.foreground_brain import ct_brain_on_grid
from MedDeepRegSegLib.segmentation.foreground_grid import WorkGrid
from MedDeepRegSegLib.segmentation.morphology import Mask, components, dilate, erode, opened

_BONE_HU = 250.0
_METAL_HU = 3000.0  # fillings and clips; the densest bone is about 2000 HU
_NEAR_BRAIN_MM = 15.0
_INNER_MM = 4.0  # what is dense this deep in the brain is calcified or holds contrast agent
_SMALLEST_SKULL_ML = 20.0


def ct_skull(grid: WorkGrid, head: Mask) -> Mask:
    """Return the bone of the head on the native grid; bone of the upper neck that is in view hangs on to it.

    Parameters
    ----------
    grid:
        The CT, Hounsfield units.
    head:
        The head on the grid's ``values``.

    Raises
    ------
    InputError
        If the field of view shows no brain inside bone.
    """
    values, spacing = grid.values, grid.spacing
    bone = head & (values > _BONE_HU) & (values < _METAL_HU)
    enough = bone.sum() * np.prod(spacing) > _SMALLEST_SKULL_ML * 1000
    brain = ct_brain_on_grid(grid, head) if enough else None
    if brain is None or _is_chest(grid, head):
        msg = "no skull was found in the field of view, expected a head CT in HU: pick the head CT or another structure"
        raise InputError(msg)
    inner = erode(brain, spacing, _INNER_MM)
    labels, _ = components(bone & ~inner)
    around = np.unique(labels[dilate(brain, spacing, _NEAR_BRAIN_MM)])
    skull = np.isin(labels, around[around > 0])
    jaw_and_face, sizes = components(bone & ~inner & ~skull)
    large = np.flatnonzero(sizes * np.prod(spacing) > 1000)
    skull |= np.isin(jaw_and_face, large)
    native = grid.native_values()
    dense = (native > _BONE_HU) & (native < _METAL_HU)
    return grid.refined(skull, dense) & ~grid.to_native(inner) & dense if grid.averaged else skull


def _is_chest(grid: WorkGrid, head: Mask) -> bool:
    """Return whether the body holds as much air as a chest or belly: no head has a liter in sinuses and pharynx."""
    air = opened(head & (grid.values < -400), grid.spacing, 4.0)
    return bool(air.sum() * np.prod(grid.spacing) > 5e5)
