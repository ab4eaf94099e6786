"""Teach PySide6 the habits of PythonQt, the Qt binding inside 3D Slicer.

PySide6 and PythonQt differ where it bites in panel code:

- a Qt property is a Python attribute (``label.text``), so its getter cannot be called (``label.text()`` fails);
- ``obj.connect("clicked(bool)", f)`` and ``obj.disconnect("clicked(bool)", f)`` exist on every object;
- a connection keeps what it calls alive, cuts the arguments down to what a function takes, and calling the signal
  emits it;
- a slot that raises does not stop the caller: the error is printed (and kept here, so that a test can fail on it).

The PySide6 classes themselves are changed, once per process, so that widgets made by Qt (from a ``.ui`` file, by a
layout) have the habits too and ``type(button) is qt.QPushButton`` holds. That makes this unfit for anything but tests.
"""

import ctypes
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator

import shiboken6
from PySide6 import QtCore, QtGui, QtWidgets

# Names that are properties in Qt 6 but stay methods under PythonQt in Slicer (Qt 5), or clash with a static function.
_STAY_METHODS = {("QLayout", "contentsMargins"), ("QTimer", "singleShot")}

# Errors raised by slots since the last `take_slot_errors`.
_slot_errors: list[str] = []

_applied = False
_get_attribute = None


def apply() -> None:
    """Change the PySide6 classes; does nothing the second time."""
    global _applied, _get_attribute  # noqa: PLW0603
    if _applied:
        return
    _applied = True
    _keep_constants()
    for cls in _qobject_classes():
        _add_properties(cls)
    _add_qt5_names()
    QtCore.QObject.name = property(QtCore.QObject.objectName.fget, QtCore.QObject.setObjectName)
    QtCore.QObject.className = lambda self: type(self).__name__
    QtCore.QObject.delete = shiboken6.delete
    _accept_class_names("findChild")
    _accept_class_names("findChildren")
    _get_attribute = QtCore.QObject.__getattribute__
    QtCore.QObject.__getattribute__ = _getattribute


def take_slot_errors() -> list[str]:
    """Return the tracebacks of errors in slots so far, and forget them."""
    errors = list(_slot_errors)
    _slot_errors.clear()
    return errors


def unknown_attributes(widget: QtCore.QObject) -> list[str]:
    """Return attributes that were set on Qt objects below `widget` but that are no properties there.

    PythonQt refuses such an assignment (``button.enable = False``); PySide6 cannot be made to, so tests look afterwards.
    """
    found = []
    for obj in [widget, *QtCore.QObject.findChildren(widget, QtCore.QObject)]:
        wrapper = type(obj)
        if wrapper.__module__.startswith("PySide6") or getattr(wrapper, "IS_HOST_WIDGET", False):
            found += [
                f"{wrapper.__name__} {obj.objectName!r} has no property {name!r}"
                for name, value in getattr(obj, "__dict__", {}).items()
                if not name.startswith("_") and not isinstance(value, QtCore.SignalInstance)  # PySide6 keeps signals
            ]
    return found


def connection_count(sender: QtCore.QObject) -> int:
    """Return how many connections to Python functions an object has."""
    return len(_connections.get(_pointer(sender), ()))


class BoundSignal:
    """A signal of one object, as PythonQt gives it: connect, disconnect, and calling it emits."""

    def __init__(self, sender: QtCore.QObject, name: str, signal: QtCore.SignalInstance) -> None:
        self._sender = sender
        self._name = name
        self._signal = signal

    def connect(self, receiver: Callable, *_connection_type) -> bool:
        """Call `receiver` whenever the signal is emitted."""
        return _connect(self._sender, self._name, None, receiver)

    def disconnect(self, receiver: Callable | None = None) -> bool:
        """Undo one connection to `receiver`, or all of this signal."""
        return _disconnect(self._sender, self._name, receiver)

    def emit(self, *arguments) -> None:
        """Emit the signal; for the host's own widgets (PythonQt has no such method)."""
        self._signal.emit(*arguments)

    def __call__(self, *arguments) -> None:
        """Emit the signal."""
        _find_signal(self._sender, self._name, None)[0].emit(*arguments)


# Connections by C++ object: (signal name, receiver, what Qt calls, the PySide6 signal).
_connections: dict[int, list[tuple]] = {}
# Overloads by class, as Python and as Qt names it, and name of the signal.
_signals: dict[tuple[type, str, str], list[tuple[str, ...]]] = {}


