"""Tables that are only looked at."""


def test_rows_are_shown_and_selected(slicer_host):
    import qt

    from MedDeepDiagnosisLib.panels.plain_table import fillTable, prepareTable, selectedRow

    table = qt.QTableWidget()
    prepareTable(table, ["Case", "Values"])
    fillTable(table, [("A", 3), ("B", 4)])
    assert table.horizontalHeaderItem(1).text() == "Values"
    assert [table.item(1, column).text() for column in range(2)] == ["B", "4"]
    assert table.item(1, 0).toolTip() == "B"
    assert selectedRow(table) is None
    table.selectRow(1)
    assert selectedRow(table) == 1
    fillTable(table, [("C", 1)])
    assert (table.rowCount, selectedRow(table)) == (1, None)
