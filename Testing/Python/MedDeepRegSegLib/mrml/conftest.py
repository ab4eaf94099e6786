"""Fixtures of the MRML border: a real scene without the application."""

import pytest

pytest.importorskip("slicer_core", reason="the slicer-core package is not installed (extra 'scene')")

from MedDeepRegSegLib.mrml.scene import clear_scene, headless_scene


@pytest.fixture
def scene():
    """The scene, with nothing but singletons in it before and after the test."""
    scene = headless_scene()
    clear_scene()
    yield scene
    clear_scene()
