"""A form of choices and numbers in which every value may be left unknown; its rows come from data."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import qt
from slicer.i18n import tr as _

from MedDeepRegSegLib.panels.colors import shade

WIDEST = 1e6
"""Stands for a bound that is not finite."""


@dataclass
class _Row:
    """A label and its field; ``stored`` holds what the choices of a combo box stand for, None for a number."""

    label: object
    field: object
    stored: list[str] | None
    decimals: int = 0


class Form:
    """Rows in a form layout, with their values as text by name.

    Parameters
    ----------
    layout:
        A ``QFormLayout`` that this form has for itself.
    onChanged:
        Called without arguments when the user changes a value.
    """

    def __init__(self, layout, onChanged: Callable[[], None]) -> None:
        self._layout, self._onChanged = layout, onChanged
        self._rows: dict[str, _Row] = {}
        self._quiet = False

    def clear(self) -> None:
        """Remove all rows."""
        self._rows = {}
        while self._layout.rowCount() > 0:
            self._layout.removeRow(0)

    def addHeading(self, text: str) -> None:
        """Add a line of text."""
        label = qt.QLabel(f"<b>{text}</b>")
        label.wordWrap = True
        self._layout.addRow(label)

    def addChoice(self, name: str, title: str, choices: Sequence[tuple[str, str]], *, unknown: str, hint: str) -> None:
        """Add a combo box.

        Parameters
        ----------
        choices:
            What is stored, and what is shown.
        unknown:
            First entry: nothing is known.
        hint:
            Tool tip.
        """
        box = qt.QComboBox()
        box.objectName = f"{name}ComboBox"
        box.sizeAdjustPolicy = qt.QComboBox.AdjustToMinimumContentsLengthWithIcon
        box.minimumContentsLength = 10
        box.addItem(unknown)
        for _stored, shown in choices:
            box.addItem(shown)
        box.connect("currentIndexChanged(int)", self._changed)
        self._add(name, title, box, hint, [stored for stored, _shown in choices])

    def addNumber(
        self, name: str, title: str, minimum: float, maximum: float, *, units: str, unknown: str, hint: str
    ) -> None:
        """Add a spin box from ``minimum`` to ``maximum`` (inclusive); below its minimum nothing is known."""
        low = minimum if math.isfinite(minimum) else -WIDEST
        high = maximum if math.isfinite(maximum) else WIDEST
        decimals = decimalsOf(low, high, units)
        box = qt.QDoubleSpinBox()
        box.objectName = f"{name}SpinBox"
        box.decimals = decimals
        step = 10.0**-decimals
        box.singleStep = 1.0 if high - low > 10 else step
        box.minimum, box.maximum = low - step, high  # the step below stands for unknown
        box.specialValueText = unknown
        box.suffix = f" {units}" if units else ""
        box.keyboardTracking = False  # a number that is being typed is not a value yet
        box.value = box.minimum
        box.connect("valueChanged(double)", self._changed)
        span = (
            _("From {low} to {high} {units}.").format(low=f"{low:g}", high=f"{high:g}", units=units).replace(" .", ".")
        )
        self._add(name, title, box, f"{hint} {span}", None, decimals=decimals)

    def _add(self, name: str, title: str, field, hint: str, stored: list[str] | None, *, decimals: int = 0) -> None:
        label = qt.QLabel(f"{title}:")
        label.wordWrap = True
        label.toolTip = field.toolTip = hint
        self._layout.addRow(label, field)
        self._rows[name] = _Row(label, field, stored, decimals)

    def _changed(self, _value=None) -> None:
        if not self._quiet:
            self._onChanged()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the rows."""
        return tuple(self._rows)

    @property
    def values(self) -> dict[str, str]:
        """What is known, by name."""
        found = {name: self._valueOf(row) for name, row in self._rows.items()}
        return {name: value for name, value in found.items() if value is not None}

    def _valueOf(self, row: _Row) -> str | None:
        if row.stored is not None:
            return row.stored[row.field.currentIndex - 1] if row.field.currentIndex > 0 else None
        if row.field.value <= row.field.minimum:
            return None
        return f"{row.field.value:.{row.decimals}f}"

    def setValues(self, values: Mapping[str, str]) -> None:
        """Show these values; what is absent, or not among the choices, shows as unknown."""
        self._quiet = True
        try:
            for name, row in self._rows.items():
                value = values.get(name)
                if row.stored is not None:
                    row.field.currentIndex = row.stored.index(value) + 1 if value in row.stored else 0
                else:
                    row.field.value = row.field.minimum if value is None else _number(value, row.field.minimum)
        finally:
            self._quiet = False

    def showOnly(self, names: Iterable[str]) -> None:
        """Show these rows and hide the others; their values stay."""
        shown = set(names)
        for name, row in self._rows.items():
            row.label.visible = row.field.visible = name in shown

    def mark(self, names: Iterable[str]) -> None:
        """Point out the rows that are still needed, and no others."""
        marked = set(names)
        for name, row in self._rows.items():
            row.label.styleSheet = f"color: {shade('warning')}; font-weight: bold" if name in marked else ""


def decimalsOf(minimum: float, maximum: float, units: str) -> int:
    """Return how many decimals a number in this range is entered with."""
    if units in {"years", "points"} or (not units and maximum > 3 and minimum == int(minimum)):
        return 0
    if 0 < minimum < 0.1:
        return 3
    return 1 if maximum > 5 else 2


def _number(text: str, otherwise: float) -> float:
    try:
        return float(text)
    except ValueError:
        return otherwise
