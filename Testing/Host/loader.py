"""Loads a scripted module as Slicer does: description, panel, enter, exit, cleanup."""

import importlib.util
import sys
import time
from pathlib import Path

import slicer
from PySide6 import QtCore, QtWidgets

from . import pythonqt
from .install import install_host


class LoadedModule:
    """A scripted module that is open.

    Attributes
    ----------
    name: str
        Name of the module.
    module:
        The module's description (an instance of its class ``<name>``).
    widget:
        The panel (an instance of ``<name>Widget``) after ``setup`` and ``enter``.
    python_module:
        The imported file.
    """

    def __init__(self, name: str, python_module, description) -> None:
        self.name = name
        self.python_module = python_module
        self.module = description
        self._core = description.parent
        self._closed = False

    @property
    def widget(self):
        return self._core.widgetRepresentation().self()

    @property
    def logic(self):
        """The logic that the panel made."""
        return self.widget.logic

    @property
    def ui(self):
        """The widgets of the panel by name."""
        return self.widget.ui

    @property
    def panel(self) -> QtWidgets.QWidget:
        """The Qt widget around everything."""
        return self._core.widgetRepresentation()

    def enter(self) -> None:
        """Show the module (a module that is shown already is not entered again)."""
        slicer.util.selectModule(self.name)

    def exit(self) -> None:
        """Leave the module."""
        slicer.util.selectModule("")

    def reload(self) -> None:
        """Load the code again, as the button "Reload" does."""
        self.python_module = slicer.util.reloadScriptedModule(self.name)

    def close(self) -> None:
        """Leave and unload the module."""
        if self._closed:
            return
        self._closed = True
        if slicer.app.moduleManager().module(self.name) is not None:
            self.exit()
            slicer.app.moduleManager()._unregister(self.name)
        for name in (self.name.lower(), f"{self.name}Instance", f"{self.name}Widget"):
            if hasattr(slicer.modules, name):
                delattr(slicer.modules, name)
        self._core.widgetRepresentation().deleteLater()
        process_events()
        sys.modules.pop(self.name, None)

    def problems(self) -> list[str]:
        """Return errors in slots since the last call, and attributes that were set but are no Qt properties."""
        return pythonqt.take_slot_errors() + ([] if self._closed else pythonqt.unknown_attributes(self.panel))


def load_module(path: str | Path, *, enter: bool = True) -> LoadedModule:
    """Load a scripted module from its file and open its panel.

    Parameters
    ----------
    path:
        The module's Python file; the file is used as it is.
    enter:
        Whether to show the module, as its user does.
    """
    install_host()
    from .modules import qSlicerScriptedLoadableModule

    path = Path(path).resolve()
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    python_module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = python_module
    spec.loader.exec_module(python_module)
    core = qSlicerScriptedLoadableModule(path)
    description = getattr(python_module, path.stem)(core)
    setattr(slicer.modules, path.stem.lower(), core)
    setattr(slicer.modules, f"{path.stem}Instance", description)
    setattr(slicer.moduleNames, path.stem, path.stem)
    slicer.app.moduleManager()._register(core)
    slicer.app.startupCompleted.emit()
    slicer.app.disconnect("startupCompleted()")  # it comes once in the life of the application
    loaded = LoadedModule(path.stem, python_module, description)
    core.widgetRepresentation()
    if enter:
        loaded.enter()
    process_events()
    return loaded


def process_events(seconds: float = 0.0, until=None) -> bool:
    """Let the application work for a while, or until a condition holds.

    Parameters
    ----------
    seconds:
        How long at most.
    until:
        Called without arguments; the wait ends when it returns something true.

    Returns
    -------
    bool
        Whether the condition held (True without a condition).
    """
    end = time.monotonic() + seconds
    while True:
        QtWidgets.QApplication.processEvents()
        QtWidgets.QApplication.sendPostedEvents(None, QtCore.QEvent.Type.DeferredDelete)
        if until is not None and until():
            return True
        if time.monotonic() >= end:
            return until is None
        time.sleep(0.01)


def screenshot(widget, path: str | Path | None = None, *, width: int = 480, height: int | None = None):
    """Return a picture of a panel, and write it as PNG.

    Parameters
    ----------
    widget:
        A :class:`LoadedModule`, a module's panel object or any Qt widget.
    path:
        Where to write the PNG file.
    width, height:
        Size in pixels; without a height the panel gets the height that it asks for.
    """
    if isinstance(widget, LoadedModule):
        widget = widget.panel
    elif not isinstance(widget, QtWidgets.QWidget):
        widget = widget.parent
    widget.resize(width, height or 10)
    widget.show()
    process_events()
    if height is None:
        layout = widget.layout()
        wanted = layout.heightForWidth(width) if layout is not None and layout.hasHeightForWidth() else -1
        widget.resize(width, max(wanted, widget.minimumSizeHint.height(), widget.sizeHint.height()))
        process_events()
    picture = widget.grab()
    if path is not None and not picture.save(str(path), "PNG"):
        msg = f"picture cannot be written to {path}"
        raise OSError(msg)
    return picture
