"""A small scripted module that uses what real modules use, for the tests of the host."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import qt
import slicer
import vtk
from slicer import vtkMRMLScalarVolumeNode, vtkMRMLTransformNode
from slicer.i18n import tr as _
from slicer.parameterNodeWrapper import Choice, WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin


class HostSample(ScriptedLoadableModule):
    """What Slicer lists."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Host sample")
        self.parent.categories = ["Testing"]
        slicer.app.connect("startupCompleted()", registerSampleData)


def registerSampleData():
    """Register one data set."""
    import SampleData

    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category="HostSample", sampleName="One", uris="https://localhost/one.nrrd", fileNames="one.nrrd"
    )


class Speed(Enum):
    """A choice with words for the user."""

    SLOW = 1
    FAST = 2

    def label(self):
        """Return the words."""
        return {Speed.SLOW: "Slow and safe", Speed.FAST: "Fast"}[self]


@parameterNodeWrapper
class HostSampleParameterNode:
    """One parameter of each type."""

    inputVolume: vtkMRMLScalarVolumeNode
    outputTransform: vtkMRMLTransformNode
    threshold: Annotated[float, WithinRange(-100.0, 100.0)] = 10.0
    count: Annotated[int, WithinRange(1, 9)] = 3
    invert: bool = False
    title: str = "Some title"
    speed: Speed = Speed.SLOW
    flavor: Annotated[str, Choice(["sweet", "sour"])] = "sour"
    folder: Path
    names: list[str]


class HostSampleWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self._parameterNode = None
        self._tag = None
        self.events = []

    def setup(self):
        """Make the widgets."""
        ScriptedLoadableModuleWidget.setup(self)
        widget = slicer.util.loadUI(self.resourcePath("UI/HostSample.ui"))
        self.layout.addWidget(widget)
        self.ui = slicer.util.childWidgetVariables(widget)
        widget.setMRMLScene(slicer.mrmlScene)
        self.logic = HostSampleLogic()
        self.ui.applyButton.connect("clicked(bool)", self.onApply)
        self.ui.inputSelector.connect("currentNodeChanged(vtkMRMLNode*)", self.onNode)
        self.timer = qt.QTimer()
        self.timer.setSingleShot(True)
        self.timer.connect("timeout()", self.onTimeout)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onEndClose)
        self.initialize()

    def initialize(self):
        """Follow the parameter node."""
        self.setParameterNode(self.logic.getParameterNode())

    def setParameterNode(self, node):
        """Follow this parameter node or none."""
        if self._parameterNode:
            self._parameterNode.disconnectGui(self._tag)
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.checkCanApply)
        self._parameterNode = node
        if node:
            self._tag = node.connectGui(self.ui)
            self.addObserver(node, vtk.vtkCommand.ModifiedEvent, self.checkCanApply)
            self.checkCanApply()

    def checkCanApply(self, caller=None, event=None):
        """Enable the button and say why not."""
        ready = self._parameterNode is not None and self._parameterNode.inputVolume is not None
        self.ui.applyButton.enabled = ready
        self.ui.applyButton.toolTip = _("Compute") if ready else _("Pick a volume")

    def enter(self):
        """The user opens the module."""
        self.events.append("enter")
        self.initialize()

    def exit(self):
        """The user opens another module."""
        self.events.append("exit")
        self.setParameterNode(None)

    def cleanup(self):
        """The module goes away."""
        self.events.append("cleanup")
        self.setParameterNode(None)
        self.removeObservers()

    def onStartClose(self, caller, event):
        """The scene is about to be closed."""
        self.setParameterNode(None)

    def onEndClose(self, caller, event):
        """The scene was closed."""
        if self.parent.isEntered:
            self.initialize()

    def onNode(self, node):
        """Another volume was picked."""
        self.events.append(node.GetName() if node else None)

    def onApply(self):
        """The button was pressed."""
        with slicer.util.tryWithErrorDisplay(_("It failed."), waitCursor=True):
            self.ui.statusLabel.text = self.logic.process(self._parameterNode)
            self.timer.start(10)

    def onTimeout(self):
        """The timer ended."""
        self.ui.progressBar.value = 100


class HostSampleLogic(ScriptedLoadableModuleLogic):
    """What the module computes."""

    def getParameterNode(self):
        """Return the typed parameter node."""
        return HostSampleParameterNode(super().getParameterNode())

    def process(self, node):
        """Return a text about the parameters."""
        if node.title == "fail":
            msg = "the title is fail"
            raise ValueError(msg)
        return f"{node.inputVolume.GetName()} {node.threshold:g} {node.speed.name}"


class HostSampleTest(ScriptedLoadableModuleTest):
    """The self-test."""

    def runTest(self):
        """Run it."""
        self.delayDisplay("running")
        self.assertEqual(HostSampleLogic().moduleName, "HostSample")  # noqa: PT009 (a unittest class)
