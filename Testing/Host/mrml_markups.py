"""MRML widgets for points: one to place them, one to choose, place and list them."""

import slicer
import vtk
from PySide6 import QtCore, QtGui, QtWidgets

from .mrml_node_combo_box import qMRMLNodeComboBox
from .mrml_scene_widgets import SceneObserver, WithScene, no_margins
from .ui_loader import host_widget


@host_widget
class qSlicerMarkupsPlaceWidget(WithScene, QtWidgets.QWidget):
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
        layout = no_margins(QtWidgets.QHBoxLayout(self))
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
class qSlicerSimpleMarkupsWidget(_NodeColor, WithScene, QtWidgets.QWidget):
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
        layout = no_margins(QtWidgets.QVBoxLayout(self))
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
