"""The Segment Editor effect "MedDeep Grow": clicks in slice views, the preview, and a commit with one undo state.

Only what Qt and the Segment Editor are needed for is here; how growing goes on is in
:class:`~MedDeepRegSegLib.panels.grow_interaction.GrowInteraction`.
"""

import logging
from pathlib import Path

import qt
import slicer
import vtk
from SegmentEditorEffects import AbstractScriptedSegmentEditorEffect
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from MedDeepRegSegLib.errors import InputError, MissingPackageError
from MedDeepRegSegLib.mrml.grow_commit import editable_part, put_into_segment
from MedDeepRegSegLib.panels.grow_box import BoxWatch, corners_of, placed, placing
from MedDeepRegSegLib.panels.grow_interaction import GrowInteraction
from MedDeepRegSegLib.panels.grow_session import GrowSession
from MedDeepRegSegLib.panels.grow_shortcuts import GrowShortcuts
from MedDeepRegSegLib.panels.grow_strokes import MODES, Target
from MedDeepRegSegLib.panels.grow_texts import HELP, mode_text
from MedDeepRegSegLib.panels.packages import ensurePackages, ensureTorch, hasTorch
from MedDeepRegSegLib.resources import resource_path

NAME = "MedDeep Grow"
POLL_INTERVAL_MS = 40
IDLE_MINUTES = 3
"""How long the child process waits after the effect was left, minutes."""


