"""The tab Case: pick a model and a lesion, give findings, get a prediction with its reasons and a report."""

from pathlib import Path

import qt
from slicer.i18n import tr as _

from MedDeepDiagnosisLib.mrml.dicom_volumes import comes_from_dicom
from MedDeepDiagnosisLib.mrml.tasks import AssessTask
from MedDeepDiagnosisLib.panels.assessment_text import guidelinesText, missingFacts, reasonsText, resultText
from MedDeepDiagnosisLib.panels.chosen_paths import defaultCaseBase, isSet, newFolder
from MedDeepDiagnosisLib.panels.dicom_section import DicomSection
from MedDeepDiagnosisLib.panels.findings_form import FactsForm, fillFindings, needsLesion
from MedDeepDiagnosisLib.panels.form import Form
from MedDeepDiagnosisLib.panels.kept_assessment import inputsOf, keepAssessment, keptAssessment, reportIsThere
from MedDeepDiagnosisLib.panels.model_choice import ModelChoice
from MedDeepDiagnosisLib.panels.store_section import StoreSection
from MedDeepRegSegLib.mrml.result_views import jump_to_segments
from MedDeepRegSegLib.panels.panel import Panel

DICOM = ("sr", "seg")
NOTE = "Note: "
"""Begins those lines of the summary that are about the files."""


