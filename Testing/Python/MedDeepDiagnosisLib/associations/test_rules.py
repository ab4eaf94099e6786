"""Association rules."""

import math

import numpy as np
import pytest
from scipy import stats

from MedDeepDiagnosisLib.associations.rules import find_rules, items_of
from MedDeepDiagnosisLib.associations.table import Column, MixedTable
from MedDeepRegSegLib.errors import Canceled
from MedDeepRegSegLib.jobs.progress import CancelToken


def binary_table(columns, patients=None):
    count = len(next(iter(columns.values())))
    names = np.arange(count) if patients is None else patients
    heads = tuple(Column(name, name, "binary", "x", levels=("no", "yes")) for name in columns)
    return MixedTable(heads, np.column_stack(list(columns.values())).astype(float), names.astype(str))


def test_items_by_type():
    number = items_of(Column("a", "Size", "number", "x", units="mm"), np.array([1.0, 2, 3, np.nan]))
    assert [(item.text, state[:3].tolist()) for item, state in number] == [("Size > 2 mm", [0, 0, 1])]
    assert np.isnan(number[0][1][3])
    levels = items_of(Column("b", "Side", "category", "x", levels=("left", "right")), np.array([0.0, 1, np.nan]))
    assert [item.text for item, _ in levels] == ["Side: left", "Side: right"]
    assert levels[1][1][:2].tolist() == [0, 1]


def test_figures_of_a_rule_are_right():
    first = np.repeat([1, 1, 0, 0], [30, 10, 20, 40])
    second = np.repeat([1, 0, 1, 0], [30, 10, 20, 40])
    rules = find_rules(binary_table({"a": first, "b": second}))
    (rule,) = [rule for rule in rules.rules if rule.conclusion.column == "b"]
    assert (rule.support, rule.confidence, rule.lift) == pytest.approx((0.3, 0.75, 1.5))
    assert rule.p == pytest.approx(stats.fisher_exact([[30, 10], [20, 40]], alternative="greater").pvalue)
    assert (rule.together, rule.rows, rule.missing) == (30, 100, 0)
    # Delta method of the multinomial distribution.
    error = math.sqrt((1 / 0.3 - 1 / 0.4 - 1 / 0.5 + 2 * 0.3 / 0.2 - 1) / 100)
    assert math.log(rule.high / rule.lift) == pytest.approx(1.96 * error, rel=1e-3)
    assert rules.tests == 2


def test_a_rule_of_two_conditions_is_kept_where_it_adds():
    generator = np.random.default_rng(0)
    a, b, other = generator.integers(0, 2, (3, 400))
    both = np.where(generator.random(400) < 0.9, a & b, 1 - (a & b))
    rules = find_rules(binary_table({"a": a, "b": b, "both": both, "other": other})).rules
    told = {(tuple(item.column for item in rule.conditions), rule.conclusion.column) for rule in rules if rule.q < 0.05}
    assert (("a", "b"), "both") in told
    assert not [conditions for conditions, conclusion in told if "other" in conditions or conclusion == "other"]


@pytest.mark.parametrize("rows_each", [1, 4])
def test_independent_findings_give_hardly_any_rule(mixed, rows_each):
    wrong = [
        any(rule.q < 0.05 for rule in find_rules(mixed(seed, patients=80, rows_each=rows_each)).rules)
        for seed in range(14)
    ]
    assert np.mean(wrong) <= 0.15


def test_rare_findings_are_left_out_and_the_most_items_kept():
    generator = np.random.default_rng(0)
    columns = {f"f{number}": generator.random(60) < 0.5 for number in range(33)}
    columns["rare"] = np.arange(60) == 3
    rules = find_rules(binary_table(columns))
    assert (len(rules.items), rules.left_out) == (30, 3)
    assert "rare" not in {item.column for item in rules.items}


def test_cancel(mixed):
    token = CancelToken()
    token.cancel()
    with pytest.raises(Canceled):
        find_rules(mixed(0), cancel=token)
