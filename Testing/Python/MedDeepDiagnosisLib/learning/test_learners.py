"""The registry."""

import numpy as np
import pytest

from MedDeepDiagnosisLib.learning.learners import (
    LEARNERS,
    MEMBERS,
    NAMES,
    check_names,
    learner_method,
    learner_title,
    members_of_mean,
)
from MedDeepDiagnosisLib.learning.stored import StoredArrays
from MedDeepDiagnosisLib.models.metrics import auc
from MedDeepRegSegLib.errors import InputError


@pytest.mark.parametrize("name", [name for name in LEARNERS if name != "network"])
def test_every_learner_learns_and_survives_as_arrays(name, toy_sample):
    learner = LEARNERS[name]
    pytest.importorskip("sklearn")
    model = learner.fit(toy_sample, learner.settings[-1], binary=True, seed=0)
    assert auc(toy_sample.target, model.score(toy_sample.values)) > 0.8
    back = learner.from_arrays(toy_sample.features, StoredArrays(model.arrays()))
    assert np.array_equal(back.score(toy_sample.values), model.score(toy_sample.values))


def test_names_are_known_and_others_refused():
    assert set(MEMBERS) <= set(LEARNERS)
    assert NAMES[-1] == "mean"
    check_names(NAMES)
    with pytest.raises(InputError, match="learner 'forest' is unknown, expected some of additive, elastic-net"):
        check_names(("additive", "forest"))
    assert learner_title("mean") == "Mean of the learners"
    assert "gradient boosting" in learner_method("mean", ("additive", "boosting"))


def test_the_mean_is_of_the_others_named():
    assert members_of_mean(("mean", "additive", "network")) == ("additive", "network")
    assert members_of_mean(("mean",)) == members_of_mean(("mean", "additive")) == MEMBERS
