"""One action of the user is one undo state: a task changes the scene in one block, or not at all.

That such a block is one undo state, and leaves the scene as it was when it fails, is tested with the tasks themselves
(``MedDeepRegSegLib/mrml/test_tasks.py``), and for the Segment Editor with its effect.
"""

import ast

import pytest

LIBRARIES = ("MedDeepRegSeg/MedDeepRegSegLib", "MedDeepDiagnosis/MedDeepDiagnosisLib")
WRITES_FILES_ALONE = {
    *("AssessTask", "DicomExportTask", "ImportCasesTask", "ShowCasesTask"),
    *("BundleTask", "TrainEncoderTask"),
}
"""Tasks of which no result is a node."""


def functions(sources: list[str]) -> dict[str, ast.FunctionDef]:
    """Return the functions of some files that are no methods, by name."""
    return {
        node.name: node for source in sources for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)
    }


def collecting(source: str, known: dict[str, ast.FunctionDef]) -> dict[str, tuple[int, set[str]]]:
    """Return in how many places ``collect`` of each class makes an undo state, and the names of the functions that it calls.

    Methods of the class and the ``known`` functions are followed, each once.
    """
    found = {}
    for cls in [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ClassDef)]:
        methods = {f"self.{node.name}": node for node in cls.body if isinstance(node, ast.FunctionDef)}
        if "self.collect" not in methods or "Protocol" in map(ast.unparse, cls.bases):
            continue
        followed, called, pending, states = {**known, **methods}, set(), ["self.collect"], 0
        while pending:
            body = followed.pop(pending.pop(), None)
            for node in ast.walk(body) if body is not None else ():
                states += isinstance(node, ast.With) and "one_action()" in map(ast.unparse, _contexts(node))
                if isinstance(node, ast.Call):
                    called.add(ast.unparse(node.func))
                    pending.append(ast.unparse(node.func))
        found[cls.name] = (states, called)
    return found


def _contexts(node: ast.With) -> list[ast.expr]:
    return [item.context_expr for item in node.items]


@pytest.fixture(scope="module")
def tasks(repository):
    """All tasks of both libraries."""
    files = [path for library in LIBRARIES for path in (repository / library / "mrml").glob("*.py")]
    sources = [path.read_text(encoding="utf-8") for path in files]
    known = functions(sources)
    return {name: counted for source in sources for name, counted in collecting(source, known).items()}


def test_every_task_that_makes_nodes_makes_an_undo_state(tasks):
    assert len(tasks) >= 22
    without = {name for name, (states, _called) in tasks.items() if states == 0}
    assert without == WRITES_FILES_ALONE & set(tasks), "a task that makes nodes makes them in one_action()"


def test_tasks_without_an_undo_state_make_no_node(tasks):
    for name in WRITES_FILES_ALONE & set(tasks):
        called = tasks[name][1]
        assert not {
            one for one in called if one.endswith(("_from_image", "_from_rows", "AddNewNodeByClass", "AddNode"))
        }


def test_the_check_follows_methods_and_functions():
    source = "class T:\n def collect(self, f, r):\n  return self._make()\n def _make(self):\n  return make()\n"
    known = functions(["def make():\n with one_action():\n  return volume_from_image(r)\n"])
    assert collecting(source, known) == {"T": (1, {"self._make", "make", "one_action", "volume_from_image"})}
