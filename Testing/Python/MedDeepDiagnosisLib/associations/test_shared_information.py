"""Mutual information finds what has no direction."""

import numpy as np
import pytest

from MedDeepDiagnosisLib.associations.pairs import associate
from MedDeepDiagnosisLib.associations.shared_information import binned
from MedDeepDiagnosisLib.associations.table import Column, MixedTable


def two_columns(first, second, patients=None):
    columns = tuple(Column(name, name, "number", "x") for name in ("first", "second"))
    names = np.arange(len(first)) if patients is None else patients
    return MixedTable(columns, np.column_stack([first, second]), names.astype(str))


def test_a_u_shape_is_found_by_information_only():
    generator = np.random.default_rng(0)
    first = generator.normal(size=200)
    (pair,) = associate(two_columns(first, first**2 + 0.2 * generator.normal(size=200)), permutations=999).pairs
    assert pair.main.p > 0.05
    assert pair.information.p == 0.001
    assert pair.information.low > 0.3


def test_bits_of_independent_columns_are_not_biased():
    generator = np.random.default_rng(1)
    bits = [
        associate(two_columns(*generator.normal(size=(2, 150))), permutations=9, resamples=2).pairs[0].information
        for _ in range(30)
    ]
    assert np.mean([estimate.value for estimate in bits]) < 0.02
    assert np.mean([estimate.low == 0 for estimate in bits]) > 0.9


def test_repeated_rows_leave_the_interval_as_wide():
    generator = np.random.default_rng(2)
    first = generator.normal(size=150)
    second = first + generator.normal(size=150)
    once = associate(two_columns(first, second), permutations=99).pairs[0].information
    repeated = [np.repeat(values, 4) for values in (first, second, np.arange(150))]
    often = associate(two_columns(*repeated), permutations=99).pairs[0].information
    assert often.high - often.low == pytest.approx(once.high - once.low, rel=0.35)


def test_numbers_are_cut_into_groups_of_about_equal_size():
    column = Column("a", "A", "number", "x")
    values = np.append(np.arange(150.0), np.nan)
    codes = binned(column, values)
    assert codes[-1] == -1
    assert np.bincount(codes[:-1]).tolist() == [30] * 5
    heavy = binned(column, np.array([0.0] * 80 + list(range(1, 21))))
    assert sorted(set(heavy.tolist())) == [0, 1]
    levels = binned(Column("b", "B", "category", "x", levels=tuple("abcdefgh")), np.arange(8.0))
    assert levels.tolist() == list(range(8))
