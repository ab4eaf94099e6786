"""The mapping of columns, as it is shown and changed."""

import pytest

from MedDeepDiagnosisLib.casebase.mapping import MappedColumn, TableMapping, mapping_from_json

HEADER = ("ID", "Size (cm)", "Edge", "Outcome")
MAPPING = TableMapping(
    {
        "patient": MappedColumn("ID"),
        "size": MappedColumn("Size (cm)", 10.0),
        "present": MappedColumn("Outcome", 1.0, {"yes": "1", "no": "0"}),
    }
)
_COLUMN, _FACTOR, _WORDS = 1, 2, 3


@pytest.fixture
def shown(slicer_host, pathology):
    import qt

    from MedDeepDiagnosisLib.panels.mapping_table import MappingTable

    changes = []
    table = qt.QTableWidget()
    mapping = MappingTable(table, lambda: changes.append(1))
    assert mapping.empty
    mapping.show(pathology, HEADER, MAPPING)
    return table, mapping, changes


def row_of(table, text):
    return next(row for row in range(table.rowCount) if table.item(row, 0).text().startswith(text))


def test_a_mapping_reads_back_as_it_was_shown(shown):
    table, mapping, changes = shown
    assert mapping_from_json(mapping.mapping()) == MAPPING
    assert table.rowCount == 3 + 1 + 4
    assert table.item(row_of(table, "Size"), _FACTOR).text() == "10"
    assert table.item(row_of(table, "Present"), _WORDS).text() == "yes = 1; no = 0"
    assert "0.5 to 200 mm" in table.item(row_of(table, "Size"), 0).toolTip()
    assert row_of(table, "Size") < row_of(table, "Ratio"), "what has a column comes first"
    assert changes == []


def test_what_the_user_changes_counts(shown):
    table, mapping, changes = shown
    table.cellWidget(row_of(table, "Edge"), _COLUMN).currentIndex = 3
    table.item(row_of(table, "Edge"), _WORDS).setText("s = Sharp; b=Blurred")
    table.item(row_of(table, "Size"), _FACTOR).setText("")
    table.cellWidget(row_of(table, "Present"), _COLUMN).currentIndex = 0
    assert len(changes) == 4
    assert mapping.mapping() == {
        "patient": {"column": "ID"},
        "size": {"column": "Size (cm)"},
        "edge": {"column": "Edge", "words": {"s": "Sharp", "b": "Blurred"}},
    }


def test_a_factor_that_is_no_number_is_left_to_the_import(shown):
    from MedDeepRegSegLib.errors import InputError

    table, mapping, _changes = shown
    table.item(row_of(table, "Size"), _FACTOR).setText("ten")
    with pytest.raises(InputError, match="factor 'ten', expected a number"):
        mapping_from_json(mapping.mapping())


def test_no_mapping_is_empty(shown):
    table, mapping, _changes = shown
    mapping.clear()
    assert (table.rowCount, mapping.empty, mapping.mapping()) == (0, True, {})
