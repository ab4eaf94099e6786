"""Which model assesses: one that ships, or one's own folder."""

import json
import logging
from dataclasses import dataclass
from pathlib import Path

from slicer.i18n import tr as _

from MedDeepDiagnosisLib.models.model_folder import DESCRIPTION_FILE
from MedDeepDiagnosisLib.panels.chosen_paths import PathParameter, isSet
from MedDeepDiagnosisLib.pathology import Pathology
from MedDeepDiagnosisLib.resources import resource_path
from MedDeepRegSegLib.errors import InputError

OWN = "own"
FIRST = "lung_nodule"


@dataclass(frozen=True)
class ModelAtHand:
    """A model that ships: the name of its folder, the folder, its title, and what it assesses."""

    name: str
    folder: Path
    title: str
    pathology: Pathology


def shippedModels() -> list[ModelAtHand]:
    """Return the models in the resources, the nodule model first. A damaged one is left out."""
    found = []
    for file in sorted(resource_path("models").glob(f"*/{DESCRIPTION_FILE}")):
        try:
            pathology = pathologyOfModel(file.parent)
        except InputError as error:  # one damaged folder must not keep the module from opening
            logging.warning("%s", error)
            continue
        title = file.parent.name.replace("_", " ").capitalize()
        found.append(ModelAtHand(file.parent.name, file.parent, title, pathology))
    return sorted(found, key=lambda model: (model.name != FIRST, model.title))


def pathologyOfModel(folder: Path) -> Pathology:
    """Return what a model folder assesses, with its one target; the weights are not looked at.

    Raises
    ------
    InputError
        If the folder holds no description of a diagnosis model.
    """
    from MedDeepRegSegLib.jobs.schema import from_json

    try:
        data = json.loads((folder / DESCRIPTION_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        msg = f"{folder} holds no model that can be read ({error}): pick the folder of a fitted model"
        raise InputError(msg) from error
    if not isinstance(data, dict) or data.get("format") != "meddeep-diagnosis":
        msg = f"{folder} holds another kind of model, expected one that was fitted for diagnosis: pick its folder"
        raise InputError(msg)
    return from_json(Pathology, data.get("pathology"))


class ModelChoice:
    """Fills a combo box with the models, and reads what the chosen one assesses.

    Parameters
    ----------
    panel:
        The panel. It has ``modelComboBox``, ``modelPathLineEdit`` with its ``modelPathLabel``, and
        ``modelDescriptionLabel``; its parameter node has ``model`` (a name, or ``own``) and ``modelFolder``.
    """

    def __init__(self, panel) -> None:
        self._panel, self._ui = panel, panel.ui
        self._models = shippedModels()
        self._path = PathParameter(self._ui.modelPathLineEdit, panel, "modelFolder")
        self._names = [*(model.name for model in self._models), OWN]
        for model in self._models:
            self._ui.modelComboBox.addItem(model.title)
        self._ui.modelComboBox.addItem(_("Own model"))
        self._ui.modelComboBox.connect("currentIndexChanged(int)", self.onPicked)
        self._read: tuple[tuple[str, float], Pathology | None, str | None] | None = None

    @property
    def folder(self) -> Path | None:
        """The folder of the chosen model."""
        name = self._panel.parameterNode.model
        if name == OWN:
            folder = self._panel.parameterNode.modelFolder
            return Path(folder) if isSet(folder) else None
        return next((model.folder for model in self._models if model.name == name), None)

    @property
    def pathology(self) -> Pathology | None:
        """What the chosen model assesses; None where there is none."""
        name = self._panel.parameterNode.model
        if name != OWN:
            return next((model.pathology for model in self._models if model.name == name), None)
        return self._own()[0]

    def obstacle(self) -> str | None:
        """Return what to do where there is no model, else None."""
        if self.pathology is not None:
            return None
        return _("Pick a model.") if self._panel.parameterNode.model != OWN else self._own()[1]

    def _own(self) -> tuple[Pathology | None, str | None]:
        folder = self.folder
        if folder is None:
            return None, _("Pick the folder of your model.")
        file = folder / DESCRIPTION_FILE
        key = (str(folder), file.stat().st_mtime if file.is_file() else 0.0)
        if self._read is None or self._read[0] != key:
            try:
                self._read = (key, pathologyOfModel(folder), None)
            except InputError as error:
                self._read = (key, None, str(error))
        return self._read[1:]

    def update(self) -> None:
        """Show the choice and what it is."""
        name = self._panel.parameterNode.model
        blocked = self._ui.modelComboBox.blockSignals(True)
        self._ui.modelComboBox.currentIndex = self._names.index(name) if name in self._names else -1
        self._ui.modelComboBox.blockSignals(blocked)
        own = name == OWN
        self._path.update()
        self._ui.modelPathLineEdit.visible = self._ui.modelPathLabel.visible = own
        pathology = self.pathology
        self._ui.modelDescriptionLabel.text = "" if pathology is None else pathology.subject

    def onPicked(self, index: int) -> None:
        """Store the model that was picked."""
        if self._panel.parameterNode is not None and index >= 0:
            self._panel.parameterNode.model = self._names[index]
