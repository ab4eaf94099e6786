"""What the user sees while a structure grows: the mask before it is confirmed, the clicks, the suggestion, the doubt.

All of it are real nodes of the scene, which every view shows at once, but hidden from lists and not saved with the scene.
"""

from collections.abc import Sequence

import numpy as np
import slicer
import slicer.util

from MedDeepRegSegLib.mrml.display import style_uncertainty
from MedDeepRegSegLib.mrml.geometry import Grid, to_lps
from MedDeepRegSegLib.mrml.layers import oriented_image
from MedDeepRegSegLib.mrml.scene import headless_scene
from MedDeepRegSegLib.mrml.volumes import grid_of_volume, image_data_of_array

INSIDE_COLOR = (0.25, 0.9, 0.35)
OUTSIDE_COLOR = (0.95, 0.25, 0.2)
SUGGESTION_COLOR = (1.0, 0.85, 0.1)
_SEGMENT = "preview"


class GrowPreview:
    """The preview of one structure in one volume.

    Parameters
    ----------
    volume_node:
        The volume that is grown in.

    Raises
    ------
    InputError
        If the volume is under a transform that is not rigid.
    """

    def __init__(self, volume_node) -> None:
        self._volume = volume_node
        self._grid: Grid = grid_of_volume(volume_node, f"volume {volume_node.GetName()!r}")
        self._nodes: dict[str, object] = {}
        self._behind: list[tuple] = []

    @property
    def grid(self) -> Grid:
        """Voxel grid of the volume in world coordinates."""
        return self._grid

    @property
    def outdated(self) -> bool:
        """Whether the volume has got another place or another grid since; raises InputError as the constructor does."""
        now = grid_of_volume(self._volume, f"volume {self._volume.GetName()!r}")
        return not np.array_equal(now.index_to_ras(), self._grid.index_to_ras())

    @property
    def segmentation_node(self):
        """The node with the mask, or None."""
        return self._node("mask")

    def oriented_mask(self, mask: np.ndarray | None, offset: Sequence[int]):
        """Return a cropped mask (k, j, i) at its place, in world coordinates, as oriented image data."""
        empty = np.zeros((1, 1, 1), np.uint8)
        image = oriented_image(empty if mask is None else mask.astype(np.uint8), self._grid)
        if not image.IsEmpty():
            extent = np.array(image.GetExtent()) + np.repeat(np.array(offset)[::-1], 2)
            image.SetExtent(*extent.tolist())
        return image

    def show_mask(self, image, color: Sequence[float]) -> None:
        """Show oriented image data as the mask that is not confirmed yet, in a lighter shade of the color."""
        node = self._node("mask") or self._make_mask()
        segment = node.GetSegmentation().GetSegment(_SEGMENT)
        segment.SetColor(*(0.6 * np.array(color) + 0.4).tolist())
        with slicer.util.NodeModify(node):
            segment.AddRepresentation("Binary labelmap", image)
            segment.Modified()

    def show_points(self, inside: np.ndarray, outside: np.ndarray) -> None:
        """Show the clicks, (N, 3) LPS mm."""
        for role, points, color in (("inside", inside, INSIDE_COLOR), ("outside", outside, OUTSIDE_COLOR)):
            self._show_points(role, points, color, [""] * len(points))

    def show_suggestion(self, point: Sequence[float] | None, label: str = "") -> None:
        """Show where the next click would help most, LPS mm, or nothing."""
        points = np.zeros((0, 3)) if point is None else np.array([point], dtype=float)
        self._show_points("suggestion", points, SUGGESTION_COLOR, [label] * len(points))

    def show_uncertainty(self, values: np.ndarray | None, offset: Sequence[int]) -> None:
        """Show where the network is in doubt (0 to 1, cropped, (k, j, i)) above the volume; None shows it no more."""
        if values is None:
            self._hide_uncertainty()
            return
        node = self._node("uncertainty")
        if node is None:
            node = self._add("uncertainty", slicer.vtkMRMLScalarVolumeNode(), "uncertainty")
            style_uncertainty(node)
        grid = self._grid
        origin = grid.origin + grid.directions @ (grid.spacing * np.array(offset)[::-1])
        with slicer.util.NodeModify(node):
            node.SetOrigin(*origin.tolist())
            node.SetSpacing(*grid.spacing.tolist())
            node.SetIJKToRASDirections(grid.directions.tolist())
            node.SetAndObserveImageData(image_data_of_array(values.astype(np.float32)))
        if not self._behind:
            for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
                self._behind.append(
                    (composite.GetID(), composite.GetForegroundVolumeID(), composite.GetForegroundOpacity())
                )
                composite.SetForegroundVolumeID(node.GetID())
                composite.SetForegroundOpacity(0.6)

    def clear(self) -> None:
        """Show nothing; the nodes go."""
        self._hide_uncertainty()
        scene = headless_scene()
        for role in list(self._nodes):
            node = self._node(role)
            if node is not None:
                for index in reversed(range(node.GetNumberOfDisplayNodes())):
                    scene.RemoveNode(node.GetNthDisplayNode(index))
                scene.RemoveNode(node)
        self._nodes.clear()

    def _node(self, role: str):
        """Return a node that is still in the scene."""
        node = self._nodes.get(role)
        return node if node is not None and node.GetScene() is not None else None

    def _add(self, role: str, node, name: str):
        scene = headless_scene()
        node.SetName(scene.GenerateUniqueName(f"MedDeep Grow {name}"))
        node.SetHideFromEditors(True)
        node.SetSaveWithScene(False)
        node.SetSelectable(False)
        scene.AddNode(node)
        node.CreateDefaultDisplayNodes()
        node.GetDisplayNode().SetSaveWithScene(False)
        self._nodes[role] = node
        return node

    def _make_mask(self):
        node = self._add("mask", slicer.vtkMRMLSegmentationNode(), "preview")
        node.GetSegmentation().SetSourceRepresentationName("Binary labelmap")
        node.SetReferenceImageGeometryParameterFromVolumeNode(self._volume)
        segment = slicer.vtkSegment()
        segment.SetName(_SEGMENT)
        segment.AddRepresentation("Binary labelmap", slicer.vtkOrientedImageData())
        node.GetSegmentation().AddSegment(segment, _SEGMENT)
        display = node.GetDisplayNode()
        display.SetOpacity2DFill(0.35)
        display.SetOpacity2DOutline(1.0)
        display.SetSliceIntersectionThickness(2)
        return node

    def _show_points(self, role: str, points: np.ndarray, color: Sequence[float], labels: Sequence[str]) -> None:
        node = self._node(role)
        if node is None:
            if len(points) == 0:
                return
            node = self._add(role, slicer.vtkMRMLMarkupsFiducialNode(), role)
            node.SetLocked(True)
            display = node.GetDisplayNode()
            display.SetSelectedColor(*color)
            display.SetColor(*color)
            display.SetGlyphScale(2.0)
            display.SetTextScale(3.0 if role == "suggestion" else 0.0)
            display.SetPropertiesLabelVisibility(False)
            display.SetPointLabelsVisibility(role == "suggestion")
        with slicer.util.NodeModify(node):
            node.RemoveAllControlPoints()
            for position, label in zip(to_lps(points), labels, strict=True):  # LPS to RAS is its own inverse
                node.AddControlPointWorld(*position.tolist(), label)

    def _hide_uncertainty(self) -> None:
        node = self._node("uncertainty")
        for identifier, volume_id, opacity in self._behind:
            composite = headless_scene().GetNodeByID(identifier)
            # Where the user shows something else meanwhile, it stays.
            if composite is not None and node is not None and composite.GetForegroundVolumeID() == node.GetID():
                composite.SetForegroundVolumeID(volume_id)
                composite.SetForegroundOpacity(opacity)
        self._behind.clear()
