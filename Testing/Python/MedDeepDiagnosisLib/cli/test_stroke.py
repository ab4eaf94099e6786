"""``meddeep stroke`` as the user starts it, on a made-up atlas."""

import json

import numpy as np
import SimpleITK as sitk

from MedDeepDiagnosisLib.cases import read_case
from MedDeepDiagnosisLib.cli import main
from MedDeepDiagnosisLib.pathology import load_pathology
from MedDeepDiagnosisLib.stroke.territories import TERRITORIES


def make_files(folder):
    """An atlas of one slice for each region, and a lesion that is the left insula."""
    labels = np.zeros((32, 8, 40), np.uint8)
    for region in TERRITORIES:
        labels[region.label - 1, :, slice(25, 35) if region.side == "left" else slice(5, 15)] = region.label
    for name, array in (("atlas", labels), ("lesion", (labels == 15).astype(np.uint8))):
        image = sitk.GetImageFromArray(array)
        image.SetOrigin((-19.5, 0.0, 0.0))
        sitk.WriteImage(image, str(folder / f"{name}.nii.gz"))
    return folder / "atlas.nii.gz", folder / "lesion.nii.gz"


def test_one_lesion_becomes_a_row_of_the_pathology(tmp_path, capsys):
    atlas, lesion = make_files(tmp_path)
    out = tmp_path / "row.csv"
    assert main(["stroke", str(lesion), "--atlas", str(atlas), "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["result"]["cases"] == 1
    row = read_case(out)
    assert row["case"] == "lesion"
    assert float(row["load_mca_insula_left"]) == 1
    values = load_pathology("acute_stroke").parse_values(row)
    assert values["left_percent"] == 100
    assert np.isnan(values["age"])


def test_bad_input_is_told_and_nothing_is_written(tmp_path, capsys, monkeypatch):
    atlas, lesion = make_files(tmp_path)
    monkeypatch.setenv("MEDDEEP_CACHE", str(tmp_path / "cache"))
    out = tmp_path / "row.csv"
    for words, message in (
        ([str(tmp_path / "absent"), "--out", str(out)], "does not exist"),
        ([str(lesion), "--out", str(tmp_path / "row.txt")], "does not end with .csv"),
        ([str(lesion), "--out", str(out)], "run 'meddeep samples arterial-atlas'"),
        ([str(lesion), "--atlas", str(atlas), "--segment", "x", "--out", str(out)], "called 'x'"),
        ([str(atlas), "--atlas", str(atlas), "--out", str(out)], "say which is the lesion"),
    ):
        assert main(["stroke", *words]) == 2
        assert message in capsys.readouterr().err
    assert not out.exists()
