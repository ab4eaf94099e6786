"""The next batch is made while this one is learned from: a process that waits for others has something to do."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Ahead(Generic[Item]):
    """Calls ``make(index)`` in a thread, one index ahead. Results do not depend on it: an item depends on its index alone.

    Parameters
    ----------
    make : callable
        Returns the item of an index. It is only ever called by one thread at a time.
    """

    def __init__(self, make: Callable[[int], Item]) -> None:
        self._make = make
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pairs")
        self._next: tuple[int, Future[Item]] | None = None

    def __call__(self, index: int) -> Item:
        """Return the item of an index, and start on the one after it."""
        known = self._next is not None and self._next[0] == index
        future = self._next[1] if known and self._next else self._thread.submit(self._make, index)
        item = future.result()
        self._next = index + 1, self._thread.submit(self._make, index + 1)
        return item

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(cancel_futures=True)
