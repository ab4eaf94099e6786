"""The sections of the Training tab that use a model: segment, evaluate, find the next cases to label."""

import html
import logging
from pathlib import Path

import qt
from slicer.i18n import tr as _

from MedDeepRegSegLib.mrml.display import show_volumes, style_uncertainty
from MedDeepRegSegLib.mrml.result_views import show_segments
from MedDeepRegSegLib.mrml.tasks import EvaluateTask, PredictTask, SelectTask
from MedDeepRegSegLib.panels.paths import holdsFiles
from MedDeepRegSegLib.panels.section import Section


class PredictSection(Section):
    """Segments a volume with the model."""

    def __init__(self, panel) -> None:
        super().__init__(panel)
        self.ui.predictButton.connect("clicked(bool)", self.onPredict)

    def buttons(self) -> list:
        """Return the state of the button."""
        node = self.node
        obstacle = self.panel.noModel()
        if obstacle is None and node.predictedVolume is None:
            obstacle = _("Pick a volume.")
        if obstacle is None and node.predictedSecondVolume is node.predictedVolume:
            obstacle = _("Both volumes are the same: pick another second volume, or none.")
        return [(self.ui.predictButton, obstacle, _("Find the classes of the model in the volume."))]

    def selectDefaults(self) -> None:
        """Pick the first volume of the scene."""
        volumes = self.panel.scalarVolumes()
        if self.node.predictedVolume is None and volumes:
            self.node.predictedVolume = volumes[0]

    def onPredict(self, _checked: bool = False) -> None:
        """Start segmenting, or cancel it."""
        node, model = self.node, self.panel.modelFolder()
        volumes = [node.predictedVolume]
        if node.predictedSecondVolume is not None:
            volumes.append(node.predictedSecondVolume)
        self.panel.toggleNetworkTask(
            self.ui.predictButton,
            lambda: PredictTask(
                volumes,
                model=model,
                segmentation_node=node.predictedSegmentation,
                uncertainty=node.predictUncertainty,
                mirrored=node.predictMirrored,
            ),
            lambda outputs: self.show(node, volumes[0], outputs),
        )

    def show(self, node, volume, outputs: dict) -> None:
        """Show the segmentation on the volume, and the doubt above it."""
        node.predictedSegmentation = outputs["segmentation"]
        doubt = outputs.get("uncertainty")
        if doubt is not None:
            style_uncertainty(doubt)
        show_volumes(volume, doubt, 0.6)
        show_segments(volume, outputs["segmentation"], outputs["segment_ids"])
        count, name = len(outputs["segment_ids"]), outputs["segmentation"].GetName()
        self.ui.statusLabel.text = _("Done: {count} segments in {name}.").format(count=count, name=name)


class EvaluateSection(Section):
    """Measures the model on cases of the dataset."""

    def __init__(self, panel) -> None:
        super().__init__(panel)
        self.ui.evaluateOutputPathLineEdit.connect("currentPathChanged(QString)", panel.updateButtons)
        self.ui.evaluateButton.connect("clicked(bool)", self.onEvaluate)
        self.ui.openReportButton.connect("clicked(bool)", self.onOpenReport)
        self.clear()

    def buttons(self) -> list:
        """Return the state of the button."""
        out = self.panel.pathIn(self.ui.evaluateOutputPathLineEdit)
        obstacle = self.panel.noModel() or self.panel.noDataset()
        if obstacle is None and out is not None and holdsFiles(out):
            obstacle = _("The output folder is not empty: choose a new one or none, so that nothing is overwritten.")
        purpose = _("Segment the cases with the model, compare with what was drawn, and write a report.")
        return [(self.ui.evaluateButton, obstacle, purpose)]

    def update(self) -> None:
        """Enable the report when there is one."""
        button = self.ui.openReportButton
        button.enabled = self._report is not None
        button.toolTip = _("Open the report in the browser.") if button.enabled else _("Evaluate first.")

    def clear(self) -> None:
        """Show no result."""
        self._report: Path | None = None
        self.ui.evaluateResultLabel.text = ""
        self.ui.evaluateResultLabel.visible = False

    def onEvaluate(self, _checked: bool = False) -> None:
        """Start the evaluation, or cancel it."""
        node, model, dataset = self.node, self.panel.modelFolder(), self.panel.dataset()
        out = self.panel.pathIn(self.ui.evaluateOutputPathLineEdit) or newFolderBeside(model)
        role = node.evaluateRole
        self.panel.toggleNetworkTask(
            self.ui.evaluateButton,
            lambda: EvaluateTask(dataset, model=model, role=role.value, out=out),
            lambda outputs: self.show(role, outputs),
        )

    def show(self, role, outputs: dict) -> None:
        """Show the figures, and offer the report."""
        self._report = Path(outputs["report"])
        self.panel.showTable(outputs)
        text = _("Evaluated on the cases for {role}. The figures and the report are in {folder}.")
        told = text.format(role=role.label().lower(), folder=self._report.parent)
        self.ui.evaluateResultLabel.text = html.escape(told)
        self.ui.evaluateResultLabel.visible = True
        self.update()

    def onOpenReport(self, _checked: bool = False) -> None:
        """Open the report in the browser."""
        if not qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(self._report))):
            logging.warning("the report %s could not be shown", self._report)


class SelectSection(Section):
    """Names the cases to label next."""

    def __init__(self, panel) -> None:
        super().__init__(panel)
        self.ui.selectButton.connect("clicked(bool)", self.onSelect)

    def buttons(self) -> list:
        """Return the state of the button."""
        obstacle = self.panel.noModel() or self.panel.noDataset()
        purpose = _(
            "Segment the cases without labels, and rank them by how unsure the model is and how unlike the labeled cases they are."
        )
        return [(self.ui.selectButton, obstacle, purpose)]

    def onSelect(self, _checked: bool = False) -> None:
        """Start ranking, or cancel it."""
        node, model, dataset = self.node, self.panel.modelFolder(), self.panel.dataset()
        self.panel.toggleNetworkTask(
            self.ui.selectButton, lambda: SelectTask(dataset, model=model, count=node.selectCount), self.show
        )

    def show(self, outputs: dict) -> None:
        """Show the table, and name the first case."""
        self.panel.showTable(outputs)
        if outputs["cases"]:
            self.ui.statusLabel.text = _("Done: label {case} next.").format(case=outputs["cases"][0])


def newFolderBeside(model: Path) -> Path:
    """Return a folder beside that of the model that is not there yet."""
    folder, number = model.with_name(f"{model.name} evaluation"), 2
    while folder.exists():
        folder = model.with_name(f"{model.name} evaluation {number}")
        number += 1
    return folder
