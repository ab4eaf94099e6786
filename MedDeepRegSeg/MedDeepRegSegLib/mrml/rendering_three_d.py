"""Pictures of 3D views, drawn by Slicer's own displayable managers: surfaces, models, markups, volume rendering."""

import math
from collections.abc import Sequence

import numpy as np
import slicer
import vtk

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.rendering_stage import Stage, as_list
from MedDeepRegSegLib.mrml.segmentations import SURFACE
from MedDeepRegSegLib.mrml.volumes import check_volume_node
from MedDeepRegSegLib.segmentation.overlay_montage import montage
from MedDeepRegSegLib.segmentation.overlay_surface import edge_letters, view_vectors
from MedDeepRegSegLib.segmentation.overlay_text import ON_DARK, ON_LIGHT, WHITE, Color, annotate, ink_on

_MANAGERS = (
    "vtkMRMLModelDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager3D",
)
_LPS_TO_RAS = np.array([-1.0, -1.0, 1.0])
_ROOM = 0.14  # share of a picture's sides left for letters and captions


def render_three_d(
    segmentations=None,
    *,
    segment_ids: Sequence[str] | None = None,
    models=None,
    markups=None,
    volume=None,
    volume_range: tuple[float, float] | None = None,
    views: Sequence[str | tuple[float, float]] = ((30.0, 15.0),),
    size: int | tuple[int, int] = 512,
    background: Color = (0.93, 0.94, 0.96),
    opacity: float | None = None,
    perspective: bool = False,
    caption: str = "",
    letters: bool = True,
    scale_bar: bool = True,
) -> np.ndarray:
    """Draw 3D views offscreen, one beside the other. The scene and its views stay as they are.

    Parameters
    ----------
    segmentations, models, markups:
        A node, or a list of nodes.
    segment_ids:
        Segments to show, of a single segmentation; None for the visible ones. Smoothed closed surfaces are made
        for the picture where the segmentation has none.
    volume:
        Scalar volume node to volume-render; None for none.
    volume_range:
        Values from which the volume-rendered voxels begin to show and are fully shown; None for bone in CT
        (150 to 500 HU) or the brighter part of the display window otherwise.
    views:
        Where the viewer stands: ``"anterior"``, ``"posterior"``, ``"left"``, ``"right"``, ``"superior"``,
        ``"inferior"``, or azimuth and elevation in degrees (azimuth 0 in front of the patient, 90 at their left).
    size:
        Width and height of each view in pixels. A single number is the longer side; the other is what is needed.
    background:
        Color behind everything.
    opacity:
        Opacity of all segments in [0, 1]; None for that of each.
    perspective:
        Perspective instead of parallel projection; there is then no scale bar.
    caption, letters, scale_bar:
        Text at the top left of the first view; the letters of the patient's directions where they lie near an edge;
        a bar in mm in the last view.

    Returns
    -------
    numpy.ndarray
        (H, W, 3) uint8.

    Raises
    ------
    InputError
        If there is nothing to draw, or a node or a view is of the wrong kind.
    MissingPackageError
        If this machine cannot draw; see :func:`MedDeepRegSegLib.mrml.rendering.rendering_available`.
    """
    segmentations = as_list(segmentations)
    _check(segmentations, segment_ids, volume, views, opacity)
    axes = [np.stack(view_vectors(view)) for view in views]
    width, height = (size, size) if isinstance(size, int) else size
    ink = ON_DARK if ink_on(background) == WHITE else ON_LIGHT
    with Stage() as stage:
        renderer, front = stage.open_window(width, height, layers=2)
        view_node = _add_view(stage, background)
        for node in segmentations:
            _add_segmentation(stage, node, segment_ids, opacity)
        for node in as_list(models):
            stage.copy(node)
        for node in as_list(markups):
            stage.copy_markups(node)
        managers = _MANAGERS
        if volume is not None:
            _add_volume(stage, volume, view_node, volume_range)
            managers = (*_MANAGERS, "vtkMRMLVolumeRenderingDisplayableManager")
        stage.show(view_node, renderer, managers)
        _light(renderer, background)
        if markups:
            # In a renderer of their own, in front of all surfaces, so that points inside an organ are seen.
            front.SetActiveCamera(renderer.GetActiveCamera())
            stage.show(view_node, front, ("vtkMRMLMarkupsDisplayableManager",))
        bounds = _visible_bounds((renderer, front))
        if isinstance(size, int):
            width, height = _fitting_size(bounds, axes, size)
            stage.resize(width, height)
        pictures = []
        for number, view in enumerate(axes):
            mm_per_pixel = _aim(renderer, bounds, axes, view, width / height, perspective=perspective) / height
            picture = stage.picture()
            bar = scale_bar and not perspective and number == len(axes) - 1
            annotate(
                picture,
                caption=caption if number == 0 else "",
                letters=edge_letters(view[0], view[1]) if letters else "",
                mm_per_pixel=mm_per_pixel if bar else None,
                ink=ink,
            )
            pictures.append(picture)
    return pictures[0] if len(pictures) == 1 else montage(pictures, columns=len(pictures), gap=4, background=background)


