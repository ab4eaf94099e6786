"""The Training tab: train a network on a dataset, segment with it, evaluate it, find the next cases to label."""

from pathlib import Path

import slicer
from slicer.i18n import tr as _

from MedDeepRegSegLib.panels.bundle_section import BundleSection
from MedDeepRegSegLib.panels.own_models import DESCRIPTION, described, needsMonai
from MedDeepRegSegLib.panels.panel import Panel
from MedDeepRegSegLib.panels.paths import pathOf, setPath
from MedDeepRegSegLib.panels.train_section import TrainSection
from MedDeepRegSegLib.panels.use_sections import EvaluateSection, PredictSection, SelectSection


class TrainingPanel(Panel):
    """Trains and uses a model of one's own.

    Parameters
    ----------
    uiFile, layout, requirementsFile, networksRequirementsFile:
        See :class:`Panel`.
    trainingRequirementsFile, monaiRequirementsFile:
        Python packages for training, and for training and using MONAI's networks.
    """

    requester = "MedDeep RegSeg"

    def __init__(
        self,
        uiFile: str,
        layout,
        requirementsFile: str,
        networksRequirementsFile: str,
        *,
        trainingRequirementsFile: str,
        monaiRequirementsFile: str,
    ) -> None:
        super().__init__(uiFile, layout, requirementsFile, networksRequirementsFile)
        self._monaiRequirementsFile = monaiRequirementsFile
        for line in (self.ui.trainingDatasetPathLineEdit, self.ui.trainingModelPathLineEdit):
            line.connect("currentPathChanged(QString)", self.updateButtons)
        self.trainSection = TrainSection(self, trainingRequirementsFile, monaiRequirementsFile)
        using = [PredictSection(self), EvaluateSection(self), SelectSection(self), BundleSection(self)]
        self.sections = [self.trainSection, *using]

    def useDataset(self, path: Path) -> None:
        """Pick a dataset that was made; a folder beside it is offered for the model."""
        setPath(self.ui.trainingDatasetPathLineEdit, path)
        if self.modelFolder() is None:
            self.ui.trainingModelPathLineEdit.setCurrentPath(str(path.parent.with_name(f"{path.parent.name} model")))

    def dataset(self) -> Path | None:
        """Return the file of the dataset that was picked."""
        return pathOf(self.ui.trainingDatasetPathLineEdit)

    def modelFolder(self) -> Path | None:
        """Return the folder of the model that was picked."""
        return pathOf(self.ui.trainingModelPathLineEdit)

    def pathIn(self, line) -> Path | None:
        """Return the path in a path line."""
        return pathOf(line)

    def noDataset(self) -> str | None:
        """Return what to do where no dataset is picked, else None."""
        dataset = self.dataset()
        if dataset is None:
            return _("Pick a dataset: the tab Data & augmentation makes one.")
        return None if dataset.is_file() else _("The dataset is not there: pick a file dataset.json.")

    def noModel(self) -> str | None:
        """Return what to do where no model is picked, else None."""
        model = self.modelFolder()
        if model is None:
            return _("Pick the folder of a model.")
        if not (model / DESCRIPTION).is_file():
            return _("No model lies in the model folder yet: train one first.")
        architecture = described(model / DESCRIPTION).get("architecture")
        if architecture == "growing":  # it needs clicks
            return _("The model is a growing network: use it in the tab Segmentation, under Grow.")
        if architecture == "encoder":  # it has no classes
            return _("The model is an encoder: train a network that begins from it (Train, Advanced).")
        return None

    def buttons(self) -> list:
        """Return the state of the buttons."""
        return [button for section in self.sections for button in section.buttons()]

    def updateButtons(self, _caller=None, _event=None) -> None:
        """Enable the buttons that can be pressed now, and show what follows from the parameters."""
        super().updateButtons()
        if self.parameterNode is not None:
            for section in self.sections:
                section.update()

    def cancelPurpose(self, button) -> str:
        """Return what canceling the job of a button does."""
        return self.trainSection.cancelPurpose() if button is self.ui.trainButton else super().cancelPurpose(button)

    def selectDefaults(self) -> None:
        """Pick what the user would pick."""
        for section in self.sections:
            section.selectDefaults()

    def toggleNetworkTask(self, button, makeTask, onDone, description: Path | None = None) -> None:
        """Start a task that uses the model, or cancel it; MONAI is asked for only where the network is MONAI's.

        ``description`` is the file that says which network it is, where it is not that of the model folder.
        """
        model = self.modelFolder()
        description = model / DESCRIPTION if description is None else description
        requirements = self._monaiRequirementsFile if needsMonai(description) else None
        self.toggleTask(button, makeTask, onDone, networks=True, requirementsFile=requirements)

    def showTable(self, outputs: dict) -> None:
        """Show a table, also where its section was folded up."""
        self.ui.tablesCollapsibleButton.collapsed = False
        self.ui.trainingTableView.setMRMLTableNode(outputs["table"])
        self.ui.trainingTableView.setMRMLScene(slicer.mrmlScene)

    def clearResult(self) -> None:
        """Show no result in any section."""
        for section in self.sections:
            section.clear()
        self.ui.trainingTableView.setMRMLTableNode(None)

    def clearResultOf(self, button) -> None:
        """Show no result of the section of a button."""
        for section in self.sections:
            if any(button is own for own, _obstacle, _purpose in section.buttons()):
                section.clear()
