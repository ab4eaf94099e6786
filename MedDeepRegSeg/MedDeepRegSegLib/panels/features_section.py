"""The section "Image features" of the Segmentation tab."""

from slicer.i18n import tr as _

from MedDeepRegSegLib.mrml.display import show_volumes
from MedDeepRegSegLib.mrml.tasks import FeaturesTask
from MedDeepRegSegLib.panels.section import Section

COLOR_PURPOSE = _(
    "Color the volume by what its tissue looks like to MedDeep's network: places that look alike get alike colors, in CT "
    "and in MR. It shows what the network can tell apart. The colors have no fixed meaning and are no diagnosis."
)
SEGMENTS_PURPOSE = _(
    "Describe the tissue inside each segment by the network's numbers, one row a segment, for statistics and for finding "
    "alike lesions. The numbers are not Hounsfield units; only those of the same model and voxel size can be compared."
)


class FeaturesSection(Section):
    """Computes what the network sees."""

    def __init__(self, panel) -> None:
        super().__init__(panel)
        self.ui.colorFeaturesButton.connect("clicked(bool)", self.onColorFeatures)
        self.ui.segmentFeaturesButton.connect("clicked(bool)", self.onSegmentFeatures)

    def buttons(self) -> list:
        """Return the state of the buttons."""
        noVolume = self.panel.noVolume()
        return [
            (self.ui.colorFeaturesButton, noVolume, COLOR_PURPOSE),
            (self.ui.segmentFeaturesButton, noVolume or self.panel.noSegmentation(), SEGMENTS_PURPOSE),
        ]

    def onColorFeatures(self, _checked: bool = False) -> None:
        """Start coloring the volume by its features, or cancel it."""
        self._toggle(self.ui.colorFeaturesButton, None, self.showColored)

    def onSegmentFeatures(self, _checked: bool = False) -> None:
        """Start computing the features of all segments, or cancel it."""
        self._toggle(self.ui.segmentFeaturesButton, self.node.segmentation, self.showTable)

    def _toggle(self, button, segmentation, onDone) -> None:
        node = self.node
        self.panel.toggleTask(
            button,
            lambda: FeaturesTask(
                node.segmentedVolume,
                segmentation,
                color=segmentation is None,
                spacing_mm=node.featureSpacingMm or None,  # 0 is automatic
            ),
            onDone,
            networks=True,
        )

    def showColored(self, outputs: dict) -> None:
        """Show the colored volume in the slice views."""
        show_volumes(outputs["colored"])
        self._tellHow(outputs)

    def showTable(self, outputs: dict) -> None:
        """Show the features of the segments in the table view of the tab."""
        self.panel.showTable(outputs)
        self._tellHow(outputs)

    def _tellHow(self, outputs: dict) -> None:
        done = _("Done: at voxels of {spacing} mm, with the model {model}.").format(
            spacing=f"{outputs['spacing_mm']:g}", model=outputs["model"]
        )
        notes = [_("Note: {note}.").format(note=note) for note in outputs["notes"]]
        self.ui.statusLabel.text = " ".join([done, *notes])
