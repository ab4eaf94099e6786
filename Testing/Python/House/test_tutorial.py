"""The tutorial's console script does what the page says; run on phantoms in place of the samples.

Panels and commands of the tutorial are walked through in Testing/Python/Walks.
"""

import re
from dataclasses import replace

import pytest
import SimpleITK as sitk
from docs_pages import REPOSITORY, read_page
from Host.fixtures import module, slicer_host, slicer_scene  # noqa: F401 (fixtures)

from MedDeepRegSegLib.registration.choices import choose_settings
from MedDeepRegSegLib.registration.known import known_rigid
from MedDeepRegSegLib.volumes.geometry import volume_center
from MedDeepRegSegLib.volumes.phantoms import deform_phantom, head_phantom
from MedDeepRegSegLib.volumes.samples import sample_file

PAGE = read_page(REPOSITORY / "Docs" / "Tutorial.md")
POINTS = ((-5.8, 182.7, 1238.8), (5.2, 203.7, 1219.8))
"""In the lateral ventricles of the sample, RAS mm."""


@pytest.fixture(scope="module")
def heads(tmp_path_factory):
    """Write the CT and the moved MR of a head phantom; return their paths and a point in a ventricle, RAS mm."""
    folder = tmp_path_factory.mktemp("heads")
    phantom = head_phantom(1, spacing_mm=7.0, size=(28, 34, 32))
    moved = deform_phantom(phantom, known_rigid(volume_center(phantom.mr), seed=1, rotation_degrees=10, shift_mm=20))
    sitk.WriteImage(phantom.ct, str(folder / "ct.nii.gz"))
    sitk.WriteImage(moved.mr, str(folder / "mr.nii.gz"))
    left, posterior, superior = next(p for name, p in phantom.landmarks.items() if "ventricle" in name.lower())
    return folder, (-left, -posterior, superior)


def chosen_quickly(*preset, **options):
    """Return what the choices of the tutorial lead to, but rigid and by the quick engine: others test what bends."""
    return replace(choose_settings(*preset, **options), kind="rigid", engine="classic")


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


@pytest.mark.slow
def test_console_script(module, heads, monkeypatch, capsys):  # noqa: F811 (fixture)
    import slicer

    folder, point = heads
    module("MedDeepRegSeg")
    module("MedDeepDiagnosis")
    files = {"ct-head-atlas": folder / "ct.nii.gz", "mr-head-t1": folder / "mr.nii.gz"}
    monkeypatch.setattr("MedDeepRegSegLib.volumes.samples.sample_path", files.__getitem__)
    monkeypatch.setattr("MedDeepRegSegLib.registration.choices.choose_settings", chosen_quickly)
    script = console_script().replace(repr(POINTS), repr((point,)))
    names = {"slicer": slicer}
    exec(compile(script, "Docs/Tutorial.md", "exec"), names)
    assert names["result"]["quality"].light in ("good", "check")
    segmentation, table = names["segmentation"], names["table"]
    assert segmentation.GetSegmentation().GetNthSegment(0).GetName() == "Ventricles"
    column = next(n for n in range(table.GetNumberOfColumns()) if table.GetColumnName(n) == "Volume (mL)")
    # How much grows on so coarse a phantom says nothing of the sample.
    assert float(table.GetCellText(0, column)) > 1
    assert names["assessed"]["probability"] == pytest.approx(0.86, abs=0.02)  # as the page says
    assert (names["folder"] / "report.html").is_file()
    assert "Lung nodule suspicion: 86 %" in capsys.readouterr().out


def test_figures_of_the_page_are_those_of_the_script():
    assert re.search(r"shows about 86 %", " ".join(PAGE.text.split()))
    assert re.search(r"shows about 10 mL", " ".join(PAGE.text.split()))  # on the sample