def _keep_constants() -> None:
    """Make None, True and False immortal, as they are from Python 3.12 on.

    PySide6 6.12 counts on that and returns them without a new reference; on Python 3.11 the interpreter would end
    itself after some ten thousand calls.
    """
    if sys.version_info < (3, 12):
        for constant in (None, True, False):
            ctypes.c_ssize_t.from_address(id(constant)).value += 1 << 48


def _getattribute(self, name):
    if name in ("connect", "disconnect"):

        def change(signal, *receiver):
            if not isinstance(signal, str) or signal[:1].isdigit():  # a call from inside PySide6
                return _get_attribute(self, name)(signal, *receiver)
            signal_name, types = _split_signature(signal)
            if name == "connect":
                return _connect(self, signal_name, types, *receiver)
            return _disconnect(self, signal_name, *receiver)

        return change
    value = _get_attribute(self, name)
    if isinstance(value, QtCore.SignalInstance):
        return BoundSignal(self, name, value)
    return value


def _split_signature(signal: str) -> tuple[str, tuple[str, ...]]:
    name, bracket, arguments = str(signal).replace(" ", "").partition("(")
    if not bracket or not arguments.endswith(")"):
        msg = f'{signal!r} is no signal signature, expected for example "clicked(bool)"'
        raise ValueError(msg)
    types = arguments[:-1].replace("const", "").replace("&", "")
    return name, tuple(types.split(",")) if types else ()


def _connect(sender, name: str, types: tuple[str, ...] | None, receiver, slot: str | None = None) -> bool:
    """Connect a signal. `types` None means the overload with the most arguments."""
    if slot is not None:
        receiver = getattr(receiver, _split_signature(slot)[0])
    if not callable(receiver):
        msg = f"cannot connect {type(sender).__name__}.{name} to {receiver!r}: it is not callable"
        raise TypeError(msg)
    signal, count = _find_signal(sender, name, types)

    def call(*arguments):
        try:
            receiver(*_accepted(receiver, arguments[:count]))
        except Exception:
            text = traceback.format_exc()
            _slot_errors.append(text)
            print(text, file=sys.stderr)

    signal.connect(call)
    pointer = _pointer(sender)
    if pointer not in _connections:
        _connections[pointer] = []
        destroyed = _get_attribute(sender, "destroyed")
        destroyed.connect(lambda *_: _connections.pop(pointer, None))
    _connections[pointer].append((name, receiver, call, signal))
    return True


def _disconnect(sender, name: str, receiver=None, slot: str | None = None) -> bool:
    if slot is not None:
        receiver = getattr(receiver, _split_signature(slot)[0])
    made = _connections.get(_pointer(sender), [])
    for connection in list(made):
        if connection[0] == name and (receiver is None or connection[1] == receiver):
            connection[3].disconnect(connection[2])
            made.remove(connection)
            if receiver is not None:
                return True
    return receiver is None


def _pointer(obj) -> int:
    return shiboken6.getCppPointer(obj)[0]


def _find_signal(sender, name: str, types: tuple[str, ...] | None) -> tuple[QtCore.SignalInstance, int]:
    """Return the PySide6 signal and how many of its arguments to pass on."""
    known = getattr(type(sender), "HOST_SIGNALS", {}).get(name)
    try:
        signal = _get_attribute(sender, name)
    except AttributeError:
        signal = None
    if not isinstance(signal, QtCore.SignalInstance):
        msg = f"{type(sender).__name__} has no signal {name!r}"
        raise ValueError(msg)
    if known is not None:
        if types is None:
            return signal, len(known[0])
        if types not in known:
            shown = " or ".join(f"{name}({','.join(one)})" for one in known)
            msg = f"{type(sender).__name__} has no signal {name}({','.join(types)}), it has {shown}"
            raise ValueError(msg)
        return signal, len(types)
    overloads = _own_overloads(sender, name)
    longest = max(overloads, key=len)
    if types is None:
        types = longest
    elif types not in overloads:
        shown = " or ".join(f"{name}({','.join(one)})" for one in sorted(overloads, key=len))
        msg = f"{type(sender).__name__} has no signal {name}({','.join(types)}), it has {shown}"
        raise ValueError(msg)
    # A shorter overload only leaves out arguments with defaults: connect the long one and cut the arguments.
    chosen = longest if longest[: len(types)] == types else types
    return signal[",".join(chosen)] if len(overloads) > 1 else signal, len(types)


