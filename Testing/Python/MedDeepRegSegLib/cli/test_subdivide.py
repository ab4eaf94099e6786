"""``meddeep subdivide`` from end to end with a tiny network, as the user starts it."""

import json

import pytest
import SimpleITK as sitk
from tiny_subdivision import write_tiny_subdivision

from MedDeepRegSegLib.cli.main import main
from MedDeepRegSegLib.segmentation.segmentation_file import read_segmentation
from MedDeepRegSegLib.volumes.phantoms import head_phantom


@pytest.fixture(scope="module")
def head(tmp_path_factory):
    """Folder with mr.nrrd and the model folder ``tiny``."""
    folder = tmp_path_factory.mktemp("head")
    sitk.WriteImage(head_phantom(3, spacing_mm=8.0, size=(24, 30, 28)).mr, str(folder / "mr.nrrd"))
    write_tiny_subdivision(folder / "tiny")
    return folder


def run(*words):
    return main([*map(str, words), "--in-process"])


def test_parts_are_written_and_told(head, tmp_path, capsys):
    out = tmp_path / "parts.seg.nrrd"
    assert run("subdivide", head / "mr.nrrd", "--model", head / "tiny", "--out", out, "--json", "--quiet") == 0
    told = json.loads(capsys.readouterr().out)
    assert "Left dark part" in json.dumps(told)
    assert [segment.name for segment in read_segmentation(out)[1]] == ["Left dark part"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--segment", "Brain"), "there is no SEG"),
        (("--model", "liver"), "name one that ships (brain)"),
        (("absent.seg.nrrd",), "SEG"),
    ],
)
def test_bad_input_is_one_line(head, tmp_path, capsys, words, message):
    out = tmp_path / "parts.seg.nrrd"
    assert run("subdivide", head / "mr.nrrd", *words, "--out", out) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert message in error
    assert not out.exists()
