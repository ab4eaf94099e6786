"""Which condition cases are of: one that ships, or one's own file."""

import logging
from pathlib import Path

from slicer.i18n import tr as _

from MedDeepDiagnosisLib.panels.chosen_paths import PathParameter, isSet
from MedDeepDiagnosisLib.pathology import Pathology, load_pathology
from MedDeepDiagnosisLib.resources import resource_path
from MedDeepRegSegLib.errors import InputError

OWN = "own"


class PathologyChoice:
    """Fills a combo box with the pathologies, and loads the chosen one.

    Parameters
    ----------
    panel:
        The panel. It has ``pathologyComboBox`` and ``pathologyPathLineEdit`` with its ``pathologyPathLabel``; its
        parameter node has ``pathology`` (a name, or ``own``) and ``pathologyFile``.
    """

    def __init__(self, panel) -> None:
        self._panel, self._ui = panel, panel.ui
        self._path = PathParameter(self._ui.pathologyPathLineEdit, panel, "pathologyFile")
        self._names: list[str] = []
        self._read: tuple[tuple[str, float], Pathology | None, str | None] | None = None
        for file in sorted(
            resource_path("pathologies").glob("*.json"), key=lambda f: (f.stem != "lung_nodule", f.stem)
        ):
            try:
                title = load_pathology(file.stem).title
            except InputError as error:  # one damaged file must not keep the module from opening
                logging.warning("%s", error)
                continue
            self._names.append(file.stem)
            self._ui.pathologyComboBox.addItem(title)
        self._names.append(OWN)
        self._ui.pathologyComboBox.addItem(_("Own file"))
        self._ui.pathologyComboBox.connect("currentIndexChanged(int)", self.onPicked)

    @property
    def source(self) -> str | None:
        """Name or path, as jobs take it; None where no file is picked."""
        node = self._panel.parameterNode
        if node.pathology != OWN:
            return node.pathology
        return str(node.pathologyFile) if isSet(node.pathologyFile) else None

    @property
    def pathology(self) -> Pathology | None:
        """The chosen pathology; None where there is none."""
        return self._load()[0]

    def obstacle(self) -> str | None:
        """Return what to do where there is no pathology, else None."""
        return self._load()[1]

    def _load(self) -> tuple[Pathology | None, str | None]:
        source = self.source
        if source is None:
            return None, _("Pick the file of your pathology.")
        file = Path(source)
        key = (source, file.stat().st_mtime if file.is_file() else 0.0)
        if self._read is None or self._read[0] != key:
            try:
                self._read = (key, load_pathology(source), None)
            except InputError as error:
                self._read = (key, None, str(error))
        return self._read[1:]

    def update(self) -> None:
        """Show the choice."""
        name = self._panel.parameterNode.pathology
        blocked = self._ui.pathologyComboBox.blockSignals(True)
        self._ui.pathologyComboBox.currentIndex = self._names.index(name) if name in self._names else -1
        self._ui.pathologyComboBox.blockSignals(blocked)
        self._path.update()
        self._ui.pathologyPathLineEdit.visible = self._ui.pathologyPathLabel.visible = name == OWN

    def onPicked(self, index: int) -> None:
        """Store the pathology that was picked."""
        if self._panel.parameterNode is not None and index >= 0:
            self._panel.parameterNode.pathology = self._names[index]
