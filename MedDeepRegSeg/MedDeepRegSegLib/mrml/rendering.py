"""Offscreen pictures of a scene by Slicer's own rendering: slice views, 3D views, and sheets of them.

Pictures are (H, W, 3) uint8 arrays, row 0 on top. They work with the ``slicer-core`` package alone and inside the
application; the scene, its nodes and the views on the screen are left as they were, because each picture is taken in a
private scene (:mod:`MedDeepRegSegLib.mrml.rendering_stage`). On a machine without OpenGL
:func:`rendering_available` says so, and :mod:`MedDeepRegSegLib.segmentation.overlay` has pictures without it.
"""

from collections.abc import Sequence

import numpy as np

from MedDeepRegSegLib.mrml.rendering_probe import rendering_available, require_rendering
from MedDeepRegSegLib.mrml.rendering_slices import ORIENTATIONS, render_slice
from MedDeepRegSegLib.mrml.rendering_three_d import render_three_d
from MedDeepRegSegLib.segmentation.overlay_montage import montage

__all__ = [
    "montage",
    "render_orthogonal",
    "render_slice",
    "render_three_d",
    "rendering_available",
    "require_rendering",
]


def render_orthogonal(
    background=None,
    *,
    position: Sequence[float] | None = None,
    segmentations=None,
    three_d: bool = True,
    size: int = 400,
    title: str = "",
    captions: Sequence[str] = tuple(ORIENTATIONS),
    **options,
) -> np.ndarray:
    """Draw axial, coronal and sagittal slices through one point on one sheet, and a 3D view of the segments.

    Parameters
    ----------
    background, position, segmentations:
        As in :func:`render_slice`.
    three_d:
        Add a 3D view, if there are segmentations.
    size:
        Pixels along the longer side of each picture.
    title:
        Line above the sheet.
    captions:
        Captions of the three slices.
    **options:
        Other parameters of :func:`render_slice`.

    Returns
    -------
    numpy.ndarray
        (H, W, 3) uint8.
    """
    pictures = [
        render_slice(
            background,
            orientation=orientation,
            position=position,
            segmentations=segmentations,
            size=size,
            caption=caption,
            **options,
        )
        for orientation, caption in zip(ORIENTATIONS, captions, strict=True)
    ]
    if three_d and segmentations:
        shared = {key: options[key] for key in ("segment_ids", "models", "markups") if key in options}
        pictures.append(render_three_d(segmentations, size=size, caption="3D", background=(0, 0, 0), **shared))
    return montage(pictures, columns=2, title=title, background=(0.0, 0.0, 0.0))
