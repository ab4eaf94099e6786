"""Installs the Python packages that a task needs, with the user's consent, when they are first needed.

Tasks of networks need PyTorch, which the PyTorch extension installs in the build that fits the computer, and then what
``MedDeepRegSeg-networks-requirements.txt`` lists. No other task asks for it.
"""

import importlib.util
import logging
import subprocess
from pathlib import Path

import slicer
from slicer.i18n import tr as _

from MedDeepRegSegLib.errors import MissingPackageError

TORCH_VERSION = ">=2.4"
"""Versions of PyTorch that the networks run with."""


def ensureTorch(requester: str) -> None:
    """Ask for and install PyTorch through the PyTorch extension; do nothing where it is.

    PyTorch is not imported here, which takes seconds: the job's own process does that.

    Raises
    ------
    MissingPackageError
        If the extension is absent, the user declines, or the installation fails.
    """
    if hasTorch():
        return
    try:
        import PyTorchUtils
    except ImportError as error:
        raise MissingPackageError(_noExtension(requester)) from error
    try:
        torch = PyTorchUtils.PyTorchUtilsLogic().installTorch(
            askConfirmation=True, torchVersionRequirement=TORCH_VERSION
        )
    except Exception as error:  # whatever the extension and pip raise: connection, disk, a build that does not load
        logging.exception("PyTorch could not be installed")
        raise MissingPackageError(_failed([f"torch{TORCH_VERSION}"])) from error
    if torch is None:
        raise MissingPackageError(_declined([f"torch{TORCH_VERSION}"]))


def hasTorch() -> bool:
    """Return whether PyTorch is installed, without importing it."""
    importlib.invalidate_caches()
    return importlib.util.find_spec("torch") is not None


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

    missing, shown = [], []
    for line in requirements:
        requirement = Requirement(line)
        if requirement.marker is not None and not requirement.marker.evaluate():
            continue
        try:
            present = version(requirement.name)
        except PackageNotFoundError:
            missing.append(line)
            shown.append(line)
            continue
        if not requirement.specifier.contains(present, prereleases=True):
            missing.append(line)
            # It may be one that Slicer itself brings, so the user should know.
            shown.append(_("{package} (replaces version {version})").format(package=line, version=present))
    if not missing:
        return
    question = _("{requester} needs these Python packages: {packages}. Install them now?").format(
        requester=requester, packages=", ".join(shown)
    )
    if not slicer.util.confirmOkCancelDisplay(question):
        raise MissingPackageError(_declined(missing))
    try:
        slicer.util.pip_install(missing)
    except subprocess.CalledProcessError as error:
        raise MissingPackageError(_failed(missing)) from error


def _noExtension(requester: str) -> str:
    return _(
        "{requester} needs PyTorch for this, which the PyTorch extension installs: open View > Extensions Manager, install "
        "PyTorch, restart Slicer, then press the button again."
    ).format(requester=requester)


def _failed(requirements: list[str]) -> str:
    return _(
        "The packages {packages} could not be installed: check the connection to the package index (the Python console "
        "says more), then press the button again."
    ).format(packages=", ".join(requirements))


def _declined(requirements: list[str]) -> str:
    return _(
        "The packages {packages} are needed and were not installed: press the button again to install them."
    ).format(packages=", ".join(requirements))
