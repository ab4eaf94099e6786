"""The Segment Editor for scripted effects: the real logic, node and undo history of slicer-core around a stand-in widget.

:class:`SegmentEditor` stands for the module: it activates an effect and sends it what the user does in a slice view.
"""

import importlib.util
import sys
import types
from pathlib import Path

import slicer
import vtk
from PySide6 import QtCore, QtGui, QtWidgets

from . import slicer_source

EFFECTS_MODULE = "qSlicerSegmentationsEditorEffectsPythonQt"


class AbstractScriptedSegmentEditorEffect:
    """The base of scripted effects."""

    def __init__(self, scriptedEffect):
        self.scriptedEffect = scriptedEffect

    def register(self):
        slicer.qSlicerSegmentEditorEffectFactory.instance().registerEffect(self.scriptedEffect)

    def cleanup(self):
        pass

    def xyToRas(self, xy, viewWidget):
        ras = self.scriptedEffect.xyToRas(QtCore.QPoint(xy[0], xy[1]), viewWidget)
        return [ras.x(), ras.y(), ras.z()]


class qSlicerSegmentEditorEffectFactory:
    """Keeps the effects that editors copy."""

    _instance = None

    def __init__(self) -> None:
        self._effects = []

    @classmethod
    def instance(cls):
        if cls._instance is None:
            cls._instance = cls()
        return cls._instance

    def registerEffect(self, effect) -> None:
        self._effects.append(effect)

    def registeredEffects(self):
        return tuple(self._effects)


class qSlicerSegmentEditorScriptedEffect(QtCore.QObject):
    """The C++ half of a scripted effect."""

    NotConfirmed, ConfirmedWithoutDialog, ConfirmedWithDialog = 0, 1, 2
    ModificationModeSet, ModificationModeAdd, ModificationModeRemove, ModificationModeRemoveAll = 0, 1, 2, 3

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self.name = self.title = ""
        self.perSegment = True
        self._editor = self._python = None
        self._frame = QtWidgets.QWidget()
        self._frame.setLayout(QtWidgets.QFormLayout())

    def setPythonSource(self, source: str) -> bool:
        """Load a file and make its class, by Slicer's rules of names."""
        path = Path(source)
        module_name, class_name = path.parent.name, path.stem
        module = sys.modules.get(module_name)
        if not hasattr(module, class_name):
            spec = importlib.util.spec_from_file_location(module_name, path)
            module = importlib.util.module_from_spec(spec)
            sys.modules[module_name] = module
            spec.loader.exec_module(module)
        self._python = getattr(module, class_name)(self)
        return True

    def self(self):
        return self._python

    # What the editor gives

    def parameterSetNode(self):
        return self._editor.node if self._editor is not None else None

    def active(self) -> bool:
        return self._editor is not None and self._editor.activeEffect is self

    def parameter(self, name: str) -> str:
        return self.parameterSetNode().GetAttribute(f"{self.name}.{name}") or ""

    def parameterDefined(self, name: str) -> bool:
        return self.parameterSetNode().GetAttribute(f"{self.name}.{name}") is not None

    def setParameter(self, name: str, value) -> None:
        self.parameterSetNode().SetAttribute(f"{self.name}.{name}", str(value))

    def setParameterDefault(self, name: str, value) -> None:
        if self.parameterSetNode().GetAttribute(f"{self.name}.{name}") is None:
            self.setParameter(name, value)

    def nodeReference(self, name: str):
        return self.parameterSetNode().GetNodeReference(f"{self.name}.{name}")

    def setNodeReference(self, name: str, node) -> None:
        self.parameterSetNode().SetNodeReferenceID(f"{self.name}.{name}", node.GetID() if node is not None else None)

    def addOptionsWidget(self, widget) -> None:
        self._frame.layout().addRow(widget)

    def optionsFrame(self):
        return self._frame

    def confirmCurrentSegmentVisible(self) -> int:
        return self.ConfirmedWithoutDialog

    def defaultModifierLabelmap(self):
        self._editor.logic.ResetModifierLabelmapToDefault()
        return self._editor.logic.GetModifierLabelmap()

    def sourceVolumeImageData(self):
        self._editor.logic.UpdateAlignedSourceVolume()
        return self._editor.logic.GetAlignedSourceVolume()

    def saveStateForUndo(self) -> None:
        self._editor.logic.SaveStateForUndo()

    def modifySelectedSegmentByLabelmap(self, labelmap, mode: int, bypass: bool = False) -> None:
        node, names = self.parameterSetNode(), ("Set", "Add", "Remove", "RemoveAll")
        chosen = getattr(slicer.vtkSlicerSegmentEditorLogic, f"ModificationMode{names[mode]}")
        self._editor.logic.ModifySegmentByLabelmap(
            node.GetSegmentationNode(), node.GetSelectedSegmentID(), labelmap, chosen, self.perSegment, bypass
        )

    def xyToRas(self, xy, viewWidget):
        point = viewWidget.mrmlSliceNode().GetXYToRAS().MultiplyPoint((xy.x(), xy.y(), 0.0, 1.0))
        return QtGui.QVector3D(*point[:3])


