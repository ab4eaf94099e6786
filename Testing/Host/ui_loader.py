"""``qt.QUiLoader`` for .ui files with ctk and MRML widgets.

Qt's loader builds the widgets. What it cannot know of the host's own classes is done here: their properties are set
as Python attributes, and the file's signal-slot connections (with MRML types in their signatures) are made through
:mod:`Host.pythonqt`. An unknown class, property or signal is an error instead of the silence of the application.
"""

from pathlib import Path
from xml.etree import ElementTree

from PySide6 import QtCore, QtGui, QtUiTools

# Classes of the host by their C++ name; filled by the modules that define them.
HOST_WIDGETS: dict[str, type] = {}
_kept: set = set()


def host_widget(cls: type) -> type:
    """Class decorator: make a widget known to the loader."""
    cls.IS_HOST_WIDGET = True
    HOST_WIDGETS[cls.__name__] = cls
    return cls


class QUiLoader(QtUiTools.QUiLoader):
    """Loads .ui files."""

    def load(self, source, parent=None):
        """Return the widget tree of a .ui file given as a path or an open ``qt.QFile``."""
        text = Path(source).read_bytes() if isinstance(source, str | Path) else bytes(source.readAll())
        root = ElementTree.fromstring(text)
        connections = [
            tuple(connection.findtext(part) for part in ("sender", "signal", "receiver", "slot"))
            for connection in root.iter("connection")
        ]
        for element in root.findall("connections"):
            root.remove(element)
        properties = self._take_host_properties(root)
        buffer = QtCore.QBuffer()
        buffer.setData(ElementTree.tostring(root))
        buffer.open(QtCore.QIODevice.OpenModeFlag.ReadOnly)
        widget = super().load(buffer, parent)
        if widget is None:
            msg = f"Qt cannot read the .ui file: {self.errorString()}"
            raise RuntimeError(msg)
        for name in [name for name, value in vars(widget).items() if isinstance(value, QtCore.QObject)]:
            delattr(widget, name)  # PySide6 makes children attributes of the top widget, PythonQt does not
        for name, attribute, value in properties:
            setattr(_named(widget, name), attribute, value)
        for sender, signal, receiver, slot in connections:
            _named(widget, sender).connect(signal, _named(widget, receiver), slot)
        return widget

    def createWidget(self, class_name, parent=None, name=""):
        """Make a widget of one of the host's classes, or leave it to Qt."""
        cls = HOST_WIDGETS.get(class_name)
        if cls is None:
            return super().createWidget(class_name, parent, name)
        widget = cls(parent)
        widget.setObjectName(name)
        # Qt owns the widget; without a reference the Python half of it would be lost.
        _kept.add(widget)
        widget.destroyed.connect(lambda: _kept.discard(widget))
        return widget

    def _take_host_properties(self, root: ElementTree.Element) -> list[tuple[str, str, object]]:
        """Remove the properties that host classes define from the tree and return (widget, property, value)."""
        taken = []
        known = {*self.availableWidgets(), *HOST_WIDGETS, "Line"}
        for number, element in enumerate(root.iter("widget")):
            class_name = element.get("class")
            if class_name not in known:
                msg = f"the host has no widget class {class_name!r} (used by {element.get('name')!r})"
                raise LookupError(msg)
            cls = HOST_WIDGETS.get(class_name)
            if cls is None:
                continue
            if not element.get("name"):
                element.set("name", f"_unnamed{number}")
            for entry in list(element.findall("property")):
                attribute = entry.get("name")
                if entry.get("stdset") == "0" and not isinstance(vars(cls).get(attribute), property):
                    continue
                defined = next((base for base in cls.__mro__ if attribute in vars(base)), None)
                if defined is None:
                    msg = f"{class_name} {element.get('name')!r} has no property {attribute!r}"
                    raise LookupError(msg)
                if not defined.__module__.startswith("PySide6"):
                    element.remove(entry)
                    taken.append((element.get("name"), attribute, _value(cls, entry[0])))
        return taken


def _named(widget, name: str):
    if widget.objectName == name:
        return widget
    found = widget.findChild(QtCore.QObject, name)
    if found is None:
        msg = f"the .ui file has no object {name!r}"
        raise LookupError(msg)
    return found


def _value(cls: type, element: ElementTree.Element):  # noqa: PLR0911 (one line a case)
    """Return the value of a <property> as Python."""
    text = element.text or ""
    match element.tag:
        case "bool":
            return text == "true"
        case "number":
            return int(text)
        case "double" | "float":
            return float(text)
        case "string" | "cstring":
            return text
        case "stringlist":
            return [entry.text or "" for entry in element.findall("string")]
        case "color":
            return QtGui.QColor(*(int(element.findtext(part)) for part in ("red", "green", "blue")))
        case "enum" | "set":
            value = 0
            for word in text.split("|"):
                owner, _, member = word.strip().rpartition("::")
                holder = QtCore.Qt if owner == "Qt" else cls
                found = getattr(holder, member)
                value = found if value == 0 else value | found
            return value
    msg = f"the host does not read <{element.tag}> for a property of {cls.__name__}"
    raise NotImplementedError(msg)
