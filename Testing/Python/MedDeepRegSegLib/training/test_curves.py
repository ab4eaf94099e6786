"""The picture of the curves: there from the first row on, and before."""

import struct
import sys

import pytest

from MedDeepRegSegLib.training.curves import draw_curves

GROUPS = {"Losses": ("loss", "local"), "Right place preferred (fraction)": ("local_accuracy",)}


def size(picture):
    data = picture.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", data[16:24])


@pytest.fixture
def log(tmp_path):
    def write(count):
        rows = "".join(f"{50 * k},{9 / k},{3 / k},{1 - 1 / k}\n" for k in range(1, count + 1))
        path = tmp_path / f"{count}.csv"
        path.write_text("step,loss,local,local_accuracy\n" + rows)
        return path

    return write


def test_any_number_of_rows_gives_a_picture_of_one_size(log, tmp_path):
    pictures = {}
    for count in (0, 1, 2, 60):
        picture = tmp_path / f"{count}.png"
        draw_curves(log(count), picture, GROUPS)
        pictures[count] = picture.read_bytes()
        width, height = size(picture)
        assert width > 1200
        assert 400 < height < 500
    assert len(set(pictures.values())) == 4


def test_numbers_that_are_not_finite_leave_gaps(log, tmp_path):
    path = log(2)
    path.write_text(path.read_text() + "150,nan,inf,0.5\n200,1,1,0.6\n")
    draw_curves(path, tmp_path / "a.png", GROUPS)
    path.write_text("step,loss,local,local_accuracy\n50,nan,nan,nan\n100,nan,nan,nan\n")
    draw_curves(path, tmp_path / "b.png", GROUPS)
    assert size(tmp_path / "a.png") == size(tmp_path / "b.png")


def test_without_matplotlib_nothing_is_left_behind(log, tmp_path, monkeypatch):
    path = log(1)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError):
        draw_curves(path, tmp_path / "new" / "a.png", GROUPS)
    assert not (tmp_path / "new").exists()
