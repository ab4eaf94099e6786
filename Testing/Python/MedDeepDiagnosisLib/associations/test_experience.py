"""All that is looked for in one table."""

import pytest

from MedDeepDiagnosisLib.associations.experience import explore
from MedDeepRegSegLib.errors import Canceled
from MedDeepRegSegLib.jobs.progress import CancelToken


def test_everything_is_there(experience):
    assert experience.found >= 6
    assert experience.found == sum(pair.q < 0.05 for pair in experience.associations.pairs)
    assert experience.rules.rules
    assert {pair.second for pair in experience.missing.with_outcome} == {"binary_1"}


def test_progress_rises_and_cancel_stops(mixed):
    seen, token = [], CancelToken()

    def watch(fraction, message):
        seen.append(fraction)
        if message == "looking for rules":
            token.cancel()

    with pytest.raises(Canceled):
        explore(mixed(0), resamples=2, permutations=9, progress=watch, cancel=token)
    assert seen == sorted(seen)
