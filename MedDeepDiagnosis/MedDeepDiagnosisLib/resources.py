"""Where the files that ship with the diagnosis module lie."""

from pathlib import Path

from MedDeepRegSegLib import resources

_LIBRARY = Path(__file__).resolve().parent


def resource_path(*parts: str) -> Path:
    """Return the path of a resource of the diagnosis module; see :func:`MedDeepRegSegLib.resources.resource_path`."""
    return resources.resource_path(*parts, library=_LIBRARY)