class CasePanel(Panel):
    """Assesses one lesion.

    Parameters
    ----------
    uiFile, layout, requirementsFile:
        See :class:`MedDeepRegSegLib.panels.panel.Panel`.
    caseBaseRequirementsFile, documentsRequirementsFile:
        Python packages that a case base needs, and PDF and DICOM.
    """

    jobModule = "MedDeepDiagnosisLib.jobs"
    requester = "MedDeep Diagnosis"

    def __init__(
        self,
        uiFile: str,
        layout,
        requirementsFile: str,
        caseBaseRequirementsFile: str,
        documentsRequirementsFile: str,
    ) -> None:
        super().__init__(uiFile, layout, requirementsFile)
        self._documentsRequirementsFile = documentsRequirementsFile
        self.models = ModelChoice(self)
        self.findings = Form(self.ui.findingsWidget.layout(), self.onFindings)
        self.facts = FactsForm(
            Form(self.ui.factsWidget.layout(), self.onFacts), self.ui.guidelineComboBox, self.ui.guidelineNoteLabel
        )
        self.storeSection = StoreSection(self, caseBaseRequirementsFile)
        self.dicomSection = DicomSection(self, documentsRequirementsFile)
        self._pathology = None
        self._report: Path | None = None
        self._following = False
        self.ui.segmentSelector.connect("currentNodeChanged(vtkMRMLNode*)", self.onLesionChanged)
        self.ui.segmentSelector.connect("currentSegmentChanged(QString)", self.onLesionChanged)
        self.ui.applyButton.connect("clicked(bool)", self.onApply)
        self.ui.openReportButton.connect("clicked(bool)", self.onOpenReport)
        self.clearResult()

    @property
    def pathology(self):
        """What the chosen model assesses; None where there is no model."""
        return self.models.pathology

    def setParameterNode(self, parameterNode) -> None:
        """Follow this parameter node; None follows no more."""
        super().setParameterNode(parameterNode)
        if parameterNode is not None:
            self._following = True
            self.ui.segmentSelector.setCurrentNode(parameterNode.segmentation)
            self.ui.segmentSelector.setCurrentSegmentID(parameterNode.segmentId)
            self._following = False
            self._showValues()
            kept = keptAssessment(parameterNode)
            if kept is not None and self._report is None:
                self._showKept(kept)

    def _showKept(self, outputs: dict) -> None:
        """Show an assessment that came with the scene; what was changed by hand so that it cannot be shown is none."""
        try:
            self.showResult(outputs, openable=reportIsThere(outputs))
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            self.clearResult()

    def buttons(self) -> list:
        """Return the state of the buttons."""
        purpose = _("Measure the lesion, predict, and write the report.")
        return [
            (self.ui.applyButton, self._obstacle(), purpose),
            *self.storeSection.buttons(),
            *self.dicomSection.buttons(),
        ]

    def _obstacle(self) -> str | None:
        """Return why there can be no assessment, or None; the first thing to do comes first."""
        obstacle = self.models.obstacle() or self.noLesion()
        if obstacle:
            return obstacle
        for feature in self.pathology.features:
            if feature.required and feature.name in self.findings.names and feature.name not in self.findings.values:
                return _("Give a value for {title}: there is no assessment without it.").format(title=feature.title)
        return None if isSet(self.parameterNode.reportFolder) else _("Pick a folder for the reports.")

    def noLesion(self) -> str | None:
        """Return what to do where a lesion is needed and none is picked, else None."""
        node = self.parameterNode
        if node.segmentation is None:
            needed = self.pathology is None or needsLesion(self.pathology)
            return _("Pick the segmentation and the segment of the lesion.") if needed else None
        return None if node.segmentId else _("Pick the segment of the lesion.")

    def updateButtons(self, _caller=None, _event=None) -> None:
        """Enable the buttons that can be pressed now, and show what follows from the parameters."""
        if self.parameterNode is None:
            return
        self.models.update()
        self._showPathology()
        self.dicomSection.update()
        super().updateButtons()
        self.storeSection.update()
        dicom = comes_from_dicom(self.parameterNode.lesionVolume)
        self.ui.dicomCheckBox.enabled = dicom
        self.ui.dicomCheckBox.toolTip = (
            _("Also write a DICOM structured report (TID 1500) and the segmentation as DICOM SEG.")
            if dicom
            else _("Pick a volume that was loaded from a DICOM series.")
        )

    def _showPathology(self) -> None:
        """Make the forms of the pathology, if they are not shown already."""
        pathology = self.pathology
        if pathology is self._pathology:
            return
        self._pathology = pathology
        self.clearResult()
        if pathology is None:
            self.findings.clear()
        else:
            fillFindings(self.findings, pathology)
            self.facts.fill(pathology)
            self.storeSection.fill(pathology)
        self.ui.findingsCollapsibleButton.visible = bool(self.findings.names)
        self.ui.factsCollapsibleButton.visible = pathology is not None and not self.facts.empty
        self._showValues()

    def _showValues(self) -> None:
        self.findings.setValues(dict(self.parameterNode.findings))
        self.facts.form.setValues(dict(self.parameterNode.facts))

    def selectDefaults(self) -> None:
        """Pick a folder and a case base in the user's home."""
        node = self.parameterNode
        if not isSet(node.reportFolder):
            node.reportFolder = Path.home() / "MedDeep reports"
        if not isSet(node.caseBase):
            node.caseBase = defaultCaseBase()

    def onLesionChanged(self, _changed=None) -> None:
        """Store the picked lesion."""
        node = self.parameterNode
        if node is None or self._following:
            return
        picked = (self.ui.segmentSelector.currentNode(), self.ui.segmentSelector.currentSegmentID() or "")
        if picked == (node.segmentation, node.segmentId):
            return
        # What was said was said of another lesion, maybe of another patient.
        first = node.segmentation is None
        node.segmentation, node.segmentId = picked
        self._jumpToLesion()
        if not first:
            node.findings, node.facts = {}, {}
            self._showValues()
            self.storeSection.clearCase()
        self.clearResult()

    def _jumpToLesion(self) -> None:
        """Bring the lesion into the views."""
        node = self.parameterNode
        if node is not None and node.segmentation is not None and node.segmentId:
            jump_to_segments(node.lesionVolume, node.segmentation, (node.segmentId,))

    def onFindings(self) -> None:
        """Store what was said of the lesion and the patient."""
        if self.parameterNode is not None:
            self.clearResult()
            self.parameterNode.findings = self.findings.values

    def onFacts(self) -> None:
        """Store the facts for guidelines."""
        if self.parameterNode is not None:
            self.clearResult()
            self.parameterNode.facts = self.facts.form.values

    def clearResult(self) -> None:
        """Show no assessment."""
        self._report = None
        self.ui.resultLabel.text = _("No assessment yet.")
        for label in (self.ui.reasonsLabel, self.ui.guidelinesLabel):
            label.text = ""
            label.visible = False
        self.facts.mark(())
        self.ui.openReportButton.enabled = False

    def clearResultOf(self, button) -> None:
        """Show no result of a button that was pressed."""
        if button is self.ui.applyButton:
            self.clearResult()
        else:
            self.dicomSection.clear()

    def onApply(self, _checked: bool = False) -> None:
        """Start the assessment, or cancel it."""
        node = self.parameterNode
        wanted, inputs = self._formats(), inputsOf(node)
        self.toggleTask(
            self.ui.applyButton,
            lambda: AssessTask(
                node.segmentation,
                node.segmentId,
                self.findings.values,
                facts=self.facts.form.values,
                report_folder=newFolder(Path(node.reportFolder)),
                volume_node=node.lesionVolume,
                model_folder=self.models.folder,
                formats=wanted,
            ),
            lambda outputs: self.onAssessed(node, inputs, outputs),
            requirementsFile=self._documentsRequirementsFile if wanted else None,
        )

    def _formats(self) -> tuple[str, ...]:
        """Return the files that are wanted besides the usual ones."""
        node = self.parameterNode
        dicom = node.writeDicom and self.ui.dicomCheckBox.enabled
        return (("pdf",) if node.writePdf else ()) + (DICOM if dicom else ())

    def onAssessed(self, node, inputs: dict, outputs: dict) -> None:
        """Show an assessment and keep it with the scene.

        ``node`` and ``inputs`` are those it was started with: the user may have left the module meanwhile.
        """
        keepAssessment(node, inputs, outputs)
        self.showResult(outputs)
        self._jumpToLesion()

    def showResult(self, outputs: dict, *, openable: bool = True) -> None:
        """Show the prediction, its reasons and the guidelines, and offer the report where it can be opened."""
        self._report = Path(outputs["report"])
        assessment = outputs["assessment"]
        notes = [line for line in outputs["summary"] if line.startswith(NOTE)]
        self.ui.resultLabel.text = resultText(assessment, notes)
        for label, text in (
            (self.ui.reasonsLabel, reasonsText(assessment)),
            (self.ui.guidelinesLabel, guidelinesText(assessment["guidelines"])),
        ):
            label.text = text
            label.visible = bool(text)
        missing = missingFacts(assessment["guidelines"])
        self.facts.mark(missing)
        if missing:
            self.ui.factsCollapsibleButton.collapsed = False
        self.ui.openReportButton.enabled = openable

    def onOpenReport(self, _checked: bool = False) -> None:
        """Open the report in the browser."""
        qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(self._report)))

    def reset(self) -> None:
        """End what is running and forget what was shown."""
        super().reset()
        self.storeSection.clearCase()
        self.dicomSection.forget()
