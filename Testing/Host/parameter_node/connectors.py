"""Which widget shows which type, by the exact type of the widget as in Slicer."""

import enum
import pathlib
import types
import typing

import ctk
import qt
import slicer

from .annotations import Choice, Decimals, Default, Maximum, Minimum, SingleStep, WithinRange


class Connector:
    """Reads and writes one widget."""

    def __init__(self, widget, signal: str | None, read, write) -> None:
        self.widget, self._signal, self.read, self.write = widget, signal, read, write
        self._callback = None

    def on_changed(self, callback) -> None:
        """Call back when the user changes the widget (None: no more)."""
        if self._signal is None:
            return
        signal = getattr(self.widget, self._signal)
        if self._callback is not None:
            signal.disconnect(self._callback)
        self._callback = callback
        if callback is not None:
            signal.connect(callback)


def make_connector(widget, kind, annotations) -> Connector:  # noqa: PLR0911 (one line a case)
    """Return what connects a widget to a parameter.

    Raises
    ------
    RuntimeError
        If that widget cannot show that type.
    """
    exact = type(widget)
    if kind is bool and exact in (qt.QCheckBox, ctk.ctkCheckBox):
        return _property(widget, "checked", "stateChanged")
    if kind is bool and exact in (qt.QPushButton, ctk.ctkCheckablePushButton):
        widget.checkable = True
        return _property(widget, "checked", "toggled")
    if kind is int and exact in (qt.QSlider, qt.QSpinBox):
        _bounds(widget, annotations, -(2**31), 2**31 - 1, needed=exact is qt.QSlider)
        return _property(widget, "value", "valueChanged")
    numbers = (qt.QDoubleSpinBox, ctk.ctkSliderWidget, ctk.ctkDoubleSlider, ctk.ctkDoubleSpinBox)
    if kind in (int, float) and exact in (*numbers, slicer.qMRMLSliderWidget, slicer.qMRMLSpinBox):
        if kind is int and exact is not ctk.ctkDoubleSlider:
            widget.decimals = 0
        needed = exact in (ctk.ctkSliderWidget, slicer.qMRMLSliderWidget)
        _bounds(widget, annotations, float("-inf"), float("inf"), needed=needed)
        return Connector(widget, "valueChanged", lambda: kind(widget.value), _setter(widget, "value"))
    if exact in (qt.QComboBox, ctk.ctkComboBox):
        return _choice(widget, kind, annotations)
    if kind is str and exact is qt.QLineEdit:
        return _property(widget, "text", "textChanged", only_if_changed=True)
    if kind is str and exact is qt.QLabel:
        return _property(widget, "text", None)
    if kind is str and exact is qt.QTextEdit:
        return Connector(widget, "textChanged", widget.toPlainText, widget.setPlainText)
    for cls, name in ((ctk.ctkPathLineEdit, "currentPath"), (ctk.ctkDirectoryButton, "directory")):
        if isinstance(kind, type) and issubclass(kind, pathlib.PurePath) and exact is cls:
            return Connector(
                widget,
                f"{name}Changed",
                lambda name=name: kind(getattr(widget, name)),
                lambda value, name=name: setattr(widget, name, str(value)),
            )
    if exact is slicer.qMRMLNodeComboBox and _node_types(kind):
        widget.nodeTypes = _node_types(kind)
        return Connector(widget, "currentNodeChanged", widget.currentNode, widget.setCurrentNode)
    msg = f"a {exact.__name__} cannot show a parameter of type {kind}"
    raise RuntimeError(msg)


def _property(widget, name: str, signal: str | None, only_if_changed: bool = False) -> Connector:
    return Connector(widget, signal, lambda: getattr(widget, name), _setter(widget, name, only_if_changed))


def _setter(widget, name: str, only_if_changed: bool = False):
    def write(value):
        if not only_if_changed or getattr(widget, name) != value:
            setattr(widget, name, value)

    return write


def _bounds(widget, annotations, lowest, highest, *, needed: bool) -> None:
    low, high = None, None
    for annotation in annotations:
        if isinstance(annotation, WithinRange):
            low, high = annotation.minimum, annotation.maximum
        elif isinstance(annotation, Minimum):
            low = annotation.minimum
        elif isinstance(annotation, Maximum):
            high = annotation.maximum
        elif isinstance(annotation, Decimals):
            widget.decimals = annotation.value
        elif isinstance(annotation, SingleStep):
            widget.singleStep = annotation.value
    if needed and (low is None or high is None):
        msg = f"a {type(widget).__name__} needs a parameter with bounds (WithinRange)"
        raise RuntimeError(msg)
    widget.minimum = lowest if low is None else low
    widget.maximum = highest if high is None else high


def _choice(widget, kind, annotations) -> Connector:
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        values = list(kind)
        label = getattr(kind, "label", lambda value: value.name)
        texts = [label(value) for value in values]
    else:
        values = next((list(annotation.choices) for annotation in annotations if isinstance(annotation, Choice)), None)
        if values is None or kind not in (int, float, str, bool):
            msg = f"a {type(widget).__name__} needs an enumeration or a parameter with a Choice, got {kind}"
            raise RuntimeError(msg)
        texts = [str(value) for value in values]
    widget.clear()
    for text in texts:
        widget.addItem(text)
    return Connector(
        widget,
        "currentIndexChanged",
        lambda: values[widget.currentIndex],
        lambda value: setattr(widget, "currentIndex", values.index(value)),
    )


def _node_types(kind) -> tuple[str, ...]:
    """Return the class names of a node type or a union of node types; empty for other types."""
    parts = typing.get_args(kind) if typing.get_origin(kind) in (typing.Union, types.UnionType) else (kind,)
    nodes = [part for part in parts if part is not type(None)]
    if all(isinstance(part, type) and issubclass(part, slicer.vtkMRMLNode) for part in nodes):
        return tuple(part().GetClassName() for part in nodes)
    return ()


WIDGET_HINTS = (Decimals, SingleStep, Default)
