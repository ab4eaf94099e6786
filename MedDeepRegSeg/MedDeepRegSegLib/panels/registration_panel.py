"""The Registration tab: pick two volumes, apply, see how well they fit."""

import html

from slicer.i18n import tr as _

from MedDeepRegSegLib.mrml.display import show_volumes
from MedDeepRegSegLib.mrml.tasks import RegisterTask
from MedDeepRegSegLib.panels.panel import Panel
from MedDeepRegSegLib.registration.settings import RegistrationSettings

LIGHT_COLORS = {"good": "#2e7d32", "check": "#b26a00", "failed": "#c62828"}


class RegistrationPanel(Panel):
    """Registers the moving volume to the fixed volume."""

    requester = "MedDeep RegSeg"

    def __init__(self, uiFile: str, layout, requirementsFile: str) -> None:
        super().__init__(uiFile, layout, requirementsFile)
        self.ui.applyButton.connect("clicked(bool)", self.onApply)

    def buttons(self) -> list:
        """Return the state of the Apply button."""
        node = self.parameterNode
        obstacle = None
        if node.fixedVolume is None:
            obstacle = _("Pick a fixed volume.")
        elif node.movingVolume is None:
            obstacle = _("Pick a moving volume.")
        elif node.fixedVolume is node.movingVolume:
            obstacle = _("The fixed and the moving volume are the same: pick two volumes.")
        elif (node.fixedLandmarks is None) != (node.movingLandmarks is None):
            obstacle = _("Pick landmarks on both volumes or on none.")
        elif node.outputVolume is not None and node.outputVolume in (node.fixedVolume, node.movingVolume):
            obstacle = _("The registered volume would overwrite an input: pick another output.")
        return [(self.ui.applyButton, obstacle, _("Register the moving volume to the fixed volume."))]

    def selectDefaults(self) -> None:
        """Pick the two volumes of a scene that has just two."""
        node = self.parameterNode
        volumes = self.scalarVolumes()
        if node.fixedVolume is None and node.movingVolume is None and len(volumes) == 2:
            node.fixedVolume, node.movingVolume = volumes

    def clearResult(self) -> None:
        """Show no quality."""
        self.ui.resultLabel.text = _("No registration yet.")

    def onApply(self, _checked: bool = False) -> None:
        """Start the registration, or cancel it."""
        node = self.parameterNode
        self.toggleTask(self.ui.applyButton, self._task, lambda outputs: self.showResult(node, outputs))

    def _task(self) -> RegisterTask:
        node = self.parameterNode
        return RegisterTask(
            node.fixedVolume,
            node.movingVolume,
            RegistrationSettings(kind=node.registrationKind.value),
            fixed_mask=node.fixedMask,
            moving_mask=node.movingMask,
            fixed_points=node.fixedLandmarks,
            moving_points=node.movingLandmarks,
            initial=node.initialTransform,
            output_transform=node.outputTransform,
            output_volume=node.outputVolume,
        )

    def showResult(self, node, outputs: dict) -> None:
        """Show the quality in words, and the registered volume over the fixed one.

        ``node`` is the parameter node the job was started with: the user may have left the module meanwhile.
        """
        # The outputs stay as the user picked them: a new node is made for the next pair too, and nothing is replaced.
        names = _("Transform: {transform}. Registered volume: {volume}.").format(
            transform=outputs["transform"].GetName(), volume=outputs["registered"].GetName()
        )
        self.ui.resultLabel.text = qualityText(outputs["quality"]) + f"<p>{html.escape(names)}</p>"
        show_volumes(node.fixedVolume, outputs["registered"], opacity=0.5)


def qualityText(quality) -> str:
    """Return the traffic light of a registration and its reasons as rich text."""
    color = LIGHT_COLORS[quality.light]
    title = {"good": _("Good"), "check": _("Check it"), "failed": _("Failed")}[quality.light]
    reasons = "".join(f"<li>{html.escape(reason)}</li>" for reason in quality.reasons)
    return f'<p><b style="color:{color}">&#9679; {title}</b></p><ul>{reasons}</ul>'
