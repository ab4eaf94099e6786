"""The decorator ``parameterNodeWrapper``: typed attributes over a parameter node, and its widgets."""

import logging
import typing

import slicer
import vtk

from .annotations import Default, Validator
from .connectors import WIDGET_HINTS, make_connector
from .storage import make_storage

_PROPERTY = "SlicerParameterName"
_RESERVED = ("allParameters", "default", "dataType", "getValue", "setValue", "connectGui", "disconnectGui")


class _Parameter:
    """One typed attribute."""

    def __init__(self, name: str, annotated, default) -> None:
        self.name = name
        self.annotated = annotated
        arguments = typing.get_args(typing.Annotated[annotated, "end"])
        self.kind, self.annotations = arguments[0], arguments[1:-1]
        self._storage = make_storage(self.kind)
        self._validators = [entry for entry in self.annotations if isinstance(entry, Validator)]
        unused = [entry for entry in self.annotations if not isinstance(entry, (Validator, *WIDGET_HINTS))]
        if unused:
            logging.warning("Unused annotations: %s", unused)
        found = default or next((entry for entry in self.annotations if isinstance(entry, Default)), None)
        self.default = found or Default(self._storage.default)

    def write(self, node, value) -> None:
        """Check a value and store it."""
        self._storage.check(value)
        for validator in self._validators:
            validator.validate(value)
        self._storage.write(node, self.name, value)

    def read(self, node):
        """Return the stored value; the default is stored when there is none."""
        self.ensure(node)
        return self._storage.read(node, self.name)

    def ensure(self, node) -> None:
        """Store the default when there is no value."""
        if not self._storage.is_in(node, self.name):
            self.write(node, self.default.value)


class _Wrapper:
    """What every wrapped class can do."""

    allParameters: typing.ClassVar[dict[str, _Parameter]] = {}

    def __init__(self, parameterNode):
        self.parameterNode = parameterNode
        self._guis: dict[int, tuple[dict, int]] = {}
        self._next_tag = 0
        self._updating = False
        for parameter in self.allParameters.values():
            parameter.ensure(parameterNode)

    def _parameter(self, name: str) -> _Parameter:
        if name not in self.allParameters:
            msg = f"there is no parameter {name!r}, there are {', '.join(self.allParameters)}"
            raise ValueError(msg)
        return self.allParameters[name]

    def default(self, name):
        """Return the default of a parameter."""
        return self._parameter(name).default

    @classmethod
    def dataType(cls, name):
        """Return the annotated type of a parameter."""
        return cls.allParameters[name].annotated

    def getValue(self, name):
        """Return the value of a parameter."""
        return self._parameter(name).read(self.parameterNode)

    def setValue(self, name, value):
        """Set the value of a parameter."""
        self._parameter(name).write(self.parameterNode, value)

    def connectGui(self, gui):
        """Tie parameters to the widgets that name them in their property SlicerParameterName."""
        widgets = gui.findChildren("QWidget") if hasattr(gui, "findChildren") else vars(gui).values()
        named = {widget.property(_PROPERTY): widget for widget in widgets if widget.property(_PROPERTY)}
        return self.connectParametersToGui(named)

    def connectParametersToGui(self, mapping):
        """Tie parameters to widgets and return a number for :meth:`disconnectGui`."""
        connectors = {}
        for name, widget in mapping.items():
            parameter = self._parameter(name)
            connectors[name] = make_connector(widget, parameter.kind, parameter.annotations)
        for name, connector in connectors.items():
            connector.write(self.getValue(name))
            connector.on_changed(self._reader(name, connector))
        tag, self._next_tag = self._next_tag, self._next_tag + 1
        observer = self.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda _caller, _event: self._update_gui())
        self._guis[tag] = (connectors, observer)
        return tag

    def disconnectGui(self, tag):
        """Undo :meth:`connectGui`."""
        connectors, observer = self._guis.pop(tag, ({}, None))
        for connector in connectors.values():
            connector.on_changed(None)
        if observer is not None:
            self.RemoveObserver(observer)

    def _reader(self, name, connector):
        def read():
            if not self._updating:
                with slicer.util.NodeModify(self):
                    self.setValue(name, connector.read())

        return read

    def _update_gui(self) -> None:
        if self._updating:
            return
        self._updating = True
        try:
            for connectors, _observer in self._guis.values():
                for name, connector in connectors.items():
                    connector.write(self.getValue(name))
        finally:
            self._updating = False

    def StartModify(self):
        return self.parameterNode.StartModify()

    def EndModify(self, was_modified):
        return self.parameterNode.EndModify(was_modified)

    def AddObserver(self, event, callback, priority=0.0):
        return self.parameterNode.AddObserver(event, callback, priority)

    def RemoveObserver(self, tag):
        return self.parameterNode.RemoveObserver(tag)

    def Modified(self):
        return self.parameterNode.Modified()


def parameterNodeWrapper(classtype=None):
    """Class decorator: annotated attributes become typed parameters in a parameter node."""
    return _wrap if classtype is None else _wrap(classtype)


def _wrap(cls):
    parameters = {}
    for name, annotated in typing.get_type_hints(cls, include_extras=True).items():
        if name in _RESERVED:
            msg = f"{name!r} cannot be the name of a parameter"
            raise ValueError(msg)
        default = Default(getattr(cls, name)) if hasattr(cls, name) else None
        parameters[name] = _Parameter(name, annotated, default)
    members = {name: value for name, value in vars(cls).items() if name not in ("__dict__", "__weakref__")}
    for name in parameters:
        members[name] = property(
            lambda self, name=name: self.getValue(name), lambda self, value, name=name: self.setValue(name, value)
        )
    members.update(allParameters=parameters, _is_parameter_node_wrapper=True, __init__=_Wrapper.__init__)
    return type(cls.__name__, (_Wrapper, *(base for base in cls.__bases__ if base is not object)), members)


def isParameterNodeWrapper(class_or_object):
    """Return whether something was made by :func:`parameterNodeWrapper`."""
    return getattr(class_or_object, "_is_parameter_node_wrapper", False)


def findChildWidgetForParameter(widget, parameter):
    """Return the widget below another that names a parameter, or None."""
    return next((child for child in widget.findChildren("QWidget") if child.property(_PROPERTY) == parameter), None)
