"""``slicer.qMRMLTableView``: shows a table node."""

import vtk
from PySide6 import QtCore, QtGui, QtWidgets

from .mrml_scene_widgets import SceneObserver, ShowsScene
from .ui_loader import host_widget


@host_widget
class qMRMLTableView(ShowsScene, QtWidgets.QTableView):
    """Shows a table node; the titles of the columns stand above them if the first row is locked, as in Slicer."""

    mrmlSceneChanged = QtCore.Signal(object)
    selectionChanged = QtCore.Signal()
    HOST_SIGNALS = {"mrmlSceneChanged": (("vtkMRMLScene*",),), "selectionChanged": ((),)}  # noqa: RUF012

    def __init__(self, parent=None):
        super().__init__(parent)
        self._node = None
        self._observer = SceneObserver(self, self._fill)
        self.setModel(QtGui.QStandardItemModel(self))
        self.horizontalHeader().setStretchLastSection(True)

    def mrmlTableNode(self):
        """Return the table node."""
        return self._node

    def setMRMLTableNode(self, node) -> None:
        """Show a table node, or nothing."""
        self._node = node
        self._observer.observe_nodes([node] if node is not None else [], vtk.vtkCommand.AnyEvent)
        self._fill()

    def _fill(self) -> None:
        model = self.model()
        model.clear()
        if self._node is None:
            return
        table = self._node.GetTable()
        columns = range(table.GetNumberOfColumns())
        names = [table.GetColumnName(column) or "" for column in columns]
        if self._node.GetUseColumnTitleAsColumnHeader():
            names = [self._node.GetColumnTitle(name) or name for name in names]
        model.setHorizontalHeaderLabels(names)
        for row in range(table.GetNumberOfRows()):
            model.appendRow([QtGui.QStandardItem(table.GetValue(row, column).ToString()) for column in columns])
        model.setRowCount(table.GetNumberOfRows())
        self.resizeColumnsToContents()

    def _lock(self, name: str, value: bool | None = None) -> bool:
        if value is not None and self._node is not None:
            getattr(self._node, f"SetUse{name}")(value)
        return bool(self._node is not None and getattr(self._node, f"GetUse{name}")())

    @property
    def firstRowLocked(self) -> bool:
        return self._lock("ColumnTitleAsColumnHeader")

    @firstRowLocked.setter
    def firstRowLocked(self, value: bool) -> None:
        self._lock("ColumnTitleAsColumnHeader", value)

    @property
    def firstColumnLocked(self) -> bool:
        return self._lock("FirstColumnAsRowHeader")

    @firstColumnLocked.setter
    def firstColumnLocked(self, value: bool) -> None:
        self._lock("FirstColumnAsRowHeader", value)
