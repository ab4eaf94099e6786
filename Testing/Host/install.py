"""Puts the host in place of the Slicer application, and takes it away again."""

import importlib
import os
import sys

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import slicer
import slicer.util
import vtk

from MedDeepRegSegLib.mrml import scene as mrml_scene

from . import dialogs, pip_calls, pythonqt, slicer_source
from .ctk_module import make_ctk
from .qt_module import make_qt

# Names in `slicer` and modules in `sys.modules` that the host replaces while it is installed.
_STAND_INS = {
    "slicer.i18n": "Host.i18n",
    "slicer.testing": "Host.testing_standin",
    "slicer.packaging": "Host.packaging_standin",
    "slicer.ScriptedLoadableModule": "Host.scripted_module",
    "slicer.parameterNodeWrapper": "Host.parameter_node",
}
_MISSING = object()


class _State:
    """The host that is installed, if any."""

    saved: dict | None = None
    observer = None
    app = None
    nodes: frozenset = frozenset()


def is_installed() -> bool:
    """Return whether the host stands in for Slicer now."""
    return _State.saved is not None


def install_host():
    """Make ``slicer.app``, ``slicer.modules``, ``qt``, ``ctk`` and what scripted modules import from ``slicer``.

    Safe to call any number of times.

    Returns
    -------
    qSlicerApplication
        ``slicer.app``.
    """
    if is_installed():
        return slicer.app
    scene = mrml_scene.headless_scene()
    logic = mrml_scene.application_logic()
    _State.saved = {
        "slicer": {name: getattr(slicer, name, _MISSING) for name in _slicer_names()},
        "modules": {name: sys.modules.get(name, _MISSING) for name in _module_names()},
    }
    _State.nodes = frozenset(node.GetID() for node in slicer.util.getNodesByClass("vtkMRMLNode"))
    try:
        _install(scene, logic)
    except BaseException:
        uninstall_host()
        raise
    return slicer.app


def uninstall_host() -> None:
    """Take the host away; the scene is emptied. ``slicer`` is then as it was before :func:`install_host`."""
    if not is_installed():
        return
    if getattr(slicer, "app", None) is not None:
        for name in list(slicer.app.moduleManager().modulesNames()):
            slicer.app.moduleManager()._unregister(name)
        slicer.app._close()
    if _State.observer is not None:
        slicer.mrmlScene.RemoveObserver(_State.observer)
        _State.observer = None
    for name, value in _State.saved["slicer"].items():
        if value is not _MISSING:
            setattr(slicer, name, value)
        elif hasattr(slicer, name):
            delattr(slicer, name)
    for name, value in _State.saved["modules"].items():
        sys.modules.pop(name, None)
        if value is not _MISSING:
            sys.modules[name] = value
    _State.saved = None
    mrml_scene.clear_scene()
    for node in [node for node in slicer.util.getNodesByClass("vtkMRMLNode") if node.GetID() not in _State.nodes]:
        slicer.mrmlScene.RemoveNode(node)


def _slicer_names() -> list[str]:
    return ["app", "modules", "moduleNames", "selfTests", "util", *(name.split(".")[1] for name in _STAND_INS)]


def _module_names() -> list[str]:
    effects = ["SegmentEditorEffects", "qSlicerSegmentationsEditorEffectsPythonQt"]
    return ["qt", "ctk", "SampleData", "slicer.util", "slicer.modules", *effects, *_STAND_INS]


def _install(scene, logic) -> None:
    headless_modules = slicer.modules
    if slicer.util.__name__ not in sys.modules:
        importlib.import_module("slicer.util")
    sys.modules["qt"] = make_qt()
    sys.modules["ctk"] = make_ctk()
    from . import application, modules, mrml_widgets, segment_editor  # noqa: F401 (one fills the table of widgets)
    from .ui_loader import HOST_WIDGETS

    for name, cls in HOST_WIDGETS.items():
        if name.startswith("q"):
            setattr(slicer, name, cls)
    for cls in vars(modules).values():
        if isinstance(cls, type) and cls.__name__.startswith("qSlicer"):
            setattr(slicer, cls.__name__, cls)
    if _State.app is None:
        _State.app = application.qSlicerApplication()
    slicer.modules = modules.Modules()
    slicer.moduleNames = modules.ModuleNames()
    slicer.app = _State.app
    slicer.app._open(logic)
    for name, entry in vars(headless_modules).items():
        module = modules.qSlicerCoreModule(name, entry.logic())
        setattr(slicer.modules, name, module)
        setattr(slicer.moduleNames, name, name)
        slicer.app.moduleManager()._register(module)
    _State.observer = scene.AddObserver(slicer.vtkMRMLScene.EndCloseEvent, _after_close)
    sys.modules.update(segment_editor.install())
    _load_python_parts()


def _load_python_parts() -> None:
    source = slicer_source.source_folder()
    if source is not None:
        found = slicer_source.names(source)
        for name in slicer_source.MODULES:
            if name in found:
                slicer_source.load(source, name)
            else:
                slicer_source.hide(name)
        _record_pip()
        slicer_source.load_scripted(source, "SampleData")
        return
    for name, stand_in in _STAND_INS.items():
        module = importlib.import_module(stand_in)
        sys.modules[name] = module
        setattr(slicer, name.split(".")[1], module)
    sys.modules["SampleData"] = importlib.import_module("Host.sample_data")


def _record_pip() -> None:
    """Keep Slicer's own packaging code from running pip."""
    # The function is private in Slicer 5.10.
    runner = "executePythonModule" if hasattr(slicer.util, "executePythonModule") else "_executePythonModule"
    original = getattr(slicer.util, runner)

    def execute(module, args, *rest, **options):
        if module != "pip":
            return original(module, args, *rest, **options)
        pip_calls.PIP_CALLS.append(list(args))
        completed = options.get("completedCallback")
        if completed is not None:
            completed(0)
        return None

    setattr(slicer.util, runner, execute)


def _after_close(_caller, _event) -> None:
    """Do what the application does when the scene was closed: default colors and the subject hierarchy come back."""
    verbosity = vtk.vtkLogger.GetCurrentVerbosityCutoff()
    vtk.vtkLogger.SetStderrVerbosity(vtk.vtkLogger.VERBOSITY_OFF)
    try:
        slicer.app.applicationLogic().GetColorLogic().AddDefaultColorNodes()
    finally:
        vtk.vtkLogger.SetStderrVerbosity(verbosity)
    slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)


def forget() -> None:
    """Forget recorded dialogs, pip calls and errors in slots (between tests)."""
    dialogs.DIALOGS.clear()
    pip_calls.PIP_CALLS.clear()
    pythonqt.take_slot_errors()
