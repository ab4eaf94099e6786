"""Plugin of Slicer's DICOM module: reports of MedDeep load as tables, DICOM SEG as segmentations.

Slicer 5.10 itself loads neither. Where another plugin for DICOM SEG is installed it is preferred: its confidence is higher.
"""

import logging
from pathlib import Path

import slicer

from MedDeepDiagnosisLib.mrml.dicom_volumes import dicom_database

NAME = "DICOMMedDeepPlugin"
_PLUGINS = "dicomPlugins"
_UIDS = "DICOM.instanceUIDs"


def registerDicomPlugin() -> None:
    """Tell Slicer's DICOM module of the plugin. It is made, with what it imports, when DICOM files are first looked at."""
    if getattr(slicer.modules, _PLUGINS, None) is None:
        setattr(slicer.modules, _PLUGINS, {})
    getattr(slicer.modules, _PLUGINS)[NAME] = makeDicomPlugin


def makeDicomPlugin():
    """Return a plugin as the DICOM module wants it."""
    from DICOMLib import DICOMLoadable, DICOMPlugin
    from slicer.i18n import tr as _

    class DICOMMedDeepPlugin(DICOMPlugin):  # Slicer's log and settings show this name
        """Looks at files of the DICOM database and loads those that MedDeep knows."""

        def __init__(self) -> None:
            super().__init__()
            self.loadType = "MedDeep"
            # Slicer 5.10 does not name the modality for its plugins.
            self.tags |= {"modality": "0008,0060", "seriesDescription": "0008,103E"}

        def examineForImport(self, fileLists):
            """Return a loadable for each report of MedDeep and each DICOM SEG."""
            return [loadable for files in fileLists for file in files for loadable in self._examined(file)]

        def _examined(self, file):
            modality = dicom_database().fileValue(file, self.tags["modality"])
            if modality not in ("SR", "SEG") or (modality == "SR" and not _own(file)):
                return []
            loadable = DICOMLoadable()
            loadable.files = [file]
            loadable.name = dicom_database().fileValue(file, self.tags["seriesDescription"]) or f"DICOM {modality}"
            loadable.tooltip = (
                _("Measurements and assessment as a table.")
                if modality == "SR"
                else _("Segments with names and colors.")
            )
            loadable.selected = True
            loadable.confidence = 0.96 if modality == "SR" else 0.7
            return [loadable]

        def load(self, loadable):
            """Load a file into a node beside its study; returns whether it was loaded."""
            node = load_file(Path(loadable.files[0]), loadable.name)
            if node is not None:
                self.addSeriesInSubjectHierarchy(loadable, node)
            return node is not None

    return DICOMMedDeepPlugin()


def _own(file: str) -> bool:
    from MedDeepDiagnosisLib.reports.dicom_reading import is_own_report
    from MedDeepRegSegLib.errors import MissingPackageError

    try:
        return is_own_report(Path(file))
    except MissingPackageError:
        return False


def load_file(path: Path, name: str):
    """Load a report as a table node or a DICOM SEG as a segmentation node; None, with a line in the log, where it fails."""
    from MedDeepDiagnosisLib.reports.dicom_reading import is_own_report, read_report
    from MedDeepRegSegLib.errors import InputError, MissingPackageError

    try:
        if not is_own_report(path):
            return _load_segmentation(path, name)
        from MedDeepRegSegLib.mrml.tables import TableColumn, table_from_rows

        shown = [
            {
                "Finding": row.finding,
                "Name": row.name,
                "Value": f"{row.value:.6g}" if isinstance(row.value, float) else row.value,
                "Units": row.units,
                "Method": row.method,
            }
            for row in read_report(path)
        ]
        return table_from_rows(
            [TableColumn(head) for head in ("Finding", "Name", "Value", "Units", "Method")], shown, name
        )
    except (InputError, MissingPackageError) as error:
        logging.error("%s", error)
        return None


def _load_segmentation(path: Path, name: str):
    from MedDeepRegSegLib.mrml.segmentations import segmentation_from_image
    from MedDeepRegSegLib.mrml.volumes import image_from_volume
    from MedDeepRegSegLib.segmentation.segmentation_file import read_segmentation
    from MedDeepRegSegLib.volumes.dicom_frames import read_dataset_header

    header = read_dataset_header(path, "a DICOM SEG", "loading a DICOM SEG")
    referred = {
        str(one.ReferencedSOPInstanceUID)
        for series in header.get("ReferencedSeriesSequence", ())
        for one in series.get("ReferencedInstanceSequence", ())
    }
    volumes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    drawn_on = next((one for one in volumes if referred & set((one.GetAttribute(_UIDS) or "").split())), None)
    grid = None if drawn_on is None or drawn_on.GetParentTransformNode() else image_from_volume(drawn_on)
    labels, segments = read_segmentation(path, grid=grid)
    reference = drawn_on if grid is not None and labels.GetSize() == grid.GetSize() else None
    return segmentation_from_image(labels, segments, name, reference_volume=reference)
