"""CTK's widgets for a range between two numbers. Written anew with CTK's names."""

from PySide6 import QtCore, QtWidgets

from .ctk_numbers import WithQuantity
from .ui_loader import host_widget


class _Range:
    """Two values between bounds, with two spin boxes."""

    _bounds = (0.0, 99.0)

    def _make_boxes(self) -> None:
        self._low, self._high = QtWidgets.QDoubleSpinBox(self), QtWidgets.QDoubleSpinBox(self)
        for box in (self._low, self._high):
            box.setRange(*self._bounds)
        self._high.setValue(self._bounds[1])
        self._low.valueChanged.connect(lambda _value: self._on_changed())
        self._high.valueChanged.connect(lambda _value: self._on_changed())
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._low)
        layout.addWidget(self._high)

    def _on_changed(self) -> None:
        self.valuesChanged.emit(self._low.value, self._high.value)

    def setRange(self, minimum: float, maximum: float) -> None:
        """Set the bounds."""
        self._bounds = (float(minimum), float(maximum))
        for box in (self._low, self._high):
            box.setRange(*self._bounds)

    def setValues(self, minimum: float, maximum: float) -> None:
        """Set both values."""
        self._low.setValue(minimum)
        self._high.setValue(maximum)

    @property
    def minimumValue(self) -> float:
        return self._low.value

    @minimumValue.setter
    def minimumValue(self, value: float) -> None:
        self._low.setValue(value)

    @property
    def maximumValue(self) -> float:
        return self._high.value

    @maximumValue.setter
    def maximumValue(self, value: float) -> None:
        self._high.setValue(value)

    @property
    def minimum(self) -> float:
        return self._bounds[0]

    @minimum.setter
    def minimum(self, value: float) -> None:
        self.setRange(value, max(value, self._bounds[1]))

    @property
    def maximum(self) -> float:
        return self._bounds[1]

    @maximum.setter
    def maximum(self, value: float) -> None:
        self.setRange(min(value, self._bounds[0]), value)

    @property
    def singleStep(self) -> float:
        return self._low.singleStep

    @singleStep.setter
    def singleStep(self, value: float) -> None:
        self._low.setSingleStep(value)
        self._high.setSingleStep(value)


@host_widget
class ctkDoubleRangeSlider(_Range, QtWidgets.QWidget):
    """A range on one slider."""

    valuesChanged = QtCore.Signal(float, float)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._make_boxes()


@host_widget
class ctkRangeWidget(_Range, QtWidgets.QWidget):
    """A range with spin boxes."""

    valuesChanged = QtCore.Signal(float, float)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._make_boxes()

    @property
    def decimals(self) -> int:
        return self._low.decimals

    @decimals.setter
    def decimals(self, value: int) -> None:
        self._low.setDecimals(value)
        self._high.setDecimals(value)


@host_widget
class qMRMLRangeWidget(WithQuantity, ctkRangeWidget):
    """A range that knows units."""

    suffix = ""
