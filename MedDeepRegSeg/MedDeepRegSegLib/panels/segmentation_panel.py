"""The Segmentation tab: foreground masks, growing a structure from points, measuring segments."""

import slicer
from slicer.i18n import tr as _

from MedDeepRegSegLib.mrml.segmentations import segment_id_by_name
from MedDeepRegSegLib.mrml.tasks import ForegroundTask, GrowTask, MeasureTask
from MedDeepRegSegLib.panels.panel import Panel
from MedDeepRegSegLib.segmentation.growing import GrowingSettings


class SegmentationPanel(Panel):
    """Segments and measures one volume."""

    requester = "MedDeep RegSeg"

    def __init__(self, uiFile: str, layout, requirementsFile: str) -> None:
        super().__init__(uiFile, layout, requirementsFile)
        self.ui.foregroundButton.connect("clicked(bool)", self.onForeground)
        self.ui.growButton.connect("clicked(bool)", self.onGrow)
        self.ui.measureButton.connect("clicked(bool)", self.onMeasure)
        self.ui.positivePointsSelector.connect(
            "currentNodeChanged(vtkMRMLNode*)", self.ui.positivePlaceWidget.setCurrentNode
        )
        self.ui.negativePointsSelector.connect(
            "currentNodeChanged(vtkMRMLNode*)", self.ui.negativePlaceWidget.setCurrentNode
        )

    def buttons(self) -> list:
        """Return the state of the three buttons."""
        node = self.parameterNode
        noVolume = None if node.segmentedVolume is not None else _("Pick a volume.")
        growing = noVolume
        if growing is None and node.positivePoints is None:
            growing = _("Make a point list and place a point inside the structure.")
        if growing is None and not node.segmentName.strip():
            growing = _("Give the new segment a name.")
        measuring = None
        if node.segmentation is None:
            measuring = _("Pick a segmentation.")
        if not self.runner.isCancelButton(self.ui.growButton):
            name = node.segmentName.strip()
            replaces = node.segmentation is not None and segment_id_by_name(node.segmentation, name)
            self.ui.growButton.text = _("Grow again (replaces {name})").format(name=name) if replaces else _("Grow")
        return [
            (self.ui.foregroundButton, noVolume, _("Add the foreground mask to the segmentation.")),
            (self.ui.growButton, growing, _("Grow the structure from the points.")),
            (self.ui.measureButton, measuring, _("Measure all segments into a table.")),
        ]

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

    def onGrow(self, _checked: bool = False) -> None:
        """Start growing, or cancel it."""
        node = self.parameterNode
        self.toggleTask(
            self.ui.growButton,
            lambda: GrowTask(
                node.segmentedVolume,
                node.positivePoints,
                negative_markups=node.negativePoints,
                settings=GrowingSettings(
                    smoothness_mm=node.smoothnessMm, neck_radius_mm=0.0 if node.keepNarrowParts else None
                ),
                segmentation_node=node.segmentation,
                segment_name=node.segmentName.strip(),
            ),
            lambda outputs: self.showSegmentation(node, outputs),
        )

    def onMeasure(self, _checked: bool = False) -> None:
        """Start measuring, or cancel it."""
        node = self.parameterNode
        self.toggleTask(
            self.ui.measureButton, lambda: MeasureTask(node.segmentation, node.segmentedVolume), self.showTable
        )

    def showSegmentation(self, node, outputs: dict) -> None:
        """Pick the segmentation that got the new segment, in the parameter node the job was started with."""
        node.segmentation = outputs["segmentation"]

    def showTable(self, outputs: dict) -> None:
        """Show the measured table."""
        self.ui.measurementTableView.setMRMLTableNode(outputs["table"])
        self.ui.measurementTableView.setMRMLScene(slicer.mrmlScene)
