"""What every tab shares: loading its .ui file, following the parameter node, starting and canceling tasks."""

import logging
from collections.abc import Callable

import slicer
import vtk
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from MedDeepRegSegLib.errors import InputError, MissingPackageError
from MedDeepRegSegLib.panels.gui_connection import GuiConnection
from MedDeepRegSegLib.panels.packages import ensurePackages, ensureTorch
from MedDeepRegSegLib.panels.task_runner import TaskRunner


class Panel(VTKObservationMixin):
    """One tab. Subclasses say which buttons there are and when each may be pressed.

    Parameters
    ----------
    uiFile:
        Path of the .ui file of the tab. It has a ``progressBar`` and a ``statusLabel``.
    layout:
        Layout that gets the tab's widget.
    requirementsFile:
        Python packages that the first task installs if they are missing.
    networksRequirementsFile:
        Python packages besides PyTorch that the first task of a network installs; for panels with such tasks.
    """

    jobModule = "MedDeepRegSegLib.jobs"
    requester = "MedDeep"

    def __init__(self, uiFile: str, layout, requirementsFile: str, networksRequirementsFile: str | None = None) -> None:
        VTKObservationMixin.__init__(self)
        self.widget = slicer.util.loadUI(uiFile)
        layout.addWidget(self.widget)
        self.ui = slicer.util.childWidgetVariables(self.widget)
        self.widget.setMRMLScene(slicer.mrmlScene)
        self._requirementsFile = requirementsFile
        self._networksRequirementsFile = networksRequirementsFile
        self.parameterNode = None
        self._guiConnection = None
        self.runner = TaskRunner(self.ui.progressBar, self.ui.statusLabel, self.updateButtons)

    def buttons(self) -> list:
        """Return (button, why it cannot be pressed or None, what it does) for every button that starts a task."""
        raise NotImplementedError

    def selectDefaults(self) -> None:
        """Fill in what the user would pick anyway; parameters that are set stay."""

    def clearResult(self) -> None:
        """Show no result: it belongs to other inputs, to another scene, or to a job that is about to be repeated."""

    def clearResultOf(self, _button) -> None:
        """Show no result of a button that was pressed; panels with several results keep the others."""
        self.clearResult()

    def cancelPurpose(self, _button) -> str:
        """Return what canceling the job of a button does."""
        return _("End the running job. Nothing is changed.")

    def scalarVolumes(self) -> list:
        """Return the volumes of the scene that the selectors of the panels offer: no label maps, no vectors."""
        name = "vtkMRMLScalarVolumeNode"
        return [node for node in slicer.util.getNodesByClass(name) if node.GetClassName() == name]

    def updateButtons(self, _caller=None, _event=None) -> None:
        """Enable the buttons that can be pressed now; the tooltip of the others says why not."""
        if self.parameterNode is None:
            return
        for button, obstacle, purpose in self.buttons():
            if self.runner.isCancelButton(button):
                button.enabled, button.toolTip = True, self.cancelPurpose(button)
            elif self.runner.busy:
                button.enabled, button.toolTip = False, _("Another job of this panel is running.")
            else:
                button.enabled, button.toolTip = obstacle is None, obstacle or purpose

    def setParameterNode(self, parameterNode) -> None:
        """Follow this parameter node; None follows no more."""
        if self.parameterNode is not None:
            self._guiConnection.close()
            self.removeObserver(self.parameterNode.parameterNode, vtk.vtkCommand.ModifiedEvent, self.updateButtons)
        self.parameterNode = parameterNode
        if parameterNode is not None:
            self.selectDefaults()
            self._guiConnection = GuiConnection(parameterNode, self.ui)
            # The node itself, not its wrapper: the mixin keeps what it has ever observed, and a wrapper observes on its own.
            self.addObserver(parameterNode.parameterNode, vtk.vtkCommand.ModifiedEvent, self.updateButtons)
            self.updateButtons()

    def toggleTask(
        self,
        button,
        makeTask: Callable,
        onDone: Callable[[dict], None],
        *,
        networks: bool = False,
        requirementsFile: str | None = None,
        follow: Callable | None = None,
        canceledText: str | None = None,
        jobModule: str | None = None,
    ) -> None:
        """Start the task of a button, or cancel it when its button was pressed again.

        ``networks`` says that the task needs PyTorch, which is asked for first; ``requirementsFile`` lists packages that
        this task needs besides those of the panel. ``follow`` and ``canceledText`` are those of :meth:`TaskRunner.start`.
        ``jobModule`` is the package that runs the job where it is not that of the panel.
        """
        if self.runner.isCancelButton(button):
            self.runner.cancel()
            return
        self.clearResultOf(button)
        try:
            self._ensurePackages(networks, requirementsFile)
            looking = {"follow": follow, "canceledText": canceledText}
            self.runner.start(makeTask(), button, onDone, module=jobModule or self.jobModule, **looking)
        except (InputError, MissingPackageError) as error:
            self.showError(str(error))
        except Exception as error:
            logging.exception("MedDeep job could not start")
            self.showError(_("The job could not start: {error}").format(error=error))

    def _ensurePackages(self, networks: bool, requirementsFile: str | None) -> None:
        if networks:  # PyTorch first, in the build that fits the computer: other packages would bring in any build
            ensureTorch(self.requester)
            if self._networksRequirementsFile is not None:
                ensurePackages(self._networksRequirementsFile, self.requester)
        ensurePackages(self._requirementsFile, self.requester)
        if requirementsFile is not None:
            ensurePackages(requirementsFile, self.requester)

    def showError(self, message: str) -> None:
        """Say what went wrong, in the panel and in a dialog."""
        self.ui.statusLabel.text = message
        slicer.util.errorDisplay(message)

    def reset(self) -> None:
        """End what is running and forget what was shown: the scene or the panel goes away."""
        self.runner.close()
        self.clearResult()
        self.ui.statusLabel.text = ""
        self.setParameterNode(None)

    def cleanup(self) -> None:
        """End what is running and follow nothing any more."""
        self.reset()
        self.removeObservers()
        self.widget.setMRMLScene(None)  # a reload only hides the widgets: the selectors would go on following the scene
