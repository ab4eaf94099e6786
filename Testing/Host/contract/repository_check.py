"""Checks everything in the extension that talks to Slicer; no list of files is needed."""

from pathlib import Path

from .api import Api
from .code_check import CodeCheck, widgets_by_name
from .ui_check import check_ui_file

REPOSITORY = Path(__file__).resolve().parents[3]


def module_folders(repository: Path = REPOSITORY) -> list[Path]:
    """Return the folders of the scripted modules: those with a file of the folder's name in them."""
    return sorted(path for path in repository.iterdir() if (path / f"{path.name}.py").is_file())


def python_files(folder: Path) -> list[Path]:
    """Return the files of a module that may use Slicer: its own, the panels and the MRML border."""
    library = folder / f"{folder.name}Lib"
    return [
        folder / f"{folder.name}.py",
        *sorted(library.glob("panels/**/*.py")),
        *sorted(library.glob("mrml/**/*.py")),
        *([] if (library / "panels").is_dir() else sorted(library.glob("*.py"))),
    ]


def ui_files(folder: Path) -> list[Path]:
    """Return the .ui files of a module."""
    return sorted((folder / "Resources" / "UI").glob("*.ui"))


def check_repository(api: Api, repository: Path = REPOSITORY) -> list[str]:
    """Return all problems of the extension's modules, each as ``file:line: problem``."""
    import slicer

    folders = module_folders(repository)
    problems = []
    for folder in folders:
        for path in ui_files(folder):
            problems += check_ui_file(path, api, path.relative_to(repository).as_posix())
        widgets = widgets_by_name(ui_files(folder))
        for path in python_files(folder):
            check = CodeCheck(
                api,
                widgets=widgets,
                scripted_modules=[module.name for module in folders],
                slicer=slicer,
                logic_class=logic_class,
                signatures=signatures,
            )
            problems += check.check(path.read_text(encoding="utf-8"), path.relative_to(repository).as_posix())
    return problems


def logic_class(module: str) -> str | None:
    """Return the class of the logic behind ``slicer.modules.<module>`` on slicer-core."""
    import slicer

    from MedDeepRegSegLib.mrml.scene import headless_scene

    headless_scene()
    found = getattr(slicer.modules, module, None)
    return found.logic().GetClassName() if found is not None else None


def signatures(class_name: str, signal: str) -> list[tuple[str, ...]] | None:
    """Return the argument lists of a signal, from Qt or from the host's own widgets."""
    from PySide6 import QtCore, QtGui, QtWidgets

    from .. import application, ctk_module, mrml_widgets  # noqa: F401 (they fill the table of host widgets)
    from ..pythonqt import _overloads
    from ..ui_loader import HOST_WIDGETS

    named = {**HOST_WIDGETS, "app": application.qSlicerApplication}
    cls = named.get(class_name) or next(
        (getattr(module, class_name) for module in (QtWidgets, QtCore, QtGui) if hasattr(module, class_name)), None
    )
    if cls is None or not issubclass(cls, QtCore.QObject):
        return None
    known = getattr(cls, "HOST_SIGNALS", {}).get(signal)
    if known is not None:
        return list(known)
    try:
        return _overloads(cls.staticMetaObject, signal) or None
    except RuntimeError:
        # PySide6 shares this object with the widgets of the class and may have deleted it with one of them.
        widget = cls()
        return _overloads(widget.metaObject(), signal) or None
