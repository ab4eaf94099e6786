"""Checks .ui files: widget classes, their properties, and the signals and slots of their connections."""

from pathlib import Path
from xml.etree import ElementTree

from .api import REFRESH, Api

# Dynamic properties that Slicer reads.
_DYNAMIC = {"SlicerParameterName"}
_LAYOUT_PROPERTIES = {"leftMargin", "topMargin", "rightMargin", "bottomMargin", "horizontalSpacing", "verticalSpacing"}
# What Qt Designer writes for a line drawn with the class name "Line".
_DESIGNER = {"Line": "QFrame"}


def check_ui_file(path: Path, api: Api, shown: str | None = None) -> list[str]:
    """Return what is wrong with a .ui file, each as ``file:line: problem``."""
    text = path.read_text(encoding="utf-8")
    root = ElementTree.fromstring(text)
    lines = _lines(text)
    shown = shown or path.name
    problems = []

    def report(element_name: str, problem: str) -> None:
        problems.append(f"{shown}:{lines.get(element_name, 1)}: {element_name}: {problem}")

    classes = {}
    for element in root.iter():
        if element.tag not in ("widget", "layout"):
            continue
        name, class_name = element.get("name", ""), element.get("class")
        class_name = _DESIGNER.get(class_name, class_name)
        classes[name] = class_name
        if api.owner(class_name) is None:
            report(name, f"class {class_name} is unknown; {REFRESH}")
            continue
        api.note("class", f"{api.owner(class_name)}.{class_name}")
        for entry in element.findall("property"):
            problem = _check_property(api, class_name, entry, layout=element.tag == "layout")
            if problem:
                report(name, problem)
    for connection in root.iter("connection"):
        sender, signal, receiver, slot = (
            connection.findtext(part, "") for part in ("sender", "signal", "receiver", "slot")
        )
        for name, signature, kinds in ((sender, signal, ("signal",)), (receiver, slot, ("slot", "signal"))):
            if name not in classes:
                report(name, "a connection names an object that is not there")
            elif api.member(classes[name], signature.partition("(")[0]) not in kinds:
                report(name, f"{classes[name]} has no {kinds[0]} {signature}")
            else:
                api.note(kinds[0], f"{classes[name]}.{signature}")
    return problems


def widget_classes(path: Path) -> dict[str, str]:
    """Return the class of every named widget and layout of a .ui file."""
    root = ElementTree.fromstring(path.read_text(encoding="utf-8"))
    found = {}
    for element in root.iter():
        if element.tag in ("widget", "layout", "action") and element.get("name"):
            class_name = element.get("class", "QAction")
            found[element.get("name")] = _DESIGNER.get(class_name, class_name)
    return found


def _check_property(api: Api, class_name: str, entry: ElementTree.Element, *, layout: bool) -> str | None:
    name = entry.get("name")
    if layout and name in _LAYOUT_PROPERTIES:
        return None
    is_member = api.member(class_name, name) == "property"
    if entry.get("stdset") == "0" and not is_member:
        return (
            None if name in _DYNAMIC else f"dynamic property {name!r} is read by nobody (allowed: {sorted(_DYNAMIC)})"
        )
    if not is_member:
        return f"{class_name} has no property {name!r}"
    api.note("property", f"{class_name}.{name}")
    return None


def _lines(text: str) -> dict[str, int]:
    """Return the line on which each name is given to a widget."""
    found = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if "name=" in line and ("<widget" in line or "<layout" in line):
            found.setdefault(line.split('name="')[1].split('"')[0], number)
    return found