class GrowEffect(AbstractScriptedSegmentEditorEffect):
    """What the Segment Editor calls.

    Parameters
    ----------
    scriptedEffect:
        The ``qSlicerSegmentEditorScriptedEffect`` that this belongs to.
    """

    sourceFile = ""
    """File of the effect, which a copy of it is made from."""

    def __init__(self, scriptedEffect) -> None:
        scriptedEffect.name = NAME  # not translated: modules find effects by name
        scriptedEffect.title = _("MedDeep Grow")
        AbstractScriptedSegmentEditorEffect.__init__(self, scriptedEffect)
        self.ui = None
        self.interaction = GrowInteraction(
            self.makeSession(),
            lambda image, mode: put_into_segment(self.scriptedEffect, image, mode),
            self.updateButtons,
            lambda image: editable_part(self.scriptedEffect, image),
        )
        self._shortcuts = GrowShortcuts({"Ctrl+Z": self.onUndo, "Z": self.onUndo, "Esc": self.onCancel})
        self._observations = VTKObservationMixin()
        self._boxWatch = BoxWatch()
        self._timer = qt.QTimer()
        self._timer.interval = POLL_INTERVAL_MS
        self._timer.connect("timeout()", self.onPoll)
        self._idleTimer = qt.QTimer()
        self._idleTimer.setSingleShot(True)
        self._idleTimer.interval = IDLE_MINUTES * 60 * 1000
        self._idleTimer.connect("timeout()", self.interaction.close)

    @staticmethod
    def makeSession() -> GrowSession:
        """Return the child process; tests put another one in its place."""
        return GrowSession()

    def clone(self):
        """Return another effect of this kind: every editor has its own."""
        import qSlicerSegmentationsEditorEffectsPythonQt as effects

        cloned = effects.qSlicerSegmentEditorScriptedEffect(None)
        cloned.setPythonSource(self.sourceFile.replace("\\", "/"))
        return cloned

    def icon(self):
        """Return the picture of the button."""
        module = Path(self.sourceFile).resolve().parents[1]
        path = module / "Resources" / "Icons" / "SegmentEditorMedDeepGrow.png"
        return qt.QIcon(str(path)) if path.exists() else qt.QIcon()

    def helpText(self) -> str:
        """Return the text of the help box."""
        return HELP

    def setupOptionsFrame(self) -> None:
        """Load the options."""
        widget = slicer.util.loadUI(str(resource_path("UI", "GrowEffect.ui")))
        widget.setMRMLScene(slicer.mrmlScene)
        self.scriptedEffect.addOptionsWidget(widget)
        self.ui = slicer.util.childWidgetVariables(widget)
        for mode in MODES:
            self.ui.growModeComboBox.addItem(mode_text(mode))
        self.ui.growBoxSelector.connect("currentNodeChanged(vtkMRMLNode*)", self.onBox)
        self.ui.growModeComboBox.connect("currentIndexChanged(int)", self.updateMRMLFromGUI)
        self.ui.growAdaptCheckBox.connect("toggled(bool)", self.updateMRMLFromGUI)
        for button, action in (
            (self.ui.undoClickButton, self.onUndo),
            (self.ui.suggestionButton, self.onSuggestion),
            (self.ui.uncertaintyButton, self.onUncertainty),
            (self.ui.cancelGrowButton, self.onCancel),
            (self.ui.confirmGrowButton, self.onConfirm),
        ):
            button.connect("clicked(bool)", action)
        self.updateButtons()

    def setMRMLDefaults(self) -> None:
        """Add to the segment, unless the user chose otherwise."""
        self.scriptedEffect.setParameterDefault("Mode", MODES[0])
        self.scriptedEffect.setParameterDefault("Adapt", 0)

    def activate(self) -> None:
        """Follow the editor, and let the child process read the volume already."""
        self._idleTimer.stop()
        scene = slicer.mrmlScene
        if not self._observations.hasObserver(scene, scene.StartCloseEvent, self.onSceneStartClose):
            self._observations.addObserver(scene, scene.StartCloseEvent, self.onSceneStartClose)
        self._timer.start()
        self.updateGUIFromMRML()
        if hasTorch():
            self._attempt(self.interaction.prepare)

    def deactivate(self) -> None:
        """Drop the preview; the child process waits a few minutes for the user to come back."""
        self.interaction.cancel()
        self._shortcuts.setEnabled(False)
        self._timer.stop()
        self._idleTimer.start()

    def cleanup(self) -> None:
        """End everything: the effect goes away."""
        for timer, slot in ((self._timer, self.onPoll), (self._idleTimer, self.interaction.close)):
            timer.stop()
            timer.disconnect("timeout()", slot)
        self._shortcuts.setEnabled(False)
        self._observations.removeObservers()
        self.ui = None  # the widgets go with the editor
        self.interaction.close()

    def onSceneStartClose(self, _caller=None, _event=None) -> None:
        """End the child process: its nodes are about to go."""
        self.interaction.close()

    def interactionNodeModified(self, interactionNode) -> None:
        """Stay active while the user draws the box."""

    # The editor's parameters

    def updateGUIFromMRML(self) -> None:
        """Show what is set, and follow the volume and segment that are selected."""
        node = self.scriptedEffect.parameterSetNode()
        if node is None or self.ui is None:
            return
        mode, roi, adapt = self._mode(), self.scriptedEffect.nodeReference("Box"), self._stored("Adapt") == "1"
        for widget, show in (
            (self.ui.growModeComboBox, lambda: self.ui.growModeComboBox.setCurrentIndex(MODES.index(mode))),
            (self.ui.growBoxSelector, lambda: self.ui.growBoxSelector.setCurrentNode(roi)),
            (self.ui.growAdaptCheckBox, lambda: self.ui.growAdaptCheckBox.setChecked(adapt)),
        ):
            blocked = widget.blockSignals(True)
            show()
            widget.blockSignals(blocked)
        self.ui.growBoxPlaceWidget.setCurrentNode(roi)
        if self._timer.active:
            roi = placed(roi)
            segment = node.GetSelectedSegmentID() or ""
            grown = node.GetSourceVolumeNode(), node.GetSegmentationNode(), segment
            self.interaction.follow(Target(*grown, roi, corners_of(roi), mode, adapt))
        self.updateButtons()

    sourceVolumeNodeChanged = updateGUIFromMRML

    def updateMRMLFromGUI(self, _value=None) -> None:
        """Store what the user chose."""
        mode, adapt = MODES[max(self.ui.growModeComboBox.currentIndex, 0)], int(self.ui.growAdaptCheckBox.checked)
        self.scriptedEffect.setParameter("Mode", mode)  # which shows what is set, also what was not stored yet
        self.scriptedEffect.setParameter("Adapt", adapt)

    def onBox(self, node) -> None:
        """Store the box, and let the user draw it where it is new."""
        self.scriptedEffect.setNodeReference("Box", node)
        self.updateGUIFromMRML()

    def _mode(self) -> str:
        mode = self._stored("Mode")
        return mode if mode in MODES else MODES[0]

    def _stored(self, name: str) -> str:
        return self.scriptedEffect.parameter(name) if self.scriptedEffect.parameterDefined(name) else ""

    def updateButtons(self) -> None:
        """Show the status, and enable what can be done."""
        active = self.interaction.clicks > 0
        self._shortcuts.setEnabled(active and self._timer.active)
        if self.ui is None:
            return
        self.ui.growStatusLabel.text = self.interaction.status
        for button in (self.ui.undoClickButton, self.ui.cancelGrowButton, self.ui.confirmGrowButton):
            button.enabled = active
        self.ui.suggestionButton.enabled = self.interaction.suggestion is not None
        self.ui.uncertaintyButton.checked = self.interaction.uncertaintyShown

    # What the user does

    def processInteractionEvents(self, callerInteractor, eventId, viewWidget) -> bool:
        """Take clicks, scribbles and keys in slice views; returns whether no other part of Slicer should get them."""
        if viewWidget.className() != "qMRMLSliceWidget" or placing():
            return False
        if eventId in (vtk.vtkCommand.LeftButtonPressEvent, vtk.vtkCommand.LeftButtonDoubleClickEvent):
            return self._press(callerInteractor, viewWidget)
        if eventId == vtk.vtkCommand.MouseMoveEvent and self.interaction.drawing:
            self.interaction.extendStroke(self.xyToRas(callerInteractor.GetEventPosition(), viewWidget))
            return True
        if eventId == vtk.vtkCommand.LeftButtonReleaseEvent and self.interaction.drawing:
            self._attempt(self._send)
            return True
        if eventId == vtk.vtkCommand.KeyPressEvent:
            return self._key(callerInteractor.GetKeySym())
        return False

    def _press(self, interactor, viewWidget) -> bool:
        if interactor.GetAltKey():
            return False
        self.updateGUIFromMRML()  # the box may have been drawn meanwhile
        confirmed = self.scriptedEffect.confirmCurrentSegmentVisible()
        if confirmed != self.scriptedEffect.ConfirmedWithoutDialog:
            return True  # the dialog has taken the release of the button
        outside = bool(interactor.GetControlKey() or interactor.GetShiftKey()) != self.ui.outsideButton.checked
        self.interaction.beginStroke(self.xyToRas(interactor.GetEventPosition(), viewWidget), not outside)
        return True

    def _send(self) -> None:
        if not hasTorch():
            ensureTorch(NAME)
            ensurePackages(resource_path("MedDeepRegSeg-networks-requirements.txt"), NAME)
        self.interaction.endStroke()

    def _key(self, key: str) -> bool:
        actions = {
            "Return": self.onConfirm,
            "KP_Enter": self.onConfirm,
            "BackSpace": self.onUndo,
            "x": self.onSwitchSign,
            "n": self.onSuggestion,
            "u": lambda: self.onUncertainty(not self.interaction.uncertaintyShown),
        }
        action = actions.get(key if len(key) > 1 else key.lower())
        if action is None:
            return False
        action()
        return True

    def onSwitchSign(self) -> None:
        """Let the next click be on the other side."""
        other = self.ui.insideButton if self.ui.outsideButton.checked else self.ui.outsideButton
        other.checked = True

    def onUndo(self, _checked: bool = False) -> None:
        """Take the last click back."""
        self.interaction.undo()

    def onSuggestion(self, _checked: bool = False) -> None:
        """Place the suggested click."""
        self._attempt(self.interaction.takeSuggestion)

    def onUncertainty(self, on: bool) -> None:
        """Show or hide the doubt of the network."""
        self.interaction.showUncertainty(bool(on))

    def onCancel(self, _checked: bool = False) -> None:
        """Drop the preview."""
        self.interaction.cancel()

    def onConfirm(self, _checked: bool = False) -> None:
        """Put the preview into the segment."""
        self.updateGUIFromMRML()  # the box may have been moved meanwhile
        self._attempt(self.interaction.confirm)

    def onPoll(self) -> None:
        """Take the answers of the child process, and follow the box where it has come to rest."""
        self._attempt(self.interaction.poll)
        roi = self.scriptedEffect.nodeReference("Box") if self.interaction.clicks else None
        if roi is not None and self._boxWatch.moved(roi, self.interaction.target.box):
            self.updateGUIFromMRML()

    def _attempt(self, action) -> None:
        """Do something, and say what was wrong in the status line: no dialog stands between clicks."""
        try:
            action()
        except (InputError, MissingPackageError) as error:
            self.interaction.fail(str(error))
        except Exception as error:
            logging.exception("MedDeep Grow failed")
            self.interaction.fail(_("Growing failed: {error}").format(error=error))
