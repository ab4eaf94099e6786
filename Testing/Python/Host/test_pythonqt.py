"""The habits of PythonQt on PySide6."""

import gc
import sys

import pytest


@pytest.fixture
def qt(slicer_scene):
    return sys.modules["qt"]


@pytest.fixture
def ctk(slicer_scene):
    return sys.modules["ctk"]


def test_properties_are_attributes(qt):
    label = qt.QLabel("before")
    label.text = "after"
    label.toolTip = "why"
    assert (label.text, label.toolTip) == ("after", "why")
    label.setText("set")
    assert label.text == "set"


def test_getter_of_a_property_cannot_be_called(qt):
    with pytest.raises(TypeError, match="not callable"):
        qt.QLabel("x").text()


@pytest.mark.parametrize(
    ("cls", "name", "value"),
    [
        ("QPushButton", "enabled", False),
        ("QPushButton", "checkable", True),
        ("QCheckBox", "checked", True),
        ("QProgressBar", "value", 40),
        ("QSpinBox", "maximum", 1000),
        ("QLineEdit", "placeholderText", "type here"),
        ("QWidget", "visible", True),
        ("QTimer", "interval", 250),
        ("QPlainTextEdit", "plainText", "lines"),
    ],
)
def test_properties_of_many_classes(qt, cls, name, value):
    obj = getattr(qt, cls)()
    setattr(obj, name, value)
    assert getattr(obj, name) == value


def test_a_float_is_taken_for_an_integer_property(qt):
    bar = qt.QProgressBar()
    bar.value = 40.0
    assert bar.value == 40


def test_a_value_of_the_wrong_type_is_refused(qt):
    with pytest.raises((TypeError, ValueError)):
        qt.QProgressBar().value = "many"


def test_size_hints_are_attributes_and_layouts_still_work(qt):
    widget, button = qt.QWidget(), qt.QPushButton("A button with a long text")
    layout = qt.QVBoxLayout(widget)
    layout.addWidget(button)
    assert widget.sizeHint.width() >= button.sizeHint.width() > 100


def test_types_are_exact_and_children_are_found(qt):
    widget = qt.QWidget()
    layout = qt.QVBoxLayout()
    widget.setLayout(layout)
    button = qt.QPushButton("x")
    button.objectName = "go"
    layout.addWidget(button)
    assert type(widget.findChild(qt.QPushButton, "go")) is qt.QPushButton
    assert widget.findChildren("QAbstractButton") == [button]
    assert widget.findChild("QLabel", "go") is None
    assert button.name == "go"
    assert isinstance(button, qt.QWidget)
    assert type(widget.layout()) is qt.QVBoxLayout


def test_connect_with_a_signature(qt):
    button, calls = qt.QPushButton(), []
    button.checkable = True
    button.connect("toggled(bool)", calls.append)
    button.click()
    button.disconnect("toggled(bool)", calls.append)
    button.click()
    assert calls == [True]


def test_connect_on_the_signal_passes_what_the_function_takes(qt):
    button, calls = qt.QPushButton(), []
    button.checkable = True

    def none():
        calls.append("none")

    def one(checked):
        calls.append(checked)

    def all_of(*arguments):
        calls.append(arguments)

    for receiver in (none, one, all_of):
        button.clicked.connect(receiver)
    button.click()
    assert calls == ["none", True, (True,)]


def test_signature_without_arguments_passes_none(qt):
    button, calls = qt.QPushButton(), []
    button.connect("clicked()", lambda *arguments: calls.append(arguments))
    button.click()
    assert calls == [()]


@pytest.mark.parametrize("signature", ["klicked(bool)", "clicked(int)", "clicked"])
def test_a_wrong_signal_is_an_error(qt, signature):
    with pytest.raises(ValueError, match="signal"):
        qt.QPushButton().connect(signature, print)


def test_a_connection_keeps_its_receiver_alive(qt):
    calls = []

    class Receiver:
        def receive(self):
            calls.append(1)

    button = qt.QPushButton()
    button.connect("clicked()", Receiver().receive)
    gc.collect()
    button.click()
    assert calls == [1]


def test_an_error_in_a_slot_does_not_reach_the_caller_and_is_kept(qt):
    import Host

    button = qt.QPushButton()
    button.connect("clicked()", lambda: 1 / 0)
    button.click()
    errors = Host.take_slot_errors()
    assert len(errors) == 1
    assert "ZeroDivisionError" in errors[0]


def test_calling_a_signal_emits_it(qt):
    button, calls = qt.QPushButton(), []
    button.clicked.connect(calls.append)
    button.clicked(True)
    assert calls == [True]


def test_attributes_that_do_not_exist_are_found(qt):
    import Host

    widget = qt.QWidget()
    button = qt.QPushButton("x", widget)
    button.enabled = False
    assert Host.unknown_attributes(widget) == []
    button.enable = False
    assert Host.unknown_attributes(widget) == ["QPushButton '' has no property 'enable'"]


def test_timer_single_shot(qt):
    import Host

    calls = []
    qt.QTimer.singleShot(1, lambda: calls.append(1))
    assert Host.process_events(2, until=lambda: calls)


def test_enumerations_in_both_spellings(qt):
    assert qt.Qt.AlignLeft == qt.Qt.AlignmentFlag.AlignLeft
    assert qt.QMessageBox.Ok == qt.QMessageBox.StandardButton.Ok


def test_dialogs_do_not_wait(qt, dialogs_shown):
    box = qt.QMessageBox()
    box.text = "Really?"
    box.standardButtons = qt.QMessageBox.Yes | qt.QMessageBox.No
    assert box.exec_() == qt.QMessageBox.Yes
    dialogs_shown.answer_next(qt.QMessageBox.No)
    assert box.exec() == qt.QMessageBox.No
    assert dialogs_shown.texts() == ["Really?", "Really?"]


def test_collapsible_button_hides_and_shows_its_children(qt, ctk):
    button = ctk.ctkCollapsibleButton()
    layout = qt.QVBoxLayout(button)
    shown, hidden = qt.QLabel("shown"), qt.QLabel("hidden")
    layout.addWidget(shown)
    layout.addWidget(hidden)
    hidden.visible = False
    calls = []
    button.connect("contentsCollapsed(bool)", calls.append)
    button.show()
    button.collapsed = True
    assert not shown.visible
    hidden.visible = True  # while closed: shown only when the button opens
    assert not hidden.visible
    button.collapsed = False
    assert shown.visible
    assert hidden.visible
    assert calls == [True, False]


def test_slider_widget(ctk):
    slider, calls = ctk.ctkSliderWidget(), []
    slider.minimum, slider.maximum, slider.decimals = -10, 10, 1
    slider.connect("valueChanged(double)", calls.append)
    slider.value = 2.5
    slider.value = 100
    assert calls == [2.5, 10.0]
    assert slider.value == 10.0


def test_path_line_edit(ctk, tmp_path, dialogs_shown):
    edit, calls = ctk.ctkPathLineEdit(), []
    edit.filters = ctk.ctkPathLineEdit.Dirs
    edit.connect("validInputChanged(bool)", calls.append)
    edit.currentPath = str(tmp_path / "absent")
    edit.currentPath = str(tmp_path)
    assert calls == [True]
    dialogs_shown.answer_next(str(tmp_path.parent))
    edit.browse()
    assert edit.currentPath == str(tmp_path.parent)
    with pytest.raises(TypeError):
        edit.currentPath = tmp_path
