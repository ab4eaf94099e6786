"""Path lines of the panels: what was typed or chosen, where paths are not kept in the scene: they lie on this computer."""

from pathlib import Path


def pathOf(line) -> Path | None:
    """Return the path in a ``ctkPathLineEdit``, or None where it is empty."""
    text = line.currentPath.strip()
    return Path(text).expanduser() if text not in {"", "."} else None


def setPath(line, path) -> None:
    """Show a path, and offer it again later."""
    line.setCurrentPath(str(path))
    line.addCurrentPathToHistory()


def holdsFiles(folder: Path) -> bool:
    """Whether a path is a file, or a folder that is not empty."""
    try:
        return folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    except OSError:  # may not be looked into
        return True
