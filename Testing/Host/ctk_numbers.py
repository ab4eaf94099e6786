"""CTK's number widgets: spin box, slider, slider with spin box. Written anew with CTK's names."""

import math

from PySide6 import QtCore, QtWidgets

from .ui_loader import host_widget

_STEPS = 10_000  # positions of a slider
_LARGEST = 1e100  # "no bound" for Qt's spin box


def _finite(value: float) -> float:
    return value if math.isfinite(value) else math.copysign(_LARGEST, value)


class _Number:
    """A value between bounds with a spin box (`self._box`) and, if there is one, a slider (`self._slider`)."""

    _slider = None
    _range = (0.0, 99.0)
    _busy = False

    def _make_box(self) -> None:
        self._box = QtWidgets.QDoubleSpinBox(self)
        self._box.setRange(*self._range)
        self._box.valueChanged.connect(self._on_box)

    def _on_box(self, value: float) -> None:
        self._follow()
        if not self._busy:
            self.valueChanged.emit(value)

    def _on_slider(self, position: int) -> None:
        if not self._busy:
            low, high = self._range
            self._box.setValue(low + (high - low) * position / _STEPS)

    def _follow(self) -> None:
        """Move the slider to the value of the box."""
        if self._slider is None:
            return
        low, high = self._range
        before, self._busy = self._busy, True
        self._slider.setValue(round(_STEPS * (self._box.value - low) / (high - low)) if high > low else 0)
        self._busy = before

    @property
    def value(self) -> float:
        return self._box.value

    @value.setter
    def value(self, value: float) -> None:
        self.setValue(value)

    def setValue(self, value: float) -> None:
        """Set the value, clamped to the bounds and rounded to the decimals."""
        self._box.setValue(float(value))
        self._follow()

    @property
    def minimum(self) -> float:
        return self._range[0]

    @minimum.setter
    def minimum(self, value: float) -> None:
        value = _finite(float(value))
        self._set_range(value, max(value, self._range[1]))

    @property
    def maximum(self) -> float:
        return self._range[1]

    @maximum.setter
    def maximum(self, value: float) -> None:
        value = _finite(float(value))
        self._set_range(min(value, self._range[0]), value)

    def _set_range(self, low: float, high: float) -> None:
        self._range = (low, high)
        self._box.setRange(low, high)
        self._follow()

    @property
    def singleStep(self) -> float:
        return self._box.singleStep

    @singleStep.setter
    def singleStep(self, value: float) -> None:
        self._box.setSingleStep(value)


class _FormattedNumber(_Number):
    """A number of which the digits and the unit can be chosen."""

    @property
    def decimals(self) -> int:
        return self._box.decimals

    @decimals.setter
    def decimals(self, value: int) -> None:
        self.setDecimals(value)

    def setDecimals(self, value: int) -> None:
        """Set the number of digits after the point."""
        self._box.setDecimals(int(value))

    @property
    def suffix(self) -> str:
        return self._box.suffix

    @suffix.setter
    def suffix(self, value: str) -> None:
        self._box.setSuffix(value)

    @property
    def prefix(self) -> str:
        return self._box.prefix

    @prefix.setter
    def prefix(self, value: str) -> None:
        self._box.setPrefix(value)


class WithQuantity:
    """The part of qMRML number widgets that knows units."""

    _quantity = ""
    _scene = None

    @property
    def quantity(self) -> str:
        return self._quantity

    @quantity.setter
    def quantity(self, value: str) -> None:
        self.setQuantity(value)

    def setQuantity(self, value: str) -> None:
        """Set the quantity (``"length"``), whose unit is shown behind the number."""
        self._quantity = value
        if value == "length":
            self.suffix = " mm"

    def mrmlScene(self):
        """Return the scene."""
        return self._scene

    def setMRMLScene(self, scene) -> None:
        """Set the scene."""
        self._scene = scene


@host_widget
class ctkDoubleSpinBox(_FormattedNumber, QtWidgets.QWidget):
    """A spin box for a real number."""

    valueChanged = QtCore.Signal(float)
    decimalsChanged = QtCore.Signal(int)
    editingFinished = QtCore.Signal()

    def __init__(self, parent=None):
        super().__init__(parent)
        self._make_box()
        self._box.editingFinished.connect(self.editingFinished.emit)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._box)

    @property
    def readOnly(self) -> bool:
        return self._box.readOnly

    @readOnly.setter
    def readOnly(self, value: bool) -> None:
        self.setReadOnly(value)

    def setReadOnly(self, value: bool) -> None:
        """Show the number without letting the user change it."""
        self._box.setReadOnly(value)


@host_widget
class qMRMLSpinBox(WithQuantity, ctkDoubleSpinBox):
    """A spin box that knows units."""


@host_widget
class ctkSliderWidget(_FormattedNumber, QtWidgets.QWidget):
    """A slider with a spin box."""

    valueChanged = QtCore.Signal(float)
    valueIsChanging = QtCore.Signal(float)
    decimalsChanged = QtCore.Signal(int)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._make_box()
        self._slider = QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal, self)
        self._slider.setRange(0, _STEPS)
        self._slider.valueChanged.connect(self._on_slider)
        self._tracking = True
        self._page_step = 10.0
        self._tick_interval = 0.1
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._slider, 1)
        layout.addWidget(self._box)

    @property
    def spinBoxVisible(self) -> bool:
        return not self._box.isHidden()

    @spinBoxVisible.setter
    def spinBoxVisible(self, value: bool) -> None:
        self.setSpinBoxVisible(value)

    def setSpinBoxVisible(self, value: bool) -> None:
        """Show or hide the spin box."""
        self._box.setVisible(value)

    def reset(self) -> None:
        """Set the value to 0, or to the bound that is nearest to it."""
        self.setValue(0.0)

    @property
    def tracking(self) -> bool:
        return self._tracking

    @tracking.setter
    def tracking(self, value: bool) -> None:
        self._tracking = bool(value)

    @property
    def pageStep(self) -> float:
        return self._page_step

    @pageStep.setter
    def pageStep(self, value: float) -> None:
        self._page_step = float(value)

    @property
    def tickInterval(self) -> float:
        return self._tick_interval

    @tickInterval.setter
    def tickInterval(self, value: float) -> None:
        self._tick_interval = float(value)


@host_widget
class qMRMLSliderWidget(WithQuantity, ctkSliderWidget):
    """A slider with a spin box that knows units."""


@host_widget
class ctkDoubleSlider(_Number, QtWidgets.QWidget):
    """A slider for a real number."""

    valueChanged = QtCore.Signal(float)

    def __init__(self, orientation=QtCore.Qt.Orientation.Horizontal, parent=None):
        if not isinstance(orientation, QtCore.Qt.Orientation):
            orientation, parent = QtCore.Qt.Orientation.Horizontal, orientation
        super().__init__(parent)
        self._make_box()
        self._box.setDecimals(9)
        self._box.hide()
        self._slider = QtWidgets.QSlider(orientation, self)
        self._slider.setRange(0, _STEPS)
        self._slider.valueChanged.connect(self._on_slider)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._slider)

    @property
    def orientation(self):
        return self._slider.orientation

    @orientation.setter
    def orientation(self, value) -> None:
        self._slider.setOrientation(value)
