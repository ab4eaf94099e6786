"""Clicks saved are counted right, and the verdict needs more than luck."""

import numpy as np
import pytest

from MedDeepRegSegLib.training.clicks_saved import ObjectClicks, compare


def rows(*values, cases=2):
    return tuple(ObjectClicks(f"c{number % cases}", "Ball", number, tuple(row)) for number, row in enumerate(values))


def test_clicks_to_a_level_count_one_more_where_it_is_not_reached():
    row = ObjectClicks("a", "Ball", 1, (0.5, 0.81, 0.79, 0.9))
    assert row.clicks_to(0.8) == 2
    assert row.clicks_to(0.85) == 4
    assert row.clicks_to(0.95) == 5


def test_what_is_saved_is_positive():
    before = rows(*[(0.5, 0.6, 0.7, 0.82)] * 6)
    after = rows(*[(0.6, 0.82, 0.86, 0.9)] * 6)
    found = compare(before, after)
    assert found.verdict == "better"
    assert found.dice[0].difference == pytest.approx(np.mean([0.6, 0.82, 0.86, 0.9]) - np.mean([0.5, 0.6, 0.7, 0.82]))
    saved = {row.name: row for row in found.clicks_to}
    assert saved["clicks to Dice 0.80"].difference == pytest.approx(2)
    assert saved["clicks to Dice 0.85"].difference == pytest.approx(2)  # from never (5) to 3
    assert [row.name for row in found.dice] == ["mean Dice over 4 clicks", "Dice after 1 click", "Dice after 3 clicks"]
    assert compare(after, before).verdict == "worse"
    assert "WORSE" in compare(after, before).text


def test_noise_is_not_better():
    random = np.random.default_rng(0)
    before = random.uniform(0.4, 0.9, (20, 5))
    after = before + random.normal(0, 0.05, before.shape) + 0.002
    found = compare(rows(*before), rows(*after))
    assert found.verdict == "not better"
    assert "NOT better" in found.text
    assert found.dice[0].low < found.dice[0].difference < found.dice[0].high


def test_cases_are_drawn_where_there_are_enough_of_them():
    """Objects of one case that gain alike are one observation, not ten."""
    random = np.random.default_rng(1)
    gains = np.repeat(random.normal(0.02, 0.05, 5), 10)
    before = np.full((50, 2), 0.5)
    after = before + gains[:, None]

    def named(values, cases):
        return tuple(
            ObjectClicks(f"c{number // 10}" if cases else f"c{number % 2}", "Ball", number, tuple(row))
            for number, row in enumerate(values)
        )

    clustered = compare(named(before, True), named(after, True))
    alone = compare(named(before, False), named(after, False))
    assert (clustered.resampled, alone.resampled) == ("cases", "objects")
    width = clustered.dice[0].high - clustered.dice[0].low
    assert width > 1.8 * (alone.dice[0].high - alone.dice[0].low)


def test_other_objects_cannot_be_compared():
    with pytest.raises(ValueError, match="not the same"):
        compare(rows((0.5,)), rows((0.5,), (0.6,)))
