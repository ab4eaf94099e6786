"""How volumes are shown: window and level, and what lies in the slice views."""

import math

import slicer
import slicer.util

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.scene import add_view_nodes, application_logic, headless_scene

_ALMOST_SURE = 0.15
"""Uncertainty below this is not drawn."""


def set_display_window(volume_node, window: float, level: float) -> None:
    """Show a volume with a fixed window and level.

    Automatic window and level is switched off, so that the display does not change when voxels do.

    Parameters
    ----------
    volume_node:
        Scalar volume node.
    window, level:
        Width and center of the shown range of voxel values; the width is above 0.
    """
    if not (math.isfinite(window) and math.isfinite(level) and window > 0):
        msg = f"display window {window} and level {level}, expected finite numbers and a window above 0"
        raise InputError(msg)
    volume_node.CreateDefaultDisplayNodes()
    display = volume_node.GetDisplayNode()
    with slicer.util.NodeModify(display):
        display.AutoWindowLevelOff()
        display.SetWindowLevel(window, level)


def style_uncertainty(volume_node) -> None:
    """Show a volume of doubt, 0 (sure) to 1 (could be either), in warm colors; what is almost sure is clear."""
    volume_node.CreateDefaultDisplayNodes()
    display = volume_node.GetDisplayNode()
    colors = slicer.vtkMRMLColorLogic.GetColorTableNodeID(slicer.vtkMRMLColorTableNode.Warm1)
    with slicer.util.NodeModify(display):
        display.SetAndObserveColorNodeID(colors)
        display.AutoWindowLevelOff()
        display.SetWindowLevelMinMax(0.0, 1.0)
        display.SetThreshold(_ALMOST_SURE, 1.0)
        display.ApplyThresholdOn()


def show_volumes(background, foreground=None, opacity: float = 0.5, *, label=None, fit: bool = True) -> None:
    """Show volumes in all slice views.

    Parameters
    ----------
    background:
        Volume node below.
    foreground:
        Volume node above, or None for no foreground.
    opacity:
        Opacity of the foreground, 0 to 1.
    label:
        Label map node on top, or None to leave the label layer as it is.
    fit:
        Fit the views to the background volume.
    """
    scene = headless_scene()
    add_view_nodes()
    for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
        with slicer.util.NodeModify(composite):
            composite.SetBackgroundVolumeID(background.GetID() if background else None)
            composite.SetForegroundVolumeID(foreground.GetID() if foreground else None)
            composite.SetForegroundOpacity(opacity if foreground else 0.0)
            if label is not None:
                composite.SetLabelVolumeID(label.GetID())
    if background is None:
        return
    selection = scene.GetSingletonNode("Singleton", "vtkMRMLSelectionNode")
    if selection is not None:
        selection.SetActiveVolumeID(background.GetID())
    if fit:
        _fit_views(background)


def fade_foreground(foreground, opacity: float) -> None:
    """Set the opacity of a volume, 0 to 1, in the slice views that show it above another one.

    Views in which the user shows something else meanwhile stay as they are.
    """
    for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
        if composite.GetForegroundVolumeID() == foreground.GetID():
            composite.SetForegroundOpacity(opacity)


def _fit_views(volume_node) -> None:
    logics = application_logic().GetSliceLogics()
    if logics is not None and logics.GetNumberOfItems() > 0:
        application_logic().FitSliceToAll()
        return
    # Without slice logics (no views) the slice nodes are set so that the views of a saved scene open on the volume.
    bounds = [0.0] * 6
    volume_node.GetRASBounds(bounds)
    sizes = [bounds[2 * axis + 1] - bounds[2 * axis] for axis in range(3)]
    center = [0.5 * (bounds[2 * axis + 1] + bounds[2 * axis]) for axis in range(3)]
    extent = 1.05 * max(sizes)
    for slice_node in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
        matrix = slice_node.GetSliceToRAS()
        for axis in range(3):
            matrix.SetElement(axis, 3, center[axis])
        slice_node.UpdateMatrices()
        slice_node.SetFieldOfView(extent, extent, slice_node.GetFieldOfView()[2])
