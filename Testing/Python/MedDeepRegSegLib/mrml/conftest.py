"""Fixtures of the MRML border: a real scene without the application."""

import importlib.util

import pytest

if importlib.util.find_spec("slicer") is None:
    # The scene tests need the slicer-core package (extra "scene"); `make test` installs it.
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def empty_scene():
    """Function that empties the scene and returns it; for property-based tests, which run many examples in a test."""
    from MedDeepRegSegLib.mrml.scene import clear_scene, headless_scene

    def empty():
        scene = headless_scene()
        clear_scene()
        return scene

    return empty


@pytest.fixture
def scene(empty_scene):
    """The scene, with nothing but singletons in it before and after the test."""
    yield empty_scene()
    empty_scene()


@pytest.fixture
def parent_transform(scene):
    """Function that puts a node under a new linear transform node with a (4, 4) RAS matrix."""
    from MedDeepRegSegLib.mrml.geometry import matrix_of_array

    def put(node, matrix):
        transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "parent")
        transform.SetMatrixTransformToParent(matrix_of_array(matrix))
        node.SetAndObserveTransformNodeID(transform.GetID())
        return transform

    return put
