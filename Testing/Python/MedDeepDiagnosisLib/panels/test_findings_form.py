"""Forms that follow from a pathology."""

import pytest

from MedDeepDiagnosisLib.pathology import load_pathology


@pytest.fixture
def made(slicer_host):
    import qt

    from MedDeepDiagnosisLib.panels.form import Form

    widget = qt.QWidget()
    return widget, Form(qt.QFormLayout(widget), lambda: None)


@pytest.fixture
def facts(made):
    import qt

    from MedDeepDiagnosisLib.panels.findings_form import FactsForm

    return FactsForm(made[1], qt.QComboBox(), qt.QLabel())


def test_only_what_is_not_measured_is_asked_for(made):
    from MedDeepDiagnosisLib.panels.findings_form import fillFindings, needsLesion

    widget, form = made
    stroke = load_pathology("acute_stroke")
    fillFindings(form, stroke)
    assert form.names == ("age", "sex", "prior_stroke", "bmi")
    age = widget.findChild("QDoubleSpinBox", "ageSpinBox")
    assert (age.suffix, age.maximum) == (" years", 120)
    sex = widget.findChild("QComboBox", "sexComboBox")
    assert [sex.itemText(index) for index in range(3)] == ["not given", "Male", "Female"]
    assert needsLesion(stroke)
    fillFindings(form, load_pathology("lung_nodule"))
    assert "texture" in form.names
    assert "age" not in form.names


def test_a_required_value_is_starred_and_no_lesion_is_needed(made, pathology):
    from MedDeepDiagnosisLib.panels.findings_form import fillFindings, needsLesion

    widget, form = made
    fillFindings(form, pathology)
    box = widget.findChild("QDoubleSpinBox", "sizeSpinBox")
    assert widget.layout().labelForField(box).text == "Size *:"
    assert not needsLesion(pathology)


def test_facts_of_both_guidelines_are_asked_once(facts):
    nodule = load_pathology("lung_nodule")
    facts.fill(nodule)
    assert len(set(facts.form.names)) == len(facts.form.names)
    assert {"known_cancer", "nodule_count", "screening_finding"} <= set(facts.form.names)
    assert not facts.empty
    row = facts.form._rows
    assert row["age_years"].label.isHidden() is False
    assert row["nodule_state"].label.isHidden() is True
    facts._box.currentIndex = 1
    assert row["age_years"].label.isHidden() is True
    assert row["nodule_state"].label.isHidden() is False
    assert row["screening_ct"].label.isHidden() is False, "both ask for it"
    assert "screening" in facts._note.text


def test_what_follows_from_the_findings_says_so(facts):
    facts.fill(load_pathology("lung_nodule"))
    assert facts.form._rows["mean_diameter_mm"].field.specialValueText == "as measured or rated"
    assert facts.form._rows["size_by"].field.itemText(0) == "Mean diameter (assumed)"
    assert facts.form._rows["known_cancer"].field.itemText(0) == "not known"


def test_a_feature_is_no_fact(facts):
    facts.fill(load_pathology("acute_stroke"))
    assert "age_years" not in facts.form.names, "the age is a feature already"
    assert "aspects" in facts.form.names
