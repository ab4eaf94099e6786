"""The section "Store in case base" of the tab Case: the lesion with its findings becomes a case to learn from."""

import logging
from pathlib import Path

import slicer
from slicer.i18n import tr as _

from MedDeepDiagnosisLib.panels.case_base_text import reportText
from MedDeepDiagnosisLib.panels.chosen_paths import PathParameter, isSet
from MedDeepDiagnosisLib.panels.form import Form
from MedDeepRegSegLib.errors import InputError, MissingPackageError
from MedDeepRegSegLib.panels.packages import ensurePackages
from MedDeepRegSegLib.panels.section import Section


class StoreSection(Section):
    """Stores the case that is shown.

    Parameters
    ----------
    panel:
        The :class:`MedDeepDiagnosisLib.panels.case_panel.CasePanel`.
    requirementsFile:
        Python packages that a case base needs.
    """

    def __init__(self, panel, requirementsFile: str) -> None:
        super().__init__(panel)
        self._requirementsFile = requirementsFile
        self.outcomes = Form(self.ui.outcomesWidget.layout(), self.clear)
        for line in (self.ui.storePatientLineEdit, self.ui.storeCaseLineEdit):
            line.connect("textChanged(QString)", self.onNamed)
        self._base = PathParameter(self.ui.storeCaseBasePathLineEdit, panel, "caseBase")
        self.ui.storeButton.connect("clicked(bool)", self.onStore)

    def fill(self, pathology) -> None:
        """Make a row for each outcome of a pathology."""
        self.outcomes.clear()
        for target in pathology.targets:
            hint = f"{target.title}. {target.positive}".strip()
            title = target.name.replace("_", " ").capitalize()
            if target.kind == "number":
                limits = {"units": target.units, "unknown": _("not known"), "hint": hint}
                self.outcomes.addNumber(target.name, title, target.lowest, target.highest, **limits)
            else:
                choices = [(str(word.value), f"{word.value} - {word.word}") for word in target.words]
                shown = choices or [("1", _("Present")), ("0", _("Absent"))]
                self.outcomes.addChoice(target.name, title, shown, unknown=_("not known"), hint=hint)

    def buttons(self) -> list:
        """Return the state of the button."""
        purpose = _("Measure the lesion, and store it with the findings; nothing earlier is lost.")
        return [(self.ui.storeButton, self._obstacle(), purpose)]

    def _obstacle(self) -> str | None:
        node = self.node
        checks = (
            (self.panel.models.obstacle() is not None, _("Pick a model: it says what a case is made of.")),
            (node.segmentation is None or not node.segmentId, _("Pick the segment of the lesion.")),
            (not isSet(node.caseBase), _("Pick the file of a case base, or a new one.")),
            (not self.ui.storePatientLineEdit.text.strip(), _("Say whose the case is.")),
        )
        return next((text for wrong, text in checks if wrong), None)

    def update(self) -> None:
        """Show the case base."""
        self._base.update()

    def clear(self) -> None:
        """Show no result."""
        self.ui.storeResultLabel.text = ""
        self.ui.storeResultLabel.visible = False

    def clearCase(self) -> None:
        """Forget patient, name and outcome: another lesion is shown."""
        self.ui.storePatientLineEdit.text = self.ui.storeCaseLineEdit.text = ""
        self.outcomes.setValues({})
        self.clear()

    def onNamed(self, _text: str = "") -> None:
        """See whether the case can be stored now."""
        self.clear()
        self.panel.updateButtons()

    def onStore(self, _checked: bool = False) -> None:
        """Store the case. It takes less than a second or two, so it is done at once."""
        from MedDeepDiagnosisLib.casebase.records import ImportOptions

        node = self.node
        self.clear()
        update = "update" if self.ui.storeUpdateCheckBox.checked else "refuse"
        try:
            ensurePackages(self._requirementsFile, self.panel.requester)
            from MedDeepDiagnosisLib.mrml.case_import import store_case

            with slicer.util.WaitCursor():
                report = store_case(
                    Path(node.caseBase),
                    node.segmentation,
                    node.segmentId,
                    {**self.panel.findings.values, **self.outcomes.values},
                    self.panel.pathology,
                    patient=self.ui.storePatientLineEdit.text,
                    case=self.ui.storeCaseLineEdit.text,
                    volume_node=node.lesionVolume,
                    options=ImportOptions(on_conflict=update),
                )
        except (InputError, MissingPackageError) as error:
            self.panel.showError(str(error))
        except Exception as error:
            logging.exception("the case could not be stored")
            self.panel.showError(_("The case could not be stored: {error}").format(error=error))
        else:
            self.ui.storeResultLabel.text = reportText(report)
            self.ui.storeResultLabel.visible = True
