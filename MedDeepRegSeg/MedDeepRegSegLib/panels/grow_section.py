"""The section "Grow a structure" of the Segmentation tab: by clicks in the Segment Editor, or from point lists."""

from slicer.i18n import tr as _

from MedDeepRegSegLib.mrml.display import show_volumes
from MedDeepRegSegLib.mrml.edited_segment import segment_to_edit
from MedDeepRegSegLib.mrml.segmentations import segment_id_by_name
from MedDeepRegSegLib.mrml.tasks import GrowTask
from MedDeepRegSegLib.panels.parameters import GrowingMethod
from MedDeepRegSegLib.panels.paths import pathOf
from MedDeepRegSegLib.panels.section import Section
from MedDeepRegSegLib.panels.segment_editor import openEffect
from MedDeepRegSegLib.segmentation.growing_settings import GrowingSettings


class GrowSection(Section):
    """Grows one structure."""

    def __init__(self, panel) -> None:
        super().__init__(panel)
        self.ui.growEffectButton.connect("clicked(bool)", self.onEffect)
        self.ui.growButton.connect("clicked(bool)", self.onGrow)
        for selector, placeWidget in (
            (self.ui.positivePointsSelector, self.ui.positivePlaceWidget),
            (self.ui.negativePointsSelector, self.ui.negativePlaceWidget),
            (self.ui.growBoxSelector, self.ui.growBoxPlaceWidget),
        ):
            selector.connect("currentNodeChanged(vtkMRMLNode*)", placeWidget.setCurrentNode)

    def buttons(self) -> list:
        """Return the state of the buttons."""
        node = self.node
        noName = None if node.segmentName.strip() else _("Give the new segment a name.")
        noPoints = None
        if node.positivePoints is None:
            noPoints = _("Make a point list and place a point inside the structure.")
        noVolume = self.panel.noVolume()
        return [
            (
                self.ui.growEffectButton,
                noVolume or noName,
                _("Open the Segment Editor: click, and see the structure grow at once. Every click can be taken back."),
            ),
            (self.ui.growButton, noVolume or noPoints or noName, _("Grow the structure from the points.")),
        ]

    def update(self) -> None:
        """Say what Grow will do, and enable the settings that the method has."""
        node = self.node
        if not self.panel.runner.isCancelButton(self.ui.growButton):
            name = node.segmentName.strip()
            replaces = node.segmentation is not None and segment_id_by_name(node.segmentation, name)
            self.ui.growButton.text = _("Grow again (replaces {name})").format(name=name) if replaces else _("Grow")
        classic = node.growMethod is GrowingMethod.CLASSIC
        self.ui.smoothnessSlider.enabled = self.ui.keepNarrowPartsCheckBox.enabled = classic
        for widget in (self.ui.growPointsAdaptCheckBox, self.ui.growUncertaintyCheckBox, self.ui.growModelPathLineEdit):
            widget.enabled = not classic

    def onEffect(self, _checked: bool = False) -> None:
        """Open the Segment Editor with the effect, on a segment of the name that was given."""
        node = self.node
        segmentation, identifier = segment_to_edit(node.segmentedVolume, node.segmentation, node.segmentName.strip())
        node.segmentation = segmentation
        if not openEffect("MedDeep Grow", segmentation, node.segmentedVolume, identifier):
            self.panel.showError(
                _(
                    "The Segment Editor has no effect MedDeep Grow: enable the module SegmentEditorMedDeepGrow and restart."
                )
            )

    def onGrow(self, _checked: bool = False) -> None:
        """Start growing from the points, or cancel it."""
        node, volume = self.node, self.node.segmentedVolume
        network = node.growMethod is GrowingMethod.NETWORK
        own = pathOf(self.ui.growModelPathLineEdit)  # not kept in scenes: it lies on this computer
        self.panel.toggleTask(
            self.ui.growButton,
            lambda: GrowTask(
                volume,
                node.positivePoints,
                negative_markups=node.negativePoints,
                settings=GrowingSettings(
                    method=node.growMethod.value,
                    smoothness_mm=node.smoothnessMm,
                    neck_radius_mm=0.0 if node.keepNarrowParts else None,
                    adapt=network and node.growAdapt,
                ),
                segmentation_node=node.segmentation,
                segment_name=node.segmentName.strip(),
                box_roi=node.growBox,
                foreground_segmentation=node.growForeground,
                uncertainty=network and node.growShowUncertainty,
                uncertainty_node=_uncertaintyOf(node),
                model=own if network else None,
            ),
            lambda outputs: self.showGrown(node, volume, outputs),
            networks=network,
        )

    def showGrown(self, node, volume, outputs: dict) -> None:
        """Pick the segmentation, show the uncertainty if there is one, and say where the next point would help."""
        self.panel.showSegmentation(node, outputs)
        if outputs["uncertainty"] is not None:
            node.growUncertainty = outputs["uncertainty"]
            show_volumes(volume, outputs["uncertainty"], 0.6, fit=False)
        if outputs["suggestion"] is not None:
            ras, inside = outputs["suggestion"]
            place = ", ".join(f"{part:.1f}" for part in ras)
            text = _("Done. Another point would help most at R, A, S {place} mm: it may be {side} the structure.")
            self.ui.statusLabel.text = text.format(place=place, side=_("inside") if inside else _("outside"))


def _uncertaintyOf(node):
    """Return the volume of the uncertainty that was made for the segment of this name before, or None."""
    volume = node.growUncertainty
    if volume is None or not volume.GetName().startswith(f"{node.segmentName.strip()} uncertainty"):
        return None
    return volume
