"""With a Slicer source checkout (MEDDEEP_SLICER_SOURCE) the host runs on Slicer's own Python files."""

import logging
import sys
from pathlib import Path

import pytest
import slicer
from Host import slicer_source


@pytest.fixture
def source():
    folder = slicer_source.source_folder()
    if folder is None:
        pytest.skip(f"set {slicer_source.VARIABLE} to a checkout of Slicer's source code")
    return folder


def test_slicers_files_are_in_use(slicer_host, source):
    for name in slicer_source.names(source):
        assert source in Path(sys.modules[f"slicer.{name}"].__file__).parents
        assert getattr(slicer, name) is sys.modules[f"slicer.{name}"]


def test_without_the_variable_the_stand_ins_are_in_use(slicer_host, monkeypatch):
    if slicer_source.source_folder() is not None:
        pytest.skip("a checkout is in use")
    for name in ("i18n", "packaging", "ScriptedLoadableModule", "parameterNodeWrapper"):
        assert Path(__file__).parents[2] / "Host" in Path(sys.modules[f"slicer.{name}"].__file__).parents


def test_a_folder_that_is_no_checkout_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv(slicer_source.VARIABLE, str(tmp_path))
    with pytest.raises(FileNotFoundError, match="expected a checkout"):
        slicer_source.source_folder()


def test_slicers_module_template_runs(source, module):
    """The module that every extension starts from works on the host, from panel to result."""
    loaded = module(source / "Utilities" / "Templates" / "Modules" / "Scripted" / "TemplateKey.py")
    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Input")
    assert loaded.ui.inputSelector.currentNode() is volume
    parameters = loaded.widget._parameterNode
    assert parameters.inputVolume is volume
    loaded.ui.imageThresholdSliderWidget.value = 33
    assert parameters.imageThreshold == 33
    parameters.imageThreshold = 44
    assert loaded.ui.imageThresholdSliderWidget.value == 44
    assert not loaded.ui.applyButton.enabled
    loaded.ui.outputSelector.addNode()
    assert loaded.ui.applyButton.enabled


def test_annotations_that_slicer_ignores_are_ignored_here_too(slicer_host, caplog):
    from typing import Annotated

    from slicer.parameterNodeWrapper import parameterNodeWrapper

    with caplog.at_level(logging.WARNING):

        @parameterNodeWrapper
        class Parameters:
            count: Annotated[int, "nobody reads this"] = 1

    assert "Unused annotations" in caplog.text
    assert Parameters.dataType("count") is not None


def test_optional_nodes_and_defaults_from_generators(slicer_scene):
    from typing import Annotated

    from slicer.parameterNodeWrapper import Default, parameterNodeWrapper

    @parameterNodeWrapper
    class Parameters:
        node: slicer.vtkMRMLModelNode | None
        numbers: Annotated[list[int], Default(generator=lambda: [1, 2])]

    stored = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")
    parameters = Parameters(stored)
    assert parameters.node is None
    assert list(parameters.numbers) == [1, 2]
    model = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLModelNode")
    parameters.node = model
    parameters.numbers.append(3)
    assert Parameters(stored).node is model
    assert list(Parameters(stored).numbers) == [1, 2, 3]
    assert stored.GetParameter("numbers.2") == "3"
    with pytest.raises(TypeError):
        parameters.numbers.append("x")
    assert parameters.default("numbers").value == [1, 2]
    assert {name: stored.GetParameter(name) for name in stored.GetParameterNames() if name.startswith("node")} == {
        "node.0": ""
    }


def test_dictionaries_and_tuples(slicer_scene):
    from slicer.parameterNodeWrapper import parameterNodeWrapper

    @parameterNodeWrapper
    class Parameters:
        ratings: dict[str, str]
        window: tuple[float, int] = (40.0, 400)

    stored = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")
    parameters = Parameters(stored)
    assert parameters.ratings == {}
    parameters.ratings["margin"] = "sharp"
    parameters.ratings["texture"] = "solid"
    ratings = parameters.ratings
    assert list(ratings.items()) == [("margin", "sharp"), ("texture", "solid")]
    assert ratings.get("absent") is None
    assert "margin" in ratings
    assert not isinstance(ratings, dict)
    with pytest.raises(TypeError):
        ratings.get("absent", "a default that Slicer does not take")
    assert ratings.pop("margin") == "sharp"
    parameters.window = (1.5, 2)
    texts = {name: stored.GetParameter(name) for name in stored.GetParameterNames()}
    assert texts == {
        "ratings.len": "1",
        "ratings.0.0": "texture",
        "ratings.0.1": "solid",
        "window.0": "1.5",
        "window.1": "2",
    }
    parameters.ratings = {"a": "b", "c": "d"}
    assert Parameters(stored).ratings == {"a": "b", "c": "d"}
    assert Parameters(stored).window == (1.5, 2)


def test_lists_are_used_like_lists(slicer_scene):
    from slicer.parameterNodeWrapper import parameterNodeWrapper

    @parameterNodeWrapper
    class Parameters:
        names: list[str]

    stored = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")
    names = Parameters(stored).names
    names.append("c")
    names.extend(["a", "b"])
    names[0] = "d"
    names += ["e"]
    names.sort()
    assert names == ["a", "b", "d", "e"]
    assert names.pop() == "e"
    names.remove("b")
    names.insert(0, "z")
    del names[1]
    assert list(Parameters(stored).names) == ["z", "d"]
    assert not isinstance(names, list)


def test_none_in_a_union_is_written_as_slicer_writes_it(slicer_scene):
    from slicer.parameterNodeWrapper import parameterNodeWrapper

    @parameterNodeWrapper
    class Parameters:
        count: int | None

    stored = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")
    parameters = Parameters(stored)
    assert parameters.count is None
    assert stored.GetParameter("count.1") == "True"
    parameters.count = 3
    assert stored.GetParameterNames() == ("count.0",)


def test_reserved_names_are_refused(slicer_host):
    from slicer.parameterNodeWrapper import isParameterNodeWrapper, parameterNodeWrapper

    with pytest.raises(ValueError, match=r"reserved|cannot be"):

        @parameterNodeWrapper
        class Wrong:
            connectGui: int

    @parameterNodeWrapper
    class Right:
        count: int

    assert isParameterNodeWrapper(Right)


def test_a_widget_that_cannot_show_a_type_is_refused(slicer_scene):
    import qt
    from slicer.parameterNodeWrapper import parameterNodeWrapper

    @parameterNodeWrapper
    class Parameters:
        count: int
        other: bool

    parameters = Parameters(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode"))

    class Derived(qt.QSpinBox):
        pass

    for widget in (qt.QLabel(), Derived(), qt.QSlider()):  # a slider needs bounds; derived classes do not count
        with pytest.raises(RuntimeError):
            parameters.connectParametersToGui({"count": widget})
    box = qt.QSpinBox()
    tag = parameters.connectParametersToGui({"count": box})
    box.value = 5
    assert parameters.count == 5
    parameters.disconnectGui(tag)
    box.value = 6
    assert parameters.count == 5
    with pytest.raises(ValueError, match="nope"):
        parameters.connectParametersToGui({"nope": box})
