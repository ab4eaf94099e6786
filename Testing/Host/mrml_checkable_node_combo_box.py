"""``slicer.qMRMLCheckableNodeComboBox``: a combo box in which several nodes can be checked."""

import slicer
from PySide6 import QtCore, QtWidgets

from .mrml_node_combo_box import qMRMLNodeComboBox
from .ui_loader import host_widget

_CHECKED, _UNCHECKED = QtCore.Qt.CheckState.Checked, QtCore.Qt.CheckState.Unchecked


class _CheckableComboBox(QtWidgets.QComboBox):
    """Shows what is checked instead of the current entry, as ctkCheckableComboBox does."""

    def paintEvent(self, _event) -> None:
        """Draw the box with "None" (also of nothing), "All", or the names of what is checked."""
        states = [self.itemData(index, QtCore.Qt.ItemDataRole.CheckStateRole) for index in range(self.count)]
        names = [self.itemText(index) for index, state in enumerate(states) if state == _CHECKED]
        option = QtWidgets.QStyleOptionComboBox()
        self.initStyleOption(option)
        option.currentText = ", ".join(names) if 0 < len(names) < len(states) else "All" if names else "None"
        painter = QtWidgets.QStylePainter(self)
        painter.drawComplexControl(QtWidgets.QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QtWidgets.QStyle.ControlElement.CE_ComboBoxLabel, option)


@host_widget
class qMRMLCheckableNodeComboBox(qMRMLNodeComboBox):
    """Nodes are unchecked at first; what is checked lives in the widget alone."""

    checkedNodesChanged = QtCore.Signal()
    COMBO_BOX = _CheckableComboBox

    def __init__(self, parent=None):
        self._checked: list = []
        super().__init__(parent)
        for flag in ("addEnabled", "removeEnabled", "editEnabled", "renameEnabled"):
            self._flags[flag] = False

    def checkedNodes(self):
        """Return the checked nodes, in the order of the list."""
        return tuple(node for node in self._nodes if node in self._checked)

    def uncheckedNodes(self):
        """Return the other nodes."""
        return tuple(node for node in self._nodes if node not in self._checked)

    def allChecked(self) -> bool:
        """Return whether no node is unchecked; an empty list has none."""
        return not self.uncheckedNodes()

    def noneChecked(self) -> bool:
        """Return whether no node is checked; an empty list has none."""
        return not self.checkedNodes()

    def checkState(self, node):
        """Return the state of a node; unchecked if it is not listed."""
        return _CHECKED if node in self.checkedNodes() else _UNCHECKED

    def setCheckState(self, node, state) -> None:
        """Check or uncheck a node; one that is not listed is left alone."""
        if not isinstance(node, slicer.vtkMRMLNode | None):
            msg = f"setCheckState takes a node, got {type(node).__name__}"
            raise TypeError(msg)
        if node not in self._nodes or self.checkState(node) == QtCore.Qt.CheckState(state):
            return
        if QtCore.Qt.CheckState(state) == _CHECKED:
            self._checked.append(node)
        else:
            self._checked.remove(node)
        self._fill()
        self.checkedNodesChanged.emit()

    def check(self, node) -> None:
        """Check a node."""
        self.setCheckState(node, _CHECKED)

    def uncheck(self, node) -> None:
        """Uncheck a node."""
        self.setCheckState(node, _UNCHECKED)

    def _refresh(self) -> None:
        super()._refresh()
        self._checked = [node for node in self._checked if node in self._nodes]
        self._fill()

    def _fill(self) -> None:
        super()._fill()
        for index, node in enumerate(self._nodes):
            self._combo.setItemData(index, self.checkState(node), QtCore.Qt.ItemDataRole.CheckStateRole)

    def _on_activated(self, index: int) -> None:
        node = self.nodeFromIndex(index)
        if node is not None:  # pressing an entry turns its check mark
            self.setCheckState(node, _UNCHECKED if node in self._checked else _CHECKED)
