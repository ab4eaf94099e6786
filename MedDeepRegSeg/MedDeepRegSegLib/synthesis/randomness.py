"""One source of everything random in a synthetic volume: the same seed gives the same volume on one machine."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

Choice = TypeVar("Choice")


class Randomness:
    """Numbers for parameters, and tensors for noise.

    Parameters
    ----------
    *seed : int
        Any number of whole numbers from 0, for example seed, process and step: nearby ones give unrelated streams.
    device : str
        Where tensors are made.
    """

    def __init__(self, *seed: int, device: str | torch.device = "cpu") -> None:
        # The length is part of the seed: numpy takes (7,) and (7, 0) for the same.
        sequence = np.random.SeedSequence((len(seed), *seed))
        self.device = torch.device(device)
        self._numbers = np.random.default_rng(sequence)
        self._tensors = torch.Generator(self.device)
        self._tensors.manual_seed(int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1)))

    def chance(self, probability: float) -> bool:
        """Return True with this probability."""
        return bool(self._numbers.random() < probability)

    def uniform(self, low: float, high: float) -> float:
        """Return a number from [low, high)."""
        return float(self._numbers.uniform(low, high))

    def log_uniform(self, low: float, high: float) -> float:
        """Return a positive number whose logarithm is uniform."""
        return float(np.exp(self._numbers.uniform(np.log(low), np.log(high))))

    def gaussian(self) -> float:
        """Return a number of zero mean and unit deviation."""
        return float(self._numbers.normal())

    def integer(self, low: int, high: int) -> int:
        """Return a whole number from low to high, both included."""
        return int(self._numbers.integers(low, high + 1))

    def choice(self, options: Sequence[Choice]) -> Choice:
        """Return one of the options."""
        return options[int(self._numbers.integers(len(options)))]

    def rotation(self, largest_degrees: float) -> Tensor:
        """Return a (3, 3) rotation about a random axis by up to this angle."""
        axis = self._numbers.normal(size=3)
        axis /= np.linalg.norm(axis)
        angle = np.deg2rad(self._numbers.uniform(0, largest_degrees))
        cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
        matrix = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross)
        return torch.tensor(matrix, dtype=torch.float32, device=self.device)

    def normal(self, *shape: int) -> Tensor:
        """Return a float32 tensor of zero mean and unit deviation."""
        return torch.randn(*shape, generator=self._tensors, device=self.device)

    def rand(self, *shape: int) -> Tensor:
        """Return a float32 tensor of numbers from [0, 1)."""
        return torch.rand(*shape, generator=self._tensors, device=self.device)

    def integers(self, low: int, high: int, *shape: int) -> Tensor:
        """Return an int64 tensor of whole numbers from low to high, both included."""
        return torch.randint(low, high + 1, shape, generator=self._tensors, device=self.device)

    def permutation(self, count: int) -> Tensor:
        """Return 0 to count - 1 in random order, float32."""
        return torch.randperm(count, generator=self._tensors, device=self.device).float()
