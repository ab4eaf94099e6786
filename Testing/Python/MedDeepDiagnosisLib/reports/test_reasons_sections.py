"""The sections that give the reasons of a prediction."""

import re
from datetime import date

import numpy as np
import pytest
import SimpleITK as sitk

from MedDeepDiagnosisLib.models.relied_on import FeatureImportance
from MedDeepDiagnosisLib.reasons.counterfactual import Change, Counterfactual
from MedDeepDiagnosisLib.reasons.faithfulness import Faithfulness
from MedDeepDiagnosisLib.reasons.nearest import FeatureDifference, KnownCase, NearestCases
from MedDeepDiagnosisLib.reasons.occlusion import LesionAttribution
from MedDeepDiagnosisLib.reports.content import Provenance, Report, TableSection, TextSection
from MedDeepDiagnosisLib.reports.reasons_sections import (
    counterfactual_section,
    faithfulness_section,
    faithfulness_text,
    importance_section,
    lesion_section,
    nearest_section,
)
from MedDeepDiagnosisLib.reports.rendering import render_report

CHECK = Faithfulness("faithful", 1.25, 0.02, 1 / 60, 60, (1, 2, 3), (0.3, 0.2, 0.1), (0.7, 0.8, 0.9))
FAILED = Faithfulness("not shown", 0.02, 0.03, 0.6, 60, (2, 3), (0.3, 0.2), (0.4, 0.4))
IMPOSSIBLE = Faithfulness("not testable", 0.0, 0.0, 1.0, 1, (), (), ())


@pytest.fixture
def rendered():
    def render(*sections):
        return render_report(Report("Reasons", "P1", sections, Provenance(date(2026, 1, 2))))

    return render


def test_the_outcome_of_the_check_is_said_in_words():
    assert "changes faster than in random order (p = 0.017 over 60 orders)" in faithfulness_text(CHECK)
    assert faithfulness_text(FAILED).startswith("Not confirmed: when the features are taken away")
    assert "Do not rely" in faithfulness_text(FAILED)
    assert faithfulness_text(IMPOSSIBLE).startswith("Not checked")


def test_the_check_in_figures(rendered):
    labels = {fact.label: fact.value for fact in faithfulness_section(CHECK).facts}
    assert labels["Do the reasons hold?"] == "yes"
    (test,) = [fact for fact in faithfulness_section(CHECK).facts if fact.value == "yes"]
    assert test.note.startswith("area between the curves of the deletion test ")
    assert labels["Without the part that raises it most"] == "30 %"
    assert labels["Without the part that lowers it most"] == "70 %"
    failed = {fact.label: fact.value for fact in faithfulness_section(FAILED).facts}
    assert failed["Do the reasons hold?"] == "not shown"
    assert "Without the 2 parts that raise it most" in failed
    assert [fact.value for fact in faithfulness_section(IMPOSSIBLE).facts] == ["could not be tested"]
    assert "could not be tested" in rendered(faithfulness_section(IMPOSSIBLE))


def test_importance_with_the_largest_first(rendered):
    section = importance_section(
        (
            FeatureImportance("all", "Size", "AUC", 0.01, -0.02, 0.04),
            FeatureImportance("all", "Ratio", "AUC", 0.2, 0.15, 0.26),
        )
    )
    assert section.rows == (("Ratio", 0.2, "0.150 to 0.260"), ("Size", 0.01, "−0.020 to 0.040"))
    assert section.columns[1] == "Loss of AUC"
    assert "Loss of AUC" in rendered(section)


