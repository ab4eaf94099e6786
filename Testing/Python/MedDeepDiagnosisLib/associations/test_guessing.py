"""Guesses of what columns are."""

import numpy as np
import pytest

from MedDeepDiagnosisLib.associations.guessing import guessed_table
from MedDeepRegSegLib.errors import InputError


def rows_of(count=60):
    generator = np.random.default_rng(0)
    return [
        {
            "Patient_ID": f"P{n % 30}",
            "number": str(n + 1),
            "age_years": "89+" if n == 5 else f"{generator.uniform(20, 80):.1f}",
            "volume_mm3": f"{generator.uniform(1, 900):.2f}",
            "stage": str(n % 4),
            "sex": "MF"[n % 2],
            "smoker": ("no", "Yes", "unknown")[n % 3],
            "coded": "02"[n % 2],
            "side": ("left", "right", "both")[n % 3],
            "comment": f"text {n}",
            "empty": "",
            "same": "1",
            "nihss": str(n * 7 % 23),
        }
        for n in range(count)
    ]


def test_kinds_are_guessed_with_reasons():
    table = guessed_table(rows_of())
    kinds = {column.name: column.kind for column in table.columns}
    assert kinds == {
        "age_years": "number", "volume_mm3": "number", "stage": "ordinal", "sex": "binary", "smoker": "binary",
        "coded": "binary", "side": "category", "nihss": "number",
    }  # fmt: skip
    reasons = dict(table.left_out)
    assert reasons["comment"].startswith("60 different texts")
    assert reasons["number"] == "counts the rows: an identifier"
    assert reasons["empty"] == "empty"
    assert reasons["same"] == "the same in every row"
    age, values = table.column("age_years")
    assert values[5] == 89
    assert "89+ taken as the number" in age.why
    assert (age.label, table.column("volume_mm3")[0].label) == ("Age (years)", "Volume (mm³)")
    assert table.column("nihss")[0].title == "NIHSS"
    assert all(column.why for column in table.columns)
    assert (table.patient_count, table.patients_known) == (30, True)


def test_levels_have_codes_and_yes_counts_as_present():
    table = guessed_table(rows_of())
    smoker, values = table.column("smoker")
    assert smoker.levels == ("no", "Yes")
    assert values[:2].tolist() == [0, 1]
    assert np.isnan(values[2])
    assert table.column("coded")[0].levels == ("0", "2")
    assert table.column("coded")[1][:2].tolist() == [0, 1]
    assert table.column("sex")[0].label == "Sex: M"


def test_what_the_user_knows_wins():
    table = guessed_table(rows_of(), kinds={"stage": "category"}, leave_out=["sex"], patient_column="number")
    assert table.column("stage")[0].kind == "category"
    assert ("sex", "as asked for") in table.left_out
    assert table.patient_count == 60


def test_without_patients_each_row_is_one():
    rows = [{key: value for key, value in row.items() if key != "Patient_ID"} for row in rows_of()]
    table = guessed_table(rows)
    assert not table.patients_known
    assert table.patient_count == 60


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kinds": {"side": "number"}}, "'left' is no number"),
        ({"kinds": {"side": "binary"}}, "side has 3 different values"),
        ({"kinds": {"side": "color"}}, "kind 'color' is unknown"),
        ({"kinds": {"weight": "number"}}, "no column 'weight'"),
        ({"leave_out": ["weight"]}, "no column 'weight'"),
        ({"patient_column": "weight"}, "no column 'weight' for the patient"),
        ({"patient_column": "smoker"}, "column 'smoker' is empty"),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        guessed_table(rows_of(), **options)


def test_too_little_is_refused():
    with pytest.raises(InputError, match="no rows"):
        guessed_table([])
    with pytest.raises(InputError, match="fewer than two"):
        guessed_table([{"a": str(n)} for n in range(4)])


def test_none_is_a_level_among_words_and_missing_among_numbers():
    rows = [
        {
            "emphysema": ("None", "mild", "severe")[n % 3],
            "edema": ("present", "none")[n % 2],
            "ml": "none" if n == 4 else f"{n}.5",
        }
        for n in range(30)
    ]
    table = guessed_table(rows)
    emphysema, _ = table.column("emphysema")
    assert emphysema.levels == ("None", "mild", "severe")
    assert table.column("edema")[0].levels == ("none", "present")
    column, values = table.column("ml")
    assert column.kind == "number"
    assert np.flatnonzero(np.isnan(values)).tolist() == [4]
