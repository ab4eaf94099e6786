"""Paths of the parameter node: whether one was chosen, and folders that replace nothing."""

from datetime import datetime
from pathlib import Path


def isSet(path: Path) -> bool:
    """Whether a path was picked: an empty path line reads as the current folder."""
    return str(path) not in {"", "."}


def newFolder(parent: Path, title: str = "") -> Path:
    """Return a folder that is not there yet, named by the time and the title, so that nothing earlier is replaced."""
    name = datetime.now().strftime("%Y-%m-%d %H-%M-%S") + (f" {title}" if title else "")
    folder = parent / name
    number = 2
    while folder.exists():
        folder = parent / f"{name} ({number})"
        number += 1
    return folder


class PathParameter:
    """Keeps the path of a path line in the parameter node, and shows nothing where none was picked.

    The connection of Slicer would show the current folder, ``.``, for an empty path.

    Parameters
    ----------
    line:
        A ``ctkPathLineEdit`` without parameter name.
    panel:
        The panel, of which the parameter node is followed.
    parameter:
        Name of the parameter.
    """

    def __init__(self, line, panel, parameter: str) -> None:
        self._line, self._panel, self._parameter = line, panel, parameter
        line.connect("currentPathChanged(QString)", self.onPicked)

    def update(self) -> None:
        """Show the path of the parameter node."""
        path = getattr(self._panel.parameterNode, self._parameter)
        text = str(path) if isSet(path) else ""
        if self._line.currentPath != text:
            blocked = self._line.blockSignals(True)
            self._line.currentPath = text
            self._line.blockSignals(blocked)

    def onPicked(self, text: str) -> None:
        """Store the path that was picked."""
        if self._panel.parameterNode is not None:
            setattr(self._panel.parameterNode, self._parameter, Path(text.strip()).expanduser())


def defaultCaseBase() -> Path:
    """Return the file that is offered for a case base."""
    return Path.home() / "MedDeep cases" / "cases.sqlite"
