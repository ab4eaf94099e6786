"""Slicer's own Python files in place of the stand-ins.

When the environment variable MEDDEEP_SLICER_SOURCE names a checkout of Slicer's source code, the host loads Slicer's
``ScriptedLoadableModule``, ``parameterNodeWrapper``, ``i18n``, ``packaging``, ``testing`` and ``util`` from there, on
the same ``qt`` and ``ctk``. The same tests then show that the stand-ins behave as Slicer does.
"""

import importlib.util
import os
import sys
from pathlib import Path

import slicer

VARIABLE = "MEDDEEP_SLICER_SOURCE"
# In the order in which they import each other. Slicer 5.10 has no ``packaging``.
MODULES = ("util", "i18n", "testing", "packaging", "ScriptedLoadableModule", "parameterNodeWrapper")


def source_folder() -> Path | None:
    """Return the checkout, or None if the variable is not set.

    Raises
    ------
    FileNotFoundError
        If the variable names something else than a checkout.
    """
    named = os.environ.get(VARIABLE)
    if not named:
        return None
    folder = Path(named)
    if not (folder / "Base" / "Python" / "slicer" / "util.py").is_file():
        msg = f"{VARIABLE} is {named}, expected a checkout of Slicer's source code (with Base/Python/slicer/util.py)"
        raise FileNotFoundError(msg)
    return folder


def names(folder: Path) -> list[str]:
    """Return those of :data:`MODULES` that this version of Slicer has."""
    python = folder / "Base" / "Python" / "slicer"
    return [name for name in MODULES if (python / f"{name}.py").is_file() or (python / name).is_dir()]


def hide(name: str) -> None:
    """Make ``slicer.<name>`` absent, also where slicer-core would bring it."""
    sys.modules[f"slicer.{name}"] = None
    if hasattr(slicer, name):
        delattr(slicer, name)


def load(folder: Path, name: str):
    """Load one of Slicer's modules as ``slicer.<name>``."""
    return _load(f"slicer.{name}", folder / "Base" / "Python" / "slicer" / name)


def load_scripted(folder: Path, name: str):
    """Load the code of one of Slicer's scripted modules under its own name."""
    return _load(name, folder / "Modules" / "Scripted" / name / name)


def _load(full_name: str, path: Path):
    package = path.is_dir()
    file = path / "__init__.py" if package else path.with_suffix(".py")
    spec = importlib.util.spec_from_file_location(
        full_name, file, submodule_search_locations=[str(path)] if package else None
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules[full_name] = module
    if full_name.startswith("slicer."):
        setattr(slicer, full_name.removeprefix("slicer."), module)
    spec.loader.exec_module(module)
    return module


def keep_parameter_nodes() -> None:
    """Keep what Slicer 5.10 leaves observed from being thrown away, for modules that leave it so: VTK would call it."""
    wrapper = sys.modules.get("slicer.parameterNodeWrapper.wrapper")
    if wrapper is None or source_folder() is None or "packaging" in names(source_folder()):
        return
    original, kept = wrapper._connectParametersToGui, []

    def connect(self, mapping):
        kept.append(self)
        return original(self, mapping)

    wrapper._connectParametersToGui = connect
