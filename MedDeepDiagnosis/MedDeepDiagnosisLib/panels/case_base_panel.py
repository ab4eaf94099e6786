"""The tab Case base: pick or make a file of cases, import tables, look at cases and their history, export."""

from slicer.i18n import tr as _

from MedDeepDiagnosisLib.panels.case_list_section import CaseListSection
from MedDeepDiagnosisLib.panels.chosen_paths import PathParameter, isSet
from MedDeepDiagnosisLib.panels.import_section import ImportSection
from MedDeepDiagnosisLib.panels.pathology_choice import PathologyChoice
from MedDeepRegSegLib.panels.panel import Panel


class CaseBasePanel(Panel):
    """Keeps cases in one file.

    Parameters
    ----------
    uiFile, layout, requirementsFile:
        See :class:`MedDeepRegSegLib.panels.panel.Panel`.
    caseBaseRequirementsFile:
        Python packages that a case base needs.
    """

    jobModule = "MedDeepDiagnosisLib.jobs"
    requester = "MedDeep Diagnosis"

    def __init__(self, uiFile: str, layout, requirementsFile: str, caseBaseRequirementsFile: str) -> None:
        super().__init__(uiFile, layout, requirementsFile)
        self.caseBaseRequirementsFile = caseBaseRequirementsFile
        self.pathologies = PathologyChoice(self)
        self._base = PathParameter(self.ui.caseBasePathLineEdit, self, "caseBase")
        self.listSection = CaseListSection(self)
        self.importSection = ImportSection(self, self.listSection.refresh)
        self.sections = [self.importSection, self.listSection]

    def buttons(self) -> list:
        """Return the state of the buttons."""
        return [button for section in self.sections for button in section.buttons()]

    def noCaseBase(self, *, there: bool = True) -> str | None:
        """Return what to do where no case base is picked (``there``: or it is not there yet), else None."""
        path = self.parameterNode.caseBase
        if not isSet(path):
            return _("Pick the file of a case base, or a new one.")
        if there and not path.is_file():
            return _("The case base is not there yet: the first import makes it.")
        return _("The case base is a folder: pick a file.") if path.is_dir() else None

    def updateButtons(self, _caller=None, _event=None) -> None:
        """Enable the buttons that can be pressed now, and show what follows from the parameters."""
        if self.parameterNode is None:
            return
        self.pathologies.update()
        self._base.update()
        super().updateButtons()
        for section in self.sections:
            section.update()

    def clearResult(self) -> None:
        """Show no result in any section."""
        for section in self.sections:
            section.clear()

    def clearResultOf(self, button) -> None:
        """Show no result of the section of a button."""
        for section in self.sections:
            section.clearResultOf(button)

    def toggleCaseBaseTask(self, button, makeTask, onDone) -> None:
        """Start a task on the case base, or cancel it."""
        self.toggleTask(button, makeTask, onDone, requirementsFile=self.caseBaseRequirementsFile)
