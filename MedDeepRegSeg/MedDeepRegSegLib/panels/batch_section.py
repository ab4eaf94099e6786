"""The section "Batch" of the tab Data & augmentation: one command over a table of cases."""

import html
from pathlib import Path

import slicer
from slicer.i18n import tr as _

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.batch_kinds import BATCHES, batch_kind
from MedDeepRegSegLib.jobs.batch_table import Row, read_table
from MedDeepRegSegLib.mrml.tasks import BatchTask
from MedDeepRegSegLib.panels.own_models import DESCRIPTION, needsMonai
from MedDeepRegSegLib.panels.paths import pathOf, setPath
from MedDeepRegSegLib.panels.section import Section

NETWORKS = ("register", "grow", "predict")
"""Commands that may need PyTorch."""
TRAINED = "predict"
"""The command that may need MONAI, too."""


def title(command: str) -> str:
    """Return what a command is called in the panel."""
    titles = {
        "register": _("Register pairs"),
        "grow": _("Grow structures"),
        "predict": _("Segment with own models"),
        "measure": _("Measure segments"),
        "diagnose": _("Assess and report"),
    }
    return titles.get(command, command)


class BatchSection(Section):
    """Runs a command over a table and shows what became of the cases.

    Parameters
    ----------
    panel:
        The panel.
    monaiRequirementsFile:
        Python packages that own models may need.
    """

    def __init__(self, panel, monaiRequirementsFile: str) -> None:
        super().__init__(panel)
        self._requirementsFile = monaiRequirementsFile
        self._commands: list[str] = []
        self.ui.batchCommandComboBox.connect("currentIndexChanged(int)", self.onPicked)
        for line in (self.ui.batchTablePathLineEdit, self.ui.batchOutputPathLineEdit):
            line.connect("currentPathChanged(QString)", panel.updateButtons)
        self.ui.batchSchedulerLineEdit.connect("textChanged(QString)", self.onScheduler)
        self.ui.batchButton.connect("clicked(bool)", self.onRun)
        self.onScheduler()
        self.clear()

    def buttons(self) -> list:
        """Return the state of the button."""
        purpose = _("Run all cases of the table, each in a process and a folder of its own. What is done stays done.")
        return [(self.ui.batchButton, self._obstacle(), purpose)]

    def _obstacle(self) -> str | None:
        """Return why no batch can run, or None; the first thing to do comes first."""
        table, out = pathOf(self.ui.batchTablePathLineEdit), pathOf(self.ui.batchOutputPathLineEdit)
        checks = [
            (self.node.batchCommand not in BATCHES, _("Pick what to do.")),
            (table is None, _("Pick the table of the cases.")),
            (table is not None and not table.is_file(), _("The table of the cases is not there.")),
            (out is None, _("Pick an output folder.")),
            (out is not None and out.exists() and not out.is_dir(), _("The output folder is a file.")),
        ]
        return next((text for wrong, text in checks if wrong), None)

    def update(self) -> None:
        """Offer the commands that there are by now, and say which columns the picked one reads."""
        box, command = self.ui.batchCommandComboBox, self.node.batchCommand
        blocked = box.blockSignals(True)
        for name in BATCHES:  # another module may have added its own
            if name not in self._commands:
                self._commands.append(name)
                box.addItem(title(name))
        box.currentIndex = self._commands.index(command) if command in self._commands else -1
        box.blockSignals(blocked)
        try:
            self.ui.batchHelpLabel.text = helpText(command)
        except InputError:  # of a scene from a computer with another module
            self.ui.batchHelpLabel.text = ""

    def clear(self) -> None:
        """Show no result."""
        self.ui.batchResultLabel.text = ""
        self.ui.batchResultLabel.visible = self.ui.batchTableView.visible = False
        self.ui.batchTableView.setMRMLTableNode(None)

    def onPicked(self, index: int) -> None:
        """Store the command that was picked."""
        if self.node is not None and index >= 0:
            self.node.batchCommand = self._commands[index]

    def onScheduler(self, _text: str = "") -> None:
        """Say where the cases run.

        The address lives in its field alone: kept in the scene, it would come with the scene of somebody else.
        """
        address = self._scheduler()
        text = _("The cases run on this computer.")
        if address is not None:
            text = _(
                "The cases run at {address}: their paths are sent there, and it can run programs on this computer."
            )
        self.ui.batchPlaceLabel.text = html.escape(text.format(address=address))

    def _scheduler(self) -> str | None:
        """Return the address of the scheduler that was named, or None."""
        return self.ui.batchSchedulerLineEdit.text.strip() or None

    def onRun(self, _checked: bool = False) -> None:
        """Start the batch, or cancel it."""
        node, command, scheduler = self.node, self.node.batchCommand, self._scheduler()
        table, out = pathOf(self.ui.batchTablePathLineEdit), pathOf(self.ui.batchOutputPathLineEdit)
        starts = not self.panel.runner.isCancelButton(self.ui.batchButton)
        self.panel.toggleTask(
            self.ui.batchButton,
            lambda: BatchTask(
                table,
                command,
                out,
                workers=node.batchWorkers,
                scheduler=scheduler,
                again=node.batchAgain,
            ),
            self.show,
            networks=command in NETWORKS,
            requirementsFile=self._requirementsFile if starts and command == TRAINED and namesMonai(table) else None,
            canceledText=_("Canceled. The cases that are done are kept: run it again to go on."),
            jobModule=batch_kind(command).JOBS,
        )

    def show(self, outputs: dict) -> None:
        """Say how many cases are done, and show the summary."""
        setPath(self.ui.batchTablePathLineEdit, self.ui.batchTablePathLineEdit.currentPath)
        setPath(self.ui.batchOutputPathLineEdit, outputs["summary"].parent)
        self.ui.batchResultLabel.text = resultText(outputs)
        self.ui.batchTableView.setMRMLTableNode(outputs["table"])
        self.ui.batchTableView.setMRMLScene(slicer.mrmlScene)
        self.ui.batchResultLabel.visible = self.ui.batchTableView.visible = True


def namesMonai(table: Path) -> bool:
    """Whether a model in a table is of MONAI's networks. What cannot be read is left to the job, which says why."""
    kind = batch_kind(TRAINED)
    try:
        rows = {row.values["model"]: row for row in read_table(table, kind.REQUIRED, kind.OPTIONAL)}
    except (InputError, OSError):
        return False
    return any(_needsMonai(row) for row in rows.values())


def _needsMonai(row: Row) -> bool:
    try:
        return needsMonai(row.needed("model") / DESCRIPTION)
    except (InputError, OSError):
        return False


def helpText(command: str) -> str:
    """Return which columns a command reads, as rich text.

    Raises
    ------
    InputError
        If there is no such command.
    """
    kind = batch_kind(command)
    needed = _("Columns of the table (CSV); needed: {columns}. The column name is the folder of a case.")
    lines = [needed.format(columns=", ".join(kind.REQUIRED)), *kind.HELP.splitlines()]
    return "<br>".join(html.escape(line) for line in lines)


def resultText(outputs: dict) -> str:
    """Return how many cases are done and which failed first, as rich text."""
    lines = [_("{count} cases are done.").format(count=outputs["done"])]
    failed = outputs["failed"]
    if failed:
        name, error = failed[0]
        text = _("{count} failed, first {name}: {error} Correct them and run it again: only they are run.")
        lines.append(text.format(count=len(failed), name=name, error=error.rstrip(".") + "."))
    if outputs["joined"] is not None:
        lines.append(_("The rows of all cases are in {file}.").format(file=outputs["joined"]))
    return "<br>".join(html.escape(line) for line in lines)
