"""The MRML scene: the one of the application, or a real one without the application.

Inside 3D Slicer everything here works on ``slicer.mrmlScene`` as it is. With the ``slicer-core`` package alone
(no Qt, no application), :func:`headless_scene` builds what the application builds at start-up, as far as
it needs no windows: the scene, the application logic, default color and unit nodes, the subject hierarchy, and the
module logics behind ``slicer.modules.<name>.logic()``. Code written for Slicer then runs unchanged.
"""

import contextlib
import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import slicer
import slicer.util
import vtk

from MedDeepRegSegLib.errors import InputError

# Order matters: colors, units and terminologies are used by the logics after them. The names are those under
# ``slicer.modules`` in the application; the second column is the logic's class, the third the name under which other
# logics look it up (``vtkMRMLApplicationLogic.GetModuleLogic``).
_MODULE_LOGICS = (
    ("colors", "vtkSlicerColorLogic", "Colors"),
    ("units", "vtkSlicerUnitsLogic", "Units"),
    ("terminologies", "vtkSlicerTerminologiesModuleLogic", "Terminologies"),
    ("subjecthierarchy", "vtkSlicerSubjectHierarchyModuleLogic", "SubjectHierarchy"),
    ("segmentations", "vtkSlicerSegmentationsModuleLogic", "Segmentations"),
    ("volumes", "vtkSlicerVolumesLogic", "Volumes"),
    ("markups", "vtkSlicerMarkupsLogic", "Markups"),
    ("transforms", "vtkSlicerTransformLogic", "Transforms"),
    ("tables", "vtkSlicerTablesLogic", "Tables"),
    ("models", "vtkSlicerModelsLogic", "Models"),
    ("cameras", "vtkSlicerCamerasModuleLogic", "Cameras"),
    ("plots", "vtkSlicerPlotsLogic", "Plots"),
    ("texts", "vtkSlicerTextsLogic", "Texts"),
    ("sequences", "vtkSlicerSequencesLogic", "Sequences"),
    ("volumerendering", "vtkSlicerVolumeRenderingLogic", "VolumeRendering"),
    ("cropvolume", "vtkSlicerCropVolumeLogic", "CropVolume"),
)
# Written into scene files: the oldest Slicer that we support, so that no supported Slicer warns of a foreign scene.
_SCENE_VERSION = "Slicer 5.10.0 31053"


class HeadlessModule:
    """What ``slicer.modules.<name>`` is without the application: a name and a logic."""

    def __init__(self, name: str, logic) -> None:
        self.name = name
        self._logic = logic

    def logic(self):
        """Return the logic of the module."""
        return self._logic


class HeadlessModules:
    """What ``slicer.modules`` is without the application. Modules are attributes."""


class _Host:
    """Holds the objects that must live as long as the process; one per process."""

    application_logic = None
    folder: str | None = None
    kept: tuple = ()


def in_application() -> bool:
    """Return whether this runs inside the Slicer application (or behind a stand-in for ``slicer.app``)."""
    return getattr(slicer, "app", None) is not None


def headless_scene():
    """Return the scene, and build it first where there is no application.

    Safe to call any number of times. Inside the application this only returns ``slicer.mrmlScene``.

    Returns
    -------
    vtkMRMLScene
        The scene that ``slicer.util`` works on.
    """
    if in_application() or _Host.application_logic is not None:
        return slicer.mrmlScene
    scene = slicer.vtkMRMLScene()
    scene.SetVersion(_SCENE_VERSION)
    application_logic = slicer.vtkSlicerApplicationLogic()
    _Host.folder = tempfile.mkdtemp(prefix="meddeep-scene-")
    _remove_at_exit(_Host.folder)
    application_logic.SetTemporaryPath(_Host.folder)
    application_logic.SetHomeDirectory(_Host.folder)
    application_logic.SetShareDirectory("")
    application_logic.SetMRMLScene(scene)
    remote_io = slicer.vtkMRMLRemoteIOLogic()  # scene bundles (.mrb) are unpacked in its cache folder
    remote_io.SetMRMLApplicationLogic(application_logic)
    remote_io.SetMRMLScene(scene)
    remote_io.GetCacheManager().SetRemoteCacheDirectory(_Host.folder)
    data_io = slicer.vtkDataIOManagerLogic()
    data_io.SetMRMLApplicationLogic(application_logic)
    application_logic.SetMRMLSceneDataIO(scene, remote_io, data_io)
    _Host.kept = (remote_io, data_io)
    slicer.mrmlScene = scene
    modules = HeadlessModules()
    with _no_vtk_messages():  # the color tables and terminologies that only the application ships are reported missing
        for name, class_name, lookup_name in _MODULE_LOGICS:
            logic = getattr(slicer, class_name)()
            if name == "colors":
                application_logic.SetColorLogic(logic)
            application_logic.SetModuleLogic(lookup_name, logic)
            logic.SetMRMLApplicationLogic(application_logic)
            logic.SetMRMLScene(scene)
            setattr(modules, name, HeadlessModule(name, logic))
    slicer.modules = modules
    _Host.application_logic = application_logic
    slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    return scene


