from dataclasses import replace

import pytest

from MedDeepRegSegLib.registration.quality import LabelOverlap
from MedDeepRegSegLib.registration.verdict import Findings, verdict

GOOD = Findings(
    information_before=0.1,
    information_after=0.5,
    shifted_information=(0.2,) * 6,
    overlap=0.99,
    folding_fraction=0.0,
    sd_log_jacobian=0.1,
    inverse_p95_mm=0.05,
    size_change=1.05,
    ambiguous=False,
    landmark_errors_mm=(1.0, 2.0),
    labels=(LabelOverlap(1, 0.5, 0.9),),
)


def test_good_says_why():
    light, reasons = verdict(GOOD)
    assert light == "good"
    assert any("shifting" in reason for reason in reasons)
    assert any("1.5 mm apart" in reason for reason in reasons)


@pytest.mark.parametrize(
    ("change", "light", "says"),
    [
        ({"overlap": 0.1}, "failed", "10%"),
        ({"overlap": 0.6}, "check", "60%"),
        ({"folding_fraction": 0.01}, "failed", "folds"),
        ({"shifted_information": (0.6, *(0.2,) * 5)}, "check", "1 of 6"),
        ({"shifted_information": (0.6,) * 4 + (0.2,) * 2}, "failed", "4 of 6"),
        ({"information_before": 0.9}, "check", "less well"),
        ({"ambiguous": True}, "check", "another position"),
        ({"landmark_errors_mm": (7.0,)}, "check", "7.0 mm"),
        ({"landmark_errors_mm": (30.0,)}, "failed", "30.0 mm"),
        ({"labels": (LabelOverlap(3, 0.9, 0.8),)}, "check", "label 3"),
        ({"labels": (LabelOverlap(3, 0.1, 0.3),)}, "check", "0.30"),
        ({"inverse_p95_mm": 2.0}, "check", "inverse"),
        ({"size_change": 1.6}, "check", "1.60"),
        ({"sd_log_jacobian": 0.7}, "check", "stretches"),
    ],
)
def test_each_fault_turns_the_light_and_is_named_first(change, light, says):
    found, reasons = verdict(replace(GOOD, **change))
    assert found == light
    assert says in reasons[0]


def test_a_note_of_the_method_asks_for_a_look():
    assert verdict(GOOD, ("it was made stiffer",)) == ("check", ("it was made stiffer", *verdict(GOOD)[1]))
