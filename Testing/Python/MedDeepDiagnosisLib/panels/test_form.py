"""Forms whose every value may be left unknown."""

import math

import pytest


@pytest.fixture
def form(slicer_host):
    import qt

    from MedDeepDiagnosisLib.panels.form import Form

    changes = []
    widget = qt.QWidget()
    form = Form(qt.QFormLayout(widget), lambda: changes.append(1))
    form.addChoice("edge", "Edge", [("sharp", "1 - Sharp"), ("dull", "2 - Dull")], unknown="not rated", hint="Look.")
    form.addNumber("age", "Age", 18, 99, units="years", unknown="not given", hint="Ask.")
    form.addNumber("volume", "Volume", 0.001, math.inf, units="ml", unknown="not given", hint="Measure.")
    form.widget, form.changes = widget, changes
    return form


def test_nothing_is_known_at_first(form):
    assert form.names == ("edge", "age", "volume")
    assert form.values == {}
    age = form.widget.findChild("QDoubleSpinBox", "ageSpinBox")
    assert age.text == "not given"
    assert "From 18 to 99 years." in age.toolTip


def test_what_the_user_says_is_known(form):
    form.widget.findChild("QComboBox", "edgeComboBox").currentIndex = 2
    form.widget.findChild("QDoubleSpinBox", "ageSpinBox").value = 64
    form.widget.findChild("QDoubleSpinBox", "volumeSpinBox").value = 0.0254
    assert form.values == {"edge": "dull", "age": "64", "volume": "0.025"}
    assert len(form.changes) == 3


def test_the_smallest_value_is_a_value_and_one_step_below_is_none(form):
    age = form.widget.findChild("QDoubleSpinBox", "ageSpinBox")
    age.value = 18
    assert form.values == {"age": "18"}
    age.value = 17
    assert form.values == {}
    age.value = 500
    assert form.values == {"age": "99"}, "what is implausible cannot be entered"


def test_set_values_is_no_change_of_the_user(form):
    form.setValues({"edge": "sharp", "age": "70", "gone": "1"})
    assert form.values == {"edge": "sharp", "age": "70"}
    form.setValues({"edge": "unheard of"})
    assert form.values == {}
    assert form.changes == []


def test_rows_are_hidden_marked_and_removed(form):
    form.showOnly(["age"])
    age, edge = (
        form.widget.findChild("QDoubleSpinBox", "ageSpinBox"),
        form.widget.findChild("QComboBox", "edgeComboBox"),
    )
    assert (age.isHidden(), edge.isHidden()) == (False, True)
    layout = form.widget.layout()
    form.mark(["age"])
    assert "bold" in layout.labelForField(age).styleSheet
    form.mark([])
    assert layout.labelForField(age).styleSheet == ""
    form.clear()
    assert (form.names, layout.rowCount()) == ((), 0)
