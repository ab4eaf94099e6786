"""Checks Python code of modules, panels and the MRML border: every name of Slicer that it uses exists.

A small evaluator follows what an expression is (a widget of a .ui file, a Qt class, ``slicer.util``, an MRML object
of which the class is known) as far as that can be seen in the text, and looks each attribute up.
"""

import ast
from dataclasses import dataclass
from pathlib import Path

import vtk

from .api import REFRESH, Api, check_call
from .known_types import BY_NAME, INHERITED, RETURNS

_SUBMODULES = ("util", "i18n", "packaging", "testing", "parameterNodeWrapper", "ScriptedLoadableModule")
_SLICER_OBJECTS = {"mrmlScene": ("vtk", "vtkMRMLScene")}


@dataclass(frozen=True)
class Known:
    """What an expression is: its kind (module, widget, class, function, signal, vtk, vtkclass) and its name."""

    kind: str
    name: str
    more: str = ""


class CodeCheck(ast.NodeVisitor):
    """Checks one file.

    Parameters
    ----------
    api:
        The names of Slicer.
    widgets:
        Widget name -> names of the classes that it has in the module's .ui files.
    scripted_modules:
        Names of the extension's own modules.
    slicer:
        The ``slicer`` package of slicer-core, for VTK and MRML classes.
    logic_class:
        Gives the class name of the logic behind ``slicer.modules.<name>``, or None.
    signatures:
        Gives the argument lists of a signal of a widget class, or None where they are not known.
    """

    def __init__(self, api: Api, *, widgets, scripted_modules=(), slicer, logic_class=None, signatures=None) -> None:
        self._api, self._widgets, self._own, self._slicer = api, widgets, set(scripted_modules), slicer
        self._vtk = vtk
        self._logic_class = logic_class or (lambda _name: None)
        self._signatures = signatures or (lambda _class, _signal: None)
        self._scopes: list[dict[str, Known]] = [{}]
        self._attributes: list[dict[str, Known]] = [{}]
        self._bases: list[list[str]] = [[]]
        self._shown = ""
        self.problems: list[str] = []

    def check(self, source: str, shown: str) -> list[str]:
        """Return the problems of a source text, each as ``file:line: problem``."""
        self._shown = shown
        self.visit(ast.parse(source))
        return sorted(set(self.problems), key=lambda text: (text.split(":")[0], int(text.split(":")[1]), text))

    def _report(self, node: ast.AST, problem: str) -> None:
        self.problems.append(f"{self._shown}:{node.lineno}: {problem}")

    # Names

    def visit_Import(self, node):
        for alias in node.names:
            top = alias.name.partition(".")[0]
            if top in ("qt", "ctk", "slicer", "vtk"):
                self._scopes[0][alias.asname or top] = Known("module", alias.name if alias.asname else top)

    def visit_ImportFrom(self, node):
        module = node.module or ""
        if node.level or module.partition(".")[0] not in ("qt", "ctk", "slicer"):
            return
        for alias in node.names:
            if alias.name != "*":
                found = self._member(node, Known("module", module), alias.name)
                self._scopes[-1][alias.asname or alias.name] = found or Known("?", alias.name)

    def visit_FunctionDef(self, node):
        names = [argument.arg for argument in _arguments(node)]
        self._scopes.append({name: self._attributes[-1].get(name, self._by_name(name)) for name in names})
        self.generic_visit(node)
        self._scopes.pop()

    visit_AsyncFunctionDef = visit_Lambda = visit_FunctionDef

    @staticmethod
    def _by_name(name: str) -> Known:
        return Known(*BY_NAME.get(name, ("?", "")))

    def visit_ClassDef(self, node):
        self._bases.append([base.id for base in node.bases if isinstance(base, ast.Name) and base.id in INHERITED])
        self._attributes.append(
            {name: Known(*known) for base in self._bases[-1] for name, known in INHERITED[base].items()}
        )
        for statement in ast.walk(node):  # attributes are set in one method and used in another
            if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call):
                known = self._quiet(statement.value)
                for target in statement.targets:
                    if known is not None and _is_self_attribute(target):
                        self._attributes[-1][target.attr] = known
        self.generic_visit(node)
        self._attributes.pop()
        self._bases.pop()

    def visit_Assign(self, node):
        self.visit(node.value)
        known = self._quiet(node.value)
        for target in node.targets:
            parts = target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
            for part in parts:
                if isinstance(part, ast.Name):
                    self._scopes[-1][part.id] = (known if part is target else None) or Known("?", part.id)
                else:
                    self.visit(part)

    def visit_AugAssign(self, node):
        self.visit(node.value)
        self.visit(node.target)

    # Expressions

    def visit_Attribute(self, node):
        self._eval(node)

    def visit_Call(self, node):
        self._eval(node)

    def visit_Constant(self, node):
        text = node.value
        if not (isinstance(text, str) and text.startswith("vtkMRML") and text.isidentifier()):
            return
        if hasattr(self._slicer, text):
            self._api.note("class", f"slicer.{text}")
        else:
            self._report(node, f"slicer has no class {text}")

    def _quiet(self, node) -> Known | None:
        """Return what an expression is without reporting anything (it was or will be visited)."""
        problems, self.problems = self.problems, []
        try:
            return self._eval(node)
        finally:
            self.problems = problems

    def _eval(self, node) -> Known | None:
        if isinstance(node, ast.Name):
            for scope in reversed(self._scopes):
                if node.id in scope:
                    return scope[node.id]
            return None
        if isinstance(node, ast.Attribute):
            return self._eval_attribute(node)
        if isinstance(node, ast.Call):
            return self._eval_call(node)
        self.generic_visit(node)
        return None

    def _eval_attribute(self, node: ast.Attribute) -> Known | None:
        value = node.value
        if isinstance(value, ast.Attribute | ast.Name) and (
            value.attr if isinstance(value, ast.Attribute) else value.id
        ) in ("ui", "_ui"):
            return self._ui_widget(node)
        if _is_self_attribute(node) and node.attr in self._attributes[-1]:
            return self._attributes[-1][node.attr]
        if _is_self_attribute(node) and node.attr in BY_NAME:
            return self._by_name(node.attr)
        if isinstance(value, ast.Name) and value.id == "self":
            return self._inherited(node.attr)
        owner = self._eval(value)
        if owner is None or owner.kind == "?":
            return None
        return self._member(node, owner, node.attr, store=isinstance(node.ctx, ast.Store))

    def _inherited(self, name: str) -> Known | None:
        """Return what the module, widget, logic or test of a scripted module has from Slicer."""
        module = "slicer.ScriptedLoadableModule"
        for base in self._bases[-1]:
            entry = self._api.entry(module, base) or {}
            if name in entry:
                self._api.note("method", f"{module}.{base}.{name}", entry[name])
        return None

    def _ui_widget(self, node: ast.Attribute) -> Known | None:
        classes = self._widgets.get(node.attr)
        if classes is None:
            self._report(node, f"no .ui file of this module has a widget {node.attr!r}")
            return None
        return Known("widget", "|".join(sorted(classes)))

    def _eval_call(self, node: ast.Call) -> Known | None:  # noqa: PLR0911 (one line a case)
        for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
            self.visit(argument)
        called = self._eval(node.func)
        if called is None:
            return None
        if called.kind == "class":
            return Known("widget", called.name)
        if called.kind == "vtkclass":
            return Known("vtk", called.name)
        if called.kind == "function":
            return self._check_function(node, called)
        if called.kind == "property":
            self._report(node, f"{_shown(called.name)}.{called.more} is a property: it cannot be called")
        elif called.kind == "slot":
            if called.more in ("connect", "disconnect") and node.args:
                self._check_signal(node, called.name)
            kind, name = RETURNS.get((called.name, called.more), ("?", ""))
            return Known(kind, name)
        elif called.kind == "logic":
            class_name = self._logic_class(called.name)
            return Known("vtk", class_name) if class_name else None
        return None

    def _check_function(self, node: ast.Call, called: Known) -> Known | None:
        entry = self._api.entry(called.name, called.more)
        signature = entry.get("__init__") if isinstance(entry, dict) else entry
        self._api.note("function", f"{called.name}.{called.more}", signature)
        if isinstance(signature, str) and signature.startswith("("):
            problem = check_call(signature, node)
            if problem:
                self._report(node, f"{called.name}.{called.more} {problem}")
        return None

    def _check_signal(self, node: ast.Call, class_names: str) -> None:
        signature = node.args[0]
        if not (isinstance(signature, ast.Constant) and isinstance(signature.value, str)):
            return
        name, bracket, arguments = signature.value.replace(" ", "").partition("(")
        for class_name in class_names.split("|"):
            if self._api.member(class_name, name) != "signal":
                self._report(node, f"{_shown(class_name)} has no signal {name!r}")
                continue
            if not bracket or not arguments.endswith(")"):
                self._report(node, f'{signature.value!r} is no signal signature, expected for example "clicked(bool)"')
                continue
            self._api.note("signal", f"{_shown(class_name)}.{name}({arguments}")
            given = tuple(part for part in arguments[:-1].replace("const", "").replace("&", "").split(",") if part)
            known = self._signatures(class_name, name)
            if known is not None and given not in known:
                shown = " or ".join(f"{name}({','.join(one)})" for one in sorted(known))
                self._report(node, f"{_shown(class_name)} has no signal {signature.value}, it has {shown}")

    # Members

    def _member(self, node, owner: Known, name: str, *, store: bool = False) -> Known | None:  # noqa: PLR0911
        if owner.kind == "module":
            return self._module_member(node, owner.name, name)
        if owner.kind in ("widget", "class"):
            return self._widget_member(node, owner, name, store=store)
        if owner.kind == "signal":
            if name not in ("connect", "disconnect"):
                self._report(node, f"a signal has connect and disconnect, no {name!r}")
            return None
        if owner.kind in ("vtk", "vtkclass"):
            return self._vtk_member(node, owner.name, name)
        if owner.kind == "enum":
            scoped = f"{owner.name}.{owner.more}.{name}"
            self._report(node, f"{scoped} is a spelling of Qt 6 alone, both versions have {owner.name}.{name}")
            return None
        if owner.kind == "core module" and name == "logic":
            return Known("logic", owner.name)
        return None

    def _vtk_member(self, node, class_name: str, name: str) -> None:
        cls = getattr(self._slicer, class_name, None) or getattr(self._vtk, class_name, None)
        if cls is None:
            return
        if hasattr(cls, name):
            self._api.note("method", f"{class_name}.{name}")
        else:
            self._report(node, f"{class_name} has no {name!r}")

    def _module_member(self, node, module: str, name: str) -> Known | None:  # noqa: PLR0911 (one line a case)
        if module == "vtk":
            return None
        if module in ("qt", "ctk"):
            if self._api.has(module, name):
                self._api.note("class", f"{module}.{name}")
                return Known("class", name)
            self._report(node, f"{module} has no {name!r}; {REFRESH}")
            return None
        if module == "slicer":
            return self._slicer_member(node, name)
        if module == "slicer.modules":
            return self._slicer_modules_member(node, name)
        if self._api.has(module, name):
            return Known("function", module, name)
        self._report(node, f"{module} has no {name!r}; {REFRESH}")
        return None

    def _slicer_member(self, node, name: str) -> Known | None:  # noqa: PLR0911
        if name == "app":
            return Known("widget", "app")
        if name in _SUBMODULES or name == "modules":
            return Known("module", f"slicer.{name}")
        if name in _SLICER_OBJECTS:
            return Known(*_SLICER_OBJECTS[name])
        if name.startswith("vtk"):
            if hasattr(self._slicer, name):
                self._api.note("class", f"slicer.{name}")
                return Known("vtkclass", name)
            self._report(node, f"slicer has no class {name}")
            return None
        if self._api.has("slicer", name):
            self._api.note("class", f"slicer.{name}")
            return Known("class", name)
        self._report(node, f"slicer has no {name!r}; {REFRESH}")
        return None

    def _slicer_modules_member(self, node, name: str) -> Known | None:
        own = {variant for module in self._own for variant in (module.lower(), f"{module}Widget", f"{module}Instance")}
        if name in own:
            return Known("?", name)
        if self._api.has("slicer.modules", name):
            self._api.note("module", f"slicer.modules.{name}")
            return Known("core module", name)
        self._report(node, f"slicer.modules has no {name!r}; {REFRESH}")
        return None

    def _widget_member(self, node, owner: Known, name: str, *, store: bool) -> Known | None:
        kinds = set()
        for class_name in owner.name.split("|"):
            kind = self._api.member(class_name, name)
            if kind is None:
                known = self._api.owner(class_name) is not None
                shown = _shown(class_name)
                self._report(node, f"{shown} has no {name!r}" if known else f"{shown} is unknown; {REFRESH}")
                return None
            kinds.add(kind)
            self._api.note(kind, f"{_shown(class_name)}.{name}")
        if store and kinds != {"property"}:
            self._report(node, f"{_shown(owner.name)}.{name} is a {kinds.pop()}: it cannot be set")
            return None
        kind = "property" if "property" in kinds else next(iter(kinds))
        if kind == "signal":
            return Known("signal", owner.name, name)
        if kind == "enum":
            return Known("enum", owner.name, name)
        if kind == "value" or owner.kind == "class":
            return None
        return Known(kind, owner.name, name)


def _shown(class_name: str) -> str:
    """Return a class as people know it."""
    return "slicer.app" if class_name == "app" else class_name


def _arguments(node) -> list[ast.arg]:
    given = node.args
    return [*given.posonlyargs, *given.args, *given.kwonlyargs, *filter(None, (given.vararg, given.kwarg))]


def _is_self_attribute(node) -> bool:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"


def widgets_by_name(ui_files: list[Path]) -> dict[str, set[str]]:
    """Return the classes that each widget name has in some .ui files."""
    from .ui_check import widget_classes

    found: dict[str, set[str]] = {}
    for path in ui_files:
        for name, class_name in widget_classes(path).items():
            found.setdefault(name, set()).add(class_name)
    return found
