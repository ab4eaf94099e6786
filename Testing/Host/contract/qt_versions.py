"""Finds spellings that only one of Qt 5.15 and Qt 6 has: Slicer is built with the one and is moving to the other.

Names of Qt 5.15 come from the dump of a running Slicer, those of Qt 6 from PySide6. The dump does not tell the arguments of
signals, so those that the extension may connect are listed here, as the reference of Qt 5.15 has them; Qt 6 has them too.
"""

from .api import Api

QT_5_15_SIGNALS = {
    "QAbstractButton": {"clicked(bool)", "clicked()", "toggled(bool)", "pressed()", "released()"},
    "QAbstractSlider": {"valueChanged(int)", "sliderReleased()"},
    "QAction": {"triggered(bool)", "triggered()", "toggled(bool)"},
    "QComboBox": {"currentIndexChanged(int)", "currentTextChanged(QString)", "activated(int)"},
    "QDoubleSpinBox": {"valueChanged(double)"},
    "QLineEdit": {"textChanged(QString)", "textEdited(QString)", "editingFinished()", "returnPressed()"},
    "QListWidget": {"itemChanged(QListWidgetItem*)", "itemSelectionChanged()", "currentRowChanged(int)"},
    "QShortcut": {"activated()"},
    "QSpinBox": {"valueChanged(int)"},
    "QTabWidget": {"currentChanged(int)"},
    "QTableWidget": {"cellChanged(int,int)", "cellDoubleClicked(int,int)", "itemSelectionChanged()"},
    "QTextBrowser": {"anchorClicked(QUrl)"},
    "QTimer": {"timeout()"},
}
# Every object has these under PythonQt, whatever the version of Qt.
_EVERYWHERE = {"connect", "disconnect", "className", "delete", "inherits"}
# The host adds these to Qt 6, because code for Qt 5.15 uses them: PySide6 as it is now does not tell.
_ADDED_BY_THE_HOST = {"exec_", "width", "setMargin", "margin"}
_LOOPS = "a loop of its own: exec_ and exec are spelled by version; use slicer.util's dialogs, or open() and a signal"


def spellings_of_one_version(api: Api) -> list[str]:
    """Return what is wrong with the names that ``api`` saw the extension use (see ``Api.names``)."""
    problems = []
    for line in sorted(api.names):
        kind, name = line.split(" ", 1)
        owner, _dot, member = name.partition(".")
        if kind == "class" and owner == "qt":
            if _qt6(member) is None:
                problems.append(f"{name} is not in Qt 6")
            continue
        if not owner.startswith("Q") or owner not in api.data["qt"]:
            continue
        problem = _signal(owner, member) if kind == "signal" else _member(owner, member.partition("(")[0])
        if problem:
            problems.append(f"{name}: {problem}")
    return problems


def _signal(class_name: str, signature: str) -> str | None:
    if "(" not in signature:  # connected by attribute, or a member only looked up
        return None if _in_qt6(class_name, signature) else "not in Qt 6"
    cls = _qt6(class_name)
    known = {entry for base in cls.__mro__ for entry in QT_5_15_SIGNALS.get(base.__name__, ())}
    if signature not in known:
        return "not known to be in Qt 5.15: look it up in its reference, then add it to QT_5_15_SIGNALS"
    from .repository_check import signatures

    name, _bracket, arguments = signature.rstrip(")").partition("(")
    overloads = signatures(class_name, name) or []
    return None if tuple(filter(None, arguments.split(","))) in overloads else "not in Qt 6"


def _member(class_name: str, member: str) -> str | None:
    if member in ("exec", "exec_"):
        return _LOOPS
    if member in _EVERYWHERE:
        return None
    if (class_name, member) == ("QFontMetrics", "width") or member in _ADDED_BY_THE_HOST - {"width"}:
        return "not in Qt 6"
    return None if _in_qt6(class_name, member) else "not in Qt 6"


def _in_qt6(class_name: str, member: str) -> bool:
    cls = _qt6(class_name)
    if cls is None:
        return False
    meta = getattr(cls, "staticMetaObject", None)
    return hasattr(cls, member) or (meta is not None and meta.indexOfProperty(member) >= 0)


def _qt6(class_name: str):
    from PySide6 import QtCore, QtGui, QtWidgets

    return next((getattr(part, class_name) for part in (QtCore, QtGui, QtWidgets) if hasattr(part, class_name)), None)
