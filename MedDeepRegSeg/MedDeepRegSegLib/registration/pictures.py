"""Pictures by which a person judges a registration: a checkerboard, edges of one image over the other, and the curve."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from MedDeepRegSegLib.jobs.outputs import atomic_path
from MedDeepRegSegLib.registration.quality import StageCurve
from MedDeepRegSegLib.segmentation.overlay import checkerboard_picture, edge_overlay_picture, montage, write_png
from MedDeepRegSegLib.segmentation.overlay_plane import Axis
from MedDeepRegSegLib.volumes.geometry import volume_center

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PLANES: tuple[Axis, ...] = ("axial", "coronal", "sagittal")
_SIZE = 420  # pixels along the longer side of a plane
_SHEET = (0.0, 0.0, 0.0)
_COLORS = {"similarity": "#0072B2", "cost": "#D55E00"}
_INK, _GRID = "#333333", "#e4e4e4"


def write_checkerboard(
    fixed: sitk.Image, registered: sitk.Image, path: Path, *, mask: sitk.Image | None = None
) -> None:
    """Write the three planes through the middle of the body as a checkerboard of both images, PNG.

    Parameters
    ----------
    fixed, registered : SimpleITK.Image
        On one grid.
    path : Path
        ``.png``.
    mask : SimpleITK.Image, optional
        The body: the planes go through its center; through the center of the image without.
    """
    at = _middle(fixed, mask)
    pictures = [
        checkerboard_picture(fixed, registered, plane, position=at, size=_SIZE, scale_bar=plane == "axial")
        for plane in _PLANES
    ]
    write_png(_sheet(pictures, "Fixed and registered image in alternating squares"), path)


def write_edges(fixed: sitk.Image, registered: sitk.Image, path: Path, *, mask: sitk.Image | None = None) -> None:
    """Write the three planes with the edges of the registered image drawn over the fixed image; see above."""
    at = _middle(fixed, mask)
    pictures = [
        edge_overlay_picture(registered, fixed, plane, position=at, size=_SIZE, scale_bar=plane == "axial")
        for plane in _PLANES
    ]
    write_png(_sheet(pictures, "Edges of the registered image over the fixed image"), path)


def write_curve(curves: Sequence[StageCurve], path: Path) -> bool:
    """Write the value of each stage after each iteration, PNG.

    Returns
    -------
    bool
        Whether there is a picture: not without matplotlib, nor where no stage went through iterations.
    """
    shown = [curve for curve in curves if len(curve.values) > 1]
    if not shown:
        return False
    try:
        from matplotlib.figure import Figure  # without pyplot: nothing global, no window
    except ImportError:
        logging.getLogger(__name__).info("no curve is drawn, because matplotlib is not installed")
        return False
    figure = Figure(figsize=(max(4.2, 2.9 * len(shown)), 3.6), layout="constrained", facecolor="white")
    panels = figure.subplots(1, len(shown), squeeze=False)[0]
    for panel, curve in zip(panels, shown, strict=True):
        _draw(panel, curve)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=120)
    return True


def _draw(panel: "Axes", curve: StageCurve) -> None:
    """Draw one stage; each has an axis of its own, because the values of stages do not compare."""
    from matplotlib.ticker import MaxNLocator

    better = "more is better" if curve.measure == "similarity" else "less is better"
    panel.plot(range(len(curve.values)), curve.values, color=_COLORS.get(curve.measure, _INK), lw=1.8)
    name = curve.name[:1].upper() + curve.name[1:]
    panel.set_title(name.replace(", ", "\n"), loc="left", fontsize=9, color=_INK, fontweight="bold")
    panel.set_xlabel("iteration", color=_INK, fontsize=8)
    panel.set_ylabel(f"{curve.measure} ({better})", color=_INK, fontsize=8)
    panel.grid(axis="y", color=_GRID, lw=0.8)
    panel.set_axisbelow(True)
    panel.spines[["top", "right", "left"]].set_visible(False)
    panel.spines["bottom"].set_color("#999999")
    panel.tick_params(colors=_INK, length=0, labelsize=8)
    panel.ticklabel_format(axis="y", useOffset=False)
    panel.yaxis.set_major_locator(MaxNLocator(nbins=6))
    panel.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))


def _middle(image: sitk.Image, mask: sitk.Image | None) -> tuple[float, float, float]:
    """Return the center of the body, LPS mm, or of the image."""
    center = volume_center(image)
    if mask is not None:
        index = np.argwhere(sitk.GetArrayViewFromImage(mask))
        if len(index):
            center = np.array(image.TransformContinuousIndexToPhysicalPoint(index.mean(axis=0)[::-1].tolist()))
    return float(center[0]), float(center[1]), float(center[2])


def _sheet(pictures: Sequence[np.ndarray], title: str) -> np.ndarray:
    captions = [plane.capitalize() for plane in _PLANES]
    return montage(pictures, columns=3, captions=captions, title=title, background=_SHEET)
