"""What was observed near a prediction."""

import numpy as np

from MedDeepDiagnosisLib.learning.bands import band_at, probability_band
from MedDeepDiagnosisLib.models.metrics import probability_of


def band(count, *, wrong=False, seed=0):
    generator = np.random.default_rng(seed)
    odds = generator.normal(0, 2, count)
    target = (generator.random(count) < probability_of(odds)).astype(float)
    shown = probability_of(odds + 1.5) if wrong else probability_of(odds)
    return probability_band(target, shown, np.arange(count).astype(str), seed=0, repeats=100)


def test_the_band_holds_true_probabilities_and_narrows_with_cases():
    few, many = band(200), band(5000)
    assert np.mean([low <= p <= high for p, low, high in many]) > 0.6
    assert (many[:, 2] - many[:, 1]).mean() < 0.5 * (few[:, 2] - few[:, 1]).mean()


def test_a_wrong_probability_has_what_was_observed_in_its_interval():
    low, high = band_at(band(5000, wrong=True), 0.8)
    observed = float(probability_of(np.log(4.0) - 1.5))
    assert low < observed + 0.03
    assert high == 0.8, "the interval holds the prediction"
    assert low < 0.55
