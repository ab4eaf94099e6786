"""Made-up tables of mixed types."""

import numpy as np
import pytest

from MedDeepDiagnosisLib.associations.table import Column, MixedTable


def make_mixed(seed=0, *, patients=120, rows_each=1, linked=False, gaps=0.1):
    """A table with two columns of each kind. Rows of a patient are alike; the first of each kind may be linked."""
    generator = np.random.default_rng(seed)
    person = np.repeat(np.arange(patients), rows_each)

    def latent(common=0.0):
        """Mostly of the patient, a little of the row."""
        own = generator.normal(size=patients)[person] + 0.4 * generator.normal(size=len(person))
        return own + common

    shared = 1.5 * latent() if linked else 0.0
    columns, values = [], []
    for kind in ("number", "ordinal", "binary", "category"):
        for number in (1, 2):
            score = latent(shared if number == 1 else 0.0)
            name = f"{kind}_{number}"
            if kind == "ordinal":
                score = np.digitize(score, np.quantile(score, [0.2, 0.5, 0.8])) + 1.0
            elif kind == "binary":
                score = (score > np.quantile(score, 0.6)).astype(float)
            elif kind == "category":
                score = np.digitize(score, np.quantile(score, [0.3, 0.7])).astype(float)
            score[generator.random(len(score)) < gaps] = np.nan
            levels = {"binary": ("no", "yes"), "category": ("a", "b", "c")}.get(kind, ())
            columns.append(Column(name, name.capitalize(), kind, "measured" if number == 1 else "rated", levels=levels))
            values.append(score)
    names = np.array([f"P{number}" for number in person])
    return MixedTable(tuple(columns), np.column_stack(values), names)


@pytest.fixture(scope="session")
def mixed():
    return make_mixed


@pytest.fixture(scope="session")
def experience():
    """What a small table with linked columns says."""
    from MedDeepDiagnosisLib.associations.experience import explore

    table = make_mixed(3, linked=True).with_outcomes(["binary_1"])
    return explore(table, resamples=60, permutations=99)
