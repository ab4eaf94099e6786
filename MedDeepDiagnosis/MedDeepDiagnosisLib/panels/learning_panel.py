"""The tab Learning: fit a model to one's own cases, and look at what goes together among them."""

from pathlib import Path

import slicer
from slicer.i18n import tr as _

from MedDeepDiagnosisLib.panels.associations_section import AssociationsSection
from MedDeepDiagnosisLib.panels.chosen_paths import PathParameter, isSet
from MedDeepDiagnosisLib.panels.fit_section import FitSection
from MedDeepDiagnosisLib.panels.parameters import CasesFrom
from MedDeepDiagnosisLib.panels.pathology_choice import PathologyChoice
from MedDeepRegSegLib.panels.panel import Panel
from MedDeepRegSegLib.panels.paths import pathOf


class LearningPanel(Panel):
    """Learns from cases.

    Parameters
    ----------
    uiFile, layout, requirementsFile:
        See :class:`MedDeepRegSegLib.panels.panel.Panel`.
    learningRequirementsFile:
        Python packages that learning needs, and a case base to learn from.
    """

    jobModule = "MedDeepDiagnosisLib.jobs"
    requester = "MedDeep Diagnosis"

    def __init__(self, uiFile: str, layout, requirementsFile: str, learningRequirementsFile: str) -> None:
        super().__init__(uiFile, layout, requirementsFile)
        self.learningRequirementsFile = learningRequirementsFile
        self.pathologies = PathologyChoice(self)
        self._base = PathParameter(self.ui.learnCaseBasePathLineEdit, self, "caseBase")
        self.ui.learnTablePathLineEdit.connect("currentPathChanged(QString)", self.updateButtons)
        self.fitSection = FitSection(self)
        self.associationsSection = AssociationsSection(self)
        self.sections = [self.fitSection, self.associationsSection]

    def buttons(self) -> list:
        """Return the state of the buttons."""
        return [button for section in self.sections for button in section.buttons()]

    def noCases(self) -> str | None:
        """Return what to do where there is no pathology or there are no cases, else None."""
        obstacle = self.pathologies.obstacle()
        if obstacle:
            return obstacle
        node = self.parameterNode
        if node.casesFrom is CasesFrom.SCENE:
            return None if node.caseTable is not None else _("Pick a table of the scene.")
        if node.casesFrom is CasesFrom.BASE:
            base = node.caseBase
            checks = ((not isSet(base), _("Pick the file of a case base.")),)
            checks += ((not base.is_file(), _("The case base is not there: the tab Case base makes one.")),)
        else:
            path = pathOf(self.ui.learnTablePathLineEdit)
            checks = ((path is None, _("Pick the table of cases.")),)
            checks += ((path is not None and not path.is_file(), _("The table is not there: pick a file.")),)
        return next((text for wrong, text in checks if wrong), None)

    def cases(self) -> dict:
        """Return where the cases are, as options of the tasks."""
        node = self.parameterNode
        if node.casesFrom is CasesFrom.BASE:
            return {"db": Path(node.caseBase)}
        if node.casesFrom is CasesFrom.SCENE:
            return {"source": node.caseTable}
        return {"source": pathOf(self.ui.learnTablePathLineEdit)}

    def updateButtons(self, _caller=None, _event=None) -> None:
        """Enable the buttons that can be pressed now, and show what follows from the parameters."""
        if self.parameterNode is None:
            return
        self.pathologies.update()
        self._base.update()
        source = self.parameterNode.casesFrom
        for kind, names in (
            (CasesFrom.BASE, ("learnCaseBasePathLineEdit", "learnCaseBaseLabel")),
            (CasesFrom.FILE, ("learnTablePathLineEdit", "learnTableLabel")),
            (CasesFrom.SCENE, ("caseTableSelector", "caseTableLabel")),
        ):
            for name in names:
                getattr(self.ui, name).visible = source is kind
        super().updateButtons()
        for section in self.sections:
            section.update()

    def toggleLearningTask(self, button, makeTask, onDone, *, networks: bool = False) -> None:
        """Start a task that learns, or cancel it; PyTorch is asked for only where a network learns."""
        self.toggleTask(button, makeTask, onDone, networks=networks, requirementsFile=self.learningRequirementsFile)

    def showTable(self, view, node) -> None:
        """Show a table node in a view."""
        view.setMRMLTableNode(node)
        view.setMRMLScene(slicer.mrmlScene)
        view.visible = node is not None

    def clearResult(self) -> None:
        """Show no result in any section."""
        for section in self.sections:
            section.clear()

    def clearResultOf(self, button) -> None:
        """Show no result of the section of a button."""
        for section in self.sections:
            if any(button is own for own, _obstacle, _purpose in section.buttons()):
                section.clear()
