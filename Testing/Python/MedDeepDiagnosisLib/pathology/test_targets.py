"""Outcomes: values are read, refused and shown."""

import math

import pytest

from MedDeepDiagnosisLib.pathology import RatingWord, Target
from MedDeepRegSegLib.errors import InputError

BINARY = Target("dead", "Died", "yes", "no", "", "Made up.")
NUMBER = Target("nihss", "NIHSS", reference="Made up.", kind="number", units="points", minimum=0, maximum=42)
ORDINAL = Target(
    "rankin",
    "Rankin",
    reference="Made up.",
    kind="ordinal",
    words=(RatingWord(2, "Some"), RatingWord(0, "None"), RatingWord(5, "Severe")),
)


@pytest.mark.parametrize(
    ("target", "value", "expected"),
    [
        (BINARY, 1, 1.0),
        (BINARY, "0", 0.0),
        (BINARY, "1.0", 1.0),
        (NUMBER, "4.5", 4.5),
        (NUMBER, 42, 42.0),
        (ORDINAL, "severe", 5.0),
        (ORDINAL, "2", 2.0),
        (ORDINAL, "None", 0.0),
    ],
)
def test_outcomes_are_read(target, value, expected):
    assert target.parse(value) == expected


@pytest.mark.parametrize(
    ("target", "value"),
    [(BINARY, "yes"), (BINARY, 0.5), (BINARY, True), (NUMBER, 43), (NUMBER, "inf"), (NUMBER, "nan?"), (ORDINAL, 1)],
)
def test_outcomes_that_do_not_fit_are_refused(target, value):
    with pytest.raises(InputError, match=f"{target.name} is .*expected"):
        target.parse(value)


@pytest.mark.parametrize("target", [BINARY, NUMBER])
@pytest.mark.parametrize("value", [None, "", "n/a", "NA", float("nan")])
def test_missing_outcomes_are_not_a_number(target, value):
    assert math.isnan(target.parse(value))


def test_range_steps_and_words():
    assert (BINARY.lowest, BINARY.highest, BINARY.steps) == (0, 1, (0, 1))
    assert (ORDINAL.lowest, ORDINAL.highest, ORDINAL.steps) == (0, 5, (0, 2, 5))
    assert NUMBER.steps == ()
    assert NUMBER.label == "NIHSS (points)"
    assert NUMBER.display(4.25) == "4.25 points"
    assert (ORDINAL.display(5), ORDINAL.display(2.6)) == ("Severe (5)", "2.6")
