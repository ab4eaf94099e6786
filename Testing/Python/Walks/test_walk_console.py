"""A newcomer pastes the script of the tutorial into the Python console, as it is."""

import re

import pytest


def script_of(tutorial):
    """Return the block of code for Slicer's Python console."""
    section = tutorial[tutorial.index("## In the Python console") : tutorial.index("## With the command")]
    return re.search(r"```python\n(.+?)```", section, re.DOTALL)[1]


@pytest.fixture
def opened(module, head, monkeypatch, tmp_path):
    """Slicer with both modules; samples come from the walk's heads, and the report goes to a folder of the test."""
    files = {"ct-head-atlas": head.ct, "mr-head-t1": head.mr}
    monkeypatch.setattr("MedDeepRegSegLib.volumes.samples.sample_path", files.__getitem__)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return module("MedDeepRegSeg"), module("MedDeepDiagnosis")


@pytest.mark.slow
@pytest.mark.usefixtures("opened")
def test_the_script_of_the_tutorial_does_what_the_page_says(head, tutorial, pictures, tmp_path, capsys):
    import slicer

    from MedDeepRegSegLib.mrml.rendering import render_orthogonal, render_slice
    from MedDeepRegSegLib.segmentation.overlay import write_png

    named = re.search(r"for point in (\(.+\)):", script_of(tutorial))[1]
    script = script_of(tutorial).replace(named, repr(head.inside)).replace("ct-mr-head", head.preset)
    names = {"slicer": slicer}
    exec(compile(script, "Docs/Tutorial.md", "exec"), names)
    result, segmentation, table = names["result"], names["segmentation"], names["table"]
    assert result["quality"].light == "good"
    assert segmentation.GetSegmentation().GetNthSegment(0).GetName() == "Ventricles"
    column = next(n for n in range(table.GetNumberOfColumns()) if table.GetColumnName(n) == "Volume (mL)")
    volume = float(table.GetCellText(0, column))
    if head.real:
        assert volume == pytest.approx(float(re.search(r"shows about ([\d.]+) mL", tutorial)[1]), rel=0.1)
    assert volume > 1
    percent = re.search(r"shows about (\d+) %", tutorial)[1]
    assert f"{percent} %" in capsys.readouterr().out
    assert (names["folder"] / "report.html").is_file()
    assert names["folder"].is_relative_to(tmp_path)
    view = render_slice(names["ct"], foreground=result["registered"], size=400, caption="CT and registered MR")
    write_png(view, pictures / "1 registered.png")
    write_png(render_orthogonal(names["ct"], segmentations=[segmentation], size=320), pictures / "2 ventricles.png")
    view = render_slice(names["chest"], segmentations=[names["lesions"]], size=400)
    write_png(view, pictures / "3 nodule.png")
