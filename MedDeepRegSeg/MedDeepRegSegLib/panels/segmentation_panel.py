"""The Segmentation tab: foreground masks, growing a structure from points, measuring segments, image features."""

import slicer
from slicer.i18n import tr as _

from MedDeepRegSegLib.mrml.display import show_volumes
from MedDeepRegSegLib.mrml.segmentations import segment_id_by_name
from MedDeepRegSegLib.mrml.tasks import FeaturesTask, ForegroundTask, GrowTask, MeasureTask
from MedDeepRegSegLib.panels.panel import Panel
from MedDeepRegSegLib.segmentation.growing import GrowingSettings

COLOR_PURPOSE = _(
    "Color the volume by what its tissue looks like to MedDeep's network: places that look alike get alike colors, in CT "
    "and in MR. It shows what the network can tell apart. The colors have no fixed meaning and are no diagnosis."
)
SEGMENTS_PURPOSE = _(
    "Describe the tissue inside each segment by the network's numbers, one row a segment, for statistics and for finding "
    "alike lesions. The numbers are not Hounsfield units; only those of the same model and voxel size can be compared."
)


class SegmentationPanel(Panel):
    """Segments and measures one volume."""

    requester = "MedDeep RegSeg"

    def __init__(self, uiFile: str, layout, requirementsFile: str, networksRequirementsFile: str | None = None) -> None:
        super().__init__(uiFile, layout, requirementsFile, networksRequirementsFile)
        self.ui.foregroundButton.connect("clicked(bool)", self.onForeground)
        self.ui.growButton.connect("clicked(bool)", self.onGrow)
        self.ui.measureButton.connect("clicked(bool)", self.onMeasure)
        self.ui.colorFeaturesButton.connect("clicked(bool)", self.onColorFeatures)
        self.ui.segmentFeaturesButton.connect("clicked(bool)", self.onSegmentFeatures)
        self.ui.positivePointsSelector.connect(
            "currentNodeChanged(vtkMRMLNode*)", self.ui.positivePlaceWidget.setCurrentNode
        )
        self.ui.negativePointsSelector.connect(
            "currentNodeChanged(vtkMRMLNode*)", self.ui.negativePlaceWidget.setCurrentNode
        )

    def buttons(self) -> list:
        """Return the state of the buttons."""
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
            (self.ui.colorFeaturesButton, noVolume, COLOR_PURPOSE),
            (self.ui.segmentFeaturesButton, noVolume or measuring, SEGMENTS_PURPOSE),
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

    def onColorFeatures(self, _checked: bool = False) -> None:
        """Start coloring the volume by its features, or cancel it."""
        self._toggleFeatures(self.ui.colorFeaturesButton, None, self.showColored)

    def onSegmentFeatures(self, _checked: bool = False) -> None:
        """Start computing the features of all segments, or cancel it."""
        self._toggleFeatures(self.ui.segmentFeaturesButton, self.parameterNode.segmentation, self.showFeatureTable)

    def _toggleFeatures(self, button, segmentation, onDone) -> None:
        node = self.parameterNode
        self.toggleTask(
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

    def showFeatureTable(self, outputs: dict) -> None:
        """Show the features of the segments in the table view of the tab."""
        self.showTable(outputs)
        self._tellHow(outputs)

    def _tellHow(self, outputs: dict) -> None:
        done = _("Done: at voxels of {spacing} mm, with the model {model}.").format(
            spacing=f"{outputs['spacing_mm']:g}", model=outputs["model"]
        )
        notes = [_("Note: {note}.").format(note=note) for note in outputs["notes"]]
        self.ui.statusLabel.text = " ".join([done, *notes])

    def showSegmentation(self, node, outputs: dict) -> None:
        """Pick the segmentation that got the new segment, in the parameter node the job was started with."""
        node.segmentation = outputs["segmentation"]

    def showTable(self, outputs: dict) -> None:
        """Show the table, also where its section was folded up."""
        self.ui.measureCollapsibleButton.collapsed = False
        self.ui.measurementTableView.setMRMLTableNode(outputs["table"])
        self.ui.measurementTableView.setMRMLScene(slicer.mrmlScene)
