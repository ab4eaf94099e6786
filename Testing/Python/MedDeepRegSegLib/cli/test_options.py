import argparse

import pytest

from MedDeepRegSegLib.cli.options import (
    box,
    join_negative_values,
    lps_box_from_ras,
    lps_from_ras,
    output_file,
    output_folder,
    point,
    seed,
)
from MedDeepRegSegLib.errors import InputError


def test_points_turn_from_ras_to_lps():
    assert lps_from_ras(point("12.5,-30,41")) == (-12.5, 30.0, 41.0)
    assert str(lps_from_ras((0.0, 0.0, 0.0))) == "(0.0, 0.0, 0.0)"


def test_boxes_turn_into_lower_and_upper_corner():
    assert lps_box_from_ras(box("10,-20,30,-10,20,-30")) == (-10.0, -20.0, -30.0, 10.0, 20.0, 30.0)


@pytest.mark.parametrize("text", ["", "1,2", "1,2,3,4", "a,b,c", "nan,0,0", "inf,0,0", "1e9,0,0", "1;2;3", "1,,3"])
def test_bad_points(text):
    with pytest.raises(argparse.ArgumentTypeError, match="is not a point: expected 3 numbers"):
        point(text)


@pytest.mark.parametrize("text", ["1,2,3", "1,2,3,4,5,x", "1,2,3,1,5,6"])
def test_bad_boxes(text):
    with pytest.raises(argparse.ArgumentTypeError, match=r"box"):
        box(text)


@pytest.mark.parametrize("text", ["-1", "1.5", "x", "", str(2**32)])
def test_bad_seeds(text):
    with pytest.raises(argparse.ArgumentTypeError, match="is not a seed"):
        seed(text)
    assert seed("4294967295") == 2**32 - 1


@pytest.mark.parametrize(
    ("words", "joined"),
    [
        (["--positive", "-1,2,3", "x"], ["--positive=-1,2,3", "x"]),
        (["--positive", "-.5,2,3"], ["--positive=-.5,2,3"]),
        (["--positive=1,2,3", "-1"], ["--positive=1,2,3", "-1"]),
        (["x", "-1"], ["x", "-1"]),
        (["--quiet", "--json"], ["--quiet", "--json"]),
        (["-1"], ["-1"]),
    ],
)
def test_negative_values_are_no_options(words, joined):
    assert join_negative_values(words) == joined


def test_outputs(tmp_path):
    image = tmp_path / "a.seg.nrrd"
    image.touch()
    assert output_file(tmp_path / "b.SEG.nrrd", ".seg.nrrd", inputs=[image, None]) == tmp_path / "b.SEG.nrrd"
    with pytest.raises(InputError, match=r"does not end with \.seg\.nrrd"):
        output_file(tmp_path / "b.nrrd", ".seg.nrrd")
    with pytest.raises(InputError, match="also an input"):
        output_file(tmp_path / "." / "a.seg.nrrd", ".seg.nrrd", inputs=[image])
    (tmp_path / "f.csv").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        output_file(tmp_path / "f.csv", ".csv")
    with pytest.raises(InputError, match="is a file"):
        output_folder(image)
    assert output_folder(tmp_path / "new") == tmp_path / "new"
