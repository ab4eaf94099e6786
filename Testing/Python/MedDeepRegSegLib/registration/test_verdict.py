from dataclasses import replace

import pytest

from MedDeepRegSegLib.registration.quality import LabelOverlap, LocalMatch
from MedDeepRegSegLib.registration.verdict import Findings, Thresholds, score_of, verdict

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
    local_match=LocalMatch(linear=0.3, deformed=0.33, worse_fraction=0.2, bend_mm=3.0),
)


def test_good_says_why():
    found = verdict(GOOD)
    reasons = found.reasons
    assert (found.light, found.score) == ("good", 1.0)
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
        ({"moving_overlap": 0.2}, "check", "20% of the moving body"),
        ({"shown_fraction": 0.5}, "check", "body in only 50%"),
        ({"local_match": LocalMatch(0.3, 0.29, 0.4, 3.0)}, "check", "moves tissue by 3.0 mm"),
        ({"local_match": LocalMatch(0.3, 0.309, 0.4, 3.0)}, "check", "+3%; worse in 40%"),
        ({"local_match": LocalMatch(0.3, 0.36, 0.55, 3.0)}, "check", "worse in 55%"),
    ],
)
def test_each_fault_turns_the_light_and_is_named_first(change, light, says):
    found = verdict(replace(GOOD, **change))
    assert found.light == light
    assert says in found.reasons[0]
    assert found.score <= (0.8 if light == "check" else 0.3)


def test_a_note_of_the_method_asks_for_a_look():
    found = verdict(GOOD, ("it was made stiffer",))
    assert (found.light, found.reasons) == ("check", ("it was made stiffer", *verdict(GOOD).reasons))


def test_a_deformation_that_hardly_bends_need_not_gain():
    still = replace(GOOD, local_match=LocalMatch(0.3, 0.3, 0.5, 0.4))
    assert verdict(still).light == "good"


def test_every_remark_lowers_the_score():
    lights = ["good", "check", "check", "failed", "good", "check", "failed"]
    scores = [score_of(lights[:count]) for count in range(len(lights) + 1)]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == scores[1] == 1
    assert len(set(scores)) == 6  # "good" alone changes nothing
    assert score_of(["failed"]) < score_of(["check"] * 4)


def test_thresholds_can_be_chosen():
    strict = Thresholds(part_overlap=0.995)
    assert verdict(GOOD, thresholds=strict).light == "check"
