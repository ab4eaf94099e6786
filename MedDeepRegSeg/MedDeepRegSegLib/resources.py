"""Where the files that ship with the extension lie, in Slicer and in an installed Python package."""

from pathlib import Path

_LIBRARY = Path(__file__).resolve().parent


def resource_path(*parts: str, library: Path = _LIBRARY) -> Path:
    """Return the path of a shipped resource.

    In a source tree and in Slicer the ``Resources`` folder is a neighbor of the library folder; in an
    installed wheel it lies inside the library folder.

    Parameters
    ----------
    parts:
        Path below ``Resources``, for example ``("UI", "MedDeepRegSeg.ui")``.
    library:
        Folder of the library whose resources are meant.

    Raises
    ------
    FileNotFoundError
        If the resource does not exist: the installation is incomplete.
    """
    candidates = [folder.joinpath("Resources", *parts) for folder in (library.parent, library)]
    for candidate in candidates:
        if candidate.exists():
            return candidate
    msg = f"resource {'/'.join(parts)} is missing (looked at {', '.join(map(str, candidates))}): reinstall MedDeep"
    raise FileNotFoundError(msg)
