"""``meddeep measure``: families and gray levels are chosen; the table and the JSON result say the same."""

import csv
import json

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepRegSegLib.cli.main import main


@pytest.fixture
def files(tmp_path):
    """An image of noise and a label map of one box."""
    random = np.random.default_rng(0)
    image = sitk.GetImageFromArray(random.integers(0, 300, (8, 9, 10)).astype(np.int16))
    labels = np.zeros((8, 9, 10), np.uint8)
    labels[2:6, 2:7, 2:8] = 1
    labels = sitk.GetImageFromArray(labels)
    paths = tmp_path / "image.nrrd", tmp_path / "labels.nrrd"
    for each, path in zip((image, labels), paths, strict=True):
        each.SetSpacing((1.0, 1.0, 2.0))
        sitk.WriteImage(each, str(path))
    return tuple(map(str, paths))


def measured(files, out, *words):
    code = main(["measure", *files, "--out", str(out), "--in-process", *words])
    if code:
        return code, None
    with out.open(newline="", encoding="utf-8") as file:
        return code, list(csv.DictReader(file))


def test_texture_only_where_it_is_wanted(files, tmp_path):
    code, (row,) = measured(files, tmp_path / "a.csv", "--quiet")
    assert code == 0
    assert float(row["Volume (mm3)"]) == 240
    assert "Intensity mean" in row
    assert not any("gray level" in head for head in row)
    words = ("--families", "texture", "--bin-count", "8", "--quiet")
    code, (row,) = measured(files, tmp_path / "b.csv", *words)
    assert code == 0
    assert "Volume (mm3)" not in row
    assert row["Texture gray levels"] == "8"
    assert len(row) == 2 + 56  # segment, note
    words = ("--families", "shape", "intensity", "texture", "--bin-width", "50", "--quiet")
    code, (row,) = measured(files, tmp_path / "c.csv", *words)
    assert {"Volume (mm3)", "Intensity mean", "Co-occurrence: contrast"} <= set(row)
    assert float(row["Texture gray level width"]) == 50


def test_json_tells_units_and_codes(files, tmp_path, capsys):
    code, (row,) = measured(files, tmp_path / "a.csv", "--json", "--families", "size", "texture")
    assert code == 0
    result = json.loads(capsys.readouterr().out)["result"]
    columns = {column["name"]: column for column in result["columns"]}
    assert columns["volume_mm3"]["head"] == "Volume (mm3)"
    assert columns["volume_mm3"]["units_code"] == ["UCUM", "mm3", "cubic millimeter"]
    assert columns["texture_cooccurrence_contrast"]["quantity_code"] == ["IBSI", "ACUI", "Contrast"]
    assert [column["head"] for column in result["columns"]] == list(row)[1:-1]
    assert result["rows"][0]["Volume (mm3)"] == 240


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--families", "weight"], "weight"),
        (["--families", "texture", "--bin-width", "0"], "above 0"),
        (["--families", "texture", "--bin-count", "1"], "2 to 2000"),
        (["--bin-count", "8"], "add the family texture"),
        (["--bin-count", "8", "--bin-width", "2"], "not allowed with"),
    ],
)
def test_wrong_choices_are_one_line_and_write_nothing(files, tmp_path, capsys, words, told):
    code, _ = measured(files, tmp_path / "a.csv", *words, "--quiet")
    assert code == 2
    error = capsys.readouterr().err.strip()
    assert told in error
    assert "\n" not in error
    assert not (tmp_path / "a.csv").exists()


def test_help_lists_the_families(capsys):
    with pytest.raises(SystemExit):
        main(["measure", "--help"])
    told = capsys.readouterr().out
    for word in ("diameters", "texture", "co-occurrence", "25 HU", "--bin-count"):
        assert word in told


def test_images_and_segmentations_that_were_exchanged_are_noticed(tmp_path, capsys):
    values = sitk.GetImageFromArray(np.arange(6 * 6 * 6, dtype=np.int16).reshape(6, 6, 6))
    parts = sitk.Cast(values > 100, sitk.sitkUInt8)
    sitk.WriteImage(values, str(tmp_path / "image.nrrd"))
    sitk.WriteImage(parts, str(tmp_path / "parts.nrrd"))
    table = tmp_path / "t.csv"
    assert main(["measure", str(tmp_path / "parts.nrrd"), str(tmp_path / "image.nrrd"), "--out", str(table)]) == 0
    told = capsys.readouterr().out
    assert "note: image.nrrd has 215 values without names: is it an image, not a segmentation?" in told
    assert main(["measure", str(tmp_path / "image.nrrd"), str(tmp_path / "parts.nrrd"), "--out", str(table)]) == 0
    told = capsys.readouterr().out
    assert "without names" not in told
    assert "note: cut by the image border" in told
    assert "(1 segment)" in told
