"""The tutorial names the same points and figures everywhere; Testing/Python/Walks follow it step by step."""

import csv
import io
import re

import pytest
import SimpleITK as sitk
from docs_pages import REPOSITORY, read_page

from MedDeepDiagnosisLib.assessing import assess
from MedDeepDiagnosisLib.fitting import shipped_model_folder
from MedDeepDiagnosisLib.measuring import measured_features
from MedDeepDiagnosisLib.models.model_folder import read_model
from MedDeepRegSegLib.segmentation.segments import Segment
from MedDeepRegSegLib.volumes.phantoms import chest_phantom
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
    assert re.search(r"shows about 12 mL", " ".join(PAGE.text.split()))  # on the sample


def test_the_table_of_the_command_is_the_nodule_of_the_panel():
    """The percentage of both is the one that the page promises."""
    (block,) = [block for block in PAGE.code if "measured_sphericity" in block]
    (row,) = csv.DictReader(io.StringIO(block))
    # As MedDeepRegSegLib.mrml.practice draws it, which needs Slicer; Testing/Python/Walks holds the panel to the percentage.
    model = read_model(shipped_model_folder("lung_nodule"))
    phantom = chest_phantom(1, spacing_mm=2.0, size=(150, 110, 70), nodule_diameter_mm=14.0, spiculated=True)
    value = next(value for value, name in phantom.names.items() if name == "lung nodule")
    labels = sitk.Cast(phantom.labels == value, sitk.sitkUInt8)
    measured = measured_features(labels, Segment(1, "Nodule", (0.9, 0.5, 0.2)), model.pathology)
    assert {name: float(row[name]) for name in measured} == pytest.approx(measured, rel=0.005)
    promised = re.search(r"shows about ([0-9]+) %", PAGE.text)[1]
    for values in (row, row | measured):
        assert f"{100 * assess(model, dict(values)).prediction.probability:.0f}" == promised
