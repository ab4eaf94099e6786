"""``meddeep contours`` as the user starts it."""

import json

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.cli import contours
from MedDeepRegSegLib.cli.main import main


@pytest.fixture
def files(tmp_path):
    k, j, i = np.indices((6, 24, 30))
    labels = (((i - 14) / 10) ** 2 + ((j - 12) / 7) ** 2 + ((k - 2.5) / 2.2) ** 2 <= 1).astype(np.uint8)
    labels[2:4, 10:15, 20:28] = 1
    image = sitk.GetImageFromArray(labels)
    image.SetSpacing((1.0, 1.0, 3.0))
    sitk.WriteImage(image, str(tmp_path / "mask.nrrd"))
    image.SetOrigin((4.0, 2.0, -3.0))
    sitk.WriteImage(image, str(tmp_path / "moved.nrrd"))
    return tmp_path


def test_contours_are_told_and_written(files, capsys):
    words = ["contours", files / "mask.nrrd", "--fit", "ellipse", "--out", files / "out", "--in-process"]
    assert main(list(map(str, words))) == 0
    told = capsys.readouterr().out.splitlines()
    assert "contours of the segmentation" in told[0]
    assert told[-1] == f"wrote {files / 'out'}"
    assert {path.name for path in (files / "out").iterdir()} == {
        *("contours.mrk.json", "fits.mrk.json", "contours.csv", "structures.csv", "contours.png", "projection.nrrd"),
    }


def test_alignment_is_told_and_written(files, capsys):
    words = ["contours", files / "moved.nrrd", "--align-to", files / "mask.nrrd", "--out", files / "out"]
    assert main([*map(str, words), "--in-process", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)["result"]
    assert result["mean_mm"] < 0.6
    assert result["kind"] == "rigid"
    names = {path.name for path in (files / "out").iterdir()}
    assert names == {"transform.h5", "inverse.h5", "alignment.json", "alignment.png"}
    transform = sitk.ReadTransform(str(files / "out" / "transform.h5"))
    np.testing.assert_allclose(transform.TransformPoint((14.0, 12.0, 7.5)), (18.0, 14.0, 4.5), atol=0.6)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--kind", "affine"], "--align-to"),
        (["--align-to", "mask.nrrd", "--fit", "line"], "--fit is for contours"),
        (["--align-to", "none.nrrd"], "does not exist"),
        (["--level", "nan"], "not a level"),
        (["--fit", "circle"], "invalid choice"),
    ],
)
def test_wrong_options_are_refused(files, capsys, monkeypatch, more, words):
    monkeypatch.chdir(files)
    assert main(["contours", "moved.nrrd", "--out", "out", *more]) == 2
    assert words in capsys.readouterr().err
    assert not (files / "out").exists()


def test_choices_are_those_of_the_engines():
    from MedDeepRegSegLib.segmentation.contour_alignment import KINDS

    assert contours.KINDS == KINDS
