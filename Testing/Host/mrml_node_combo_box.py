"""``slicer.qMRMLNodeComboBox``: a combo box that lists the nodes of the scene."""

from PySide6 import QtCore, QtWidgets

from .mrml_scene_widgets import SceneObserver
from .ui_loader import host_widget


@host_widget
class qMRMLNodeComboBox(QtWidgets.QWidget):
    """Lists the nodes of the scene that have one of the node types, and follows the scene."""

    currentNodeChanged = QtCore.Signal(object)
    currentNodeIDChanged = QtCore.Signal(str)
    currentNodeRenamed = QtCore.Signal(str)
    nodeAdded = QtCore.Signal(object)
    nodeAddedByUser = QtCore.Signal(object)
    nodeActivated = QtCore.Signal(object)
    nodeAboutToBeRemoved = QtCore.Signal(object)
    COMBO_BOX = QtWidgets.QComboBox
    HOST_SIGNALS = {  # noqa: RUF012
        "currentNodeChanged": (("vtkMRMLNode*",), ("bool",)),
        "nodeAdded": (("vtkMRMLNode*",),),
        "nodeAddedByUser": (("vtkMRMLNode*",),),
        "nodeActivated": (("vtkMRMLNode*",),),
        "nodeAboutToBeRemoved": (("vtkMRMLNode*",),),
    }

    def __init__(self, parent=None):
        super().__init__(parent)
        self._node_types: list[str] = []
        self._hidden_types: list[str] = []
        self._attributes: list[tuple[str, str, object]] = []
        self._flags = {
            "noneEnabled": False,
            "addEnabled": True,
            "removeEnabled": True,
            "editEnabled": False,
            "renameEnabled": False,
            "selectNodeUponCreation": True,
            "showChildNodeTypes": True,
            "showHidden": False,
        }
        self._none_display = "None"
        self._base_name = ""
        self._nodes: list = []
        self._current = None
        self._observer = SceneObserver(self, self._refresh)
        self._combo = self.COMBO_BOX(self)
        self._combo.setSizeAdjustPolicy(QtWidgets.QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._combo.setMinimumContentsLength(12)
        self._combo.activated.connect(self._on_activated)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._combo)

    # Scene and nodes

    def mrmlScene(self):
        """Return the scene."""
        return self._observer.scene

    def setMRMLScene(self, scene) -> None:
        """List the nodes of a scene."""
        if scene is not self._observer.scene:
            self._observer.observe(scene)
            self._refresh()

    def currentNode(self):
        """Return the chosen node or None."""
        return self._current

    def setCurrentNode(self, node) -> None:
        """Choose a node (or its ID), or None."""
        if isinstance(node, str):
            node = next((listed for listed in self._nodes if listed.GetID() == node), None)
        if node is not None and node not in self._nodes:
            self._refresh()
        self._choose(node if node in self._nodes else None)

    def setCurrentNodeID(self, node_id: str) -> None:
        """Choose a node by its ID."""
        self.setCurrentNode(node_id or None)

    def setCurrentNodeIndex(self, index: int) -> None:
        """Choose the node at a position of the list."""
        self._choose(self._nodes[index] if 0 <= index < len(self._nodes) else None)

    def nodeCount(self) -> int:
        """Return how many nodes are listed."""
        return len(self._nodes)

    def nodeFromIndex(self, index: int):
        """Return the node at a position of the list, or None."""
        return self._nodes[index] if 0 <= index < len(self._nodes) else None

    def addNode(self, node_type: str | None = None):
        """Add a node to the scene as the user does with "Create new"."""
        scene = self.mrmlScene()
        node_type = node_type or self._node_types[0]
        node = scene.CreateNodeByClass(node_type)
        node.UnRegister(None)
        node.SetName(scene.GenerateUniqueName(self._base_name or node.GetNodeTagName()))
        for wanted, name, value in self._attributes:
            if wanted == node_type:
                node.SetAttribute(name, "" if value is None else str(value))
        node = scene.AddNode(node)
        if self._flags["selectNodeUponCreation"]:
            self.setCurrentNode(node)
        self.nodeAddedByUser.emit(node)
        return node

    def removeCurrentNode(self) -> None:
        """Remove the chosen node from the scene, as the user does with "Delete current"."""
        if self._current is not None:
            self.mrmlScene().RemoveNode(self._current)

    def addAttribute(self, node_type: str, name: str, value=None) -> None:
        """List only those nodes of a type that have an attribute (with this value, if one is given)."""
        self._attributes.append((node_type, name, value))
        self._refresh()

    def removeAttribute(self, node_type: str, name: str) -> None:
        """Undo :meth:`addAttribute`."""
        self._attributes = [entry for entry in self._attributes if entry[:2] != (node_type, name)]
        self._refresh()

    def addMenuAction(self, action) -> None:
        """Add an entry to the list's menu."""
        self.addAction(action)

    # The list

    def _wanted(self) -> list:
        scene = self.mrmlScene()
        if scene is None or not self._node_types:
            return []
        return [node for node in map(scene.GetNthNode, range(scene.GetNumberOfNodes())) if self._accepts(node)]

    def _accepts(self, node) -> bool:
        if node.GetHideFromEditors() and not self._flags["showHidden"]:
            return False
        if self._flags["showChildNodeTypes"]:
            kinds = [kind for kind in self._node_types if node.IsA(kind)]
        else:
            kinds = [kind for kind in self._node_types if node.GetClassName() == kind]
        if not kinds or any(node.IsA(kind) for kind in self._hidden_types):
            return False
        for kind, name, value in self._attributes:
            if node.IsA(kind):
                found = node.GetAttribute(name)
                if found is None or (value is not None and str(value) != found):
                    return False
        return True

    def _refresh(self) -> None:
        before, self._nodes = self._nodes, self._wanted()
        self._observer.observe_nodes(self._nodes)
        current = self._current
        if current not in self._nodes:
            current = None
        if current is None and not self._flags["noneEnabled"] and self._nodes and (not before or self._current):
            current = self._nodes[0]  # an empty combo box takes its first entry; a removed node gives way to another
        self._fill()
        self._choose(current)
        for node in self._nodes:
            if node not in before:
                self.nodeAdded.emit(node)

    def _fill(self) -> None:
        self._combo.blockSignals(True)
        self._combo.clear()
        if self._flags["noneEnabled"]:
            self._combo.addItem(self._none_display)
        for node in self._nodes:
            self._combo.addItem(node.GetName() or "")
        actions = [
            text
            for flag, text in (
                ("addEnabled", "Create new..."),
                ("renameEnabled", "Rename current..."),
                ("removeEnabled", "Delete current"),
            )
            if self._flags[flag]
        ]
        if actions:
            self._combo.insertSeparator(self._combo.count)
            self._combo.addItems(actions)
        self._show_current()
        self._combo.blockSignals(False)

    def _show_current(self) -> None:
        offset = 1 if self._flags["noneEnabled"] else 0
        if self._current in self._nodes:
            self._combo.setCurrentIndex(self._nodes.index(self._current) + offset)
        else:
            self._combo.setCurrentIndex(0 if offset else -1)

    def _choose(self, node) -> None:
        changed = node is not self._current
        self._current = node
        self._combo.blockSignals(True)
        self._show_current()
        self._combo.blockSignals(False)
        if changed:
            self.currentNodeChanged.emit(node)
            self.currentNodeIDChanged.emit(node.GetID() if node is not None else "")

    def _on_activated(self, index: int) -> None:
        offset = 1 if self._flags["noneEnabled"] else 0
        text = self._combo.itemText(index)
        if index < offset:
            self._choose(None)
        elif index - offset < len(self._nodes):
            self._choose(self._nodes[index - offset])
            self.nodeActivated.emit(self._current)
        elif text.startswith("Create"):
            self.addNode()
        elif text.startswith("Delete"):
            self.removeCurrentNode()
        self._show_current()

    # Properties

    @property
    def nodeTypes(self):
        return tuple(self._node_types)

    @nodeTypes.setter
    def nodeTypes(self, value) -> None:
        if isinstance(value, str):
            msg = f"nodeTypes takes a list of class names, got the string {value!r}"
            raise TypeError(msg)
        value = list(value)
        if value != self._node_types:
            self._node_types = value
            self._refresh()

    @property
    def hideChildNodeTypes(self):
        return tuple(self._hidden_types)

    @hideChildNodeTypes.setter
    def hideChildNodeTypes(self, value) -> None:
        self._hidden_types = list(value)
        self._refresh()

    @property
    def currentNodeID(self) -> str:
        return self._current.GetID() if self._current is not None else ""

    @currentNodeID.setter
    def currentNodeID(self, value: str) -> None:
        self.setCurrentNodeID(value)

    currentNodeId = currentNodeID

    @property
    def baseName(self) -> str:
        return self._base_name

    @baseName.setter
    def baseName(self, value: str) -> None:
        self._base_name = value

    @property
    def noneDisplay(self) -> str:
        return self._none_display

    @noneDisplay.setter
    def noneDisplay(self, value: str) -> None:
        self._none_display = value
        self._fill()


def _flag(name: str) -> property:
    def write(self, value):
        self._flags[name] = bool(value)
        self._refresh()

    return property(lambda self: self._flags[name], write)


for _name in (
    "noneEnabled",
    "addEnabled",
    "removeEnabled",
    "editEnabled",
    "renameEnabled",
    "selectNodeUponCreation",
    "showChildNodeTypes",
    "showHidden",
):
    setattr(qMRMLNodeComboBox, _name, _flag(_name))
