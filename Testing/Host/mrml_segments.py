"""MRML widgets for segments: one to choose a segment, one to list them."""

import vtk
from PySide6 import QtCore, QtGui, QtWidgets

from .mrml_node_combo_box import qMRMLNodeComboBox
from .mrml_scene_widgets import SceneObserver, ShowsScene, no_margins
from .ui_loader import host_widget


def _segment_ids(node) -> list[str]:
    return list(node.GetSegmentation().GetSegmentIDs()) if node is not None else []


@host_widget
class qMRMLSegmentSelectorWidget(ShowsScene, QtWidgets.QWidget):
    """Chooses a segmentation and one of its segments."""

    mrmlSceneChanged = QtCore.Signal(object)
    currentNodeChanged = QtCore.Signal(object)
    currentSegmentChanged = QtCore.Signal(str)
    HOST_SIGNALS = {  # noqa: RUF012
        "mrmlSceneChanged": (("vtkMRMLScene*",),),
        "currentNodeChanged": (("vtkMRMLNode*",),),
    }

    def __init__(self, parent=None):
        super().__init__(parent)
        self._nodes = qMRMLNodeComboBox(self)
        self._nodes.nodeTypes = ["vtkMRMLSegmentationNode"]
        self._nodes.addEnabled = self._nodes.removeEnabled = False
        self._segments = QtWidgets.QComboBox(self)
        self._ids: list[str] = []
        self._none = False
        self._observer = SceneObserver(self, self._fill)
        self._nodes.currentNodeChanged.connect(self._on_node)
        self._segments.currentIndexChanged.connect(lambda _i: self.currentSegmentChanged.emit(self.currentSegmentID()))
        layout = no_margins(QtWidgets.QVBoxLayout(self))
        layout.addWidget(self._nodes)
        layout.addWidget(self._segments)

    def _on_scene(self) -> None:
        self._nodes.setMRMLScene(self._scene)

    def _on_node(self, node) -> None:
        self._observer.observe_nodes([node] if node is not None else [], vtk.vtkCommand.AnyEvent)
        self._fill()
        self.currentNodeChanged.emit(node)

    def _fill(self) -> None:
        node, chosen = self.currentNode(), self.currentSegmentID()
        self._ids = ([""] if self._none else []) + _segment_ids(node)
        self._segments.blockSignals(True)
        self._segments.clear()
        for segment_id in self._ids:
            segment = node.GetSegmentation().GetSegment(segment_id) if segment_id else None
            self._segments.addItem(segment.GetName() if segment else "None")
        self._segments.blockSignals(False)
        if chosen in self._ids:
            self._segments.setCurrentIndex(self._ids.index(chosen))
        if self.currentSegmentID() != chosen:
            self.currentSegmentChanged.emit(self.currentSegmentID())

    def currentNode(self):
        """Return the segmentation node."""
        return self._nodes.currentNode()

    def setCurrentNode(self, node) -> None:
        """Choose a segmentation node."""
        self._nodes.setCurrentNode(node)

    def currentNodeID(self) -> str:
        """Return the ID of the segmentation node."""
        return self._nodes.currentNodeID

    def setCurrentNodeID(self, node_id: str) -> None:
        """Choose a segmentation node by its ID."""
        self._nodes.setCurrentNodeID(node_id)

    def currentSegmentID(self) -> str:
        """Return the ID of the segment."""
        index = self._segments.currentIndex
        return self._ids[index] if 0 <= index < len(self._ids) else ""

    def setCurrentSegmentID(self, segment_id: str) -> None:
        """Choose a segment by its ID."""
        self._segments.setCurrentIndex(self._ids.index(segment_id) if segment_id in self._ids else -1)

    def segmentIDs(self):
        """Return the IDs of all segments."""
        return tuple(_segment_ids(self.currentNode()))

    def selectedSegmentIDs(self):
        """Return the IDs of the chosen segments."""
        return (self.currentSegmentID(),) if self.currentSegmentID() else ()

    @property
    def noneEnabled(self) -> bool:
        return self._none

    @noneEnabled.setter
    def noneEnabled(self, value: bool) -> None:
        self._none = bool(value)
        self._nodes.noneEnabled = value
        self._fill()

    @property
    def segmentationNodeSelectorVisible(self) -> bool:
        return not self._nodes.isHidden()

    @segmentationNodeSelectorVisible.setter
    def segmentationNodeSelectorVisible(self, value: bool) -> None:
        self._nodes.setVisible(value)

    @property
    def selectNodeUponCreation(self) -> bool:
        return self._nodes.selectNodeUponCreation

    @selectNodeUponCreation.setter
    def selectNodeUponCreation(self, value: bool) -> None:
        self._nodes.selectNodeUponCreation = value


