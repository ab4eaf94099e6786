"""The source of everything random in an augmentation.

Each transform draws from a stream of its own, so that what one draws does not depend on the settings of another. Noise is not
kept in records but made again from a seed that was drawn.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from MedDeepRegSegLib.augmentation.ranges import Range

if TYPE_CHECKING:
    from torch import Tensor

Seed = int | tuple[int, ...]


class Draws:
    """Numbers for the parameters of one transform.

    Parameters
    ----------
    seed : int or tuple of int
        Whole numbers from 0, for example seed, epoch and case: nearby ones give unrelated streams.
    stream : int
        Number of the transform.
    """

    def __init__(self, seed: Seed, stream: int) -> None:
        parts = (seed,) if isinstance(seed, int) else tuple(seed)
        # The length is part of the seed: numpy takes (7,) and (7, 0) for the same.
        self._numbers = np.random.default_rng(np.random.SeedSequence((len(parts), *parts, stream)))

    def chance(self, probability: float) -> bool:
        """Return True with this probability."""
        return bool(self._numbers.random() < probability)

    def uniform(self, low: float, high: float) -> float:
        """Return a number from [low, high)."""
        return float(self._numbers.uniform(low, high))

    def within(self, values: Range) -> float:
        """Return a number from a range."""
        return self.uniform(*values)

    def each_within(self, values: Range, count: int) -> tuple[float, ...]:
        """Return numbers from a range, one for each channel."""
        return tuple(self.uniform(*values) for _ in range(count))

    def about(self, largest: float) -> float:
        """Return a number from [-largest, largest)."""
        return self.uniform(-largest, largest)

    def choice(self, count: int) -> int:
        """Return a whole number from 0 to count - 1."""
        return int(self._numbers.integers(count))

    def seed(self) -> int:
        """Return a seed for noise."""
        return int(self._numbers.integers(2**31))


def normal_noise(seed: int, shape: Sequence[int]) -> "Tensor":
    """Return float32 noise of zero mean and unit deviation on the CPU; the same for the same seed."""
    import torch

    return torch.randn(tuple(shape), generator=torch.Generator().manual_seed(seed))
