"""Paths of the parameter node."""

from pathlib import Path

import pytest

from MedDeepDiagnosisLib.panels.chosen_paths import PathParameter, defaultCaseBase, isSet, newFolder


@pytest.mark.parametrize(("path", "chosen"), [(Path(), False), (Path("."), False), (Path("cases"), True)])
def test_an_empty_path_is_not_chosen(path, chosen):
    assert isSet(path) is chosen


def test_a_new_folder_is_never_one_that_is_there(tmp_path):
    made = []
    for _ in range(3):
        made.append(newFolder(tmp_path, "associations"))
        made[-1].mkdir()
    assert len(set(made)) == 3
    assert all("associations" in folder.name for folder in made)


def test_the_default_case_base_lies_in_the_home_of_the_user():
    assert defaultCaseBase().parent.parent == Path.home()


def test_a_path_is_kept_in_the_parameter_node_and_no_dot_is_shown(slicer_host):
    import ctk

    class Node:
        folder = Path()

    class Panel:
        parameterNode = Node()

    line = ctk.ctkPathLineEdit()
    kept = PathParameter(line, Panel, "folder")
    kept.update()
    assert line.currentPath == ""
    line.currentPath = "models/mine"
    assert Panel.parameterNode.folder == Path("models/mine")
    Panel.parameterNode.folder = Path("models/other")
    kept.update()
    assert line.currentPath == "models/other"
    Panel.parameterNode = None
    line.currentPath = "nobody listens"
