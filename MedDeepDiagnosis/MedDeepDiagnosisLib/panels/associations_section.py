"""The section "Associations" of the tab Learning: which findings go together, and how sure that is."""

import html
from pathlib import Path

import qt
from slicer.i18n import tr as _

from MedDeepDiagnosisLib.mrml.tasks import AssociationsTask
from MedDeepDiagnosisLib.panels.chosen_paths import newFolder
from MedDeepRegSegLib.panels.paths import pathOf
from MedDeepRegSegLib.panels.section import Section


class AssociationsSection(Section):
    """Looks for associations among the cases of the tab."""

    def __init__(self, panel) -> None:
        super().__init__(panel)
        self._report: Path | None = None
        self.ui.associationsOutputPathLineEdit.connect("currentPathChanged(QString)", panel.updateButtons)
        self.ui.associationsButton.connect("clicked(bool)", self.onLook)
        self.ui.openAssociationsButton.connect("clicked(bool)", self.onOpen)
        self.clear()

    def buttons(self) -> list:
        """Return the state of the button."""
        out = pathOf(self.ui.associationsOutputPathLineEdit)
        obstacle = self.panel.noCases() or (_("Pick a folder for the reports.") if out is None else None)
        purpose = _("Measure how strongly findings go together, with intervals, corrected for the number of tests.")
        return [(self.ui.associationsButton, obstacle, purpose)]

    def clear(self) -> None:
        """Show no result."""
        self._report = None
        self.ui.associationsResultLabel.text = ""
        self.ui.associationsResultLabel.visible = False
        self.ui.openAssociationsButton.enabled = False
        self.panel.showTable(self.ui.associationsTableView, None)

    def onLook(self, _checked: bool = False) -> None:
        """Start looking, or cancel it."""
        parent = pathOf(self.ui.associationsOutputPathLineEdit)
        self.panel.toggleLearningTask(
            self.ui.associationsButton,
            lambda: AssociationsTask(
                out=newFolder(parent, "associations"),
                pathology=self.panel.pathologies.source,
                **self.panel.cases(),
            ),
            self.show,
        )

    def show(self, outputs: dict) -> None:
        """Say what was found, show the table, and offer the report."""
        self._report = Path(outputs["report"])
        head = _("{found} of {pairs} pairs go together, in {rows} cases of {patients} patients.").format(**outputs)
        lines = [f"<b>{html.escape(head)}</b>", *map(html.escape, outputs["strongest"])]
        lines.append(html.escape(_("What goes together need not be cause and effect.")))
        self.ui.associationsResultLabel.text = "<br>".join(lines)
        self.ui.associationsResultLabel.visible = True
        self.panel.showTable(self.ui.associationsTableView, outputs["table"])
        self.ui.openAssociationsButton.enabled = True

    def onOpen(self, _checked: bool = False) -> None:
        """Open the report in the browser."""
        qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(self._report)))
