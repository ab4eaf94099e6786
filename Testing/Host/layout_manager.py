"""``slicer.app.layoutManager()``: slice and 3D views that exist as nodes and logics of the scene, without windows."""

import slicer
import vtk
from PySide6 import QtCore

_SLICE_VIEWS = ("Red", "Yellow", "Green")


class _View:
    """A view window: takes the calls that draw, draws nothing."""

    def __init__(self, node) -> None:
        self._node = node

    def mrmlSliceNode(self):
        return self._node

    def mrmlViewNode(self):
        return self._node

    def forceRender(self) -> None:
        pass

    def scheduleRender(self) -> None:
        pass

    def resetFocalPoint(self) -> None:
        pass

    def resetCamera(self) -> None:
        pass

    def rotateToViewAxis(self, _axis) -> None:
        pass

    def lookFromAxis(self, _axis) -> None:
        pass


class _Controller:
    """The bar above a view."""

    def __init__(self, widget) -> None:
        self._widget = widget

    def fitSliceToBackground(self) -> None:
        self._widget.fitSliceToBackground()

    def resetFocalPoint(self) -> None:
        pass

    def setSliceOffsetValue(self, offset: float) -> None:
        self._widget.sliceLogic().SetSliceOffset(offset)

    def setSliceVisible(self, visible: bool) -> None:
        self._widget.mrmlSliceNode().SetSliceVisible(visible)


class SliceWidget:
    """A slice view with its node and logic."""

    def __init__(self, logic) -> None:
        self._logic = logic
        self._view = _View(logic.GetSliceNode())
        self.sliceViewName = logic.GetSliceNode().GetLayoutName()

    def sliceLogic(self):
        return self._logic

    def mrmlSliceNode(self):
        return self._logic.GetSliceNode()

    def mrmlSliceCompositeNode(self):
        return self._logic.GetSliceCompositeNode()

    def sliceView(self):
        return self._view

    def sliceController(self):
        return _Controller(self)

    def fitSliceToBackground(self) -> None:
        self._logic.FitSliceToBackground()


class ThreeDWidget:
    """A 3D view with its node."""

    def __init__(self, node) -> None:
        self._node = node
        self._view = _View(node)

    def mrmlViewNode(self):
        return self._node

    def threeDView(self):
        return self._view

    def threeDController(self):
        return _Controller(self)


class qMRMLLayoutManager(QtCore.QObject):
    """Makes the three slice views and the 3D view of the four-up layout."""

    layoutChanged = QtCore.Signal(int)
    threeDViewCount = 1
    tableViewCount = 0
    plotViewCount = 0

    def __init__(self, application_logic) -> None:
        super().__init__()
        self._application_logic = application_logic
        scene = slicer.mrmlScene
        slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene)
        self._layout_logic = slicer.vtkMRMLLayoutLogic()
        self._layout_logic.SetMRMLScene(scene)
        self._layout_logic.GetLayoutNode().SetViewArrangement(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
        self._logics = vtk.vtkCollection()
        self._slices = {}
        for name in _SLICE_VIEWS:
            logic = slicer.vtkMRMLSliceLogic()
            logic.SetMRMLApplicationLogic(application_logic)
            logic.SetMRMLScene(scene)
            node = scene.GetSingletonNode(name, "vtkMRMLSliceNode")
            if node is None:
                node = logic.AddSliceNode(name)
            else:
                logic.SetSliceNode(node)
            self._logics.AddItem(logic)
            self._slices[name] = SliceWidget(logic)
        application_logic.SetSliceLogics(self._logics)
        self._view_logics = vtk.vtkCollection()
        view_node = scene.GetFirstNodeByClass("vtkMRMLViewNode")
        logic = slicer.vtkMRMLViewLogic()
        logic.SetMRMLApplicationLogic(application_logic)
        logic.SetMRMLScene(scene)
        if view_node is None:
            view_node = logic.AddViewNode("1")
        self._view_logics.AddItem(logic)
        application_logic.SetViewLogics(self._view_logics)
        self._three_d = ThreeDWidget(view_node)

    def release(self) -> None:
        """Let go of the scene; the view nodes stay in it."""
        self._application_logic.SetSliceLogics(None)
        self._application_logic.SetViewLogics(None)
        self._layout_logic.SetMRMLScene(None)
        for collection in (self._logics, self._view_logics):
            for index in range(collection.GetNumberOfItems()):
                collection.GetItemAsObject(index).SetMRMLScene(None)

    @property
    def layout(self) -> int:
        return self.layoutLogic().GetLayoutNode().GetViewArrangement()

    @layout.setter
    def layout(self, value: int) -> None:
        self.setLayout(value)

    def setLayout(self, value: int) -> None:
        """Choose a layout (``slicer.vtkMRMLLayoutNode.SlicerLayout...``)."""
        self.layoutLogic().GetLayoutNode().SetViewArrangement(int(value))
        self.layoutChanged.emit(int(value))

    def layoutLogic(self):
        return self._layout_logic

    def mrmlScene(self):
        return slicer.mrmlScene

    def mrmlSliceLogics(self):
        return self._logics

    def mrmlViewLogics(self):
        return self._view_logics

    def sliceViewNames(self):
        return tuple(self._slices)

    def sliceWidget(self, name: str):
        return self._slices.get(name)

    def threeDWidget(self, index: int):
        return self._three_d if index in (0, "View1") else None

    def activeMRMLThreeDViewNode(self):
        return self._three_d.mrmlViewNode()

    def resetSliceViews(self) -> None:
        for widget in self._slices.values():
            widget.fitSliceToBackground()

    def resetThreeDViews(self) -> None:
        """Nothing is drawn, so there is nothing to reset."""
