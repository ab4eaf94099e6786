"""All pairs of a table: false discoveries stay rare, and true ones are found."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from MedDeepDiagnosisLib.associations.pairs import associate
from MedDeepRegSegLib.errors import Canceled
from MedDeepRegSegLib.jobs.progress import CancelToken


def permuted(table, seed):
    """The table with each column in an order of its own; whole patients move, so that their rows stay alike."""
    generator = np.random.default_rng(seed)
    patients = table.patient_count
    blocks = table.values.reshape(patients, -1, len(table.columns)).copy()
    for column in range(len(table.columns)):
        blocks[:, :, column] = blocks[generator.permutation(patients), :, column]
    return replace(table, values=blocks.reshape(table.values.shape))


@pytest.mark.parametrize(("patients", "rows_each", "runs"), [(100, 1, 32), (50, 3, 24)])
def test_permuted_columns_give_hardly_any_discovery(mixed, patients, rows_each, runs):
    """Without any true association every discovery is false, so the rate is how often there is one."""
    table = mixed(0, linked=True, patients=patients, rows_each=rows_each)
    wrong = 0
    for seed in range(runs):
        result = associate(permuted(table, seed), resamples=2, permutations=199)
        wrong += any(estimate.q < 0.05 for pair in result.pairs for estimate in pair.estimates)
    assert wrong / runs <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / runs)


@pytest.mark.parametrize("rows_each", [1, 3])
def test_true_associations_are_found_and_few_others(mixed, rows_each):
    true = {frozenset(pair) for pair in itertools.combinations([f"{k}_1" for k in KINDS], 2)}
    false_share, power = [], []
    for seed in range(8):
        table = mixed(seed, linked=True, rows_each=rows_each)
        found = {frozenset((p.first, p.second)) for p in associate(table, resamples=2, permutations=99).below(0.05)}
        power.append(len(found & true) / len(true))
        false_share.append(len(found - true) / max(len(found), 1))
    assert np.mean(power) > 0.9
    assert np.mean(false_share) < 0.12


KINDS = ("number", "ordinal", "binary", "category")


def test_counts_are_of_the_pair(mixed):
    table = mixed(0, patients=40, rows_each=2)
    for pair in associate(table, resamples=2, permutations=9).pairs:
        first, second = table.column(pair.first)[1], table.column(pair.second)[1]
        both = ~np.isnan(first) & ~np.isnan(second)
        assert (pair.rows, pair.missing) == (both.sum(), (~both).sum())
        assert pair.patients == len(set(table.patients[both]))


def test_pairs_are_sorted_and_all_tests_counted(experience):
    pairs = experience.associations.pairs
    q_values = [pair.q for pair in pairs]
    assert q_values == sorted(q_values)
    assert experience.associations.tests == sum(len(pair.estimates) for pair in pairs)
    assert len(pairs) == 28
    assert pairs[0].information is pairs[0].estimates[-1]


def test_the_seed_repeats(mixed):
    table = mixed(0, patients=30, rows_each=2)
    assert associate(table, resamples=20, permutations=49) == associate(table, resamples=20, permutations=49)


def test_pairs_that_cannot_be_measured_say_why(mixed):
    table = mixed(0)
    table.values[8:, 0] = np.nan
    known = int(np.isfinite(table.values[:8, :2]).all(1).sum())
    table.values[~np.isnan(table.values[:, 2]), 4] = 1.0
    pairs = {(pair.first, pair.second): pair for pair in associate(table, resamples=2, permutations=9).pairs}
    few = pairs["number_1", "number_2"]
    assert "fewer than 10 patients" in few.note
    assert (few.main, few.information, few.rows) == (None, None, known)
    assert np.isnan([few.q, few.strength]).all()
    assert "does not vary" in pairs["ordinal_1", "binary_1"].note
    assert list(pairs.values())[-1].main is None, "what was not measured comes last"


def test_cancel_and_progress(mixed):
    token, seen = CancelToken(), []

    def cancel_late(fraction, message):
        seen.append(fraction)
        if fraction > 0.3:
            token.cancel()

    with pytest.raises(Canceled):
        associate(mixed(0), resamples=2, permutations=9, progress=cancel_late, cancel=token)
    assert seen == sorted(seen)
    assert seen[-1] < 0.4
