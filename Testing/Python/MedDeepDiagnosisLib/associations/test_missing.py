"""Missing data."""

import numpy as np
import pytest

from MedDeepDiagnosisLib.associations.missing import missing_data


def test_fractions_and_patterns(mixed):
    table = mixed(0, gaps=0.0)
    table.values[:30, 0] = np.nan
    table.values[20:50, 1] = np.nan
    missing = missing_data(table)
    assert [(column.rows, column.fraction) for column in missing.columns[:3]] == [(30, 0.25), (30, 0.25), (0, 0.0)]
    assert [(pattern.missing, pattern.rows) for pattern in missing.patterns] == [
        ((), 70),
        (("number_1",), 20),
        (("number_2",), 20),
        (("number_1", "number_2"), 10),
    ]
    assert (missing.complete_rows, missing.pattern_count) == (70, 4)
    assert missing.with_outcome == (), "no outcome is marked"


@pytest.mark.parametrize("outcome", ["number_1", "binary_1", "category_1"])
@pytest.mark.parametrize("rows_each", [1, 3])
def test_missingness_that_goes_with_the_outcome_is_found(mixed, outcome, rows_each):
    table = mixed(5, gaps=0.0, patients=150, rows_each=rows_each).with_outcomes([outcome])
    values = table.column(outcome)[1]
    generator = np.random.default_rng(0)
    names = [column.name for column in table.columns]
    likely = np.where(values >= np.median(values) + (outcome == "binary_1") * 0.5, 0.5, 0.1)
    table.values[generator.random(len(table)) < likely, names.index("number_2")] = np.nan
    table.values[generator.random(len(table)) < 0.2, names.index("ordinal_2")] = np.nan
    missing = missing_data(table, permutations=99, resamples=50)
    found = {pair.first: pair.q for pair in missing.with_outcome}
    assert found["number_2"] < 0.05
    assert found["ordinal_2"] > 0.05
    assert missing.tests == 2
    (pair,) = [pair for pair in missing.with_outcome if pair.first == "number_2"]
    assert pair.second == outcome
    assert pair.main.value > 0, "missing more often where the outcome is high"


def test_a_column_is_not_compared_with_its_own_gaps(mixed):
    table = mixed(1).with_outcomes(["number_1"])
    assert "number_1" not in {pair.first for pair in missing_data(table, permutations=9, resamples=5).with_outcome}
