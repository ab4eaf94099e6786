"""Features: values are read, refused and shown."""

import math

import pytest

from MedDeepDiagnosisLib.pathology import load_pathology
from MedDeepDiagnosisLib.pathology.features import is_missing
from MedDeepRegSegLib.errors import InputError


@pytest.mark.parametrize(
    ("value", "expected"), [(7, 7.0), ("7.5", 7.5), (" 8 ", 8.0), (0.5, 0.5), (200, 200.0), ("1e1", 10.0)]
)
def test_numbers_are_read_with_both_ends_of_the_range(pathology, value, expected):
    assert pathology.feature("size").parse(value) == expected


@pytest.mark.parametrize("value", [0.49, 200.1, -3, "1e99", "inf", "-inf", "wide", "7,5", "7 mm", True, [7]])
def test_implausible_numbers_name_the_feature_and_the_range(pathology, value):
    with pytest.raises(InputError, match=r"size is .*expected 0\.5 to 200 mm"):
        pathology.feature("size").parse(value)


@pytest.mark.parametrize(("value", "expected"), [(2, 2), ("2", 2), ("medium", 2), ("BLURRED", 3), (1.0, 1)])
def test_ratings_are_read_as_number_or_word(pathology, value, expected):
    assert pathology.feature("edge").parse(value) == expected


@pytest.mark.parametrize("value", [0, 4, 2.5, "Fuzzy", "-1"])
def test_unknown_ratings_are_refused_with_the_scale(pathology, value):
    with pytest.raises(InputError, match=r"edge is .*1 \(Sharp\), 2 \(Medium\), 3 \(Blurred\)"):
        pathology.feature("edge").parse(value)


@pytest.mark.parametrize("value", [None, "", "NA", "nan", "unknown", "not given", float("nan")])
def test_missing_is_allowed_unless_required(pathology, value):
    assert math.isnan(pathology.feature("edge").parse(value))
    with pytest.raises(InputError, match="size is missing"):
        pathology.feature("size").parse(value)


def test_a_word_of_the_scale_wins_over_a_word_for_missing(pathology):
    assert pathology.feature("kind").parse("none") == 1


def test_values_are_shown_with_units_and_words(pathology):
    assert pathology.feature("size").display(7.25) == "7.25 mm"
    assert pathology.feature("edge").display(3) == "Blurred (3)"
    assert pathology.feature("edge").display(math.nan) == "not given"


def test_cells_that_say_nothing():
    assert all(is_missing(cell) for cell in (None, "", " N/A ", float("nan"), "unknown"))
    assert not any(is_missing(cell) for cell in (0, 0.0, "0", "no", "Absent"))


@pytest.mark.parametrize(
    ("value", "shown"),
    [(239.87398636026253, "240"), (100.0004, "100.0004"), (123456.7, "123457"), ("1e99", "1e+99"), ("-4", "-4")],
)
def test_a_refused_number_is_told_in_three_digits(value, shown):
    feature = load_pathology("lung_nodule").feature("equivalent_diameter_mm")
    with pytest.raises(InputError) as told:
        feature.parse(value)
    assert str(told.value).startswith(f"equivalent_diameter_mm is {shown}, expected ")