def _check(segmentations: list, segment_ids, volume, views, opacity) -> None:
    if segment_ids is not None and len(segmentations) != 1:
        msg = f"segments are named for {len(segmentations)} segmentations, expected exactly one segmentation"
        raise InputError(msg)
    if not views:
        msg = "3D picture got no views, expected one or more"
        raise InputError(msg)
    if opacity is not None and not 0 <= opacity <= 1:
        msg = f"opacity is {opacity}, expected 0 to 1"
        raise InputError(msg)
    if volume is not None:
        check_volume_node(volume, "volume to render")


def _add_segmentation(stage: Stage, node, segment_ids, opacity: float | None) -> None:
    copy = stage.copy_segmentation(node, segment_ids, surface=True)
    display = copy.GetDisplayNode()
    display.SetPreferredDisplayRepresentationName3D(SURFACE)
    if opacity is not None:
        display.SetOpacity3D(1.0)
        for segment_id in copy.GetSegmentation().GetSegmentIDs():
            display.SetSegmentOpacity3D(segment_id, opacity)


def _add_view(stage: Stage, background: Color):
    view = slicer.vtkMRMLViewNode()
    view.SetName("Picture")
    view.SetLayoutName("Picture")
    view.SetBoxVisible(False)
    view.SetAxisLabelsVisible(False)
    view.SetBackgroundColor(*background)
    view.SetBackgroundColor2(*background)
    return stage.add(view)


def _light(renderer, background: Color) -> None:
    """Set a neutral ground and lights that model shapes: a warm key from the upper left, soft fill and back lights."""
    renderer.SetBackground(*background)
    renderer.GradientBackgroundOff()
    renderer.RemoveAllLights()
    kit = vtk.vtkLightKit()
    kit.SetKeyLightIntensity(0.85)
    kit.SetKeyLightAngle(40, -25)  # elevation and azimuth, degrees
    kit.SetKeyToFillRatio(2.2)
    kit.SetKeyToHeadRatio(3.0)
    kit.SetKeyToBackRatio(4.0)
    kit.AddLightsToRenderer(renderer)
    if any(actor.GetProperty().GetOpacity() < 1 for actor in renderer.GetActors()):
        renderer.SetUseDepthPeeling(True)  # translucent surfaces in the right order; slow, so only when needed
        renderer.SetMaximumNumberOfPeels(8)


def _visible_bounds(renderers: Sequence) -> np.ndarray:
    """Return the box around all that is visible, (3, 2) RAS mm."""
    boxes = [np.array(renderer.ComputeVisiblePropBounds()).reshape(3, 2) for renderer in renderers]
    boxes = [box for box in boxes if (box[:, 0] <= box[:, 1]).all()]
    if not boxes:
        msg = "nothing to draw in 3D: pick a segmentation or model that is visible and not empty"
        raise InputError(msg)
    return np.stack([np.min(boxes, axis=0)[:, 0], np.max(boxes, axis=0)[:, 1]], axis=1)


def _reach(bounds: np.ndarray, all_axes: list[np.ndarray]) -> tuple[float, float]:
    """Return half the width and height, mm, that the view which needs most room takes."""
    corners = np.stack(np.meshgrid(*bounds, indexing="ij"), -1).reshape(-1, 3) - bounds.mean(1)
    reaches = [np.abs(corners @ (axes * _LPS_TO_RAS).T).max(0) for axes in all_axes]
    return max(1e-3, *(float(reach[0]) for reach in reaches)), max(1e-3, *(float(reach[1]) for reach in reaches))


