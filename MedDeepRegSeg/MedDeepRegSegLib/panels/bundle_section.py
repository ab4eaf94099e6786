"""The section of the Training tab that writes a model as a MONAI bundle, or a bundle as a model."""

from pathlib import Path

from slicer.i18n import tr as _

from MedDeepRegSegLib.mrml.tasks import BundleTask
from MedDeepRegSegLib.panels.paths import holdsFiles, setPath
from MedDeepRegSegLib.panels.section import Section

METADATA = Path("configs") / "metadata.json"
"""As in :mod:`MedDeepRegSegLib.models.bundle_export`, which is not imported here: PyTorch takes seconds to start."""


class BundleSection(Section):
    """Exports and imports bundles."""

    def __init__(self, panel) -> None:
        super().__init__(panel)
        self.ui.bundlePathLineEdit.connect("currentPathChanged(QString)", panel.updateButtons)
        self.ui.exportBundleButton.connect("clicked(bool)", self.onExport)
        self.ui.importBundleButton.connect("clicked(bool)", self.onImport)

    def buttons(self) -> list:
        """Return the state of the buttons."""
        return [
            (
                self.ui.exportBundleButton,
                self._exportObstacle(),
                _("Write the model of the model folder as a MONAI bundle into the bundle folder."),
            ),
            (
                self.ui.importBundleButton,
                self._importObstacle(),
                _("Write the model of the bundle into the model folder."),
            ),
        ]

    def _exportObstacle(self) -> str | None:
        obstacle, bundle = self.panel.noModel(), self._bundle()
        if obstacle is not None:
            return obstacle
        if bundle is None:
            return _("Pick a folder for the bundle.")
        if holdsFiles(bundle):
            return _("The bundle folder is not empty: choose a new one, so that nothing is overwritten.")
        return None

    def _importObstacle(self) -> str | None:
        bundle, model = self._bundle(), self.panel.modelFolder()
        if bundle is None:
            return _("Pick the folder of a bundle.")
        if not (bundle / METADATA).is_file():
            return _("No bundle lies in the bundle folder: pick one that MedDeep exported.")
        if model is None:
            return _("Pick a folder for the model.")
        if holdsFiles(model):
            return _("The model folder is not empty: choose a new one, so that nothing is overwritten.")
        return None

    def _bundle(self) -> Path | None:
        return self.panel.pathIn(self.ui.bundlePathLineEdit)

    def onExport(self, _checked: bool = False) -> None:
        """Start the export, or cancel it."""
        model, bundle = self.panel.modelFolder(), self._bundle()
        self.panel.toggleNetworkTask(
            self.ui.exportBundleButton, lambda: BundleTask(model, out=bundle), self.showExported
        )

    def onImport(self, _checked: bool = False) -> None:
        """Start the import, or cancel it."""
        model, bundle = self.panel.modelFolder(), self._bundle()
        self.panel.toggleNetworkTask(
            self.ui.importBundleButton,
            lambda: BundleTask(bundle, out=model, direction="import"),
            self.showImported,
            description=bundle / METADATA,
        )

    def showExported(self, outputs: dict) -> None:
        """Say where the bundle is, and what it needs."""
        setPath(self.ui.bundlePathLineEdit, outputs["folder"])
        text = _("Done: the bundle of {name} is in {folder}.").format(name=outputs["name"], folder=outputs["folder"])
        if outputs["needs_meddeep"]:
            text = f"{text} {_('MONAI needs the Python package meddeep to run it.')}"
        self.ui.statusLabel.text = text

    def showImported(self, outputs: dict) -> None:
        """Say what was imported; it can be used at once."""
        setPath(self.ui.trainingModelPathLineEdit, outputs["folder"])
        text = _("Done: the model {name} is in the model folder and can be used.").format(name=outputs["name"])
        self.ui.statusLabel.text = text
