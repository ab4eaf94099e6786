"""Tables as people save them."""

import sys

import openpyxl
import pytest

from MedDeepDiagnosisLib.casebase.source_table import read_source_table
from MedDeepRegSegLib.errors import InputError, MissingPackageError


def write(path, content, encoding="utf-8"):
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


@pytest.mark.parametrize(
    ("name", "text", "encoding"),
    [
        ("a.csv", "ID,Size (mm),Note\nA,1.5,x\n\nB,2,\n", "utf-8"),
        ("a.csv", 'ID;Size (mm);Note\nA;1,5;x\n"B";2;\n', "utf-8-sig"),
        ("a.tsv", "ID\tSize (mm)\tNote\r\nA\t1.5\tx\r\nB\t2\t\r\n", "utf-8"),
        ("a.txt", "ID\tSize (mm)\tNote\nA\t1.5\tx\nB\t2\t\n", "utf-16"),
    ],
)
def test_text_tables(tmp_path, name, text, encoding):
    table = read_source_table(write(tmp_path / name, text, encoding))
    assert table.header == ("ID", "Size (mm)", "Note")
    assert table.rows == (
        {"ID": "A", "Size (mm)": "1.5", "Note": "x"},
        {"ID": "B", "Size (mm)": "2", "Note": ""},
    )
    assert table.places[0] == "line 2"


def test_places_are_lines_of_the_file(tmp_path):
    assert read_source_table(write(tmp_path / "a.csv", "a,b\n\n1,2\n3,4\n")).places == ("line 3", "line 4")


def test_a_comma_in_a_comma_table_is_no_decimal_sign(tmp_path):
    table = read_source_table(write(tmp_path / "a.csv", 'a,b\n"1,5",x\n'))
    assert table.rows[0]["a"] == "1,5"


def test_excel(tmp_path):
    book = openpyxl.Workbook()
    page = book.active
    page.title = "Cases"
    for line in (["ID", "Size (mm)", "Note", None], [12.0, 1.5, None, None], [None] * 4, ["B", "2", "x", None]):
        page.append(line)
    book.create_sheet("Other").append(["only"])
    book.save(tmp_path / "a.xlsx")
    table = read_source_table(tmp_path / "a.xlsx")
    assert table.header == ("ID", "Size (mm)", "Note")
    assert table.rows == (
        {"ID": "12", "Size (mm)": "1.5", "Note": ""},
        {"ID": "B", "Size (mm)": "2", "Note": "x"},
    )
    assert table.places == ("line 2", "line 4")
    assert table.notes == ("sheet 'Cases' of 2 was read",)
    assert read_source_table(tmp_path / "a.xlsx", sheet="Cases").notes == ()
    with pytest.raises(InputError, match="no sheet 'x', expected one of Cases, Other"):
        read_source_table(tmp_path / "a.xlsx", sheet="x")
    with pytest.raises(InputError, match="has no rows"):
        read_source_table(tmp_path / "a.xlsx", sheet="Other")


def test_layouts_are_known_in_any_order(tmp_path):
    one = read_source_table(write(tmp_path / "a.csv", "ID,Size\n1,2\n"))
    two = read_source_table(write(tmp_path / "b.csv", "size,id\n3,4\n"))
    other = read_source_table(write(tmp_path / "c.csv", "size,id,age\n3,4,5\n"))
    assert one.layout == two.layout != other.layout


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "", "has no rows"),
        ("a.csv", "a,b\n", "has no rows"),
        ("a.csv", "a,a\n1,2\n", "repeats the column 'a'"),
        ("a.csv", "a,,c\n1,2,3\n", "column 2 has no name"),
        ("a.csv", "a,b\n1\n", "line 2 has 1 cells, expected 2"),
        ("a.csv", "a,b\n1,2,3\n", "line 2 has 3 cells"),
        ("a.csv", b"\xff\x00\x81,\n" * 9, "cannot be read"),
        ("a.csv", b"a,b\n\0,1\n", "cannot be read"),
        ("a.xlsx", "a,b\n1,2\n", "cannot be read as an Excel file"),
        ("a.xls", "x", "is .xls, expected .xlsx"),
    ],
)
def test_tables_that_cannot_be_used(tmp_path, name, content, message):
    with pytest.raises(InputError, match=message):
        read_source_table(write(tmp_path / name, content))


def test_absent_tables_and_sheets_of_text(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_source_table(tmp_path / "absent.csv")
    with pytest.raises(InputError, match="is no Excel file"):
        read_source_table(write(tmp_path / "a.csv", "a\n1\n"), sheet="x")


def test_without_openpyxl_the_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(MissingPackageError, match="pip install openpyxl"):
        read_source_table(write(tmp_path / "a.xlsx", "x"))


def test_odd_line_separators_within_a_cell_are_no_new_lines(tmp_path):
    path = tmp_path / "cases.csv"
    path.write_text("patient,remark\nA,one\x0btwo\u2028three\n", encoding="utf-8")
    assert read_source_table(path).rows == ({"patient": "A", "remark": "one\x0btwo\u2028three"},)
