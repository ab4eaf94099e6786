"""What each room of the house may import: Slicer starts fast, engines know no Slicer, panels subclass no widget."""

import ast
import re
import sys
from functools import cache
from pathlib import Path

import pytest

MODULES = ("MedDeepRegSeg", "MedDeepDiagnosis", "SegmentEditorMedDeepGrow")
AT_START_UP = {"slicer", "vtk", "qt", "ctk", "numpy", "scipy", "SimpleITK"}
"""What a module file may import at file scope besides the standard library, also by way of the libraries."""
OF_SLICER = {"slicer", "vtk", "qt", "ctk"}
BORDER = ("mrml", "panels")
"""Packages of a library that may import what is Slicer's."""


def imported(tree: ast.AST, *, file_scope: bool) -> list[tuple[str, tuple[str, ...]]]:
    """Return (module, names taken from it) of the imports of a file; with ``file_scope`` of those that run with it."""
    found = []
    pending = list(ast.iter_child_nodes(tree))
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            found += [(alias.name, ()) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append(("." * node.level + (node.module or ""), tuple(alias.name for alias in node.names)))
        elif not (file_scope and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)):
            pending += ast.iter_child_nodes(node)
    return found


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def own_files(repository: Path, name: str) -> list[Path]:
    """Return the files that importing a dotted name of our own libraries runs: its packages, and itself."""
    parts = name.split(".")
    root = next((repository / module for module in MODULES if (repository / module / parts[0]).is_dir()), None)
    if root is None:
        return []
    packages = [root.joinpath(*parts[:count], "__init__.py") for count in range(1, len(parts) + 1)]
    return [path for path in (*packages, root.joinpath(*parts).with_suffix(".py")) if path.is_file()]


def loaded_at_start_up(repository: Path, start: Path) -> tuple[set[str], set[Path]]:
    """Return the foreign packages that a file brings in when it is imported, and our own files among them."""
    foreign, seen, pending = set(), set(), [start]
    while pending:
        path = pending.pop()
        if path in seen:
            continue
        seen.add(path)
        for module, names in imported(tree_of(path), file_scope=True):
            assert not module.startswith("."), f"{path}: relative import"
            own = own_files(repository, module)
            pending += own
            pending += [file for name in names for file in own_files(repository, f"{module}.{name}") if own]
            if not own:
                foreign.add(module.partition(".")[0])
    return foreign - set(sys.stdlib_module_names), seen


@pytest.mark.parametrize("module", MODULES)
def test_module_files_bring_in_only_what_slicer_has_loaded(repository, module):
    foreign, own = loaded_at_start_up(repository, repository / module / f"{module}.py")
    assert foreign <= AT_START_UP, sorted(foreign - AT_START_UP)
    assert len(own) > 5 or module == "SegmentEditorMedDeepGrow"


def library_files(repository: Path) -> list[Path]:
    return [path for module in MODULES for path in (repository / module / f"{module}Lib").rglob("*.py")]


def room(path: Path) -> str:
    """Return the first folder below the library of a file, or "" for a file right in it."""
    parts = path.parts
    library = next(index for index, part in enumerate(parts) if part.endswith("Lib"))
    return parts[library + 1] if len(parts) > library + 2 else ""


def test_engines_know_no_slicer(repository):
    files = [path for path in library_files(repository) if room(path) not in BORDER]
    assert len(files) > 150
    named = re.compile(r"^\s*(import|from)\s.*\b(slicer|vtk|qt|ctk)\b", re.MULTILINE)  # reading alone is fast
    found = {
        path.relative_to(repository).as_posix(): module
        for path in files
        if named.search(path.read_text(encoding="utf-8"))
        for module, _names in imported(tree_of(path), file_scope=False)
        if module.partition(".")[0] in OF_SLICER
    }
    assert not found


def test_only_one_library_knows_the_other(repository):
    for path in (repository / "MedDeepRegSeg").rglob("*.py"):
        if "MedDeepDiagnosisLib" not in path.read_text(encoding="utf-8"):
            continue
        used = {module.partition(".")[0] for module, _names in imported(tree_of(path), file_scope=False)}
        assert "MedDeepDiagnosisLib" not in used, path


def widget_bases(tree: ast.Module) -> list[str]:
    """Return the base classes of a file's classes that are widgets of Qt, CTK or Slicer."""
    taken = {
        name: module
        for module, names in imported(tree, file_scope=False)
        if module.partition(".")[0] in OF_SLICER
        for name in names
    }
    found = []
    for node in ast.walk(tree):
        for base in node.bases if isinstance(node, ast.ClassDef) else ():
            shown = ast.unparse(base)
            owner, _dot, name = shown.rpartition(".")
            of_qt = owner in ("qt", "ctk") or taken.get(shown) in ("qt", "ctk")
            if of_qt or (name.startswith("q") and (owner == "slicer" or taken.get(shown) == "slicer")):
                found.append(shown)
    return found


def test_panels_subclass_no_widget(repository):
    """Under PythonQt a subclass loses what its C++ class does when Qt calls it, and outlives its widget."""
    files = [path for path in library_files(repository) if room(path) in BORDER]
    files += [repository / module / f"{module}.py" for module in MODULES]
    assert len(files) > 80
    found = {str(path): widget_bases(tree_of(path)) for path in files}
    assert not {path: bases for path, bases in found.items() if bases}


@pytest.mark.parametrize(
    ("code", "bases"),
    [
        ("import qt\nclass A(qt.QWidget): pass", ["qt.QWidget"]),
        ("from ctk import ctkSliderWidget\nclass A(ctkSliderWidget): pass", ["ctkSliderWidget"]),
        ("import slicer\nclass A(slicer.qMRMLWidget): pass", ["slicer.qMRMLWidget"]),
        ("from slicer.util import VTKObservationMixin\nclass A(VTKObservationMixin): pass", []),
    ],
)
def test_the_check_sees_a_subclass(code, bases):
    assert widget_bases(ast.parse(code)) == bases


def test_the_check_sees_imports_at_file_scope_only():
    tree = ast.parse("try:\n import torch\nexcept ImportError: pass\ndef f():\n import monai\nclass A:\n import pandas")
    assert {module for module, _names in imported(tree, file_scope=True)} == {"torch", "pandas"}
    assert {module for module, _names in imported(tree, file_scope=False)} == {"torch", "monai", "pandas"}


@pytest.mark.parametrize(
    ("folder", "limit"), [("module files", 250), ("panels", 300)], ids=["module files", "panel files"]
)
def test_files_are_short(repository, folder, limit):
    files = [repository / module / f"{module}.py" for module in MODULES]
    if folder == "panels":
        files = [path for path in library_files(repository) if room(path) == "panels"]
    lengths = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert not {name: length for name, length in lengths.items() if length >= limit}
