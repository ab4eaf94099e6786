"""The section "Import a table" of the tab Case base."""

import logging
from collections.abc import Callable
from pathlib import Path

from slicer.i18n import tr as _

from MedDeepDiagnosisLib.casebase.records import ImportOptions
from MedDeepDiagnosisLib.mrml.tasks import ImportCasesTask
from MedDeepDiagnosisLib.panels.case_base_text import reportText
from MedDeepDiagnosisLib.panels.chosen_paths import isSet
from MedDeepDiagnosisLib.panels.mapping_table import MappingTable
from MedDeepRegSegLib.errors import InputError, MissingPackageError
from MedDeepRegSegLib.panels.packages import ensurePackages
from MedDeepRegSegLib.panels.paths import pathOf
from MedDeepRegSegLib.panels.section import Section


class ImportSection(Section):
    """Reads the columns of a table, shows what they are taken for, checks, and imports.

    Parameters
    ----------
    panel:
        The :class:`MedDeepDiagnosisLib.panels.case_base_panel.CaseBasePanel`.
    onImported:
        Called without arguments after an import.
    """

    def __init__(self, panel, onImported: Callable[[], None]) -> None:
        super().__init__(panel)
        self._onImported = onImported
        self.mapping = MappingTable(self.ui.mappingTable, self.clear)
        self._read: tuple | None = None
        self.ui.importPathLineEdit.connect("currentPathChanged(QString)", self.panel.updateButtons)
        self.ui.readColumnsButton.connect("clicked(bool)", self.onReadColumns)
        self.ui.checkImportButton.connect("clicked(bool)", lambda _checked=False: self._start(trial=True))
        self.ui.importButton.connect("clicked(bool)", lambda _checked=False: self._start(trial=False))
        self.clear()

    def buttons(self) -> list:
        """Return the state of the buttons."""
        noTable = self._noTable()
        noMapping = None if not self.mapping.empty else _("Read the columns first, and look through them.")
        ready = noTable or noMapping or self.panel.noCaseBase(there=False)
        return [
            (
                self.ui.readColumnsButton,
                noTable,
                _("Find out which column is which feature: as remembered, or by names and units."),
            ),
            (self.ui.checkImportButton, ready, _("Say what an import would do; nothing is stored.")),
            (self.ui.importButton, ready, _("Store the cases. The columns are remembered for tables like this.")),
        ]

    def _noTable(self) -> str | None:
        path = pathOf(self.ui.importPathLineEdit)
        if path is None:
            return _("Pick a table: CSV, TSV or Excel.")
        if not path.is_file():
            return _("The table is not there: pick a file.")
        return self.panel.pathologies.obstacle()

    def update(self) -> None:
        """Forget the columns of another table or pathology."""
        if self._read is not None and self._read != self._key():
            self._read = None
            self.mapping.clear()
            self.clear()
            self.panel.updateButtons()
        self.ui.mappingTable.visible = not self.mapping.empty

    def _key(self) -> tuple:
        return (pathOf(self.ui.importPathLineEdit), self.panel.pathologies.source)

    def clear(self) -> None:
        """Show no result."""
        self.ui.importResultLabel.text = ""
        self.ui.importResultLabel.visible = False

    def clearResultOf(self, button) -> None:
        """Show no result of a button that was pressed."""
        if button in (self.ui.importButton, self.ui.checkImportButton):
            self.clear()

    def onReadColumns(self, _checked: bool = False) -> None:
        """Read the table, and show what its columns are taken for."""
        from MedDeepDiagnosisLib.mrml.case_mapping import propose_mapping

        pathology, path = self.panel.pathologies.pathology, pathOf(self.ui.importPathLineEdit)
        base = self.node.caseBase
        self.clear()
        try:
            ensurePackages(self.panel.caseBaseRequirementsFile, self.panel.requester)
            proposed = propose_mapping(path, pathology, Path(base) if isSet(base) else None)
        except (InputError, MissingPackageError) as error:
            self.panel.showError(str(error))
            return
        except Exception as error:
            logging.exception("the columns could not be read")
            self.panel.showError(_("The columns could not be read: {error}").format(error=error))
            return
        self.mapping.show(pathology, proposed.header, proposed.mapping)
        self._read = self._key()
        how = (
            _("These columns were used before for such a table.")
            if proposed.remembered
            else _("These columns are suggested by their names and units: look through them.")
        )
        self._tell("<br>".join([how, *(_("Note: {note}").format(note=note) for note in proposed.notes)]))
        self.panel.updateButtons()

    def _start(self, *, trial: bool) -> None:
        node = self.node
        button = self.ui.checkImportButton if trial else self.ui.importButton
        options = ImportOptions(
            keep_names=node.keepNames,
            on_conflict=node.onConflict.value,
            on_implausible=node.onImplausible.value,
            trial=trial,
        )
        self.panel.toggleCaseBaseTask(
            button,
            lambda: ImportCasesTask(
                pathOf(self.ui.importPathLineEdit),
                self.panel.pathologies.source,
                Path(node.caseBase),
                mapping=self.mapping.mapping(),
                options=options,
            ),
            self.show,
        )

    def show(self, outputs: dict) -> None:
        """Say what was done."""
        self._tell(reportText(outputs["report"]))
        if outputs["report"].written:
            self._onImported()

    def _tell(self, text: str) -> None:
        self.ui.importResultLabel.text = text
        self.ui.importResultLabel.visible = True
