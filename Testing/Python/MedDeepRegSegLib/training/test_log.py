"""The log of a run: whole rows only, and no step twice."""

import pytest

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.training.log import TrainingLog, read_log

COLUMNS = ("step", "loss")


def test_rows_are_in_the_file_at_once(tmp_path):
    path = tmp_path / "run" / "log.csv"
    log = TrainingLog(path, COLUMNS)
    assert path.read_text() == "step,loss\n"
    log.write({"step": 50, "loss": 1.23456789, "other": 1})
    assert path.read_text() == "step,loss\n50,1.23457\n"
    log.write({"step": 1_234_567, "loss": 1e-9})
    assert read_log(path) == [{"step": 50, "loss": 1.23457}, {"step": 1_234_567, "loss": 1e-9}]


def test_going_on_removes_later_rows_and_keeps_earlier_ones_as_they_are(tmp_path):
    path = tmp_path / "log.csv"
    log = TrainingLog(path, COLUMNS)
    for step in (10, 20, 30):
        log.write({"step": step, "loss": 1 / step})
    lines = path.read_text().splitlines(keepends=True)
    TrainingLog(path, COLUMNS, after=25)
    assert path.read_text() == "".join(lines[:3])
    TrainingLog(path, COLUMNS)
    assert path.read_text() == lines[0]


@pytest.mark.parametrize("last", ["3", "30,", "30,0.1", "30,0.1\n\0", "30,0.1,5\n", "a,b\n", "30\n"])
def test_rows_that_are_not_whole_are_left_out(tmp_path, last):
    path = tmp_path / "log.csv"
    path.write_text("step,loss\n10,0.3\n20,0.2\n" + last)
    rows = read_log(path)
    assert rows[:2] == [{"step": 10, "loss": 0.3}, {"step": 20, "loss": 0.2}]
    assert len(rows) == 2 or last.startswith("30,0.1\n")


@pytest.mark.parametrize("text", ["", "step,loss", "step,loss\n", "other,words\n1,2\n"])
def test_a_log_without_rows_has_none(tmp_path, text):
    path = tmp_path / "log.csv"
    path.write_text(text)
    assert read_log(path) == []


def test_a_log_that_cannot_be_written_is_told(tmp_path):
    log = TrainingLog(tmp_path / "log.csv", COLUMNS)
    log.path.unlink()
    log.path.mkdir()  # as good as a full disk: nothing can be added
    with pytest.raises(InputError, match=r"log\.csv cannot be written .*make room"):
        log.write({"step": 1, "loss": 1})
