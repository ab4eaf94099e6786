"""MRML widgets that show what is in a node: segments, a table; and those that place points."""

import slicer
import vtk
from PySide6 import QtCore, QtGui, QtWidgets

from .mrml_node_combo_box import SceneObserver, _ShowsScene, _WithScene, qMRMLNodeComboBox
from .ui_loader import host_widget


def _no_margins(layout):
    layout.setContentsMargins(0, 0, 0, 0)
    return layout


def _segment_ids(node) -> list[str]:
    return list(node.GetSegmentation().GetSegmentIDs()) if node is not None else []


@host_widget
class qMRMLSegmentSelectorWidget(_ShowsScene, QtWidgets.QWidget):
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
        layout = _no_margins(QtWidgets.QVBoxLayout(self))
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
class qMRMLSegmentsTableView(_ShowsScene, QtWidgets.QWidget):
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
        _no_margins(QtWidgets.QVBoxLayout(self)).addWidget(self._table)

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


@host_widget
class qMRMLTableView(_ShowsScene, QtWidgets.QTableView):
    """Shows a table node; the column names stand in the first row if it is locked, as in Slicer."""

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
        model.setHorizontalHeaderLabels([table.GetColumnName(column) or "" for column in columns])
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


@host_widget
class qSlicerMarkupsPlaceWidget(_WithScene, QtWidgets.QWidget):
    """Buttons that start placing points into a markups node, and delete them."""

    mrmlSceneChanged = QtCore.Signal(object)
    activeMarkupsPlaceModeChanged = QtCore.Signal(bool)
    ShowPlaceMultipleMarkupsOption, HidePlaceMultipleMarkupsOption = 0, 1
    ForcePlaceSingleMarkup, ForcePlaceMultipleMarkups = 2, 3

    def __init__(self, parent=None):
        super().__init__(parent)
        self._node = None
        self._place = QtWidgets.QToolButton(self)
        self._place.setText("Place")
        self._place.setCheckable(True)
        self._place.toggled.connect(self._on_toggled)
        self._delete = QtWidgets.QToolButton(self)
        self._delete.setText("Delete")
        self._delete.clicked.connect(self.deleteLastPoint)
        layout = _no_margins(QtWidgets.QHBoxLayout(self))
        layout.addWidget(self._place)
        layout.addWidget(self._delete)
        layout.addStretch(1)
        self._update()

    def _update(self) -> None:
        self._place.setEnabled(self._node is not None)
        self._delete.setEnabled(self._node is not None)

    def _on_toggled(self, active: bool) -> None:
        interaction, selection = self.interactionNode(), self.selectionNode()
        if interaction is not None and self._node is not None:
            if active:
                selection.SetReferenceActivePlaceNodeClassName(self._node.GetClassName())
                selection.SetActivePlaceNodeID(self._node.GetID())
                interaction.SetPlaceModePersistence(self.placeModePersistency)
                interaction.SetCurrentInteractionMode(slicer.vtkMRMLInteractionNode.Place)
            else:
                interaction.SetCurrentInteractionMode(slicer.vtkMRMLInteractionNode.ViewTransform)
        self.activeMarkupsPlaceModeChanged.emit(active)

    def interactionNode(self):
        """Return the node that says what the mouse does."""
        return slicer.app.applicationLogic().GetInteractionNode()

    def selectionNode(self):
        """Return the node that says which node gets the points."""
        return slicer.app.applicationLogic().GetSelectionNode()

    def placeButton(self):
        """Return the button that starts placing."""
        return self._place

    def deleteButton(self):
        """Return the button that deletes."""
        return self._delete

    def currentNode(self):
        """Return the markups node."""
        return self._node

    currentMarkupsNode = currentNode

    def setCurrentNode(self, node) -> None:
        """Set the markups node that gets the points."""
        if node is not self._node:
            self.placeModeEnabled = False
        self._node = node
        self._update()

    def deleteLastPoint(self) -> None:
        """Delete the last point."""
        if self._node is not None and self._node.GetNumberOfControlPoints():
            self._node.RemoveNthControlPoint(self._node.GetNumberOfControlPoints() - 1)

    def deleteAllPoints(self) -> None:
        """Delete all points."""
        if self._node is not None:
            self._node.RemoveAllControlPoints()

    @property
    def placeModeEnabled(self) -> bool:
        return self._place.checked

    @placeModeEnabled.setter
    def placeModeEnabled(self, value: bool) -> None:
        self.setPlaceModeEnabled(value)

    def setPlaceModeEnabled(self, value: bool) -> None:
        """Start or stop placing points."""
        self._place.setChecked(bool(value) and self._node is not None)

    @property
    def buttonsVisible(self) -> bool:
        return not self._place.isHidden()

    @buttonsVisible.setter
    def buttonsVisible(self, value: bool) -> None:
        self.setButtonsVisible(value)

    def setButtonsVisible(self, value: bool) -> None:
        """Show or hide the buttons."""
        self._place.setVisible(value)
        self._delete.setVisible(value)

    @property
    def placeMultipleMarkups(self) -> int:
        return getattr(self, "_place_multiple", 0)

    @placeMultipleMarkups.setter
    def placeMultipleMarkups(self, value: int) -> None:
        self.setPlaceMultipleMarkups(value)

    def setPlaceMultipleMarkups(self, value: int) -> None:
        """Say whether placing goes on after a point."""
        self._place_multiple = int(value)

    @property
    def placeModePersistency(self) -> bool:
        return getattr(self, "_persistency", False)

    @placeModePersistency.setter
    def placeModePersistency(self, value: bool) -> None:
        self.setPlaceModePersistency(value)

    def setPlaceModePersistency(self, value: bool) -> None:
        """Say whether placing goes on after a point."""
        self._persistency = bool(value)


