"""The table of the cases that become a dataset: volume, segmentation, patient."""

from dataclasses import dataclass
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

_PATIENT = 2  # its column


@dataclass(frozen=True)
class SceneCase:
    """A volume node, its segmentation node (None: not labeled yet) and its patient (empty: one of its own)."""

    volume: Any
    segmentation: Any
    patient: str


class CaseTable:
    """Shows the cases of the parameter node, and changes them there.

    Parameters
    ----------
    table:
        A ``QTableWidget``.
    panel:
        The panel, of which the parameter node is followed.
    """

    def __init__(self, table, panel) -> None:
        self._table, self._panel = table, panel
        self._shown: list[tuple[str, str, str]] = []
        table.setColumnCount(3)
        table.setHorizontalHeaderLabels([_("Volume"), _("Segmentation"), _("Patient")])
        table.horizontalHeader().setSectionResizeMode(qt.QHeaderView.Stretch)
        table.verticalHeader().setVisible(False)
        table.connect("cellChanged(int,int)", self.onChanged)

    def cases(self) -> list[SceneCase]:
        """Return the cases whose volumes are still in the scene."""
        node = self._panel.parameterNode
        # Lists of the parameter node are set one after the other, so one may be behind.
        rows = zip(node.datasetVolumes, node.datasetSegmentations, node.datasetPatients, strict=False)
        return [SceneCase(*row) for row in rows if row[0] is not None and row[0].GetScene() is not None]

    def setCases(self, cases: list[SceneCase]) -> None:
        """Store the cases as one change."""
        node = self._panel.parameterNode
        with slicer.util.NodeModify(node.parameterNode):
            node.datasetVolumes = [case.volume for case in cases]
            node.datasetSegmentations = [case.segmentation for case in cases]
            node.datasetPatients = [case.patient for case in cases]

    def update(self) -> None:
        """Show the cases, if they are not shown already."""
        rows = []
        for case in self.cases():
            drawn = _("(not labeled yet)") if case.segmentation is None else case.segmentation.GetName()
            rows.append((case.volume.GetName(), drawn, case.patient))
        if rows == self._shown:
            return
        self._shown = rows
        blocked = self._table.blockSignals(True)
        self._table.setRowCount(len(rows))
        for row, texts in enumerate(rows):
            for column, text in enumerate(texts):
                item = qt.QTableWidgetItem(text)
                if column != _PATIENT:
                    item.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable)
                self._table.setItem(row, column, item)
        self._table.blockSignals(blocked)

    def selected(self) -> set[int]:
        """Return the numbers of the selected rows."""
        return {item.row() for item in self._table.selectedItems()}

    def removeSelected(self) -> None:
        """Take the selected cases out of the list; their nodes stay."""
        selected = self.selected()
        self._table.clearSelection()
        self.setCases([case for row, case in enumerate(self.cases()) if row not in selected])

    def onChanged(self, row: int, column: int) -> None:
        """Store a patient that was typed."""
        if self._panel.parameterNode is None or column != _PATIENT:
            return
        cases = self.cases()
        case = cases[row]
        cases[row] = SceneCase(case.volume, case.segmentation, self._table.item(row, column).text().strip())
        self.setCases(cases)


def patientsOf(cases: list[SceneCase]) -> list[str]:
    """Return the patient of each case; one without a name is given one that no other has."""
    taken = {case.patient for case in cases}
    patients = []
    for case in cases:
        patient, number = case.patient or case.volume.GetName(), 2
        while not case.patient and patient in taken:
            patient = f"{case.volume.GetName()} {number}"
            number += 1
        taken.add(patient)
        patients.append(patient)
    return patients


def segmentationOf(volume):
    """Return the segmentation node that was drawn on a volume, as far as the scene knows; None without."""
    if volume is None:
        return None
    for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
        if node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole()) is volume:
            return node
    return None
