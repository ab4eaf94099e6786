"""Samples to learn from."""

import numpy as np
import pytest

from MedDeepDiagnosisLib.learning.sample import sample_of


@pytest.fixture(scope="session")
def toy_sample(pathology, toy_table):
    """450 rows of 150 patients: size, edge and kind say something, ratio does not."""
    return sample_of(pathology.features, toy_table.values, toy_table.target, toy_table.patients)


@pytest.fixture(scope="session")
def number_sample(toy_sample):
    """The same rows with a number that bends with size."""
    outcome = 10 * np.log(toy_sample.table[:, 0]) + 3 * np.nan_to_num(toy_sample.table[:, 2], nan=2.0)
    return toy_sample.with_target(outcome)
