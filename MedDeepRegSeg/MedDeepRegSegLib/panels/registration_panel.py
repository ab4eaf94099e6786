"""The Registration tab: pick two volumes and a preset, apply, see how well they fit."""

import logging

from slicer.i18n import tr as _

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.mrml.carrying import check_carried
from MedDeepRegSegLib.mrml.tasks import RegisterTask
from MedDeepRegSegLib.panels.panel import Panel
from MedDeepRegSegLib.panels.parameters import RegistrationEngine, RegistrationKind
from MedDeepRegSegLib.panels.registration_result import RegistrationResultSection
from MedDeepRegSegLib.registration.choices import choose_settings
from MedDeepRegSegLib.registration.presets import RegistrationPreset, load_preset, preset_names
from MedDeepRegSegLib.registration.settings import RegistrationSettings


class RegistrationPanel(Panel):
    """Registers the moving volume to the fixed volume.

    Parameters
    ----------
    uiFile, layout, requirementsFile, networksRequirementsFile:
        See :class:`Panel`.
    elastixRequirementsFile:
        Python packages that the engine elastix needs.
    """

    requester = "MedDeep RegSeg"

    def __init__(
        self, uiFile: str, layout, requirementsFile: str, networksRequirementsFile: str, elastixRequirementsFile: str
    ) -> None:
        super().__init__(uiFile, layout, requirementsFile, networksRequirementsFile)
        self._elastixRequirementsFile = elastixRequirementsFile
        self.resultSection = RegistrationResultSection(self.ui)
        self._presets = loadPresets()
        for preset in self._presets.values():
            self.ui.presetComboBox.addItem(preset.title)
        self.ui.presetComboBox.connect("currentIndexChanged(int)", self.onPreset)
        self.ui.carriedNodesSelector.connect("checkedNodesChanged()", self.onCarriedNodes)
        self.ui.applyButton.connect("clicked(bool)", self.onApply)

    def setParameterNode(self, parameterNode) -> None:
        """Follow this parameter node; None follows no more."""
        super().setParameterNode(parameterNode)
        if parameterNode is not None:
            self.resultSection.restore(parameterNode)

    def buttons(self) -> list:
        """Return the state of the Apply button."""
        return [(self.ui.applyButton, self._obstacle(), _("Register the moving volume to the fixed volume."))]

    def _obstacle(self) -> str | None:
        """Return why the registration cannot start, or None if it can; the first thing to do comes first."""
        node = self.parameterNode
        overwritten = node.outputVolume is not None and node.outputVolume in (node.fixedVolume, node.movingVolume)
        checks = (
            (node.fixedVolume is None, _("Pick a fixed volume.")),
            (node.movingVolume is None, _("Pick a moving volume.")),
            (
                node.fixedVolume is node.movingVolume,
                _("The fixed and the moving volume are the same: pick two volumes."),
            ),
            (
                (node.fixedLandmarks is None) != (node.movingLandmarks is None),
                _("Pick landmarks on both volumes or on none."),
            ),
            (overwritten, _("The registered volume would overwrite an input: pick another output.")),
        )
        return next((text for wrong, text in checks if wrong), None) or self._obstacleOfSettings()

    def _obstacleOfSettings(self) -> str | None:
        try:
            settings = self._settings()
            check_carried(self._carriedNodes(), bends=settings.kind == "deformable")
        except InputError as error:
            return str(error)
        if self.parameterNode.fixedLandmarks is None:
            if settings.engine == "landmarks":
                return _("This engine registers landmarks only: pick landmarks on both volumes, or another engine.")
            if settings.points == "start":
                return _("Pick landmarks on both volumes to start from them.")
        return None

    def updateButtons(self, _caller=None, _event=None) -> None:
        """Enable the Apply button, say below it why it cannot be pressed, and show what follows from the choices."""
        super().updateButtons()
        if self.parameterNode is None:
            return
        obstacle = None if self.runner.busy else self._obstacle()
        self.ui.obstacleLabel.text = obstacle or ""
        self.ui.obstacleLabel.visible = obstacle is not None
        self._showPreset()
        self._showCarriedNodes()

    def _showPreset(self) -> None:
        """Show the preset, what it is for, and which kind and engine follow from it."""
        name = self.parameterNode.registrationPreset
        preset = self._presets.get(name)  # a scene may come from a computer with other presets
        self.ui.presetComboBox.currentIndex = list(self._presets).index(name) if preset is not None else -1
        self.ui.presetDescriptionLabel.visible = preset is not None
        if preset is None:
            return
        self.ui.presetDescriptionLabel.text = preset.description
        kind, engine = RegistrationKind(preset.settings.kind), RegistrationEngine(preset.settings.engine)
        for box, choice in ((self.ui.kindComboBox, kind), (self.ui.engineComboBox, engine)):
            box.setItemText(0, _("As in the preset: {choice}").format(choice=choice.label()))

    def _showCarriedNodes(self) -> None:
        selector, carried = self.ui.carriedNodesSelector, self._carriedNodes()
        for listed in selector.uncheckedNodes():
            if listed in carried:
                selector.check(listed)
        for listed in selector.checkedNodes():
            if listed not in carried:
                selector.uncheck(listed)

    def _carriedNodes(self) -> list:
        """Return the nodes to carry along that are still in the scene."""
        nodes = list(self.parameterNode.carriedNodes)
        return [node for node in nodes if node is not None and node.GetScene() is not None]

    def selectDefaults(self) -> None:
        """Pick the two volumes of a scene that has just two."""
        node = self.parameterNode
        volumes = self.scalarVolumes()
        if node.fixedVolume is None and node.movingVolume is None and len(volumes) == 2:
            node.fixedVolume, node.movingVolume = volumes

    def clearResult(self) -> None:
        """Show no quality."""
        self.resultSection.clear()

    def onPreset(self, index: int) -> None:
        """Store the preset that was picked."""
        if self.parameterNode is not None and index >= 0:
            self.parameterNode.registrationPreset = list(self._presets)[index]

    def onCarriedNodes(self) -> None:
        """Store which nodes were checked."""
        checked = list(self.ui.carriedNodesSelector.checkedNodes())
        if self.parameterNode is not None and set(checked) != set(self._carriedNodes()):
            self.parameterNode.carriedNodes = checked

    def onApply(self, _checked: bool = False) -> None:
        """Start the registration, or cancel it."""
        if self.runner.isCancelButton(self.ui.applyButton):
            self.runner.cancel()
            return
        node, settings = self.parameterNode, self._settings()
        self.toggleTask(
            self.ui.applyButton,
            lambda: self._task(settings),
            lambda outputs: self.showResult(node, outputs),
            networks=settings.engine == "meddeep",
            requirementsFile=self._elastixRequirementsFile if settings.engine == "elastix" else None,
        )

    def _settings(self) -> RegistrationSettings:
        """Return the settings of the preset with what was chosen besides."""
        node = self.parameterNode
        kind, engine = node.registrationKind, node.registrationEngine
        return choose_settings(
            node.registrationPreset,
            kind=None if kind is RegistrationKind.PRESET else kind.value,
            engine=None if engine is RegistrationEngine.PRESET else engine.value,
            points="start" if node.startFromLandmarks else None,
        )

    def _task(self, settings: RegistrationSettings) -> RegisterTask:
        node = self.parameterNode
        return RegisterTask(
            node.fixedVolume,
            node.movingVolume,
            settings,
            fixed_mask=node.fixedMask,
            moving_mask=node.movingMask,
            fixed_points=node.fixedLandmarks,
            moving_points=node.movingLandmarks,
            initial=node.initialTransform,
            output_transform=node.outputTransform,
            output_volume=node.outputVolume,
            carry=self._carriedNodes(),
            stage_nodes=node.makeStageNodes,
            interpolation=node.interpolation.value,
        )

    def showResult(self, node, outputs: dict) -> None:
        """Show what came out.

        ``node`` is the parameter node the job was started with: the user may have left the module meanwhile.
        """
        # The outputs stay as the user picked them: a new node is made for the next pair too, and nothing is replaced.
        self.resultSection.keep(node, outputs)
        self.resultSection.show(node.fixedVolume, outputs)


def loadPresets() -> dict[str, RegistrationPreset]:
    """Return the presets by name; the first one, without a name, holds the defaults."""
    title = _("Any two volumes")
    description = _("Settings that suit any two volumes that show the same part of the body.")
    presets = {"": RegistrationPreset("", title, description, RegistrationSettings())}
    for name in preset_names():
        try:
            presets[name] = load_preset(name)
        except InputError as error:  # one damaged file must not keep the module from opening
            logging.warning("%s", error)
    return presets
