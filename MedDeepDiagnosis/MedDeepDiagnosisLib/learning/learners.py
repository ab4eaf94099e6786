"""What can learn from a table, by name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from MedDeepDiagnosisLib.learning import additive, boosting, elastic_net, network, svm
from MedDeepDiagnosisLib.learning.sample import Sample
from MedDeepDiagnosisLib.learning.stored import StoredArrays
from MedDeepDiagnosisLib.pathology import Feature
from MedDeepRegSegLib.errors import InputError

Array = NDArray[np.float64]

ADDITIVE = "additive"

NETWORK = "network"
"""The only learner that sees the encoder's features of the lesion's image."""

MEAN = "mean"
"""Name of the mean of other learners."""

MEMBERS = ("svm", "boosting")
"""What the mean is of, where fewer than two others are named: one learner that is smooth and one that has steps."""


class Scorer(Protocol):
    """A fitted model before calibration."""

    def score(self, values: Array) -> Array:
        """Return (N,) scores of (N, F) values, NaN where missing."""

    def arrays(self) -> dict[str, Array]:
        """Return what the learner's ``from_arrays`` takes."""


@dataclass(frozen=True)
class Learner:
    """A way to learn.

    Attributes
    ----------
    name, title, method:
        For commands, for tables, and a sentence for the model card.
    settings:
        What is tried inside the folds, the simplest first: equals are decided for the first.
    fit_all:
        ``fit_all(sample, binary=, settings=, seed=)`` returns one fitted model for each setting.
    from_arrays:
        ``from_arrays(features, stored)`` rebuilds a fitted model.
    log_odds:
        Whether scores of a binary outcome are log-odds.
    calibrated:
        Whether a calibration may be put after it. The additive model has none, so that its reasons stay exact.
    exact:
        Whether a prediction is the sum of one term for each feature.
    """

    name: str
    title: str
    method: str
    settings: tuple[dict[str, float], ...]
    fit_all: Callable[..., Sequence[Scorer]]
    from_arrays: Callable[[tuple[Feature, ...], StoredArrays], Scorer]
    log_odds: bool = True
    calibrated: bool = True
    exact: bool = False

    def fit(self, sample: Sample, setting: dict[str, float], *, binary: bool, seed: int) -> Scorer:
        """Return the model of one setting."""
        return self.fit_all(sample, binary=binary, settings=[setting], seed=seed)[0]


LEARNERS: dict[str, Learner] = {
    learner.name: learner
    for learner in (
        Learner(
            "additive",
            "Additive model",
            "Additive regression: numbers as restricted cubic splines, ratings step by step, ridge penalty.",
            additive.SETTINGS,
            additive.fit_all,
            additive.from_arrays,
            calibrated=False,
            exact=True,
        ),
        Learner(
            "elastic-net",
            "Elastic net",
            "Elastic-net regression on lines or splines of the features.",
            elastic_net.SETTINGS,
            elastic_net.fit_all,
            elastic_net.from_arrays,
        ),
        Learner(
            "svm",
            "Support vector machine",
            "Support vector machine with radial basis functions.",
            svm.SETTINGS,
            svm.fit_all,
            svm.from_arrays,
            log_odds=False,
        ),
        Learner(
            "boosting",
            "Gradient boosting",
            "Gradient boosting of small trees.",
            boosting.SETTINGS,
            boosting.fit_all,
            boosting.from_arrays,
        ),
        Learner(
            "network",
            "Neural network",
            "Mean of four small neural networks that join the table with encoder features of the lesion, where given.",
            network.SETTINGS,
            network.fit_all,
            network.from_arrays,
        ),
    )
}
"""All learners that have a model of their own."""

NAMES = (*LEARNERS, MEAN)


def learner_title(name: str) -> str:
    """Return the title of a learner or of the mean; raises InputError for an unknown name."""
    check_names((name,))
    return "Mean of the learners" if name == MEAN else LEARNERS[name].title


def learner_method(name: str, members: Sequence[str] = ()) -> str:
    """Return a sentence on how it learns; ``members`` are those of the mean."""
    if name != MEAN:
        return LEARNERS[name].method
    return "Mean of the predictions of: " + ", ".join(LEARNERS[member].title.lower() for member in members) + "."


def members_of_mean(names: Sequence[str]) -> tuple[str, ...]:
    """Return what the mean is of among some names: the other ones if there are two or more, else :data:`MEMBERS`."""
    others = tuple(name for name in names if name != MEAN)
    return others if len(others) > 1 else MEMBERS


def check_names(names: Sequence[str]) -> None:
    """Refuse unknown learners; raises InputError."""
    for name in names:
        if name not in NAMES:
            msg = f"learner {name!r} is unknown, expected some of {', '.join(NAMES)}"
            raise InputError(msg)
