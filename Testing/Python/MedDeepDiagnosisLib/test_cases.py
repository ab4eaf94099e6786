"""Tables of cases."""

from dataclasses import replace

import numpy as np
import pytest

from MedDeepDiagnosisLib.cases import CaseTable, lesion_rows, read_case, read_rows, table_from_rows, write_table
from MedDeepDiagnosisLib.pathology import Target
from MedDeepRegSegLib.errors import InputError


def test_write_and_read_back(pathology, toy_table, tmp_path):
    path = tmp_path / "cases.csv"
    names = toy_table.patients.astype("<U20")
    names[0], names[1] = "Doe, J", 'Roe "R"'
    table = replace(toy_table, patients=names)
    write_table(table, pathology, path)
    back = table_from_rows(pathology, read_rows(path))
    assert back.names == table.names
    assert np.array_equal(back.values, table.values, equal_nan=True)
    assert np.array_equal(back.target, table.target)
    assert np.array_equal(back.patients, table.patients)
    assert np.array_equal(back.cases, table.cases)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"size": 5, "present": 1}, "row 1: column 'patient' is empty"),
        ({"size": 5, "patient": "A"}, "row 1: present is ''"),
        ({"size": 5, "patient": "A", "present": "yes"}, "row 1: present is 'yes'"),
        ({"size": 0.1, "patient": "A", "present": 0}, "row 1: size is 0.1"),
        ({"patient": "A", "present": 0}, "row 1: size is missing"),
    ],
)
def test_faulty_rows_are_refused(pathology, row, message):
    with pytest.raises(InputError, match=message):
        table_from_rows(pathology, [row])


def test_no_rows_are_refused(pathology):
    with pytest.raises(InputError, match="has no rows"):
        table_from_rows(pathology, [])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no rows"),
        ("size,edge\n", "has no rows"),
        ("size,size\n1,2\n", "repeats the column 'size'"),
        ("size,edge\n1\n", "line 2 has 1 cells, expected 2"),
        ("size\n1\n2\n", "has 2 rows, expected the one case"),
    ],
)
def test_faulty_case_files_are_refused(tmp_path, text, message):
    path = tmp_path / "row.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_case(path)


def test_absent_and_binary_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_case(tmp_path / "absent.csv")
    (tmp_path / "binary.csv").write_bytes(b"\x89HDF\r\n\x1a\n\x00\x81" * 50)
    with pytest.raises(InputError, match="cannot be read"):
        read_case(tmp_path / "binary.csv")


def test_byte_order_mark_and_blank_lines_are_accepted(tmp_path):
    path = tmp_path / "row.csv"
    path.write_bytes("\ufeffsize,edge\r\n\r\n7,Sharp\r\n".encode())
    assert read_case(path) == {"size": "7", "edge": "Sharp"}


def test_shapes_are_checked(toy_table):
    with pytest.raises(ValueError, match="do not fit"):
        CaseTable(("a",), np.zeros((2, 2)), np.zeros(2), np.array(["A", "B"]), np.array(["1", "2"]))
    part = toy_table.rows(toy_table.target == 1)
    assert part.target.min() == 1
    assert part.select(["edge"]).shape == (len(part), 1)


def test_rows_without_the_outcome_are_left_out_with_a_note(pathology):
    rows = [
        {"size": 5, "patient": "A", "present": "n/a"},
        {"size": 6, "patient": "B", "present": 1, "case": "b1"},
        {"size": 7, "patient": "C", "present": ""},
    ]
    table = table_from_rows(pathology, rows)
    assert table.cases.tolist() == ["b1"]
    assert table.notes == ("2 of 3 rows have no present and were left out.",)
    with pytest.raises(InputError, match="no row has the outcome"):
        table_from_rows(pathology, [rows[0], rows[2]])


def test_numbers_and_steps_are_outcomes_too(pathology):
    number = Target("score", "Score", reference="Made up.", kind="number", minimum=0, maximum=42)
    rows = [{"size": 5, "patient": "A", "score": "4.5"}, {"size": 5, "patient": "A", "score": 42}]
    assert table_from_rows(replace(pathology, targets=(number,)), rows).target.tolist() == [4.5, 42]
    with pytest.raises(InputError, match="row 1: score is '43', expected 0 to 42"):
        table_from_rows(replace(pathology, targets=(number,)), [{"size": 5, "patient": "A", "score": 43}])


def test_features_of_the_lesion_are_read_and_may_be_missing(pathology, tmp_path):
    rows = [
        {"size": 5, "patient": "A", "present": 1, "lesion_10": 3, "lesion_0": "0.5", "lesion_x": "no"},
        {"size": 6, "patient": "B", "present": 0, "lesion_0": 1},
    ]
    table = table_from_rows(pathology, rows)
    assert table.lesion[0].tolist() == [0.5, 3.0]
    assert np.isnan(table.lesion[1]).all()
    assert table.learning_values(["size"])[0].tolist() == [5, 0.5, 3]
    write_table(table, pathology, tmp_path / "cases.csv")
    back = table_from_rows(pathology, read_rows(tmp_path / "cases.csv"))
    assert np.array_equal(back.lesion, table.lesion, equal_nan=True)
    assert len(table.rows(np.array([True, False])).lesion) == 1
    with pytest.raises(InputError, match="is no number"):
        table_from_rows(pathology, [{**rows[0], "lesion_0": "much"}])
    with pytest.raises(InputError, match="expected 3: use the encoder"):
        lesion_rows(rows, 3)
    assert np.isnan(lesion_rows([{"size": 5}], 3)).all()
    assert np.isnan(lesion_rows([{"lesion_0": "nan", "lesion_1": 2}])).all(), (
        "an image with a missing feature is missing"
    )
    with pytest.raises(InputError, match="row 1: a column lesion_… is infinite"):
        lesion_rows([{"lesion_0": "inf", "lesion_1": 2}])


def test_tables_as_excel_saves_them_where_the_comma_is_the_decimal_sign(tmp_path):
    path = tmp_path / "row.csv"
    path.write_text("size;edge\n7,5;Sharp\n")
    assert read_case(path) == {"size": "7.5", "edge": "Sharp"}


def test_names_like_formulas_are_guarded_and_read_back(pathology, toy_table, tmp_path):
    named = replace(toy_table, cases=np.array(["=1+1", *toy_table.cases[1:]]))
    write_table(named, pathology, tmp_path / "cases.csv")
    assert ",'=1+1," in (tmp_path / "cases.csv").read_text(encoding="utf-8")
    assert table_from_rows(pathology, read_rows(tmp_path / "cases.csv")).cases[0] == "=1+1"


def test_patients_who_may_be_one_are_pointed_out_without_their_names(pathology):
    rows = [
        {"size": 5, "patient": name, "present": 1} for name in ("Jane Doe", "jane doe", "JaneDoe ", "P1", "P2", "P1")
    ]
    (note,) = table_from_rows(pathology, rows).notes
    assert "2 patients differs" in note
    assert "doe" not in note.casefold()
    assert table_from_rows(pathology, rows[3:]).notes == ()
