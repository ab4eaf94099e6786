"""The Segmentation tab: foreground masks, growing, parts of a structure, contours, measurements, image features."""

import slicer
from slicer.i18n import tr as _

from MedDeepRegSegLib.mrml.result_views import show_segments
from MedDeepRegSegLib.mrml.tasks import ForegroundTask
from MedDeepRegSegLib.panels.contours_section import ContoursSection
from MedDeepRegSegLib.panels.features_section import FeaturesSection
from MedDeepRegSegLib.panels.grow_section import GrowSection
from MedDeepRegSegLib.panels.measure_section import MeasureSection
from MedDeepRegSegLib.panels.panel import Panel
from MedDeepRegSegLib.panels.subdivide_section import SubdivideSection

SHOWN_NAMES = 4
"""So many new segments are named."""


class SegmentationPanel(Panel):
    """Segments and measures one volume."""

    requester = "MedDeep RegSeg"

    def __init__(self, uiFile: str, layout, requirementsFile: str, networksRequirementsFile: str | None = None) -> None:
        super().__init__(uiFile, layout, requirementsFile, networksRequirementsFile)
        self.ui.foregroundButton.connect("clicked(bool)", self.onForeground)
        kinds = (GrowSection, SubdivideSection, ContoursSection, MeasureSection, FeaturesSection)
        self.sections = [kind(self) for kind in kinds]

    def buttons(self) -> list:
        """Return the state of the buttons."""
        purpose = _("Add the foreground mask to the segmentation.")
        own = [(self.ui.foregroundButton, self.noVolume(), purpose)]
        return own + [button for section in self.sections for button in section.buttons()]

    def noVolume(self) -> str | None:
        """Return what to do where no volume is picked, else None."""
        return None if self.parameterNode.segmentedVolume is not None else _("Pick a volume.")

    def noSegmentation(self) -> str | None:
        """Return what to do where no segmentation is picked, else None."""
        return None if self.parameterNode.segmentation is not None else _("Pick a segmentation.")

    def updateButtons(self, _caller=None, _event=None) -> None:
        """Enable the buttons that can be pressed now, and show what follows from the parameters."""
        super().updateButtons()
        if self.parameterNode is not None:
            for section in self.sections:
                section.update()

    def selectDefaults(self) -> None:
        """Pick the first volume of the scene."""
        volumes = self.scalarVolumes()
        if self.parameterNode.segmentedVolume is None and volumes:
            self.parameterNode.segmentedVolume = volumes[0]

    def onForeground(self, _checked: bool = False) -> None:
        """Start making a foreground mask, or cancel it."""
        node = self.parameterNode
        self.toggleTask(
            self.ui.foregroundButton,
            lambda: ForegroundTask(
                node.segmentedVolume, what=node.foregroundStructure.value, segmentation_node=node.segmentation
            ),
            lambda outputs: self.showSegmentation(node, outputs),
        )

    def showSegmentation(self, node, outputs: dict) -> None:
        """Pick the segmentation that got the new segments, in the parameter node the job was started with, and show them."""
        segmentation, identifiers = outputs["segmentation"], outputs["segment_ids"]
        node.segmentation = segmentation
        show_segments(node.segmentedVolume, segmentation, identifiers)
        names = [segmentation.GetSegmentation().GetSegment(identifier).GetName() for identifier in identifiers]
        shown = ", ".join(names[:SHOWN_NAMES]) + (", ..." if len(names) > SHOWN_NAMES else "")
        self.ui.statusLabel.text = _("Done: {names} in {segmentation}.").format(
            names=shown, segmentation=segmentation.GetName()
        )

    def showTable(self, outputs: dict) -> None:
        """Show the table, also where its section was folded up."""
        self.ui.measureCollapsibleButton.collapsed = False
        self.ui.measurementTableView.setMRMLTableNode(outputs["table"])
        self.ui.measurementTableView.setMRMLScene(slicer.mrmlScene)
