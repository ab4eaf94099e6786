"""Arrays of a model folder, each checked before it is used."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from MedDeepRegSegLib.errors import InputError


@dataclass(frozen=True)
class StoredArrays:
    """The arrays of one part of a model folder, by name.

    Attributes
    ----------
    arrays:
        All arrays of the folder.
    prefix:
        What the names of this part begin with.
    """

    arrays: Mapping[str, NDArray[np.float64]]
    prefix: str = ""

    def within(self, part: str) -> "StoredArrays":
        """Return the arrays of a part of this part."""
        return StoredArrays(self.arrays, f"{self.prefix}{part}/")

    def has(self, name: str) -> bool:
        """Return whether there is such an array."""
        return f"{self.prefix}{name}" in self.arrays

    def get(self, name: str, *shape: int | None) -> NDArray[np.float64]:
        """Return an array of that shape; None stands for any length.

        Raises
        ------
        InputError
            If it is missing, has another shape, or holds values that are not finite.
        """
        key = f"{self.prefix}{name}"
        found = self.arrays.get(key)
        fits = found is not None and found.dtype == np.float64 and found.ndim == len(shape)
        if found is None or not fits or any(n not in (None, m) for n, m in zip(shape, found.shape, strict=True)):
            msg = f"the weights lack the array {key}, or it does not fit the description; get the model again"
            raise InputError(msg)
        if not np.isfinite(found).all():
            msg = f"the array {key} of the weights holds values that are not finite; get the model again"
            raise InputError(msg)
        return found

    def divisors(self, name: str, *shape: int | None) -> NDArray[np.float64]:
        """Return an array of numbers above 0; raises InputError as :meth:`get`."""
        found = self.get(name, *shape)
        if (found <= 0).any():
            msg = f"the array {self.prefix}{name} of the weights divides by what is not above 0; get the model again"
            raise InputError(msg)
        return found

    def indices(self, name: str, *shape: int | None, below: int) -> NDArray[np.int64]:
        """Return an array of whole numbers from 0 to ``below`` - 1; raises InputError as :meth:`get`."""
        found = self.get(name, *shape)
        whole = found.astype(np.int64)
        if not np.array_equal(whole, found) or (found < 0).any() or (found >= below).any():
            msg = f"the array {self.prefix}{name} of the weights points to what is not there; get the model again"
            raise InputError(msg)
        return whole


def prefixed(part: str, arrays: Mapping[str, NDArray]) -> dict[str, NDArray[np.float64]]:
    """Return arrays under the names that :meth:`StoredArrays.within` finds them by, as float64."""
    return {f"{part}/{name}": np.ascontiguousarray(array, dtype=np.float64) for name, array in arrays.items()}
