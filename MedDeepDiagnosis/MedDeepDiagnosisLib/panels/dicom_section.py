"""The section "DICOM export" of the tab Case: segments and measurements go beside the study of their volume."""

from pathlib import Path

from slicer.i18n import tr as _

from MedDeepDiagnosisLib.mrml.dicom_volumes import comes_from_dicom
from MedDeepDiagnosisLib.mrml.tasks import DicomExportTask
from MedDeepDiagnosisLib.panels.chosen_paths import isSet, newFolder
from MedDeepRegSegLib.errors import InputError, MissingPackageError
from MedDeepRegSegLib.panels.section import Section


class DicomSection(Section):
    """Writes all segments of the segmentation that is picked.

    Parameters
    ----------
    panel:
        The :class:`MedDeepDiagnosisLib.panels.case_panel.CasePanel`.
    requirementsFile:
        Python packages that DICOM needs.
    """

    def __init__(self, panel, requirementsFile: str) -> None:
        super().__init__(panel)
        self._requirementsFile = requirementsFile
        self._shown = None
        self._patient = None
        self.ui.dicomExportButton.connect("clicked(bool)", self.onExport)

    def buttons(self) -> list:
        """Return the state of the button."""
        purpose = _("Write DICOM SEG and SR for this patient. The source series is not changed.")
        return [(self.ui.dicomExportButton, self._obstacle(), purpose)]

    def _obstacle(self) -> str | None:
        node = self.node
        if node.segmentation is None:
            return _("Pick the segmentation.")
        if not comes_from_dicom(node.lesionVolume):
            return _("Pick a volume that was loaded from a DICOM series.")
        if self._patient is None:
            return self.ui.dicomPatientLabel.text
        return None if isSet(node.reportFolder) else _("Pick a folder for the reports.")

    def update(self) -> None:
        """Say whose study would be written to."""
        volume = self.node.lesionVolume
        if volume is self._shown and volume is not None:
            return
        # Whose study the former volume belongs to must not stay on the screen, whatever happens below.
        self._shown = self._patient = None
        self.ui.dicomPatientLabel.text = ""
        self.clear()
        text = _("Pick a volume that was loaded from a DICOM series.")
        if comes_from_dicom(volume):
            from MedDeepDiagnosisLib.dicom_export_job import patient_line
            from MedDeepDiagnosisLib.mrml.dicom_export_task import patient_of

            try:
                self._patient = patient_of(volume)
                text = patient_line(self._patient)
            except (InputError, MissingPackageError) as error:
                text = str(error)
        self.ui.dicomPatientLabel.text = text
        self._shown = volume

    def forget(self) -> None:
        """Hold no volume and show no patient: the scene or the panel goes away."""
        self._shown = self._patient = None
        self.ui.dicomPatientLabel.text = ""
        self.clear()

    def clear(self) -> None:
        """Show no result."""
        self.ui.dicomResultLabel.text = ""
        self.ui.dicomResultLabel.visible = False

    def onExport(self, _checked: bool = False) -> None:
        """Start the export, or cancel it."""
        node = self.node
        self.panel.toggleTask(
            self.ui.dicomExportButton,
            lambda: DicomExportTask(
                node.segmentation,
                node.lesionVolume,
                newFolder(Path(node.reportFolder)),
                patient_id=self._patient.patient_id,
                add_to_database=self.ui.dicomDatabaseCheckBox.checked,
            ),
            self.showResult,
            requirementsFile=self._requirementsFile,
        )

    def showResult(self, outputs: dict) -> None:
        """Say what was written, and of whom."""
        text = _("Written for {patient}: {names}. Files: {folder}").format(
            patient=outputs["patient"], names=", ".join(outputs["segments"]), folder=outputs["segmentation"].parent
        )
        if outputs["added"]:
            text += " " + _("They are in the DICOM database too.")
        elif self.ui.dicomDatabaseCheckBox.checked:
            text += " " + _("They could not be added to the DICOM database: import the folder in the DICOM module.")
        self.ui.dicomResultLabel.text = "\n".join([text, *outputs["notes"]])
        self.ui.dicomResultLabel.visible = True
