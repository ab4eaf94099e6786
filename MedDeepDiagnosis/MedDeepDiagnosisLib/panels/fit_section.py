"""The section "Fit a model" of the tab Learning: learners are validated, the first one becomes the model."""

import logging
import re
from pathlib import Path

import qt
from slicer.i18n import tr as _

from MedDeepDiagnosisLib.mrml.tasks import FitTask
from MedDeepDiagnosisLib.panels.parameters import Predictor
from MedDeepRegSegLib.mrml.plots import show_chart
from MedDeepRegSegLib.panels.paths import holdsFiles, pathOf
from MedDeepRegSegLib.panels.section import Section

NETWORKS = {Predictor.NETWORK.value, Predictor.MEAN.value}
"""Learners that need PyTorch: the mean is that of the others, a network among them, where it stands alone."""


class FitSection(Section):
    """Fits a model to the cases of the tab."""

    def __init__(self, panel) -> None:
        super().__init__(panel)
        self._pathology = None
        self._targets: list[str] = []
        self._model: Path | None = None
        self._quiet = False
        for learner in Predictor:
            item = qt.QListWidgetItem(learner.label())
            item.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsUserCheckable)
            item.setCheckState(qt.Qt.Unchecked)
            self.ui.compareListWidget.addItem(item)
        self.ui.compareListWidget.connect("itemChanged(QListWidgetItem*)", self.onCompared)
        self.ui.targetComboBox.connect("currentIndexChanged(int)", self.onTarget)
        self.ui.fitOutputPathLineEdit.connect("currentPathChanged(QString)", panel.updateButtons)
        self.ui.fitButton.connect("clicked(bool)", self.onFit)
        self.ui.openModelButton.connect("clicked(bool)", self.onOpenModel)
        self.clear()

    def buttons(self) -> list:
        """Return the state of the button."""
        purpose = _("Validate the learners on patients that they have not seen, and fit the model on all cases.")
        return [(self.ui.fitButton, self.panel.noCases() or self._obstacle(), purpose)]

    def _obstacle(self) -> str | None:
        out = pathOf(self.ui.fitOutputPathLineEdit)
        if out is None:
            return _("Pick a folder for the model.")
        if holdsFiles(out):
            return _("The model folder is not empty: choose a new one, so that nothing is overwritten.")
        return None

    def learners(self) -> tuple[str, ...]:
        """Return the names of the learners, that of the model first."""
        compared = [name for name in self.node.compareWith.split(",") if name]
        return tuple(dict.fromkeys([self.node.predictor.value, *compared]))

    def update(self) -> None:
        """Show the targets of the pathology, and the learners to compare with."""
        pathology = self.panel.pathologies.pathology
        if pathology is not self._pathology:
            self._pathology = pathology
            self._targets = [] if pathology is None else [target.name for target in pathology.targets]
            blocked = self.ui.targetComboBox.blockSignals(True)
            self.ui.targetComboBox.clear()
            for target in () if pathology is None else pathology.targets:
                self.ui.targetComboBox.addItem(target.title)
            self.ui.targetComboBox.blockSignals(blocked)
        blocked = self.ui.targetComboBox.blockSignals(True)
        chosen = self.node.target
        self.ui.targetComboBox.currentIndex = self._targets.index(chosen) if chosen in self._targets else 0
        self.ui.targetComboBox.blockSignals(blocked)
        self.ui.targetComboBox.toolTip = self.ui.targetComboBox.currentText
        compared = set(self.node.compareWith.split(","))
        self._quiet = True
        for row, learner in enumerate(Predictor):
            item = self.ui.compareListWidget.item(row)
            first = learner is self.node.predictor
            item.setCheckState(qt.Qt.Checked if first or learner.value in compared else qt.Qt.Unchecked)
            usual = qt.Qt.ItemIsUserCheckable
            item.setFlags(usual if first else usual | qt.Qt.ItemIsEnabled)
        self._quiet = False

    def onTarget(self, index: int) -> None:
        """Store the target that was picked."""
        if self.node is not None and 0 <= index < len(self._targets):
            self.node.target = self._targets[index]

    def onCompared(self, _item=None) -> None:
        """Store the learners that were checked."""
        if self._quiet or self.node is None:
            return
        rows = enumerate(Predictor)
        checked = [
            learner.value
            for row, learner in rows
            if learner is not self.node.predictor and self.ui.compareListWidget.item(row).checkState() == qt.Qt.Checked
        ]
        self.node.compareWith = ",".join(checked)

    def clear(self) -> None:
        """Show no result."""
        self._model = None
        self.ui.fitResultLabel.text = ""
        self.ui.fitResultLabel.visible = self.ui.cardTextBrowser.visible = False
        self.ui.openModelButton.visible = False
        self.panel.showTable(self.ui.scoresTableView, None)

    def onFit(self, _checked: bool = False) -> None:
        """Start the fit, or cancel it."""
        out, learners = pathOf(self.ui.fitOutputPathLineEdit), self.learners()
        target = self.node.target if self.node.target in self._targets else None
        self.panel.toggleLearningTask(
            self.ui.fitButton,
            lambda: FitTask(
                self.panel.pathologies.source, out=out, learners=learners, target=target, **self.panel.cases()
            ),
            self.show,
            networks=bool(NETWORKS & set(learners)),
        )

    def show(self, outputs: dict) -> None:
        """Show scores, reliability and the model card."""
        self._model = outputs["model"]
        if self.node is not None:  # the user may have left the module
            self.node.modelFolder = self._model
        self.ui.fitResultLabel.text = _(
            "Learned from {cases} cases of {patients} patients. To use the model, choose “Own model” in the tab Case."
        ).format(cases=outputs["cases"], patients=outputs["patients"])
        self.panel.showTable(self.ui.scoresTableView, outputs["table"])
        show_chart(outputs["chart"])
        card = Path(outputs["card"]).read_text(encoding="utf-8")
        # Headings two steps smaller: the card is part of a panel here.
        self.ui.cardTextBrowser.setMarkdown(re.sub(r"^(?=#)", "##", card, flags=re.MULTILINE))
        self.ui.fitResultLabel.visible = self.ui.cardTextBrowser.visible = True
        self.ui.openModelButton.visible = True

    def onOpenModel(self, _checked: bool = False) -> None:
        """Show the folder of the model in the file manager."""
        if not qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(self._model))):
            logging.warning("the folder %s could not be shown", self._model)
