"""The tutorial names the same points and figures everywhere; Testing/Python/Walks follow it step by step."""

import re

import pytest
import SimpleITK as sitk
from docs_pages import REPOSITORY, read_page

from MedDeepRegSegLib.volumes.samples import sample_file

PAGE = read_page(REPOSITORY / "Docs" / "Tutorial.md")
POINTS = ((-5.8, 182.7, 1238.8), (5.2, 203.7, 1219.8))
"""In the lateral ventricles of the sample, RAS mm."""


def console_script() -> str:
    """Return the block of code for Slicer's Python console."""
    (block,) = [block for block in PAGE.code if "getModuleLogic" in block]
    return block


def test_points_are_the_same_everywhere_on_the_page():
    assert repr(POINTS) in console_script()
    for right, anterior, superior in POINTS:
        assert f"--positive {right},{anterior},{superior}" in PAGE.text
        assert f"R {right}, A {anterior}," in " ".join(PAGE.text.split())
        assert f"S {superior}" in PAGE.text


def test_points_lie_in_the_fluid_of_the_sample():
    path = sample_file("ct-head-atlas")
    if not path.is_file():
        pytest.skip("the sample ct-head-atlas was not fetched on this machine: meddeep samples ct-head-atlas")
    image = sitk.ReadImage(str(path))
    for right, anterior, superior in POINTS:
        index = image.TransformPhysicalPointToIndex((-right, -anterior, superior))
        assert -5 < image[index] < 25  # HU; brain has 30 and more


def test_figures_of_the_page_are_those_of_the_script():
    assert re.search(r"shows about 86 %", " ".join(PAGE.text.split()))
    assert re.search(r"shows about 10 mL", " ".join(PAGE.text.split()))  # on the sample
