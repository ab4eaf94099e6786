"""What a learner gets: rows of cases, and what is to be predicted."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from MedDeepDiagnosisLib.pathology import Feature, Target

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Task:
    """What is to be predicted.

    Attributes
    ----------
    kind:
        As of :class:`~MedDeepDiagnosisLib.pathology.Target`.
    lowest, highest:
        Smallest and largest possible outcome.
    steps:
        Possible outcomes, ascending; empty for a number.
    """

    kind: Literal["binary", "number", "ordinal"] = "binary"
    lowest: float = 0.0
    highest: float = 1.0
    steps: tuple[float, ...] = (0.0, 1.0)


def task_of(target: Target) -> Task:
    """Return the task of predicting a target."""
    return Task(target.kind, target.lowest, target.highest, target.steps)


@dataclass(frozen=True)
class Sample:
    """Rows to learn from.

    Attributes
    ----------
    features:
        The F features of the table.
    values:
        (N, F + D): the features in their units, then D encoder features of the lesion; NaN where missing. D may be 0.
    target:
        (N,) outcomes.
    patients:
        (N,) text; rows of one patient stay together.
    """

    features: tuple[Feature, ...]
    values: Array
    target: Array
    patients: NDArray[np.str_]

    @property
    def table(self) -> Array:
        """(N, F) values without those of the lesion's image."""
        return self.values[:, : len(self.features)]

    @property
    def lesion(self) -> Array:
        """(N, D) encoder features of the lesion."""
        return self.values[:, len(self.features) :]

    def rows(self, chosen: NDArray) -> "Sample":
        """Return some of the rows (indices or booleans)."""
        return replace(self, values=self.values[chosen], target=self.target[chosen], patients=self.patients[chosen])

    def with_target(self, target: Array) -> "Sample":
        """Return the rows with other outcomes."""
        return replace(self, target=target)


def sample_of(features: Sequence[Feature], values: Array, target: Array, patients: NDArray[np.str_]) -> Sample:
    """Return a sample; raises ValueError if the shapes do not fit."""
    if values.ndim != 2 or values.shape[1] < len(features) or not len(values) == len(target) == len(patients):
        msg = f"sample: shapes {values.shape}, {target.shape}, {patients.shape} do not fit {len(features)} features"
        raise ValueError(msg)
    return Sample(tuple(features), values, target, patients)
