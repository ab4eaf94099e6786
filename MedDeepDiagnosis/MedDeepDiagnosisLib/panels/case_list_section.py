"""The section "Cases" of the tab Case base: the list, the history of one case, and the export."""

from pathlib import Path

from slicer.i18n import tr as _

from MedDeepDiagnosisLib.mrml.tasks import ExportCasesTask, ShowCasesTask
from MedDeepDiagnosisLib.panels.case_base_text import listText
from MedDeepDiagnosisLib.panels.plain_table import fillTable, prepareTable, selectedRow
from MedDeepRegSegLib.panels.paths import pathOf
from MedDeepRegSegLib.panels.section import Section


class CaseListSection(Section):
    """Shows what is stored."""

    def __init__(self, panel) -> None:
        super().__init__(panel)
        self._cases: tuple = ()
        self._base: Path | None = None
        prepareTable(self.ui.caseTable, [_("Case"), _("Condition"), _("Values"), _("Earlier"), _("Patient")])
        prepareTable(
            self.ui.historyTable,
            [_("Value of"), _("Value"), _("Version"), _("How"), _("Source"), _("When"), _("Who")],
        )
        self.ui.caseTable.connect("itemSelectionChanged()", panel.updateButtons)
        self.ui.exportPathLineEdit.connect("currentPathChanged(QString)", panel.updateButtons)
        self.ui.listCasesButton.connect("clicked(bool)", self.onList)
        self.ui.historyButton.connect("clicked(bool)", self.onHistory)
        self.ui.exportButton.connect("clicked(bool)", self.onExport)
        self.clear()

    def buttons(self) -> list:
        """Return the state of the buttons."""
        noBase = self.panel.noCaseBase()
        noCase = None if selectedRow(self.ui.caseTable) is not None else _("List the cases, and select one.")
        return [
            (self.ui.listCasesButton, noBase, _("Read the list of cases.")),
            (self.ui.historyButton, noBase or noCase, _("Show every version of every value of the selected case.")),
            (self.ui.exportButton, noBase or self._noOutput(), _("Write the current values of all cases.")),
        ]

    def _noOutput(self) -> str | None:
        path = pathOf(self.ui.exportPathLineEdit)
        if path is None:
            return _("Pick a file to write.")
        return (
            None if path.suffix.lower() in {".csv", ".tsv"} else _("The name of the file must end with .csv or .tsv.")
        )

    def update(self) -> None:
        """Forget the list of another case base."""
        if self._base is not None and self._base != Path(self.node.caseBase):
            self._base = None
            self.clear()
            self.panel.updateButtons()

    def clear(self) -> None:
        """Show no case."""
        self._cases = ()
        fillTable(self.ui.caseTable, [])
        self._hideHistory()
        self.ui.caseTable.visible = False
        self.ui.listResultLabel.text = ""

    def _hideHistory(self) -> None:
        fillTable(self.ui.historyTable, [])
        self.ui.historyTable.visible = self.ui.historyLabel.visible = False

    def clearResultOf(self, button) -> None:
        """Show no result of a button that was pressed."""
        if button is self.ui.historyButton:
            self._hideHistory()
        elif button is self.ui.exportButton:
            self.ui.listResultLabel.text = ""

    def refresh(self) -> None:
        """Read the list anew, because cases were stored; unless the user has left the module."""
        if self.node is not None:
            self.panel.updateButtons()  # the file is there now
            self.ui.listCasesButton.click()

    def onList(self, _checked: bool = False) -> None:
        """Start reading the list, or cancel it."""
        base = Path(self.node.caseBase)
        self.panel.toggleCaseBaseTask(
            self.ui.listCasesButton, lambda: ShowCasesTask(base), lambda outputs: self.showList(base, outputs)
        )

    def showList(self, base: Path, outputs: dict) -> None:
        """Show the list of cases."""
        self._base, self._cases = base, outputs["cases"]
        rows = [
            (case.case, ", ".join(case.pathologies), case.values, case.versions - case.values, case.patient)
            for case in self._cases
        ]
        fillTable(self.ui.caseTable, rows)
        self._hideHistory()
        self.ui.caseTable.visible = bool(rows)
        self.ui.listResultLabel.text = listText(self._cases)

    def onHistory(self, _checked: bool = False) -> None:
        """Start reading the history of the selected case, or cancel it."""
        row = selectedRow(self.ui.caseTable)
        name = self._cases[row].case if row is not None else None
        self.panel.toggleCaseBaseTask(
            self.ui.historyButton,
            lambda: ShowCasesTask(Path(self.node.caseBase), name),
            lambda outputs: self.showHistory(name, outputs),
        )

    def showHistory(self, name: str, outputs: dict) -> None:
        """Show every version of every value, the newest of each first."""
        rows = [
            (
                entry.name,
                entry.value if entry.current else _("{value} (earlier)").format(value=entry.value),
                entry.version,
                entry.how,
                entry.source,
                entry.recorded_at[:16].replace("T", " "),
                entry.recorded_by,
            )
            for entry in outputs["history"]
        ]
        fillTable(self.ui.historyTable, rows)
        self.ui.historyLabel.text = _("History of {case}:").format(case=name)
        self.ui.historyTable.visible = self.ui.historyLabel.visible = True

    def onExport(self, _checked: bool = False) -> None:
        """Start the export, or cancel it."""
        base, out = Path(self.node.caseBase), pathOf(self.ui.exportPathLineEdit)
        whole = self.ui.exportAllCheckBox.checked
        pathology = None if whole else self.panel.pathologies.source
        self.panel.toggleCaseBaseTask(
            self.ui.exportButton, lambda: ExportCasesTask(base, out, pathology=pathology), self.showExport
        )

    def showExport(self, outputs: dict) -> None:
        """Say what was written."""
        self.ui.listResultLabel.text = _(
            "Wrote {cases} cases to {file}, and into the table “{table}” of the scene."
        ).format(cases=outputs["cases"], file=outputs["file"], table=outputs["table"].GetName())
