"""The tab Data & augmentation: cases become a dataset, what augmentation makes of them, and tables of many cases."""

from collections.abc import Callable
from pathlib import Path

from MedDeepRegSegLib.panels.augment_section import AugmentSection
from MedDeepRegSegLib.panels.batch_section import BatchSection
from MedDeepRegSegLib.panels.dataset_section import DatasetSection
from MedDeepRegSegLib.panels.panel import Panel


class DataPanel(Panel):
    """Prepares what a network is trained on.

    Parameters
    ----------
    uiFile, layout, requirementsFile, networksRequirementsFile:
        See :class:`Panel`.
    monaiRequirementsFile:
        Python packages that own models may need.
    onDataset:
        Gets the path of a dataset that was made.
    """

    requester = "MedDeep RegSeg"

    def __init__(
        self,
        uiFile: str,
        layout,
        requirementsFile: str,
        networksRequirementsFile: str,
        *,
        monaiRequirementsFile: str,
        onDataset: Callable[[Path], None],
    ) -> None:
        super().__init__(uiFile, layout, requirementsFile, networksRequirementsFile)
        self.datasetSection = DatasetSection(self, onDataset)
        self.augmentSection = AugmentSection(self)
        self.batchSection = BatchSection(self, monaiRequirementsFile)
        self.sections = [self.datasetSection, self.augmentSection, self.batchSection]

    def buttons(self) -> list:
        """Return the state of the buttons."""
        return [button for section in self.sections for button in section.buttons()]

    def updateButtons(self, _caller=None, _event=None) -> None:
        """Enable the buttons that can be pressed now, and show what follows from the parameters."""
        super().updateButtons()
        if self.parameterNode is not None:
            for section in self.sections:
                section.update()

    def selectDefaults(self) -> None:
        """Pick the volumes that the user would pick."""
        for section in self.sections:
            section.selectDefaults()

    def clearResult(self) -> None:
        """Show no result in any section."""
        for section in self.sections:
            section.clear()

    def clearResultOf(self, button) -> None:
        """Show no result of the section of a button."""
        for section in self.sections:
            if any(button is own for own, _obstacle, _purpose in section.buttons()):
                section.clear()
