"""A private scene in which a picture is taken, so that the user's scene and windows never notice.

The stage holds light copies of the nodes to draw: voxels of volumes and meshes are shared, not copied; display
properties and label maps are copied and then changed at will. Slicer's own view logics and displayable managers work on
the stage. When the picture is taken everything is taken apart, in an order that leaves no observer behind.
"""

from collections.abc import Sequence

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.rendering_probe import require_rendering
from MedDeepRegSegLib.mrml.segmentations import SURFACE, check_segmentation_node

MAXIMUM_SIZE = 4096


class Stage:
    """A scene with its application logic, one window, and copies of nodes. Use it in a ``with`` statement."""

    def __init__(self) -> None:
        require_rendering()
        self.scene = slicer.vtkMRMLScene()
        self.application_logic = slicer.vtkMRMLApplicationLogic()
        self.application_logic.SetMRMLScene(self.scene)
        self._managers: list = []
        self._groups: list = []
        self._logics: list = []
        self._window = None
        # Slicer's markups expect the mode that the application sets, and complain otherwise. It is global to VTK.
        self._topology = vtk.vtkMapper.GetResolveCoincidentTopology()
        vtk.vtkMapper.SetResolveCoincidentTopologyToPolygonOffset()

    def __enter__(self) -> "Stage":
        return self

    def __exit__(self, *_) -> None:
        for group in self._groups:
            group.SetMRMLDisplayableNode(None)
        for manager in self._managers:
            manager.SetMRMLApplicationLogic(None)
        for logic in self._logics:
            logic.SetMRMLScene(None)
        self._managers, self._groups, self._logics = [], [], []
        if self._window is not None:
            for renderer in list(self._window.GetRenderers()):
                renderer.RemoveAllViewProps()
                self._window.RemoveRenderer(renderer)
            self._window.Finalize()
            self._window = None
        self.application_logic.SetMRMLScene(None)
        self.scene.Clear(True)
        vtk.vtkMapper.SetResolveCoincidentTopology(self._topology)

    def add(self, node):
        """Put a node into the private scene and return it."""
        return self.scene.AddNode(node)

    def add_logic(self, logic):
        """Let a logic work on the private scene until the end; return it."""
        logic.SetMRMLApplicationLogic(self.application_logic)
        logic.SetMRMLScene(self.scene)
        self._logics.append(logic)
        return logic

    def add_module_logic(self, name: str, logic) -> None:
        """Let a module's logic work on the private scene, where displayable managers look for it."""
        if self.application_logic.GetModuleLogic(name) is None:
            self.application_logic.SetModuleLogic(name, logic)
            self.add_logic(logic)

    def open_window(self, width: int, height: int, *, layers: int = 1, samples: int = 8):
        """Make the offscreen window, with one renderer for each layer, and return the renderers from back to front."""
        if not (16 <= width <= MAXIMUM_SIZE and 16 <= height <= MAXIMUM_SIZE):
            msg = f"picture size is {width}x{height} pixels, expected 16 to {MAXIMUM_SIZE} each"
            raise InputError(msg)
        window = vtk.vtkRenderWindow()
        window.SetOffScreenRendering(1)
        window.SetShowWindow(False)
        window.SetSize(width, height)
        window.SetMultiSamples(samples)
        window.SetAlphaBitPlanes(1)
        window.SetNumberOfLayers(layers)
        renderers = []
        for layer in range(layers):
            renderer = vtk.vtkRenderer()
            renderer.SetLayer(layer)
            window.AddRenderer(renderer)
            renderers.append(renderer)
        interactor = vtk.vtkGenericRenderWindowInteractor()  # handles no events, but the managers ask for one
        interactor.SetRenderWindow(window)
        self._window = window
        return renderers

    def resize(self, width: int, height: int) -> None:
        """Change the size of the window."""
        self._window.SetSize(width, height)

    def show(self, view_node, renderer, manager_names: Sequence[str]) -> None:
        """Let Slicer's displayable managers draw the scene into a renderer as seen in a view."""
        group = slicer.vtkMRMLDisplayableManagerGroup()
        group.SetRenderer(renderer)
        group.SetMRMLDisplayableNode(view_node)
        self._groups.append(group)
        for name in manager_names:
            manager = getattr(slicer, name)()
            manager.SetMRMLApplicationLogic(self.application_logic)
            group.AddDisplayableManager(manager)
            self._managers.append(manager)
        group.GetInteractor().Initialize()

    def picture(self) -> np.ndarray:
        """Draw, and return the window as (H, W, 3) uint8 with row 0 on top."""
        self._window.Render()
        width, height = self._window.GetSize()
        pixels = vtk.vtkUnsignedCharArray()
        self._window.GetPixelData(0, 0, width - 1, height - 1, 1, pixels, 0)
        return np.ascontiguousarray(vtk_to_numpy(pixels).reshape(height, width, 3)[::-1])

    # -- copies of nodes

    def copy(self, node):
        """Add a light copy of a displayable node, with its transform to world and its display nodes; return it."""
        copy = node.NewInstance()
        copy.CopyContent(node, False)
        copy.SetName(node.GetName())
        self.add(copy)
        while copy.GetNumberOfDisplayNodes():  # some logics give every new node a default display
            self.scene.RemoveNode(copy.GetNthDisplayNode(0))
        self._copy_transform(node, copy)
        for index in range(node.GetNumberOfDisplayNodes()):
            source = node.GetNthDisplayNode(index)
            if source is None or source.IsA("vtkMRMLVolumeRenderingDisplayNode"):
                continue
            display = source.NewInstance()
            display.CopyContent(source, False)
            display.RemoveAllViewNodeIDs()  # the views named there are those of the other scene
            self._copy_color(source, display)
            self.add(display)
            copy.AddAndObserveDisplayNodeID(display.GetID())
        if copy.GetNumberOfDisplayNodes() == 0:
            copy.CreateDefaultDisplayNodes()
        copy.SetDisplayVisibility(True)  # who asks for a picture of a hidden node wants to see it
        return copy

    def copy_volume(self, node, window_level: tuple[float, float] | None = None):
        """Add a light copy of a scalar volume, shown with a window and level or with those of the original."""
        copy = self.copy(node)
        display = copy.GetDisplayNode()
        if display.GetColorNode() is None:
            grey = slicer.vtkMRMLColorTableNode()
            grey.SetTypeToGrey()
            self.add(grey)
            display.SetAndObserveColorNodeID(grey.GetID())
        if window_level is not None:
            window, level = window_level
            if not (np.isfinite([window, level]).all() and window > 0):
                msg = f"window is {window} and level {level}, expected finite numbers and a window above 0"
                raise InputError(msg)
            display.SetAutoWindowLevel(False)
            display.SetWindowLevel(window, level)
        return copy

    def copy_markups(self, node):
        """Add a light copy of a markups node."""
        self.add_module_logic("Markups", slicer.vtkSlicerMarkupsLogic())  # makes the widgets that draw
        return self.copy(node)

    def copy_segmentation(self, node, segment_ids: Sequence[str] | None = None, *, surface: bool = False):
        """Add a light copy of a segmentation with some of its segments.

        Parameters
        ----------
        node:
            ``vtkMRMLSegmentationNode``.
        segment_ids:
            Segments to show; None for those that are visible.
        surface:
            Make smoothed closed surfaces where there are none. The original segmentation is left without.
        """
        check_segmentation_node(node)
        original = node.GetSegmentation()
        chosen = _chosen_segments(node, segment_ids)
        source_display = node.GetDisplayNode()
        with_surface = surface and all(original.GetSegment(name).GetRepresentation(SURFACE) for name in chosen)
        segmentation = slicer.vtkSegmentation()
        segmentation.SetSourceRepresentationName(SURFACE if with_surface else original.GetSourceRepresentationName())
        copied: dict[str, object] = {}
        for segment_id in chosen:
            source = original.GetSegment(segment_id)
            segment = slicer.vtkSegment()
            segment.SetName(source.GetName())
            segment.SetLabelValue(source.GetLabelValue())
            color = source.GetColor() if source_display is None else source_display.GetSegmentColor(segment_id)
            segment.SetColor(*(color[channel] for channel in range(3)))
            names: list[str] = []
            source.GetContainedRepresentationNames(names)
            for name in [SURFACE] if with_surface else names:
                segment.AddRepresentation(name, _own_copy(source.GetRepresentation(name), copied))
            segmentation.AddSegment(segment, segment_id)
        copy = slicer.vtkMRMLSegmentationNode()
        copy.SetName(node.GetName())
        copy.SetAndObserveSegmentation(segmentation)
        self.add(copy)
        self._copy_transform(node, copy)
        copy.CreateDefaultDisplayNodes()
        display = copy.GetDisplayNode()
        for segment_id in chosen:
            if source_display is not None:
                display.SetSegmentOpacity3D(segment_id, source_display.GetSegmentOpacity3D(segment_id))
        if surface and chosen:
            segmentation.SetConversionParameter("Smoothing factor", "0.5")
            copy.CreateClosedSurfaceRepresentation()
        return copy

    def _copy_transform(self, node, copy) -> None:
        parent = node.GetParentTransformNode()
        if parent is None:
            return
        if parent.IsTransformToWorldLinear():
            matrix = vtk.vtkMatrix4x4()
            parent.GetMatrixTransformToWorld(matrix)
            transform = slicer.vtkMRMLLinearTransformNode()
            transform.SetMatrixTransformToParent(matrix)
        else:
            to_world = vtk.vtkGeneralTransform()
            parent.GetTransformToWorld(to_world)
            transform = slicer.vtkMRMLTransformNode()
            transform.SetAndObserveTransformToParent(to_world)
        self.add(transform)
        copy.SetAndObserveTransformNodeID(transform.GetID())

    def _copy_color(self, source, display) -> None:
        color = source.GetColorNode() if hasattr(source, "GetColorNode") else None
        if color is None:
            return
        copy = color.NewInstance()
        copy.Copy(color)  # CopyContent would leave the table itself behind
        added = self.add(copy)  # the one that is there already, for the standard color tables
        display.SetAndObserveColorNodeID(added.GetID())


