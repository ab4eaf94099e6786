"""The section "Contours" of the Segmentation tab: outlines with fitted curves, and alignment by contours."""

from slicer.i18n import tr as _

from MedDeepRegSegLib.mrml.contours_task import AlignContoursTask, ContoursTask
from MedDeepRegSegLib.mrml.display import show_volumes
from MedDeepRegSegLib.panels.parameters import ContourSource
from MedDeepRegSegLib.panels.section import Section


class ContoursSection(Section):
    """Outlines segments or edges, and brings one segmentation onto another by its outlines."""

    def __init__(self, panel) -> None:
        super().__init__(panel)
        self.ui.contoursButton.connect("clicked(bool)", self.onContours)
        self.ui.alignButton.connect("clicked(bool)", self.onAlign)

    def buttons(self) -> list:
        """Return the state of the buttons."""
        node = self.node
        edges = node.contourSource is ContourSource.EDGES
        outlining = self.panel.noVolume() if edges else self.panel.noSegmentation()
        aligning = self.panel.noSegmentation()
        if aligning is None and node.contourTarget is None:
            aligning = _("Pick the segmentation to align to.")
        if aligning is None and node.contourTarget is node.segmentation:
            aligning = _("This is the same segmentation: pick another one to align to.")
        return [
            (self.ui.contoursButton, outlining, _("Outline every slice, and fit a curve to each contour.")),
            (
                self.ui.alignButton,
                aligning,
                _("Find the transform that brings the contours onto the other segmentation."),
            ),
        ]

    def onContours(self, _checked: bool = False) -> None:
        """Start outlining, or cancel it."""
        node = self.node
        segmentation = None if node.contourSource is ContourSource.EDGES else node.segmentation
        self.panel.toggleTask(
            self.ui.contoursButton,
            lambda: ContoursTask(
                node.segmentedVolume, segmentation, fit=node.contourFit.value, axis=node.contourAxis.value
            ),
            self.showContours,
        )

    def onAlign(self, _checked: bool = False) -> None:
        """Start aligning, or cancel it."""
        node = self.node
        self.panel.toggleTask(
            self.ui.alignButton,
            lambda: AlignContoursTask(node.segmentation, node.contourTarget, kind=node.contourAlignment.value),
            self.showAlignment,
        )

    def showContours(self, outputs: dict) -> None:
        """Show the table, and the volume with the contours drawn in color."""
        table = outputs["structures"] if outputs["structures"] is not None else outputs["table"]
        self.panel.showTable({"table": table})
        if outputs["projection"] is not None:
            show_volumes(outputs["projection"])
        self._tell(_("Done: the curves are in the folder beside the input, their errors in mm in the tables."), outputs)

    def showAlignment(self, outputs: dict) -> None:
        """Say how well the contours fit."""
        done = _(
            "Done: mean distance {mean} mm, 95 % below {p95} mm, {share} % of the contours have a counterpart. "
            "What is put under the transform {name} moves onto the other segmentation."
        ).format(
            mean=f"{outputs['mean_mm']:.2f}",
            p95=f"{outputs['p95_mm']:.2f}",
            share=f"{100 * outputs['matched_share']:.0f}",
            name=outputs["transform"].GetName(),
        )
        self._tell(done, outputs)

    def _tell(self, done: str, outputs: dict) -> None:
        notes = [_("Note: {note}.").format(note=note) for note in outputs["notes"]]
        self.ui.statusLabel.text = " ".join([done, *notes])
