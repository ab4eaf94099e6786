"""Tables of the PDF."""

import pytest

from MedDeepDiagnosisLib.reports import Fact
from MedDeepDiagnosisLib.reports.pdf_tables import column_widths, data_table, facts_table

pytest.importorskip("reportlab", reason="reportlab writes the PDF")

LONG = "a rather long text that goes on " * 20


def test_widths_fill_the_page_and_short_columns_stay_whole():
    from reportlab.pdfbase.pdfmetrics import stringWidth

    for lines in ([["a", "b", "c"]], [["0.946 [0.935, 0.955]", LONG, "12.5"]], [["x" * 900, LONG, "y" * 900]]):
        widths = column_widths(("First", "Second", "Third"), lines, ["cell"] * 3, 480)
        assert sum(widths) == pytest.approx(480)
        assert min(widths) > 20
    widths = column_widths(("A", "B", "C"), [["0.946 [0.935, 0.955]", LONG, "12.5"]], ["cell"] * 3, 480)
    assert widths[0] - 8 >= stringWidth("0.946 [0.935, 0.955]", "MedDeepSans", 8), "an interval is not broken"
    assert widths[1] == max(widths)


def test_long_tables_break_and_repeat_their_header():
    table = data_table(("Name", "Value (mm³)"), [(f"Row {n}", 1.5 * n) for n in range(200)], 480)
    table.wrap(480, 700)
    first, rest = table.split(480, 700)
    assert first._nrows + rest._nrows == 200 + 2
    (title,) = rest._cellvalues[0][1]
    assert title.getPlainText() == "Value (mm³)"
    assert title.style.alignment == 2, "numbers are to the right"


def test_a_cell_taller_than_a_page_breaks():
    table = data_table(("A", "B"), [("a", LONG * 20)], 480)
    table.wrap(480, 700)
    assert len(table.split(480, 300)) == 2


def test_tables_without_rows_or_header_are_drawn():
    for table in (
        data_table(("A", "B"), (), 480),
        data_table(("", ""), (), 480),
        data_table(("", ""), [("a", "b")], 480),
    ):
        width, height = table.wrap(480, 700)
        assert width == pytest.approx(480)
        assert height > 0
    assert data_table(("", ""), [("a", "b")], 480)._nrows == 1


def test_facts_stand_in_rows_of_three():
    facts = [Fact(f"Fact {n}", "1 mm", "note" if n else "") for n in range(4)]
    assert facts_table(facts, 480)._nrows == 2
    assert facts_table(facts[:1], 480)._colWidths == [480]