class _NodeColor:
    _node_color = QtGui.QColor(255, 0, 0)

    @property
    def defaultNodeColor(self):
        return self._node_color

    @defaultNodeColor.setter
    def defaultNodeColor(self, value) -> None:
        self.setDefaultNodeColor(value)

    def setDefaultNodeColor(self, value) -> None:
        """Set the color of nodes that are made here."""
        self._node_color = QtGui.QColor(value)


qSlicerMarkupsPlaceWidget.defaultNodeColor = _NodeColor.defaultNodeColor
qSlicerMarkupsPlaceWidget.setDefaultNodeColor = _NodeColor.setDefaultNodeColor
qSlicerMarkupsPlaceWidget._node_color = _NodeColor._node_color


@host_widget
class qSlicerSimpleMarkupsWidget(_NodeColor, _WithScene, QtWidgets.QWidget):
    """Chooses a markups node, places its points and lists them."""

    mrmlSceneChanged = QtCore.Signal(object)
    markupsNodeChanged = QtCore.Signal()
    activeMarkupsPlaceModeChanged = QtCore.Signal(bool)
    updateFinished = QtCore.Signal()

    def __init__(self, parent=None):
        super().__init__(parent)
        self._nodes = qMRMLNodeComboBox(self)
        self._nodes.nodeTypes = ["vtkMRMLMarkupsFiducialNode"]
        self._nodes.noneEnabled = True
        self._nodes.currentNodeChanged.connect(self._on_node)
        self._place = qSlicerMarkupsPlaceWidget(self)
        self._place.activeMarkupsPlaceModeChanged.connect(self.activeMarkupsPlaceModeChanged.emit)
        self._table = QtWidgets.QTableWidget(0, 4, self)
        self._table.setHorizontalHeaderLabels(["Label", "R", "A", "S"])
        self._table.horizontalHeader().setSectionResizeMode(QtWidgets.QHeaderView.ResizeMode.Stretch)
        self._table.verticalHeader().setVisible(False)
        self._observer = SceneObserver(self, self._fill)
        self._jump = True
        layout = _no_margins(QtWidgets.QVBoxLayout(self))
        row = QtWidgets.QHBoxLayout()
        row.addWidget(self._nodes, 1)
        row.addWidget(self._place)
        layout.addLayout(row)
        layout.addWidget(self._table)

    def _on_scene(self) -> None:
        self._nodes.setMRMLScene(self._scene)
        self._place.setMRMLScene(self._scene)

    def _on_node(self, node) -> None:
        self._place.setCurrentNode(node)
        self._observer.observe_nodes([node] if node is not None else [], vtk.vtkCommand.AnyEvent)
        self._fill()
        self.markupsNodeChanged.emit()

    def _fill(self) -> None:
        node = self.currentNode()
        count = node.GetNumberOfControlPoints() if node is not None else 0
        self._table.setRowCount(count)
        for row in range(count):
            position = [0.0, 0.0, 0.0]
            node.GetNthControlPointPositionWorld(row, position)
            texts = [node.GetNthControlPointLabel(row), *(f"{value:.3f}" for value in position)]
            for column, text in enumerate(texts):
                self._table.setItem(row, column, QtWidgets.QTableWidgetItem(text))
        self.updateFinished.emit()

    def currentNode(self):
        """Return the markups node."""
        return self._nodes.currentNode()

    getCurrentNode = currentNode

    def setCurrentNode(self, node) -> None:
        """Choose a markups node."""
        self._nodes.setCurrentNode(node)

    def markupsPlaceWidget(self):
        """Return the buttons for placing."""
        return self._place

    def markupsSelectorComboBox(self):
        """Return the combo box for the node."""
        return self._nodes

    def tableWidget(self):
        """Return the table of points."""
        return self._table

    def setNodeBaseName(self, name: str) -> None:
        """Set the name that new nodes start with."""
        self._nodes.baseName = name

    def setNodeSelectorVisible(self, value: bool) -> None:
        """Show or hide the combo box."""
        self._nodes.setVisible(value)

    @property
    def nodeSelectorVisible(self) -> bool:
        return not self._nodes.isHidden()

    @nodeSelectorVisible.setter
    def nodeSelectorVisible(self, value: bool) -> None:
        self.setNodeSelectorVisible(value)

    @property
    def optionsVisible(self) -> bool:
        return getattr(self, "_options", True)

    @optionsVisible.setter
    def optionsVisible(self, value: bool) -> None:
        self.setOptionsVisible(value)

    def setOptionsVisible(self, value: bool) -> None:
        """Show or hide further options."""
        self._options = bool(value)

    @property
    def jumpToSliceEnabled(self) -> bool:
        return self._jump

    @jumpToSliceEnabled.setter
    def jumpToSliceEnabled(self, value: bool) -> None:
        self._jump = bool(value)

    @property
    def enterPlaceModeOnNodeChange(self) -> bool:
        return getattr(self, "_enter_place_mode", True)

    @enterPlaceModeOnNodeChange.setter
    def enterPlaceModeOnNodeChange(self, value: bool) -> None:
        self._enter_place_mode = bool(value)