def _overloads(meta, name: str) -> list[tuple[str, ...]]:
    """Return the arguments of each overload of a signal."""
    found = []
    for index in range(meta.methodCount()):
        method = meta.method(index)
        if method.methodType() == QtCore.QMetaMethod.MethodType.Signal and bytes(method.name()).decode() == name:
            found.append(_split_signature(bytes(method.methodSignature()).decode())[1])
    return found


def _own_overloads(sender, name: str) -> list[tuple[str, ...]]:
    """Return those of an object's signal; each is looked for once, as panels connect thousands."""
    meta = sender.metaObject()
    key = type(sender), meta.className(), name  # private classes of Qt come as the public class that they derive from
    if key not in _signals:
        _signals[key] = _overloads(meta, name)
    return _signals[key]


def _accepted(receiver: Callable, arguments: tuple) -> tuple:
    """Cut arguments down to what a Python function takes, as PythonQt does."""
    function = getattr(receiver, "__func__", receiver)
    if not inspect.isfunction(function) or function.__code__.co_flags & inspect.CO_VARARGS:
        return arguments
    count = function.__code__.co_argcount - (1 if inspect.ismethod(receiver) else 0)
    return arguments[:count]


def _qobject_classes() -> Iterator[type]:
    for module in (QtCore, QtGui, QtWidgets):
        for cls in [getattr(module, name) for name in dir(module)]:  # not vars(): PySide6 makes classes when asked
            if isinstance(cls, type) and issubclass(cls, QtCore.QObject) and cls.__module__ == module.__name__:
                yield cls


def _add_properties(cls: type) -> None:
    meta = cls.staticMetaObject
    for index in range(meta.propertyCount()):
        definition = meta.property(index)
        name = definition.name()
        if index < meta.propertyOffset() and name not in vars(cls):
            continue  # inherited, and the getter is not overridden
        own = inspect.getattr_static(cls, name, None)
        if (cls.__name__, name) in _STAY_METHODS or isinstance(own, staticmethod):
            continue
        setattr(cls, name, _make_property(cls, name, definition.isWritable()))


def _make_property(cls: type, name: str, writable: bool) -> property:
    capital = name[0].upper() + name[1:]
    getter = next(
        (
            method
            for method in (getattr(cls, found, None) for found in (name, f"is{capital}", f"has{capital}"))
            if inspect.isroutine(method)
        ),
        None,
    )
    if getter is None:

        def getter(self):
            return QtCore.QObject.property(self, name)

    if not writable:
        return property(lambda self: getter(self))
    setter = getattr(cls, f"set{capital}", None)

    def write(self, value):
        if setter is not None:
            try:
                setter(self, value)
                return
            except TypeError:
                pass  # PythonQt converts: a float for an integer property, a number for a switch
        if value is None or not QtCore.QObject.setProperty(self, name, value):
            msg = f"{type(self).__name__}.{name} cannot be set to {value!r}"
            raise ValueError(msg)

    return property(lambda self: getter(self), write)


def _add_qt5_names() -> None:
    """Names of Qt 5 (which Slicer is built with) that Qt 6 has dropped and panel code may use."""
    for cls in (QtWidgets.QDialog, QtWidgets.QMenu, QtCore.QCoreApplication, QtCore.QEventLoop):
        if not hasattr(cls, "exec_"):
            cls.exec_ = cls.exec
    QtGui.QFontMetrics.width = QtGui.QFontMetrics.horizontalAdvance
    QtWidgets.QLayout.setMargin = lambda self, margin: self.setContentsMargins(margin, margin, margin, margin)
    QtWidgets.QLayout.margin = property(
        lambda self: self.contentsMargins().left(), lambda self, margin: self.setMargin(margin)
    )


def _accept_class_names(method: str) -> None:
    """Let `findChild` and `findChildren` take the name of a class where PySide6 wants the class."""
    original = getattr(QtCore.QObject, method)

    def find(self, cls=QtCore.QObject, *rest):
        if not isinstance(cls, str):
            return original(self, cls, *rest)
        found = [
            child
            for child in self.findChildren(QtCore.QObject)
            if child.inherits(cls) and (not rest or child.objectName == rest[0])
        ]
        return found if method == "findChildren" else next(iter(found), None)

    setattr(QtCore.QObject, method, find)