def _own_copy(representation, copied: dict[str, object]):
    """Return a copy of a segment's representation that may be changed without harm to the original.

    Segments share label maps: a segmentation that is taken apart erases the voxels of a removed segment from the
    label map it shares with others. Were the voxels those of the user, they would be lost. Each label map is
    copied once, so that the copies are shared as the originals are. Meshes are never written to; they stay shared.
    """
    key = representation.GetAddressAsString("")
    if key not in copied:
        own = representation.NewInstance()
        if representation.IsA("vtkPolyData"):
            own.ShallowCopy(representation)
        else:
            own.DeepCopy(representation)
        copied[key] = own
    return copied[key]


def _chosen_segments(node, segment_ids: Sequence[str] | None) -> list[str]:
    known = list(node.GetSegmentation().GetSegmentIDs())
    if segment_ids is None:
        display = node.GetDisplayNode()
        return [name for name in known if display is None or display.GetSegmentVisibility(name)]
    missing = [name for name in segment_ids if name not in known]
    if missing:
        msg = f"segmentation {node.GetName()!r} has no segment {missing[0]!r}, expected one of {', '.join(known[:20])}"
        raise InputError(msg)
    return list(segment_ids)


def as_list(nodes) -> list:
    """Return one node, several or none as a list."""
    if nodes is None:
        return []
    return list(nodes) if isinstance(nodes, list | tuple) else [nodes]
