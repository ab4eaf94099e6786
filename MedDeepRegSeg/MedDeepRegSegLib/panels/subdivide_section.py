"""The section "Subdivide into parts" of the Segmentation tab."""

from slicer.i18n import tr as _

from MedDeepRegSegLib.mrml.subdivide_task import SubdivideTask
from MedDeepRegSegLib.panels.section import Section


class SubdivideSection(Section):
    """Finds the named parts of a structure."""

    def __init__(self, panel) -> None:
        super().__init__(panel)
        self._names: list[str] = []
        self.ui.subdivideWhereComboBox.connect("currentIndexChanged(int)", self.onWhere)
        self.ui.subdivideButton.connect("clicked(bool)", self.onSubdivide)

    def buttons(self) -> list:
        """Return the state of the button."""
        return [
            (self.ui.subdivideButton, self.panel.noVolume(), _("Add the parts to the segmentation, each a segment."))
        ]

    def update(self) -> None:
        """List the segments that the parts may lie in."""
        node, box = self.node, self.ui.subdivideWhereComboBox
        names = segmentNames(node.segmentation)
        if names != self._names or box.count == 0:
            blocked = box.blockSignals(True)
            box.clear()
            box.addItem(_("In the whole image"))
            for name in names:
                box.addItem(_("Inside {name}").format(name=name))
            box.blockSignals(blocked)
            self._names = names
        index = names.index(node.subdividedSegment) + 1 if node.subdividedSegment in names else 0
        blocked = box.blockSignals(True)
        box.currentIndex = index
        box.blockSignals(blocked)

    def onWhere(self, index: int) -> None:
        """Store the segment that was picked."""
        if self.node is not None and index >= 0:
            self.node.subdividedSegment = self._names[index - 1] if index > 0 else ""

    def onSubdivide(self, _checked: bool = False) -> None:
        """Start finding the parts, or cancel it."""
        node = self.node
        inside = node.subdividedSegment if node.subdividedSegment in segmentNames(node.segmentation) else None
        own = self.ui.subdivideModelPathLineEdit.currentPath.strip()  # not kept in scenes: it lies on this computer
        self.panel.toggleTask(
            self.ui.subdivideButton,
            lambda: SubdivideTask(
                node.segmentedVolume,
                model=own or node.subdivisionModel.value,
                segmentation_node=node.segmentation,
                segment_name=inside,
            ),
            lambda outputs: self.panel.showSegmentation(node, outputs),
            networks=True,
        )


def segmentNames(segmentation) -> list[str]:
    """Return the names of the segments of a segmentation node; none without one."""
    if segmentation is None:
        return []
    segments = segmentation.GetSegmentation()
    return [segments.GetNthSegment(index).GetName() for index in range(segments.GetNumberOfSegments())]
