"""The section "Dataset" of the tab Data & augmentation: cases of the scene or of a folder become a dataset."""

import html
from collections.abc import Callable
from pathlib import Path

import slicer
from slicer.i18n import tr as _

from MedDeepRegSegLib.mrml.tasks import DatasetTask, FolderDatasetTask
from MedDeepRegSegLib.panels.case_table import CaseTable, SceneCase, patientsOf, segmentationOf
from MedDeepRegSegLib.panels.colors import colored
from MedDeepRegSegLib.panels.paths import holdsFiles, pathOf, setPath
from MedDeepRegSegLib.panels.section import Section
from MedDeepRegSegLib.panels.training_choices import DatasetSource

_SHADES = {"error": "bad", "warning": "warning"}


class DatasetSection(Section):
    """Collects cases, makes the dataset and shows what the checks found.

    Parameters
    ----------
    panel:
        The panel.
    onDataset:
        Gets the path of a dataset that was made.
    """

    def __init__(self, panel, onDataset: Callable[[Path], None]) -> None:
        super().__init__(panel)
        self._onDataset = onDataset
        self.table = CaseTable(self.ui.casesTable, panel)
        self.ui.addCaseButton.connect("clicked(bool)", self.onAdd)
        self.ui.removeCasesButton.connect("clicked(bool)", self.onRemove)
        self.ui.casesTable.connect("itemSelectionChanged()", panel.updateButtons)
        self.ui.makeDatasetButton.connect("clicked(bool)", self.onMake)
        for line in (self.ui.datasetFolderPathLineEdit, self.ui.datasetOutputPathLineEdit):
            line.connect("currentPathChanged(QString)", panel.updateButtons)
        self.clear()

    def buttons(self) -> list:
        """Return the state of the button."""
        purpose = _("Check the cases, draw those for validation and test by patient, and write the dataset.")
        return [(self.ui.makeDatasetButton, self._obstacle(), purpose)]

    def _obstacle(self) -> str | None:
        """Return why no dataset can be made, or None; the first thing to do comes first."""
        node, out = self.node, pathOf(self.ui.datasetOutputPathLineEdit)
        if node.datasetSource is DatasetSource.SCENE:
            cases = self.table.cases()
            checks = [
                (not cases, _("Add cases: pick a volume and its segmentation, and press Add case.")),
                (
                    all(case.segmentation is None for case in cases),
                    _("No case is labeled: add one with a segmentation."),
                ),
            ]
        else:
            folder = pathOf(self.ui.datasetFolderPathLineEdit)
            checks = [
                (folder is None, _("Pick the folder with images and labels.")),
                (folder is not None and not folder.is_dir(), _("The folder with images and labels is not there.")),
            ]
        shares = node.datasetValidationPercent + node.datasetTestPercent
        checks += [
            (out is None, _("Pick an output folder.")),
            (
                node.datasetSource is DatasetSource.SCENE and out is not None and holdsFiles(out),
                _("The output folder is not empty: choose a new one, so that nothing is overwritten."),
            ),
            (shares >= 100, _("Validation and test leave no patients for training: lower one of them.")),
        ]
        return next((text for wrong, text in checks if wrong), None)

    def update(self) -> None:
        """Show what belongs to the chosen source, and the cases."""
        node, scene = self.node, self.node.datasetSource is DatasetSource.SCENE
        self.ui.sceneCasesWidget.visible = scene
        self.ui.folderCasesWidget.visible = not scene
        self.table.update()
        add, remove = self.ui.addCaseButton, self.ui.removeCasesButton
        obstacle = None
        if node.caseVolume is None:
            obstacle = _("Pick a volume.")
        elif any(case.volume is node.caseVolume for case in self.table.cases()):
            obstacle = _("This volume is in the list already: pick another one.")
        add.enabled, add.toolTip = obstacle is None, obstacle or _("Add the volume and its segmentation to the list.")
        remove.enabled = bool(self.table.selected())
        remove.toolTip = _("Take them out of the list.") if remove.enabled else _("Select cases in the table.")

    def selectDefaults(self) -> None:
        """Offer the first volume that is not in the list, with the segmentation that was drawn on it."""
        node = self.node
        if node.caseVolume is None:
            listed = [case.volume for case in self.table.cases()]
            free = [volume for volume in self.panel.scalarVolumes() if volume not in listed]
            # One that was drawn on first: it is a case for sure.
            free.sort(key=lambda volume: segmentationOf(volume) is None)
            node.caseVolume = free[0] if free else None
            node.caseSegmentation = segmentationOf(node.caseVolume)

    def clear(self) -> None:
        """Show no result."""
        self.ui.datasetResultLabel.text = ""
        self.ui.datasetResultLabel.visible = self.ui.datasetTableView.visible = False
        self.ui.datasetTableView.setMRMLTableNode(None)

    def onAdd(self, _checked: bool = False) -> None:
        """Add the picked case, and offer the next one."""
        node = self.node
        patient = self.ui.casePatientLineEdit.text.strip()
        self.table.setCases([*self.table.cases(), SceneCase(node.caseVolume, node.caseSegmentation, patient)])
        self.ui.casePatientLineEdit.text = ""
        with slicer.util.NodeModify(node.parameterNode):
            node.caseVolume = node.caseSegmentation = None
            self.selectDefaults()

    def onRemove(self, _checked: bool = False) -> None:
        """Take the selected cases out of the list."""
        self.table.removeSelected()

    def onMake(self, _checked: bool = False) -> None:
        """Start making the dataset, or cancel it."""
        self.panel.toggleTask(self.ui.makeDatasetButton, self._task, self.show)

    def _task(self):
        node = self.node
        options = {
            "folder": pathOf(self.ui.datasetOutputPathLineEdit),
            "name": node.datasetName.strip(),
            "validation": node.datasetValidationPercent / 100,
            "test": node.datasetTestPercent / 100,
            "seed": node.datasetSeed,
            "absent": node.datasetAbsent.value,
        }
        if node.datasetSource is DatasetSource.FOLDER:
            return FolderDatasetTask(pathOf(self.ui.datasetFolderPathLineEdit), **options)
        cases = self.table.cases()
        pairs = [(case.volume, case.segmentation) for case in cases]
        return DatasetTask(pairs, patients=patientsOf(cases), **options)

    def show(self, outputs: dict) -> None:
        """Say how many cases there are and what the checks found, and hand the dataset on."""
        setPath(self.ui.datasetOutputPathLineEdit, outputs["dataset"].parent)
        self.ui.datasetResultLabel.text = datasetText(outputs)
        self.ui.datasetTableView.setMRMLTableNode(outputs["table"])
        self.ui.datasetTableView.setMRMLScene(slicer.mrmlScene)
        self.ui.datasetResultLabel.visible = True
        self.ui.datasetTableView.visible = bool(outputs["findings"])
        self._onDataset(outputs["dataset"])


def datasetText(outputs: dict) -> str:
    """Return what a dataset has, and how many errors and warnings there are, as rich text."""
    roles = outputs["roles"]
    lines = [
        _(
            "Cases of {patients} patients: {training} for training, {validation} for validation, {test} for test."
        ).format(
            patients=outputs["patients"],
            training=roles["training"],
            validation=roles["validation"],
            test=roles["test"],
        ),
        html.escape(_("Classes: {names}.").format(names=", ".join(outputs["classes"]) or _("none"))),
    ]
    if roles["unused"]:
        lines.append(_("{count} cases are not used: not labeled, or left out.").format(count=roles["unused"]))
    severities = [finding.severity for finding in outputs["findings"]]
    if not severities:
        lines.append(_("The checks found no problems."))
    for severity, text in (
        ("error", _("{count} errors: these cases are left out, see the table.")),
        ("warning", _("{count} warnings: look at these cases, see the table.")),
        ("note", _("{count} notes in the table.")),
    ):
        count = severities.count(severity)
        if count:
            told = text.format(count=count)
            lines.append(colored(_SHADES[severity], told) if severity in _SHADES else told)
    lines.append(_("The tab Training has this dataset picked now."))
    return "<br>".join(lines)
