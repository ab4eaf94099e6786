"""The assessment tab: pick a lesion, rate its signs, get a calibrated prediction and a report."""

import html
from datetime import datetime
from pathlib import Path

import qt
from slicer.i18n import tr as _

from MedDeepDiagnosisLib.fitting import shipped_model_folder
from MedDeepDiagnosisLib.mrml.tasks import AssessTask
from MedDeepDiagnosisLib.panels.signs_form import SignsForm
from MedDeepDiagnosisLib.pathology import load_pathology
from MedDeepRegSegLib.panels.panel import Panel

PATHOLOGY = "lung_nodule"


class AssessmentPanel(Panel):
    """Assesses one segmented lung nodule."""

    jobModule = "MedDeepDiagnosisLib.jobs"
    requester = "MedDeep Diagnosis"

    def __init__(self, uiFile: str, layout, requirementsFile: str) -> None:
        super().__init__(uiFile, layout, requirementsFile)
        self.signs = SignsForm(self.ui.signsCollapsibleButton.layout(), load_pathology(PATHOLOGY), self.onRated)
        self._report: Path | None = None
        self._following = False
        self.ui.segmentSelector.connect("currentNodeChanged(vtkMRMLNode*)", self.onLesionChanged)
        self.ui.segmentSelector.connect("currentSegmentChanged(QString)", self.onLesionChanged)
        self.ui.applyButton.connect("clicked(bool)", self.onApply)
        self.ui.openReportButton.connect("clicked(bool)", self.onOpenReport)

    def setParameterNode(self, parameterNode) -> None:
        """Follow this parameter node; None follows no more."""
        super().setParameterNode(parameterNode)
        if parameterNode is not None:
            self._following = True
            self.ui.segmentSelector.setCurrentNode(parameterNode.segmentation)
            self.ui.segmentSelector.setCurrentSegmentID(parameterNode.segmentId)
            self._following = False
            self.signs.setRatings(dict(parameterNode.ratings))

    def buttons(self) -> list:
        """Return the state of the Assess button."""
        node = self.parameterNode
        obstacle = None
        if node.segmentation is None or not node.segmentId:
            obstacle = _("Pick the segmentation and the segment of the lesion.")
        elif not _isSet(node.reportFolder):
            obstacle = _("Pick a folder for the reports.")
        elif not _isSet(node.modelFolder):
            obstacle = _("Pick the folder of a model.")
        return [(self.ui.applyButton, obstacle, _("Measure the lesion, predict, and write the report."))]

    def selectDefaults(self) -> None:
        """Pick the model that ships and a folder in the user's home."""
        node = self.parameterNode
        if not _isSet(node.modelFolder):
            node.modelFolder = shipped_model_folder(PATHOLOGY)
        if not _isSet(node.reportFolder):
            node.reportFolder = Path.home() / "MedDeep reports"

    def onLesionChanged(self, _changed=None) -> None:
        """Store the picked lesion."""
        node = self.parameterNode
        if node is None or self._following:
            return
        picked = (self.ui.segmentSelector.currentNode(), self.ui.segmentSelector.currentSegmentID() or "")
        if picked == (node.segmentation, node.segmentId):
            return
        node.segmentation, node.segmentId = picked
        # The signs were rated on another lesion.
        node.ratings = {}
        self.signs.setRatings({})
        self.clearResult()

    def onRated(self) -> None:
        """Store the rated signs."""
        if self.parameterNode is not None:
            self.parameterNode.ratings = self.signs.ratings
            self.clearResult()

    def clearResult(self) -> None:
        """Show no assessment."""
        self._report = None
        self.ui.resultLabel.text = _("No assessment yet.")
        self.ui.openReportButton.enabled = False

    def onApply(self, _checked: bool = False) -> None:
        """Start the assessment, or cancel it."""
        node = self.parameterNode
        self.toggleTask(
            self.ui.applyButton,
            lambda: AssessTask(
                node.segmentation,
                node.segmentId,
                dict(node.ratings),
                report_folder=_newFolder(Path(node.reportFolder)),
                volume_node=node.lesionVolume,
                model_folder=Path(node.modelFolder),
            ),
            self.showResult,
        )

    def showResult(self, outputs: dict) -> None:
        """Show the prediction in words, and offer the report."""
        self._report = Path(outputs["report"])
        self.ui.resultLabel.text = "".join(f"<p>{html.escape(line)}</p>" for line in outputs["summary"])
        self.ui.openReportButton.enabled = True

    def onOpenReport(self, _checked: bool = False) -> None:
        """Open the report in the browser."""
        qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(self._report)))


def _newFolder(parent: Path) -> Path:
    """Return a folder that is not there yet, named by the time, so that no earlier report is replaced."""
    name = datetime.now().strftime("%Y-%m-%d %H-%M-%S")
    folder = parent / name
    number = 2
    while folder.exists():
        folder = parent / f"{name} ({number})"
        number += 1
    return folder


def _isSet(path: Path) -> bool:
    """Whether a path was picked: an empty path line reads as the current folder."""
    return str(path) not in {"", "."}
