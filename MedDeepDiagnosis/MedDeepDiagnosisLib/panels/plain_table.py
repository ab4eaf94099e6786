"""Fills a ``QTableWidget`` with text that is only looked at."""

from collections.abc import Sequence

import qt

ROW_HEIGHT = 22


def prepareTable(table, headers: Sequence[str]) -> None:
    """Set the columns; rows are selected as a whole, and nothing can be edited."""
    table.setColumnCount(len(headers))
    table.setHorizontalHeaderLabels(list(headers))
    table.verticalHeader().setVisible(False)
    table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
    table.horizontalHeader().setStretchLastSection(True)
    table.setSelectionBehavior(qt.QAbstractItemView.SelectRows)
    table.setSelectionMode(qt.QAbstractItemView.SingleSelection)
    table.setEditTriggers(qt.QAbstractItemView.NoEditTriggers)


def fillTable(table, rows: Sequence[Sequence[str]]) -> None:
    """Show these rows and no others; the whole text of a cell is its tool tip."""
    table.setRowCount(0)
    table.setRowCount(len(rows))
    for number, row in enumerate(rows):
        for column, text in enumerate(row):
            item = qt.QTableWidgetItem(str(text))
            item.setToolTip(str(text))
            table.setItem(number, column, item)
    table.clearSelection()  # the place of a selected row that went is taken by another one
    table.resizeColumnsToContents()


def selectedRow(table) -> int | None:
    """Return the number of the selected row; None where none is selected."""
    rows = {item.row() for item in table.selectedItems()}
    return rows.pop() if rows else None
