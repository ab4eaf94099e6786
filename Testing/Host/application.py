"""``slicer.app``, its main window and its module manager, as far as scripted modules use them."""

import os
import stat
import sys
import tempfile
from pathlib import Path

import shiboken6
import slicer
from PySide6 import QtCore, QtWidgets

from .io_manager import qSlicerCoreIOManager
from .layout_manager import qMRMLLayoutManager


class qSlicerModuleFactoryManager(QtCore.QObject):
    """Knows the names of the modules."""

    def __init__(self, manager) -> None:
        super().__init__(manager)
        self._manager = manager

    def loadedModuleNames(self):
        return tuple(self._manager.modulesNames())

    instantiatedModuleNames = registeredModuleNames = loadedModuleNames

    def isLoaded(self, name: str) -> bool:
        return name in self._manager.modulesNames()


class qSlicerModuleManager(QtCore.QObject):
    """Finds modules by name."""

    moduleLoaded = QtCore.Signal(str)
    moduleAboutToBeUnloaded = QtCore.Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._modules = {}
        self._factory = qSlicerModuleFactoryManager(self)

    def module(self, name: str):
        return self._modules.get(name)

    def modulesNames(self):
        return tuple(self._modules)

    def factoryManager(self):
        return self._factory

    def _register(self, module) -> None:
        self._modules[module.name] = module
        self.moduleLoaded.emit(module.name)

    def _unregister(self, name: str) -> None:
        self.moduleAboutToBeUnloaded.emit(name)
        self._modules.pop(name, None)


class qSlicerModuleSelectorToolBar(QtWidgets.QToolBar):
    """Chooses the module that is shown: leaves one, enters another."""

    moduleSelected = QtCore.Signal(str)

    def __init__(self, parent) -> None:
        super().__init__(parent)
        self._selected = ""

    @property
    def selectedModule(self) -> str:
        return self._selected

    def selectModule(self, name: str) -> None:
        """Leave the module that is shown and enter another ("" for none)."""
        manager = slicer.app.moduleManager()
        for chosen, action in ((self._selected, "exit"), (name, "enter")):
            module = manager.module(chosen)
            widget = module.widgetRepresentation() if module is not None else None
            if widget is not None and chosen != (name if action == "exit" else self._selected):
                getattr(widget, action)()
        self._selected = name
        self.moduleSelected.emit(name)


class qSlicerMainWindow(QtWidgets.QMainWindow):
    """The main window; it is never shown."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("qSlicerMainWindow")
        self._selector = qSlicerModuleSelectorToolBar(self)
        self._console = QtWidgets.QPlainTextEdit(self)
        self.addToolBar(self._selector)

    def moduleSelector(self):
        return self._selector

    def pythonConsole(self):
        return self._console


class qSlicerApplication(QtWidgets.QApplication):
    """The application. All folders lie in a temporary folder; nothing of the user's settings is touched."""

    startupCompleted = QtCore.Signal()
    mrmlSceneChanged = QtCore.Signal(object)
    HOST_SIGNALS = {"mrmlSceneChanged": (("vtkMRMLScene*",),)}  # noqa: RUF012

    majorVersion, minorVersion = 5, 13
    mainApplicationName = applicationName = "Slicer"
    mainApplicationDisplayName = "3D Slicer"
    mainApplicationMajorVersion, mainApplicationMinorVersion, mainApplicationPatchVersion = 5, 13, 0
    applicationVersion = "5.13.0"
    revision = repositoryRevision = "31053"
    releaseType = "Experimental"
    documentationBaseUrl = "https://slicer.readthedocs.io/en/latest/"
    platform = sys.platform

    def __init__(self) -> None:
        super().__init__([sys.argv[0] if sys.argv else "Slicer"])
        self._folder = tempfile.TemporaryDirectory(prefix="slicer-host-")
        home = Path(self._folder.name)
        self._testing = False
        self._restarts = 0
        for name in ("temporary", "home", "extensions", "settings", "bin"):
            (home / name).mkdir()
        self.temporaryPath = str(home / "temporary")
        self.slicerHome = str(home / "home")
        self.extensionsInstallPath = str(home / "extensions")
        QtCore.QSettings.setDefaultFormat(QtCore.QSettings.Format.IniFormat)
        for scope in QtCore.QSettings.Scope:
            QtCore.QSettings.setPath(QtCore.QSettings.Format.IniFormat, scope, str(home / "settings"))
        self.setOrganizationName("SlicerHost")
        self.setApplicationName("SlicerHost")
        self._bin = _python_slicer(home / "bin")
        self._modules = qSlicerModuleManager()
        self._io = qSlicerCoreIOManager()
        self._window = None
        self._layout_manager = None
        self._application_logic = None

    # What the host does at start and end

    def _open(self, application_logic) -> None:
        self._application_logic = application_logic
        os.environ["PATH"] = self._bin + os.pathsep + os.environ.get("PATH", "")
        self._layout_manager = qMRMLLayoutManager(application_logic)
        self._window = qSlicerMainWindow()

    def _close(self) -> None:
        self._layout_manager.release()
        self._layout_manager = None
        shiboken6.delete(self._window)  # at once: slicer.util looks for the main window among all windows
        self._window = None
        os.environ["PATH"] = os.environ["PATH"].replace(self._bin + os.pathsep, "", 1)

    # What modules use

    def applicationLogic(self):
        return self._application_logic

    def mrmlScene(self):
        return slicer.mrmlScene

    def topLevelWidgets(self) -> list:
        """Return the main window: PySide crashes now and then when it wraps a window that is being deleted."""
        return [] if self._window is None else [self._window]

    def moduleManager(self):
        return self._modules

    def moduleLogic(self, name: str):
        return self._modules.module(name).logic()

    def layoutManager(self):
        return self._layout_manager

    def coreIOManager(self):
        return self._io

    ioManager = coreIOManager

    def testingEnabled(self) -> bool:
        return self._testing

    def userSettings(self):
        return QtCore.QSettings()

    settings = revisionUserSettings = userSettings

    def startupEnvironment(self):
        environment = QtCore.QProcessEnvironment()
        for name, value in os.environ.items():
            environment.insert(name, value)
        return environment

    def environment(self):
        return self.startupEnvironment()

    def moduleDocumentationUrl(self, name: str) -> str:
        return f"{self.documentationBaseUrl}user_guide/modules/{name.lower()}.html"

    def translate(self, _context: str, text: str) -> str:
        """Return the text: no translation is loaded."""
        return text

    def pythonConsole(self):
        return self._window.pythonConsole()

    def pauseRender(self) -> None:
        """Nothing is drawn."""

    def resumeRender(self) -> None:
        """Nothing is drawn."""

    def setRenderPaused(self, _paused: bool) -> None:
        """Nothing is drawn."""

    def confirmRestart(self, _reason: str = "") -> None:
        """Count the wish for a restart."""
        self._restarts += 1

    restart = confirmRestart

    def isInstalled(self) -> bool:
        return True


def _python_slicer(folder: Path) -> str:
    """Put a program PythonSlicer into a folder that runs this Python, and return the folder."""
    if os.name == "nt":
        (folder / "PythonSlicer.bat").write_text(f'@"{sys.executable}" %*\n', encoding="utf-8")
    else:
        program = folder / "PythonSlicer"
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return str(folder)
