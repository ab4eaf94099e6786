"""The section "Measure" of the Segmentation tab."""

from slicer.i18n import tr as _

from MedDeepRegSegLib.mrml.tasks import MeasureTask
from MedDeepRegSegLib.panels.section import Section


class MeasureSection(Section):
    """Measures all segments into a table."""

    def __init__(self, panel) -> None:
        super().__init__(panel)
        self.ui.measureButton.connect("clicked(bool)", self.onMeasure)

    def buttons(self) -> list:
        """Return the state of the button."""
        return [(self.ui.measureButton, self._obstacle(), _("Measure all segments into a table."))]

    def _obstacle(self) -> str | None:
        node = self.node
        if not self.families():
            return _("Choose what to measure.")
        if node.segmentedVolume is None and (node.measureTexture or not node.measureShape):
            return self.panel.noSegmentation() or _("Pick a volume, or measure shape alone.")
        return self.panel.noSegmentation()

    def families(self) -> tuple[str, ...]:
        """Return the families of measurements that were chosen and can be measured."""
        node = self.node
        hasVolume = node.segmentedVolume is not None
        chosen = (
            ("shape", node.measureShape),
            ("intensity", node.measureIntensity and (hasVolume or not node.measureShape)),
        )
        return tuple(name for name, wanted in (*chosen, ("texture", node.measureTexture)) if wanted)

    def onMeasure(self, _checked: bool = False) -> None:
        """Start measuring, or cancel it."""
        node, families = self.node, self.families()
        self.panel.toggleTask(
            self.ui.measureButton,
            lambda: MeasureTask(node.segmentation, node.segmentedVolume, families=families),
            self.panel.showTable,
        )
