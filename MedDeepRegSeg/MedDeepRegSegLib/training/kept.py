"""Things that are read when they are needed; the last ones are kept, up to a number of bytes."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Kept(Generic[Item]):
    """Calls ``make(index)`` for what is not kept. Not for more than one thread at a time.

    Parameters
    ----------
    make : callable
        Returns the item of an index.
    size : callable
        Returns the bytes of an item.
    most_bytes : int
        Of all that is kept; the last item always is.
    """

    def __init__(self, make: Callable[[int], Item], size: Callable[[Item], int], most_bytes: int = 2**30) -> None:
        self._make, self._size, self._most = make, size, most_bytes
        self._items: OrderedDict[int, Item] = OrderedDict()

    def __getitem__(self, index: int) -> Item:
        """Return the item of an index."""
        item = self._items.pop(index) if index in self._items else self._make(index)
        self._items[index] = item
        while len(self._items) > 1 and sum(self._size(kept) for kept in self._items.values()) > self._most:
            self._items.popitem(last=False)
        return item
