"""Pictures of slice views, drawn by Slicer's own slice logic and displayable managers.

What is seen is what a slice view of the application shows: volumes with their display settings, the segmentation's
outlines and fill, cuts through models, markups. Letters, scale bar and caption are those of the
pictures without VTK (:mod:`MedDeepRegSegLib.segmentation.overlay`), so that a report looks of one piece.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import slicer
import vtk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.rendering_stage import Stage, as_list
from MedDeepRegSegLib.mrml.segmentations import SURFACE
from MedDeepRegSegLib.mrml.volumes import check_volume_node
from MedDeepRegSegLib.segmentation.overlay_text import annotate

ORIENTATIONS = {  # letters at left, right, top, bottom; RAS axes across the picture: columns, rows, through
    "Axial": ("RLAP", 0, 1, 2),
    "Coronal": ("RLSI", 0, 2, 1),
    "Sagittal": ("APSI", 1, 2, 0),
}
_MANAGERS = (
    "vtkMRMLSegmentationsDisplayableManager2D",
    "vtkMRMLModelSliceDisplayableManager",
)


@dataclass(frozen=True)
class _Frame:
    """What part of the patient a slice picture shows, RAS mm."""

    orientation: str
    center: np.ndarray  # (3,)
    mm_per_pixel: float
    width: int
    height: int


def render_slice(
    background=None,
    *,
    foreground=None,
    foreground_opacity: float = 0.5,
    segmentations=None,
    segment_ids: Sequence[str] | None = None,
    models=None,
    markups=None,
    orientation: str = "Axial",
    position: Sequence[float] | None = None,
    size: int = 512,
    margin_mm: float | None = None,
    window_level: tuple[float, float] | None = None,
    foreground_window_level: tuple[float, float] | None = None,
    outline: bool = True,
    fill: float = 0.2,
    line_width: int = 2,
    smooth_outlines: bool = False,
    caption: str = "",
    letters: bool = True,
    scale_bar: bool = True,
) -> np.ndarray:
    """Draw a slice view offscreen. The scene and its views stay as they are.

    Parameters
    ----------
    background:
        Scalar volume node; None for a segmentation alone, on black.
    foreground:
        Scalar volume node drawn over it with ``foreground_opacity`` in [0, 1].
    segmentations, models, markups:
        A node, or a list of nodes, to draw over the volumes.
    segment_ids:
        Segments to show, of a single segmentation; None for the visible ones.
    orientation:
        ``"Axial"``, ``"Coronal"`` or ``"Sagittal"``, in radiological convention.
    position:
        RAS point in mm that the slice goes through. None: the center of the segments, or of the volume without any.
    size:
        Pixels along the longer side; the picture is as wide and high as what it shows.
    margin_mm:
        Show only the segments and this margin around them; None shows the whole background volume.
    window_level, foreground_window_level:
        Width and center of the gray scales; None for those of the nodes.
    outline, fill, line_width:
        Whether segments are outlined, the opacity of their tint in [0, 1], and the width of lines in pixels.
    smooth_outlines:
        Outline smoothed surfaces rather than voxels. Takes longer: surfaces are made for the picture where the
        segmentation has none.
    caption, letters, scale_bar:
        Text at the top left; the letters of the patient's directions; a bar in mm.

    Returns
    -------
    numpy.ndarray
        (H, W, 3) uint8.

    Raises
    ------
    InputError
        If a node is of the wrong kind or empty, or the slice misses the volume.
    MissingPackageError
        If this machine cannot draw; see :func:`MedDeepRegSegLib.mrml.rendering.rendering_available`.
    """
    segmentations = as_list(segmentations)
    _check(orientation, segmentations, segment_ids, opacities=(foreground_opacity, fill))
    if background is None and not segmentations:
        msg = "nothing to draw: pick a background volume or a segmentation"
        raise InputError(msg)
    for node, what in ((background, "background volume"), (foreground, "foreground volume")):
        if node is not None:
            check_volume_node(node, what)
    with Stage() as stage:
        back = None if background is None else stage.copy_volume(background, window_level)
        front = None if foreground is None else stage.copy_volume(foreground, foreground_window_level)
        shown = [stage.copy_segmentation(node, segment_ids, surface=smooth_outlines) for node in segmentations]
        for node in shown:
            _style_segmentation(node, outline=outline, fill=fill, line_width=line_width, smooth=smooth_outlines)
        for node in as_list(models):
            copy = stage.copy(node)
            copy.GetDisplayNode().SetVisibility2D(True)
            copy.GetDisplayNode().SetSliceIntersectionThickness(line_width)
        for node in as_list(markups):
            stage.copy_markups(node)
        frame = _frame(back, shown, orientation, position, size=size, margin_mm=margin_mm)
        picture = _draw(stage, back, front, foreground_opacity, frame)
    return annotate(
        picture,
        caption=caption,
        letters=ORIENTATIONS[orientation][0] if letters else "",
        mm_per_pixel=frame.mm_per_pixel if scale_bar else None,
    )


def _check(orientation: str, segmentations: list, segment_ids, *, opacities: tuple[float, ...]) -> None:
    if orientation not in ORIENTATIONS:
        msg = f"slice orientation is {orientation!r}, expected one of {', '.join(ORIENTATIONS)}"
        raise InputError(msg)
    if segment_ids is not None and len(segmentations) != 1:
        msg = f"segments are named for {len(segmentations)} segmentations, expected exactly one segmentation"
        raise InputError(msg)
    for opacity in opacities:
        if not 0 <= opacity <= 1:
            msg = f"opacity is {opacity}, expected 0 to 1"
            raise InputError(msg)


def _style_segmentation(node, *, outline: bool, fill: float, line_width: int, smooth: bool) -> None:
    display = node.GetDisplayNode()
    display.SetVisibility2DOutline(outline)
    display.SetOpacity2DOutline(1.0)
    display.SetVisibility2DFill(fill > 0)
    display.SetOpacity2DFill(fill)
    display.SetSliceIntersectionThickness(line_width)
    if smooth:
        display.SetPreferredDisplayRepresentationName2D(SURFACE)


def _bounds(nodes: list) -> np.ndarray | None:
    """Return the box around nodes in world RAS, (3, 2), or None if they are empty."""
    boxes = []
    for node in nodes:
        bounds = np.zeros(6)
        node.GetRASBounds(bounds)
        if (bounds[::2] <= bounds[1::2]).all():
            boxes.append(bounds.reshape(3, 2))
    if not boxes:
        return None
    return np.stack([np.min(boxes, axis=0)[:, 0], np.max(boxes, axis=0)[:, 1]], axis=1)


def _frame(back, segmentations: list, orientation: str, position, *, size: int, margin_mm: float | None) -> _Frame:
    _, across, along, through = ORIENTATIONS[orientation]
    segments = _bounds(segmentations)
    box = _bounds([back]) if back is not None else None
    if box is None:
        box = segments
    if box is None:
        msg = "nothing to draw: the segmentation is empty and there is no volume"
        raise InputError(msg)
    whole = box
    if margin_mm is not None and segments is not None:
        box = segments + np.array([-margin_mm, margin_mm])
    if position is None:
        center = _segments_center(segmentations)
        point = (whole.mean(1)) if center is None else center
        point = np.clip(point, whole[:, 0] + 1e-3, whole[:, 1] - 1e-3)
    else:
        point = np.asarray(position, float)
        if point.shape != (3,) or not np.isfinite(point).all():
            msg = f"slice position is {position!r}, expected three finite numbers (RAS mm)"
            raise InputError(msg)
    if not whole[through, 0] <= point[through] <= whole[through, 1]:
        msg = (
            f"{orientation} slice at {point[through]:.1f} mm (RAS) misses the volume, which reaches from "
            f"{whole[through, 0]:.1f} to {whole[through, 1]:.1f} mm: pick a position inside"
        )
        raise InputError(msg)
    extent = box[:, 1] - box[:, 0]
    pixel = max(extent[across], extent[along], 1e-3) / size
    center = box.mean(1)
    center[through] = point[through]
    width, height = (max(16, round(extent[axis] / pixel)) for axis in (across, along))
    return _Frame(orientation, center, float(pixel), width, height)


def _segments_center(segmentations: list) -> np.ndarray | None:
    """Return the mean of the centers of the segments, RAS."""
    centers = []
    for node in segmentations:
        for segment_id in node.GetSegmentation().GetSegmentIDs():
            center = node.GetSegmentCenterRAS(segment_id)
            if center is not None:
                centers.append(center)
    return np.mean(centers, axis=0) if centers else None


def _draw(stage: Stage, back, front, opacity: float, frame: _Frame) -> np.ndarray:
    image_renderer, overlay_renderer, front_renderer = stage.open_window(frame.width, frame.height, layers=3)
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(stage.scene)
    logic = slicer.vtkMRMLSliceLogic()
    stage.add_logic(logic)
    view = logic.AddSliceNode("Picture")
    view.SetDefaultOrientation(frame.orientation)
    view.SetOrientation(frame.orientation)
    composite = logic.GetSliceCompositeNode()
    if back is not None:
        composite.SetBackgroundVolumeID(back.GetID())
    if front is not None:
        composite.SetForegroundVolumeID(front.GetID())
        composite.SetForegroundOpacity(opacity)
    view.SetDimensions(frame.width, frame.height, 1)
    view.SetFieldOfView(frame.width * frame.mm_per_pixel, frame.height * frame.mm_per_pixel, frame.mm_per_pixel)
    to_ras = view.GetSliceToRAS()
    for axis in range(3):
        to_ras.SetElement(axis, 3, frame.center[axis])
    view.UpdateMatrices()

    stage.show(view, overlay_renderer, _MANAGERS)
    stage.show(view, front_renderer, ("vtkMRMLMarkupsDisplayableManager",))
    for renderer in (overlay_renderer, front_renderer):
        renderer.GetActiveCamera().ParallelProjectionOn()
    if back is not None or front is not None:
        mapper = vtk.vtkImageMapper()
        mapper.SetColorWindow(255)
        mapper.SetColorLevel(127.5)
        mapper.SetInputConnection(logic.GetImageDataConnection())
        image = vtk.vtkActor2D()
        image.SetMapper(mapper)
        image_renderer.AddViewProp(image)
    return stage.picture()