def _fitting_size(bounds: np.ndarray, all_axes: list[np.ndarray], size: int) -> tuple[int, int]:
    """Return width and height in pixels, the longer of them ``size``, that leave little empty."""
    half_width, half_height = _reach(bounds, all_axes)
    # The room at the edges, which is for letters and captions, is the same on all sides.
    pixel = max(half_width, half_height) * 2 / (size * (1 - _ROOM))
    sides = (
        min(size, max(size // 3, math.ceil(2 * half / pixel + _ROOM * size))) for half in (half_width, half_height)
    )
    width, height = sides
    return width, height


def _aim(
    renderer, bounds: np.ndarray, all_axes: list[np.ndarray], axes: np.ndarray, aspect: float, *, perspective: bool
) -> float:
    """Point the camera at what is visible, filling the picture; return its height in mm at the middle.

    All views get one scale, that of the view that needs most room. ``aspect`` is width over height.
    """
    half_width, half_height = _reach(bounds, all_axes)
    half = max(half_height, half_width / aspect) / (1 - _ROOM)
    _, down, forward = axes * _LPS_TO_RAS
    middle = bounds.mean(1)
    camera = renderer.GetActiveCamera()
    camera.SetParallelProjection(not perspective)
    camera.SetParallelScale(half)
    camera.SetViewAngle(25.0)
    depth = float(np.linalg.norm(bounds[:, 1] - bounds[:, 0])) / 2
    distance = half / math.tan(math.radians(12.5)) + depth
    camera.SetFocalPoint(*middle)
    camera.SetPosition(*(middle - forward * distance))
    camera.SetViewUp(*(-down))
    renderer.ResetCameraClippingRange(*bounds.ravel())
    return 2 * half


def _add_volume(stage: Stage, node, view_node, volume_range: tuple[float, float] | None) -> None:
    """Show a volume by ray casting with an opacity ramp."""
    copy = stage.copy_volume(node)
    low, high = volume_range or _default_range(node)
    if not (np.isfinite([low, high]).all() and low < high):
        msg = f"volume range is {low} to {high}, expected two finite numbers, the lower first"
        raise InputError(msg)
    property_node = slicer.vtkMRMLVolumePropertyNode()
    stage.add(property_node)
    volume_property = property_node.GetVolumeProperty()
    opacity, color = vtk.vtkPiecewiseFunction(), vtk.vtkColorTransferFunction()
    opacity.AddPoint(low, 0.0)
    opacity.AddPoint((low + high) / 2, 0.55)
    opacity.AddPoint(high, 0.95)
    for value, shade in ((low, (0.55, 0.25, 0.15)), ((low + high) / 2, (0.88, 0.60, 0.40)), (high, (1.0, 0.96, 0.88))):
        color.AddRGBPoint(value, *shade)
    volume_property.SetScalarOpacity(opacity)
    volume_property.SetColor(color)
    # The opacities are those of one voxel's depth, whatever its size.
    volume_property.SetScalarOpacityUnitDistance(float(np.mean(node.GetSpacing())) / 2)
    volume_property.ShadeOn()
    volume_property.SetInterpolationTypeToLinear()
    volume_property.SetAmbient(0.25)
    volume_property.SetDiffuse(0.75)
    volume_property.SetSpecular(0.15)
    volume_property.SetSpecularPower(12)
    stage.add_module_logic("VolumeRendering", slicer.vtkSlicerVolumeRenderingLogic())
    display = slicer.vtkMRMLGPURayCastVolumeRenderingDisplayNode()
    stage.add(display)
    display.SetAndObserveVolumePropertyNodeID(property_node.GetID())
    display.SetVisibility(True)
    copy.AddAndObserveDisplayNodeID(display.GetID())
    view_node.SetRaycastTechnique(slicer.vtkMRMLViewNode.Composite)
    view_node.SetVolumeRenderingQuality(slicer.vtkMRMLViewNode.Normal)
    view_node.SetVolumeRenderingSurfaceSmoothing(True)  # jitters the rays, against rings like those in wood


def _default_range(node) -> tuple[float, float]:
    from MedDeepRegSegLib.mrml.volumes import image_from_volume
    from MedDeepRegSegLib.volumes.modality import Modality, display_window, guess_modality

    image = image_from_volume(node)
    if guess_modality(image) is Modality.CT:
        return 150.0, 500.0
    window, level = display_window(image)
    return level - 0.2 * window, level + 0.4 * window