def application_logic():
    """Return the application logic: selection node, color logic, slice logics."""
    if in_application():
        return slicer.app.applicationLogic()
    headless_scene()
    return _Host.application_logic


def subject_hierarchy():
    """Return the subject hierarchy node of the scene."""
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(headless_scene())


def clear_scene() -> None:
    """Remove all nodes but the singletons (views, selection, default colors), as File / Close Scene does."""
    scene = headless_scene()
    scene.Clear(False)
    if not in_application():
        _restore_singletons(scene)


def _restore_singletons(scene) -> None:
    """Bring back what the application keeps in every scene, after someone removed the singletons too."""
    logics = []
    if scene.GetFirstNodeByClass("vtkMRMLSelectionNode") is None:
        logics.append(_Host.application_logic)
    if scene.GetFirstNodeByClass("vtkMRMLUnitNode") is None:
        logics.append(slicer.modules.units.logic())
    with _no_vtk_messages():
        for logic in logics:  # they add their nodes when they get to see a scene
            logic.SetMRMLScene(None)
            logic.SetMRMLScene(scene)
        slicer.modules.colors.logic().AddDefaultColorNodes()
    subject_hierarchy()


def add_view_nodes() -> None:
    """Add the nodes of the application's standard views (red, green, yellow, 3D) and a four-up layout where absent.

    A scene that was made without the application then opens in it with its volumes shown.
    """
    scene = headless_scene()
    if in_application():
        return
    layout = scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    if layout is None or layout.GetViewArrangement() in {layout.SlicerLayoutInitialView, layout.SlicerLayoutNone}:
        slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene)
        logic = slicer.vtkMRMLLayoutLogic()  # knows the standard layouts and adds the view nodes that they need
        logic.SetMRMLScene(scene)
        logic.GetLayoutNode().SetViewArrangement(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
        logic.SetMRMLScene(None)
    if scene.GetFirstNodeByClass("vtkMRMLCameraNode") is None:
        scene.AddNewNodeByClass("vtkMRMLCameraNode", "Default Scene Camera").SetLayoutName("1")
    for slice_node in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
        name = slice_node.GetLayoutName()
        if scene.GetSingletonNode(name, "vtkMRMLSliceCompositeNode") is None:
            composite = slicer.vtkMRMLSliceCompositeNode()
            composite.SetName(name)
            composite.SetSingletonTag(name)
            composite.SetLayoutName(name)
            scene.AddNode(composite)


def save_scene(path: str | os.PathLike) -> Path:
    """Save the scene with all its data so that Slicer opens it anywhere.

    Parameters
    ----------
    path:
        ``NAME.mrb`` (one file), or ``NAME.mrml`` with the data in ``NAME-data`` beside it (relative paths). An older
        scene of that name is replaced, and only when the new one is complete. File names inside come from node
        names and are unique; the storage nodes of the scene keep the file names they had.

    Returns
    -------
    Path
        The scene file.

    Raises
    ------
    InputError
        If the name ends otherwise, or if a node could not be written; the message holds Slicer's reason.
    """
    final = Path(path).expanduser().absolute()
    if final.suffix.lower() not in {".mrb", ".mrml"}:
        msg = f"scene file is named {final.name}, expected a name that ends with .mrb or .mrml"
        raise InputError(msg)
    final.parent.mkdir(parents=True, exist_ok=True)
    add_view_nodes()
    messages = slicer.vtkMRMLMessageCollection()
    with tempfile.TemporaryDirectory(prefix=".scene-", dir=final.parent) as folder:
        written = Path(folder) / final.name
        bundle = Path(folder) / "bundle" / "scene"
        bundle.mkdir(parents=True)
        saved = application_logic().SaveSceneToSlicerDataBundleDirectory(str(bundle), None, messages)
        _check_saved(saved, messages, final)
        if final.suffix.lower() == ".mrb":
            _zip(bundle, written, final.stem)
        else:
            data = final.with_name(f"{final.stem}-data")
            _replace_folder(bundle / "Data", data)
            text = (bundle / "scene.mrml").read_text(encoding="utf-8")
            # Slicer percent-decodes file names in scene files, but letters beyond ASCII must stand as they are.
            encoded = "".join(quote(letter) if letter.isascii() else letter for letter in data.name)
            text = re.sub(r'((?:fileName|fileListMember\d+)=")Data/', lambda match: f"{match[1]}{encoded}/", text)
            written.write_text(text, encoding="utf-8")
        os.replace(written, final)
    return final


def _zip(folder: Path, target: Path, name: str) -> None:
    """Write a scene bundle. Slicer's own function for it changes the working directory of the process, this does not."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry in sorted(folder.rglob("*")):
            inside = entry.relative_to(folder)
            inside = Path(f"{name}.mrml") if inside == Path("scene.mrml") else inside
            archive.write(entry, Path(name) / inside)


def load_scene(path: str | os.PathLike):
    """Replace the scene by the one in a ``.mrml`` or ``.mrb`` file.

    Returns
    -------
    vtkMRMLScene
        The scene.

    Raises
    ------
    InputError
        If the file is absent or is no scene; the scene is then empty.
    """
    source = Path(path).expanduser().absolute()
    if not source.is_file() or source.suffix.lower() not in {".mrb", ".mrml"}:
        msg = f"{source} is no scene file, expected an existing .mrml or .mrb file"
        raise InputError(msg)
    scene = headless_scene()
    clear_scene()
    with tempfile.TemporaryDirectory(prefix="meddeep-bundle-") as folder:
        file = _unzip(source, Path(folder)) if source.suffix.lower() == ".mrb" else source
        messages = slicer.vtkMRMLMessageCollection()
        scene.SetURL(str(file))
        with _no_vtk_messages():  # they are in the collection
            loaded = scene.Import(messages)
    if not loaded or messages.GetNumberOfMessagesOfType(vtk.vtkCommand.ErrorEvent):
        msg = f"scene {source} could not be read: {messages.GetAllMessagesAsString().strip() or 'no scene in it'}"
        raise InputError(msg)
    scene.SetURL(str(source))
    return scene


def _unzip(source: Path, folder: Path) -> Path:
    """Unpack a scene bundle and return its scene file."""
    try:
        with zipfile.ZipFile(source) as archive:
            archive.extractall(folder)
    except (zipfile.BadZipFile, OSError) as error:
        msg = f"scene {source} could not be read: it is no scene bundle ({error})"
        raise InputError(msg) from error
    found = sorted(folder.rglob("*.mrml"), key=lambda path: (len(path.parts), path))
    if not found:
        msg = f"scene {source} could not be read: there is no .mrml file in it"
        raise InputError(msg)
    return found[0]


def _check_saved(saved, messages, final: Path) -> None:
    if not saved or messages.GetNumberOfMessagesOfType(vtk.vtkCommand.ErrorEvent):
        reason = messages.GetAllMessagesAsString().strip() or "no reason was given"
        msg = f"scene could not be saved as {final}: {reason}"
        raise InputError(msg)


def _replace_folder(source: Path, target: Path) -> None:
    """Move a folder to where another may be, leaving the older one in place if the move fails."""
    if not target.exists():
        os.replace(source, target)
        return
    old = source.with_name("old-data")
    os.replace(target, old)
    try:
        os.replace(source, target)
    except OSError:
        os.replace(old, target)
        raise


def _remove_at_exit(folder: str) -> None:
    import atexit

    atexit.register(shutil.rmtree, folder, ignore_errors=True)


@contextlib.contextmanager
def _no_vtk_messages() -> Iterator[None]:
    """Silence VTK's console messages for a step whose complaints are known and harmless."""
    before = vtk.vtkLogger.GetCurrentVerbosityCutoff()
    shown = vtk.vtkObject.GetGlobalWarningDisplay()
    vtk.vtkLogger.SetStderrVerbosity(vtk.vtkLogger.VERBOSITY_OFF)
    vtk.vtkObject.GlobalWarningDisplayOff()
    try:
        yield
    finally:
        vtk.vtkLogger.SetStderrVerbosity(before)
        vtk.vtkObject.SetGlobalWarningDisplay(shown)
