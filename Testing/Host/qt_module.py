"""The ``qt`` module of Slicer, made of PySide6."""

import sys
import types

from PySide6 import QtCore, QtGui, QtNetwork, QtUiTools, QtWidgets

from . import dialogs, pythonqt, ui_loader


def make_qt() -> types.ModuleType:
    """Return the module that code imports as ``qt``."""
    pythonqt.apply()
    dialogs.install()
    QtCore.qInstallMessageHandler(_message)
    module = types.ModuleType("qt", "Qt as PythonQt gives it, on PySide6; made by the headless host.")
    for source in (QtNetwork, QtUiTools, QtCore, QtGui, QtWidgets):
        # PySide6 makes its classes when they are first asked for, so vars() would miss most of them.
        vars(module).update({name: getattr(source, name) for name in dir(source) if name.startswith("Q")})
    module.QUiLoader = ui_loader.QUiLoader
    return module


def _message(_kind, _context, text: str) -> None:
    """Print Qt's messages, but not what the offscreen platform says about every window."""
    if "does not support" not in text:
        print(f"Qt: {text}", file=sys.stderr)
