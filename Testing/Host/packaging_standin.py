"""Stand-in for ``slicer.packaging``, written anew. It asks as Slicer asks, but never installs: it records."""

import importlib.metadata
from pathlib import Path

import slicer
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .pip_calls import PIP_CALLS

__all__ = ["canonicalize_name", "load_requirements", "pip_check", "pip_ensure", "pip_install", "pip_uninstall"]


def load_requirements(path):
    """Return the requirements of a requirements file."""
    lines = (line.split("#")[0].strip() for line in Path(path).read_text(encoding="utf-8").splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("-")]


def _requirements(requirements):
    given = [requirements] if isinstance(requirements, str | Requirement) else requirements
    return [entry if isinstance(entry, Requirement) else Requirement(entry) for entry in given]


def pip_check(req, _seen=None):
    """Return whether requirements are installed."""
    for requirement in _requirements(req):
        if requirement.marker is not None and not requirement.marker.evaluate():
            continue
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            return False
        if not requirement.specifier.contains(version, prereleases=True):
            return False
    return True


def pip_ensure(  # noqa: PLR0917 (Slicer's signature)
    requirements,
    constraints=None,
    skip_packages=None,
    prompt_install=True,
    prompt_restart=True,
    requester=None,
    skip_in_testing=True,
    show_progress=True,
):
    """Ask for packages that are missing and install them (here: record that they would be)."""
    missing = [requirement for requirement in _requirements(requirements) if not pip_check(requirement)]
    if not missing or (skip_in_testing and slicer.app.testingEnabled()):
        return None
    names = "\n".join(f"- {requirement}" for requirement in missing)
    if prompt_install:
        text = f"{len(missing)} Python packages need to be installed. Continue?"
        if not slicer.util.confirmOkCancelDisplay(text, requester or "Install Python Packages", detailedText=names):
            msg = "User declined package installation"
            raise RuntimeError(msg)
    return pip_install(
        [str(requirement) for requirement in missing],
        constraints=constraints,
        skip_packages=skip_packages,
        show_progress=show_progress,
        requester=requester,
    )


def pip_install(  # noqa: PLR0917 (Slicer's signature)
    requirements,
    constraints=None,
    no_deps_requirements=None,
    skip_packages=None,
    blocking=True,
    show_progress=True,
    requester=None,
    logCallback=None,
    completedCallback=None,
):
    """Record the call."""
    given = [requirements] if isinstance(requirements, str) else list(requirements)
    PIP_CALLS.append(["install", *given])
    if completedCallback is not None:
        completedCallback(0)


def pip_uninstall(requirements, blocking=True, logCallback=None, completedCallback=None):
    """Record the call."""
    given = [requirements] if isinstance(requirements, str) else list(requirements)
    PIP_CALLS.append(["uninstall", *given])
    if completedCallback is not None:
        completedCallback(0)


def isPipInstallInProgress():
    """Return whether packages are being installed."""
    return False
