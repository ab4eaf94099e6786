"""What MRML widgets share: a scene, and following it; ``slicer.qMRMLWidget`` itself."""

import shiboken6
import slicer
import vtk
from PySide6 import QtCore, QtWidgets

from .ui_loader import host_widget


class SceneObserver:
    """Calls a method of a widget whenever the nodes of its scene change; lets go when the widget is deleted."""

    _LISTENED = (
        "NodeAddedEvent",
        "NodeRemovedEvent",
        "EndCloseEvent",
        "EndImportEvent",
        "EndRestoreEvent",
        "EndBatchProcessEvent",
    )

    def __init__(self, widget: QtWidgets.QWidget, update) -> None:
        self._widget = widget
        self._update = update
        self.scene = None
        self._observed: list[tuple[vtk.vtkObject, int]] = []
        self._nodes: list[tuple[vtk.vtkObject, int]] = []
        widget.destroyed.connect(lambda: self._release())

    def observe(self, scene) -> None:
        """Follow another scene (or none)."""
        self._release()
        self.scene = scene
        if scene is not None:
            for name in self._LISTENED:
                event = getattr(slicer.vtkMRMLScene, name)
                self._observed.append((scene, scene.AddObserver(event, self._on_event)))

    def observe_nodes(self, nodes, event=vtk.vtkCommand.ModifiedEvent) -> None:
        """Follow changes of these nodes (their names, attributes or contents) instead of those followed before."""
        for obj, tag in self._nodes:
            obj.RemoveObserver(tag)
        self._nodes = [(node, node.AddObserver(event, self._on_event)) for node in nodes]

    def _release(self) -> None:
        for obj, tag in self._observed + self._nodes:
            obj.RemoveObserver(tag)
        self._observed, self._nodes = [], []

    def _on_event(self, _caller, _event) -> None:
        if not shiboken6.isValid(self._widget):
            self._release()
        elif self.scene is None or not self.scene.IsBatchProcessing():
            self._update()


class WithScene:
    """A widget with a scene that tells when it gets another."""

    HOST_SIGNALS = {"mrmlSceneChanged": (("vtkMRMLScene*",),)}  # noqa: RUF012
    _scene = None

    def setMRMLScene(self, scene) -> None:
        """Set the scene and tell the widgets that are connected."""
        if scene is self._scene:
            return
        self._scene = scene
        self._on_scene()
        self.mrmlSceneChanged.emit(scene)

    def _on_scene(self) -> None:
        """For subclasses."""


class ShowsScene(WithScene):
    """A widget that also says which scene it has."""

    def mrmlScene(self):
        """Return the scene."""
        return self._scene


@host_widget
class qMRMLWidget(ShowsScene, QtWidgets.QWidget):
    """The usual top of a module's .ui file: hands the scene on."""

    mrmlSceneChanged = QtCore.Signal(object)


@host_widget
class qSlicerWidget(WithScene, QtWidgets.QWidget):
    """A widget with a scene."""

    mrmlSceneChanged = QtCore.Signal(object)


def no_margins(layout):
    """Return a layout without margins."""
    layout.setContentsMargins(0, 0, 0, 0)
    return layout
