"""pytest fixtures of the host: import them in a conftest.py."""

from pathlib import Path

import pytest

from . import dialogs, pip_calls
from .install import forget, install_host, uninstall_host
from .loader import load_module

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def slicer_host():
    """The host, installed for the tests of one file and taken away after them."""
    app = install_host()
    yield app
    uninstall_host()


@pytest.fixture
def slicer_scene(slicer_host):
    """An empty scene of the host; recorded dialogs are forgotten."""
    import slicer

    slicer.mrmlScene.Clear(False)
    forget()
    yield slicer.mrmlScene
    slicer.mrmlScene.Clear(False)


@pytest.fixture
def dialogs_shown(slicer_scene):
    """What dialogs were shown and how the next are answered."""
    return dialogs.DIALOGS


@pytest.fixture
def pip_calls_made(slicer_scene):
    """What pip was asked to do."""
    return pip_calls.PIP_CALLS


@pytest.fixture
def module(slicer_scene):
    """Open scripted modules by name or path; they are closed after the test, and their problems fail it."""
    opened = []

    def open_module(name: str | Path, **options):
        path = Path(name) if str(name).endswith(".py") else REPOSITORY / name / f"{name}.py"
        opened.append(load_module(path, **options))
        return opened[-1]

    yield open_module
    problems = [problem for loaded in opened for problem in loaded.problems()]
    for loaded in reversed(opened):
        loaded.close()
    assert not problems, "\n".join(problems)
