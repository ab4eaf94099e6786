"""Installs the Python packages that a task needs, with the user's consent, when they are first needed."""

import subprocess
from pathlib import Path

import slicer
from slicer.i18n import tr as _

from MedDeepRegSegLib.errors import MissingPackageError


def ensurePackages(requirementsFile: Path | str, requester: str) -> None:
    """Ask for and install the packages of a requirements file that are missing; do nothing if none is.

    Slicer's packaging functions are used where they are (5.11 and newer); older versions are asked with a
    plain dialog.

    Raises
    ------
    MissingPackageError
        If the user declines or the installation fails.
    """
    requirements = [
        line.split("#")[0].strip()
        for line in Path(requirementsFile).read_text(encoding="utf-8").splitlines()
        if line.split("#")[0].strip()
    ]
    if not requirements:
        return
    try:
        from slicer import packaging
    except ImportError:
        _ensureWithoutPackaging(requirements, requester)
        return
    try:
        packaging.pip_ensure(requirements, requester=requester)
    except subprocess.CalledProcessError as error:
        raise MissingPackageError(_failed(requirements)) from error
    except RuntimeError as error:
        raise MissingPackageError(_declined(requirements)) from error


def _ensureWithoutPackaging(requirements: list[str], requester: str) -> None:
    from importlib.metadata import PackageNotFoundError, version

    from packaging.requirements import Requirement

    missing = []
    for line in requirements:
        requirement = Requirement(line)
        try:
            if not requirement.specifier.contains(version(requirement.name), prereleases=True):
                missing.append(line)
        except PackageNotFoundError:
            missing.append(line)
    if not missing:
        return
    question = _("{requester} needs these Python packages: {packages}. Install them now?").format(
        requester=requester, packages=", ".join(missing)
    )
    if not slicer.util.confirmOkCancelDisplay(question):
        raise MissingPackageError(_declined(missing))
    try:
        slicer.util.pip_install(missing)
    except subprocess.CalledProcessError as error:
        raise MissingPackageError(_failed(missing)) from error


def _failed(requirements: list[str]) -> str:
    return _(
        "The packages {packages} could not be installed: check the connection to the package index (the Python console "
        "says more), then press the button again."
    ).format(packages=", ".join(requirements))


def _declined(requirements: list[str]) -> str:
    return _(
        "The packages {packages} are needed and were not installed: press the button again to install them."
    ).format(packages=", ".join(requirements))
