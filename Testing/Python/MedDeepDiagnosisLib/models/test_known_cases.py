"""Cases without names that are kept with a model."""

from dataclasses import replace

import numpy as np
import pytest

from MedDeepDiagnosisLib.learning.stored import StoredArrays, prefixed
from MedDeepDiagnosisLib.models import known_cases as module
from MedDeepDiagnosisLib.models.known_cases import known_arrays, known_cases, known_from_arrays
from MedDeepRegSegLib.errors import InputError


@pytest.fixture
def gaps(toy_table):
    values = toy_table.values.copy()
    values[::7, 1] = np.nan
    return replace(toy_table, values=values)


def stored(known, **changes):
    return StoredArrays(prefixed("known", known_arrays(known) | changes)).within("known")


def test_there_and_back(gaps):
    known = known_cases(gaps, seed=0)
    back = known_from_arrays(gaps.names, stored(known))
    np.testing.assert_array_equal(back.values, gaps.values)
    np.testing.assert_array_equal(back.target, gaps.target)
    # Rows of one patient stay together, whoever that is.
    same = gaps.patients[:, None] == gaps.patients[None]
    np.testing.assert_array_equal(back.patients[:, None] == back.patients[None], same)


def test_at_most_so_many_are_kept(gaps, monkeypatch):
    monkeypatch.setattr(module, "MOST_KNOWN", 20)
    one, same, other = (known_cases(gaps, seed=seed) for seed in (1, 1, 2))
    assert len(one) == 20
    np.testing.assert_array_equal(one.values, same.values)
    assert not np.array_equal(one.target, other.target) or not np.array_equal(one.values, other.values)


def test_none_and_damaged_ones(gaps):
    assert known_from_arrays(gaps.names, StoredArrays({})) is None
    known = known_cases(gaps, seed=0)
    with pytest.raises(InputError, match="get the model again"):
        known_from_arrays(gaps.names[:2], stored(known))
    with pytest.raises(InputError, match="points to what is not there"):
        known_from_arrays(gaps.names, stored(known, patients=np.full(len(known), 1e6)))
