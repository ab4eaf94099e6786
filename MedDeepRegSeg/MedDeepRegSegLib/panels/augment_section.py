"""The section "Augmentation preview" of the tab Data & augmentation."""

from slicer.i18n import tr as _

from MedDeepRegSegLib.mrml.display import show_volumes
from MedDeepRegSegLib.mrml.tasks import AugmentTask
from MedDeepRegSegLib.panels.augmentation_presets import AugmentationPresets
from MedDeepRegSegLib.panels.case_table import segmentationOf
from MedDeepRegSegLib.panels.paths import holdsFiles, pathOf, setPath
from MedDeepRegSegLib.panels.section import Section


class AugmentSection(Section):
    """Shows what augmentation makes of a volume."""

    def __init__(self, panel) -> None:
        super().__init__(panel)
        self._presets = AugmentationPresets(self.ui.augmentPresetComboBox, panel, "augmentPreset")
        self.ui.augmentOutputPathLineEdit.connect("currentPathChanged(QString)", panel.updateButtons)
        self.ui.augmentButton.connect("clicked(bool)", self.onAugment)
        self.clear()

    def buttons(self) -> list:
        """Return the state of the button."""
        out = pathOf(self.ui.augmentOutputPathLineEdit)
        obstacle = self._presets.obstacle()
        if self.node.augmentedVolume is None:
            obstacle = _("Pick a volume.")
        elif out is not None and holdsFiles(out):
            obstacle = _("The folder for the samples is not empty: choose a new one, so that nothing is overwritten.")
        purpose = _("Change the volume at random, as it is done in training, and show the samples side by side.")
        return [(self.ui.augmentButton, obstacle, purpose)]

    def update(self) -> None:
        """Say what the preset is for."""
        self.ui.augmentPresetLabel.text = self._presets.update()

    def selectDefaults(self) -> None:
        """Pick the first volume of the scene, with the segmentation that was drawn on it."""
        node, volumes = self.node, self.panel.scalarVolumes()
        if node.augmentedVolume is None and volumes:
            node.augmentedVolume = volumes[0]
            node.augmentedSegmentation = segmentationOf(volumes[0])

    def clear(self) -> None:
        """Show no result."""
        self.ui.augmentResultLabel.text = ""
        self.ui.augmentResultLabel.visible = False

    def onAugment(self, _checked: bool = False) -> None:
        """Start making samples, or cancel it."""
        node, out = self.node, pathOf(self.ui.augmentOutputPathLineEdit)
        self.panel.toggleTask(
            self.ui.augmentButton,
            lambda: AugmentTask(
                node.augmentedVolume,
                node.augmentedSegmentation,
                preset=node.augmentPreset,
                count=node.augmentCount,
                seed=node.augmentSeed,
                samples=node.augmentIntoScene,
                out=out,
            ),
            self.show,
            networks=True,
        )

    def show(self, outputs: dict) -> None:
        """Show the samples in the slice views, and say where they are."""
        show_volumes(outputs["preview"])
        lines = [_("Done: the original and its samples are in the axial view.")]
        if outputs["volumes"]:
            lines.append(_("{count} samples were added to the scene.").format(count=len(outputs["volumes"])))
        if outputs["folder"] is not None:
            setPath(self.ui.augmentOutputPathLineEdit, outputs["folder"])
            lines.append(_("The files are in {folder}.").format(folder=outputs["folder"]))
        self.ui.augmentResultLabel.text = " ".join([*lines, *outputs["notes"]])
        self.ui.augmentResultLabel.visible = True