def test_nearest_cases_by_what_differs_most(rendered):
    differences = (
        FeatureDifference("Size", "8 mm", "9 mm", 0.1, True),
        FeatureDifference("Edge", "not given", "Sharp (1)", 0.0, False),
        FeatureDifference("Kind", "<Solid>", "Glass", 1.0, True),
        FeatureDifference("Age", "50", "50", 0.0, True),
    )
    same = (FeatureDifference("Size", "8 mm", "8 mm", 0.0, True),)
    nearest = NearestCases(
        (KnownCase(11, "Known case 12", 1.0, 0.3, differences), KnownCase(3, "Known case 4", 0.0, 0.4, same)),
        True,
        "No known case is very like this one (distance ...)",
    )
    section = nearest_section(nearest, outcome=lambda value: "malignant" if value else "benign")
    assert section.rows[0] == (
        "Known case 12",
        "malignant",
        0.3,
        "Kind: Glass instead of <Solid>; Size: 9 mm instead of 8 mm",
    )
    assert section.rows[1][-1] == "nothing that both have"
    assert section.text == nearest.note
    page = rendered(section)
    assert "&lt;Solid&gt;" in page
    assert "<Solid>" not in page


FOUND = Counterfactual(
    True,
    (
        Change("size", "Size", "14 mm", "9 mm", 9.0, 0.4, 0.55, "in proportion: Depth 7 mm to 4.5 mm"),
        Change("edge", "Edge", "Blurred (3)", "Sharp (1)", 1.0, 0.5, 0.42),
    ),
    0.8,
    0.42,
    0.5,
)


def test_counterfactual_step_by_step(rendered):
    section = counterfactual_section(FOUND, kept=("Age", "Sex"))
    assert isinstance(section, TableSection)
    assert section.rows[0] == ("Size (in proportion: Depth 7 mm to 4.5 mm)", "14 mm", "9 mm", "55 %")
    assert section.rows[1] == ("Edge", "Blurred (3)", "Sharp (1)", "42 %")
    assert "the model says 80 %. It would say 42 %, below 50 %" in section.text
    assert section.notes == ("Taken as they are: Age, Sex.", FOUND.statement)
    assert "Taken as they are" in rendered(section)


def test_no_counterfactual_is_said_to_be_none():
    none = Counterfactual(False, (), 0.8, 0.7, 0.5, "No plausible difference.")
    section = counterfactual_section(none)
    assert isinstance(section, TextSection)
    assert section.paragraphs == ("No plausible difference.", none.statement)


@pytest.mark.parametrize("kept", [(), ("Age",)])
def test_never_worded_as_advice(kept):
    section = counterfactual_section(FOUND, kept=kept)
    words = " ".join([section.title, section.text, *section.columns, *section.notes]).lower()
    assert not re.search(r"\b(should|must|reduce|increase|improve|lower your|treat|recommend\w*)\b", words)
    assert "no advice" in words


def lesion_of(values):
    inside = np.zeros((16, 20, 24), np.uint16)
    inside[5:11, 6:14, 6:12] = 1
    inside[5:11, 6:14, 12:18] = 2
    blocks = sitk.GetImageFromArray(inside)
    image = sitk.GetImageFromArray(np.append(0.0, values)[inside].astype(np.float32))
    return LesionAttribution(
        image, blocks, np.array(values), np.array(values), np.array(values), np.full(2, 0.5), 0.6, 6.0, CHECK
    )


def test_slices_of_the_lesion_are_tinted_on_the_side_that_raises(rendered):
    image = sitk.GetImageFromArray(np.full((16, 20, 24), 50, np.float32) + np.arange(24, dtype=np.float32))
    section = lesion_section(lesion_of([-0.2, 0.2]), image)
    assert [picture.caption.split(",")[0] for picture in section.pictures] == ["Axial", "Coronal"]
    for picture in section.pictures:
        assert [name for name, _ in picture.legend] == ["lowers most", "raises most"]
        color = picture.pixels.astype(int)
        redder = color[..., 0] - color[..., 2]
        columns = np.arange(redder.shape[1])
        red, blue = (redder > 60).any(axis=0), (redder < -60).any(axis=0)
        assert columns[red].mean() > columns[blue].mean(), "the patient's left, at larger x, is on the right"
    assert "when the blocks are taken away" in section.text
    assert "Which part of the lesion" in rendered(section)


def test_a_lesion_without_effect_has_pictures_too():
    image = sitk.GetImageFromArray(np.random.default_rng(0).normal(size=(16, 20, 24)).astype(np.float32))
    section = lesion_section(lesion_of([0.0, 0.0]), image)
    assert len(section.pictures) == 2