@host_widget
class qMRMLSegmentsTableView(ShowsScene, QtWidgets.QWidget):
    """Lists the segments of a segmentation with their colors."""

    mrmlSceneChanged = QtCore.Signal(object)
    selectionChanged = QtCore.Signal(object, object)
    HOST_SIGNALS = {  # noqa: RUF012
        "mrmlSceneChanged": (("vtkMRMLScene*",),),
        "selectionChanged": (("QItemSelection", "QItemSelection"),),
    }
    _read_only = False
    _header = True

    def __init__(self, parent=None):
        super().__init__(parent)
        self._node = None
        self._observer = SceneObserver(self, self._fill)
        self._table = QtWidgets.QTableWidget(0, 2, self)
        self._table.setHorizontalHeaderLabels(["Color", "Name"])
        self._table.horizontalHeader().setStretchLastSection(True)
        self._table.verticalHeader().setVisible(False)
        self._table.setSelectionBehavior(QtWidgets.QAbstractItemView.SelectionBehavior.SelectRows)
        self._table.itemSelectionChanged.connect(lambda: self.selectionChanged.emit(None, None))
        no_margins(QtWidgets.QVBoxLayout(self)).addWidget(self._table)

    def segmentationNode(self):
        """Return the segmentation node."""
        return self._node

    def setSegmentationNode(self, node) -> None:
        """Show the segments of a node."""
        self._node = node
        self._observer.observe_nodes([node] if node is not None else [], vtk.vtkCommand.AnyEvent)
        self._fill()

    def _fill(self) -> None:
        ids = _segment_ids(self._node)
        self._table.setRowCount(len(ids))
        for row, segment_id in enumerate(ids):
            segment = self._node.GetSegmentation().GetSegment(segment_id)
            swatch = QtWidgets.QTableWidgetItem()
            swatch.setBackground(QtGui.QColor.fromRgbF(*segment.GetColor()))
            name = QtWidgets.QTableWidgetItem(segment.GetName())
            name.setData(QtCore.Qt.ItemDataRole.UserRole, segment_id)
            self._table.setItem(row, 0, swatch)
            self._table.setItem(row, 1, name)

    def tableWidget(self):
        """Return the table inside."""
        return self._table

    def selectedSegmentIDs(self):
        """Return the IDs of the segments that are selected."""
        rows = sorted({index.row() for index in self._table.selectedIndexes()})
        return tuple(self._table.item(row, 1).data(QtCore.Qt.ItemDataRole.UserRole) for row in rows)

    def setSelectedSegmentIDs(self, ids) -> None:
        """Select segments."""
        self._table.clearSelection()
        for row, segment_id in enumerate(_segment_ids(self._node)):
            if segment_id in ids:
                self._table.selectRow(row)

    @property
    def segmentCount(self) -> int:
        return len(_segment_ids(self._node))

    @property
    def readOnly(self) -> bool:
        return self._read_only

    @readOnly.setter
    def readOnly(self, value: bool) -> None:
        self._read_only = bool(value)

    @property
    def headerVisible(self) -> bool:
        return self._header

    @headerVisible.setter
    def headerVisible(self, value: bool) -> None:
        self._header = bool(value)
        self._table.horizontalHeader().setVisible(value)

    @property
    def selectionMode(self):
        return self._table.selectionMode

    @selectionMode.setter
    def selectionMode(self, value) -> None:
        self._table.setSelectionMode(QtWidgets.QAbstractItemView.SelectionMode(value))


def _column_flag(name: str) -> property:
    attribute = f"_{name}"
    return property(
        lambda self: getattr(self, attribute, True), lambda self, value: setattr(self, attribute, bool(value))
    )


for _name in (
    "colorColumnVisible",
    "filterBarVisible",
    "layerColumnVisible",
    "opacityColumnVisible",
    "statusColumnVisible",
    "visibilityColumnVisible",
):
    setattr(qMRMLSegmentsTableView, _name, _column_flag(_name))
