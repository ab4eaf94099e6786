"""``slicer.modules``: the C++ modules (their logics) and the scripted modules that are loaded."""

import types
from pathlib import Path

import slicer
from PySide6 import QtCore, QtGui, QtWidgets

from .mrml_scene_widgets import WithScene


class qSlicerCoreModule(QtCore.QObject):
    """A C++ module: a name and its real logic. It has no panel here."""

    def __init__(self, name: str, logic) -> None:
        super().__init__()
        self._logic = logic
        self._name = name
        self.title = name
        self.path = f"{name}.so"

    @property
    def name(self) -> str:
        return self._name

    def logic(self):
        return self._logic

    def widgetRepresentation(self):
        return None


class qSlicerScriptedLoadableModuleWidget(WithScene, QtWidgets.QWidget):
    """The frame of a scripted module's panel; :meth:`self` is the module's own widget object."""

    IS_HOST_WIDGET = True
    mrmlSceneChanged = QtCore.Signal(object)

    def __init__(self, module) -> None:
        super().__init__()
        self._module = module
        self._entered = False
        self._python = None
        self.setLayout(QtWidgets.QVBoxLayout())
        self.setMRMLScene(slicer.mrmlScene)

    def _setup(self, widget_class: type | None) -> None:
        if widget_class is None:  # a module without a panel, which only registers something
            return
        self._python = widget_class(self)
        setattr(slicer.modules, widget_class.__name__, self._python)
        self._python.setup()

    def self(self):
        """Return the Python object of the panel."""
        return self._python

    def module(self):
        """Return the module."""
        return self._module

    @property
    def moduleName(self) -> str:
        return self._module.name

    @property
    def isEntered(self) -> bool:
        return self._entered

    def enter(self) -> None:
        """Show the module."""
        if not self._entered:
            self._entered = True
            getattr(self._python, "enter", lambda: None)()

    def exit(self) -> None:
        """Leave the module."""
        if self._entered:
            self._entered = False
            getattr(self._python, "exit", lambda: None)()

    def reload(self) -> None:
        """Make the panel anew from the code that is loaded now."""
        self._setup(self._module._widget_class())


class qSlicerScriptedLoadableModule(QtCore.QObject):
    """A scripted module: the `parent` that its class describes itself to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._name = path.stem
        self._representation = None
        self.path = str(path)
        self.title = path.stem
        self.categories: list[str] = []
        self.contributors: list[str] = []
        self.dependencies: list[str] = []
        self.associatedNodeTypes: list[str] = []
        self.helpText = ""
        self.acknowledgementText = ""
        self.hidden = False
        self.icon = QtGui.QIcon()
        self.index = -1
        self.widgetRepresentationCreationEnabled = True
        self._python_module: types.ModuleType | None = None

    @property
    def name(self) -> str:
        return self._name

    @property
    def defaultDocumentationLink(self) -> str:
        return ""

    def _widget_class(self) -> type | None:
        import sys

        return getattr(sys.modules[self._name], f"{self._name}Widget", None)

    def widgetRepresentation(self):
        """Return the panel; it is made at the first call."""
        if self._representation is None:
            self._representation = qSlicerScriptedLoadableModuleWidget(self)
            self._representation._setup(self._widget_class())
        return self._representation

    def createNewWidgetRepresentation(self):
        """Return a second panel."""
        made = qSlicerScriptedLoadableModuleWidget(self)
        made._setup(self._widget_class())
        return made

    def logic(self):
        """Return the logic of the C++ side, which scripted modules do not have."""
        return None

    def mrmlScene(self):
        return slicer.mrmlScene


class Modules:
    """The namespace ``slicer.modules``."""

    def __init__(self) -> None:
        self.sampleDataSources: dict = {}


class ModuleNames:
    """The namespace ``slicer.moduleNames``."""
