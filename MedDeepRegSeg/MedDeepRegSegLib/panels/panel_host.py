"""What the widgets of both modules share: their panels follow the scene's parameter node while the module is shown."""

import sys

import slicer
from slicer.util import VTKObservationMixin

LIBRARIES = ("MedDeepRegSegLib", "MedDeepDiagnosisLib")
RELOADED = ("panels", "mrml")
"""Packages of the libraries that "Reload" loads anew; engines run in processes of their own, which load their code anew."""
KEPT = ("MedDeepRegSegLib.mrml.scene",)
"""Modules that hold what must be there once."""


class PanelHost:
    """Mixed into a ``ScriptedLoadableModuleWidget``, which sets ``logic`` and ``panels`` in its ``setup``."""

    def __init__(self) -> None:
        # Owned, not inherited: the initializer of this mixin goes on to the next class, which sets the widget up.
        self._observations = VTKObservationMixin()
        self.logic = None
        self.panels = []

    def startPanels(self) -> None:
        """Follow the scene from now on; the last line of ``setup``."""
        scene = slicer.mrmlScene
        self._observations.addObserver(scene, scene.StartCloseEvent, self.onSceneStartClose)
        self._observations.addObserver(scene, scene.EndCloseEvent, self.onSceneEndClose)
        self._observations.addObserver(scene, scene.StartImportEvent, self.onSceneStartImport)
        self._observations.addObserver(scene, scene.EndImportEvent, self.onSceneEndImport)
        self.initializeParameterNode()

    def initializeParameterNode(self) -> None:
        """Follow the parameter node of the scene, which is made if there is none."""
        self.setParameterNode(self.logic.getParameterNode())

    def setParameterNode(self, parameterNode) -> None:
        """Connect every panel to the parameter node; None disconnects them."""
        for panel in self.panels:
            panel.setParameterNode(parameterNode)

    def enter(self) -> None:
        """Follow the parameter node; called when the module is shown."""
        self.initializeParameterNode()

    def exit(self) -> None:
        """Follow nothing while another module is shown; a running job goes on."""
        self.setParameterNode(None)

    def onReload(self) -> None:
        """Load the code of the module, its panels and its border to MRML anew; Slicer's button "Reload" calls this."""
        for name in list(sys.modules):
            library, _dot, rest = name.partition(".")
            if library in LIBRARIES and rest.partition(".")[0] in RELOADED and name not in KEPT:
                del sys.modules[name]
        super().onReload()

    def cleanup(self) -> None:
        """End what runs and follow nothing any more; called before the widget is destroyed."""
        self._observations.removeObservers()
        for panel in self.panels:
            panel.cleanup()

    def onSceneStartClose(self, _caller, _event) -> None:
        """End running jobs: their nodes are about to go."""
        for panel in self.panels:
            panel.reset()

    def onSceneEndClose(self, _caller, _event) -> None:
        """Start anew if the module is shown."""
        if self.parent.isEntered:
            self.initializeParameterNode()

    def onSceneStartImport(self, _caller, _event) -> None:
        """Follow nothing while nodes come in: a selector that does not know its node yet would forget it."""
        self.setParameterNode(None)

    def onSceneEndImport(self, _caller, _event) -> None:
        """Show what was chosen in the scene that was opened, if the module is shown."""
        if self.parent.isEntered:
            self.initializeParameterNode()