class SliceView:
    """A slice view as effects get it."""

    def __init__(self, widget) -> None:
        self._widget = widget

    def className(self) -> str:
        return "qMRMLSliceWidget"

    def mrmlSliceNode(self):
        return self._widget.mrmlSliceNode()

    def sliceLogic(self):
        return self._widget.sliceLogic()


class SegmentEditor:
    """The module Segment Editor with one effect.

    Parameters
    ----------
    volume, segmentation:
        Source volume and segmentation node.
    """

    def __init__(self, volume, segmentation) -> None:
        self.node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
        self.logic = slicer.vtkSlicerSegmentEditorLogic()
        self.logic.SetMRMLScene(slicer.mrmlScene)
        self.logic.SetSegmentEditorNode(self.node)
        self.logic.SetMaximumNumberOfUndoStates(10)
        self.logic.SetSegmentationNode(segmentation)
        self.logic.SetSourceVolumeNode(volume)
        segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
        self.activeEffect = None
        self._effects = []
        self.interactor = vtk.vtkGenericRenderWindowInteractor()
        self.view = SliceView(slicer.app.layoutManager().sliceWidget("Red"))
        self.view.sliceLogic().GetSliceCompositeNode().SetBackgroundVolumeID(volume.GetID())
        self.view.mrmlSliceNode().SetDimensions(300, 300, 1)
        self.view.sliceLogic().FitSliceToBackground()
        self._tag = self.node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._on_node)

    def effect(self, registered):
        """Return the editor's own copy of a registered effect, with its options frame."""
        made = registered.self().clone()
        made._editor = self
        made.self().setMRMLDefaults()
        made.self().setupOptionsFrame()
        self._effects.append(made)
        return made

    def activate(self, effect) -> None:
        """Make an effect the active one; None leaves the present one."""
        if self.activeEffect is not None:
            self.activeEffect.self().deactivate()
        self.activeEffect = effect
        if effect is not None:
            effect.self().activate()

    def send(self, event: str, ras=None, *, key: str = "", control: bool = False, shift: bool = False) -> bool:
        """Send an event of the Red slice view to the active effect, at a place in the world; returns whether it took it."""
        x = y = 0
        if ras is not None:
            self.view.sliceLogic().SetSliceOffset(ras[2])
            inverse = vtk.vtkMatrix4x4()
            vtk.vtkMatrix4x4.Invert(self.view.mrmlSliceNode().GetXYToRAS(), inverse)
            x, y = (round(part) for part in inverse.MultiplyPoint((*ras, 1.0))[:2])
        self.interactor.SetEventInformation(x, y, int(control), int(shift), "\0", 0, key)
        return self.activeEffect.self().processInteractionEvents(
            self.interactor, getattr(vtk.vtkCommand, event), self.view
        )

    def click(self, ras, **modifiers) -> None:
        """Click at a place in the world (RAS mm)."""
        self.send("LeftButtonPressEvent", ras, **modifiers)
        self.send("LeftButtonReleaseEvent", ras, **modifiers)

    def close(self) -> None:
        """Leave the effect and the module."""
        self.activate(None)
        for effect in self._effects:
            effect.self().cleanup()
        self.node.RemoveObserver(self._tag)
        self.logic.SetSegmentEditorNode(None)

    def _on_node(self, _caller, _event) -> None:
        if self.activeEffect is not None:
            self.activeEffect.self().updateGUIFromMRML()


def install() -> dict[str, types.ModuleType]:
    """Return the modules that effects import, by name."""
    names = (qSlicerSegmentEditorScriptedEffect, qSlicerSegmentEditorEffectFactory)
    effects = types.ModuleType(EFFECTS_MODULE, "Stand-in of the headless host.")
    vars(effects).update({cls.__name__: cls for cls in names})
    for cls in names:
        setattr(slicer, cls.__name__, cls)
    qSlicerSegmentEditorEffectFactory._instance = None
    base = types.ModuleType("SegmentEditorEffects", "Stand-in of the headless host.")
    base.AbstractScriptedSegmentEditorEffect = AbstractScriptedSegmentEditorEffect
    source = slicer_source.source_folder()
    if source is not None:
        folder = source / "Modules" / "Loadable" / "Segmentations" / "EditorEffects" / "Python" / "SegmentEditorEffects"
        spec = importlib.util.spec_from_file_location(
            "SegmentEditorEffects", folder / "AbstractScriptedSegmentEditorEffect.py"
        )
        base = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(base)
    return {EFFECTS_MODULE: effects, "SegmentEditorEffects": base}
