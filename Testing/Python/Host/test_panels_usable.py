"""Every tab can be used on a small screen, by the keyboard, on light and dark themes, and says what its parts are for."""

import re

import pytest
from Host.fixtures import REPOSITORY
from PySide6 import QtCore, QtGui, QtWidgets

SMALL_SCREEN = 430
"""Pixels of the module panel of Slicer where the window is 1366 wide and the views keep two thirds."""

MODULES = ("MedDeepRegSeg", "MedDeepDiagnosis")
BACKGROUNDS = {"light": ("#efefef", "#ffffff"), "dark": ("#353535", "#2d2d2d")}
"""Of windows and of tabs, in Slicer's styles."""

READABLE = 4.5
"""Contrast of normal text: Web Content Accessibility Guidelines 2.1, level AA."""

_INNER = ("qt_", "ctk_")


@pytest.fixture(params=MODULES)
def panels(request, module):
    return module(request.param).widget.panels


def inputs(panel):
    """Return the widgets of a panel that take input or show a table, by name; not the parts of other widgets."""
    passive = (QtWidgets.QLabel, QtWidgets.QProgressBar, QtWidgets.QGroupBox)
    return {
        name: widget
        for name, widget in vars(panel.ui).items()
        if isinstance(widget, QtWidgets.QWidget)
        and not isinstance(widget, passive)
        and type(widget) is not QtWidgets.QWidget
        and not name.startswith(_INNER)
        and "Collapsible" not in name
        and widget is not panel.widget
    }


def test_everything_that_is_pressed_or_filled_in_says_what_it_is_for(panels):
    missing = [
        f"{type(panel).__name__}.{name}"
        for panel in panels
        for name, widget in inputs(panel).items()
        if not widget.toolTip
    ]
    assert not missing


def test_tabs_fit_a_small_screen(panels):
    wide = {type(panel).__name__: panel.widget.minimumSizeHint.width() for panel in panels}
    assert not {name: width for name, width in wide.items() if width > SMALL_SCREEN}


def test_every_button_and_field_is_reached_by_the_keyboard(panels):
    kinds = (QtWidgets.QAbstractButton, QtWidgets.QLineEdit, QtWidgets.QComboBox, QtWidgets.QAbstractSpinBox)
    for panel in panels:
        for name, widget in inputs(panel).items():
            if isinstance(widget, kinds):
                assert widget.focusPolicy & QtCore.Qt.FocusPolicy.TabFocus, f"{type(panel).__name__}.{name}"


def luminance(color):
    """Return the relative luminance of a color, as the guidelines define it."""

    def linear(part):
        return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4

    parts = [linear(part) for part in QtGui.QColor(color).getRgbF()[:3]]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.fixture
def theme(slicer_host):
    """Set the application to a light or a dark theme; the one before comes back."""
    before = QtWidgets.QApplication.palette()

    def choose(name):
        palette = QtGui.QPalette(QtGui.QColor(BACKGROUNDS[name][0]))
        QtWidgets.QApplication.setPalette(palette)

    yield choose
    QtWidgets.QApplication.setPalette(before)


@pytest.mark.parametrize("name", BACKGROUNDS)
def test_colored_words_can_be_read(theme, name):
    from MedDeepRegSegLib.panels.colors import SHADES, colored, shade

    theme(name)
    for meaning in SHADES:
        for background in BACKGROUNDS[name]:
            assert contrast(shade(meaning), background) >= READABLE, (meaning, background)
    assert colored("bad", "a < b") == f'<span style="color:{shade("bad")}">&#9679; a &lt; b</span>'


def test_contrast_is_that_of_the_guidelines():
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_panels_have_no_colors_of_their_own():
    """A color that does not come from the shades would be unreadable on one of the themes."""
    own = re.compile(r"#[0-9a-fA-F]{6}\b|rgb\(")
    files = [path for path in REPOSITORY.glob("MedDeep*/*Lib/panels/*.py") if path.name != "colors.py"]
    files += REPOSITORY.glob("*/Resources/UI/*.ui")
    assert len(files) > 50
    found = [path.name for path in files if own.search(path.read_text(encoding="utf-8"))]
    assert not found
