"""The table that says which column of a file is which feature, to be looked through and changed before an import."""

import qt
from slicer.i18n import tr as _

from MedDeepDiagnosisLib.casebase.mapping import PLACES, TableMapping
from MedDeepDiagnosisLib.pathology import Pathology

_PART, _COLUMN, _FACTOR, _WORDS = range(4)
_WIDTHS = {_PART: 120, _COLUMN: 130, _FACTOR: 48}
"""Of columns, pixels; the last one takes the rest."""
ROW_HEIGHT = 26


class MappingTable:
    """Shows a mapping, and reads it back as the user changed it.

    Parameters
    ----------
    table:
        A ``QTableWidget``.
    onChanged:
        Called without arguments when the user changes something.
    """

    def __init__(self, table, onChanged) -> None:
        self._table, self._onChanged = table, onChanged
        self._names: list[str] = []
        self._header: tuple[str, ...] = ()
        self._quiet = False
        table.setColumnCount(4)
        table.setHorizontalHeaderLabels([_("What"), _("Column of the table"), _("Factor"), _("Words")])
        table.verticalHeader().setVisible(False)
        table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        table.horizontalHeader().setStretchLastSection(True)
        for column, width in _WIDTHS.items():
            table.setColumnWidth(column, width)
        table.connect("cellChanged(int,int)", self._changed)

    def _changed(self, _row: int = 0, _column: int = 0) -> None:
        if not self._quiet:
            self._onChanged()

    @property
    def empty(self) -> bool:
        """Whether no mapping is shown."""
        return not self._names

    def clear(self) -> None:
        """Show no mapping."""
        self._names = []
        self._table.setRowCount(0)

    def show(self, pathology: Pathology, header: tuple[str, ...], mapping: TableMapping) -> None:
        """Show one row for patient, case, study, and each feature and target; rows without a column come last."""
        parts = {name: (name.capitalize(), _("Whose the row is, and how it is called.")) for name in PLACES}
        parts |= {
            target.name: (target.name.replace("_", " ").capitalize(), f"{target.title}: {target.allowed_text}")
            for target in pathology.targets
        }
        parts |= {f.name: (f.label, f"{f.label}. {f.description} {f.allowed_text}") for f in pathology.features}
        self._header = header
        self._names = sorted(parts, key=lambda name: name not in mapping.columns and name not in PLACES)
        self._quiet = True
        try:
            self._table.setRowCount(len(self._names))
            for row, name in enumerate(self._names):
                self._showRow(row, *parts[name], mapping.columns.get(name))
        finally:
            self._quiet = False

    def _showRow(self, row: int, title: str, hint: str, mapped) -> None:
        item = qt.QTableWidgetItem(title)
        item.setFlags(qt.Qt.ItemIsEnabled)
        item.setToolTip(hint)
        self._table.setItem(row, _PART, item)
        box = qt.QComboBox()
        box.sizeAdjustPolicy = qt.QComboBox.AdjustToMinimumContentsLengthWithIcon
        box.minimumContentsLength = 12
        box.addItem(_("(not in the table)"))
        for column in self._header:
            box.addItem(column)
        box.currentIndex = 0 if mapped is None else self._header.index(mapped.column) + 1
        box.connect("currentIndexChanged(int)", self._changed)
        self._table.setCellWidget(row, _COLUMN, box)
        factor = qt.QTableWidgetItem("" if mapped is None or mapped.factor == 1.0 else f"{mapped.factor:g}")
        factor.setToolTip(_("Number that values are multiplied by, to be in the units of the feature; empty: none."))
        self._table.setItem(row, _FACTOR, factor)
        words = {} if mapped is None else mapped.words
        told = qt.QTableWidgetItem("; ".join(f"{cell} = {word}" for cell, word in words.items()))
        told.setToolTip(_("What cells stand for, for example: m = Male; f = Female"))
        self._table.setItem(row, _WORDS, told)

    def mapping(self) -> dict[str, dict[str, object]]:
        """Return the mapping as :func:`~MedDeepDiagnosisLib.casebase.mapping.mapping_from_json` takes it."""
        found: dict[str, dict[str, object]] = {}
        for row, name in enumerate(self._names):
            index = self._table.cellWidget(row, _COLUMN).currentIndex
            if index < 1:
                continue
            entry: dict[str, object] = {"column": self._header[index - 1]}
            factor = self._table.item(row, _FACTOR).text().strip()
            if factor:
                entry["factor"] = _number(factor)
            words = self._table.item(row, _WORDS).text().strip()
            if words:
                entry["words"] = _pairs(words)
            found[name] = entry
        return found


def _number(text: str) -> object:
    """Return the number, or the text itself: the import says what is wrong with it."""
    try:
        return float(text)
    except ValueError:
        return text


def _pairs(text: str) -> dict[str, str]:
    pairs = (entry.partition("=") for entry in text.split(";") if entry.strip())
    return {cell.strip(): word.strip() for cell, _equal, word in pairs}
