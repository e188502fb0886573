"""A cache that is bounded by count and by age."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class BoundedCache(Generic[K, V]):
    """Remembers the values that were used last, each for a limited time; for one thread at a time.

    Args:
        max_items: How many; beyond, the one that was not used for longest goes.
        max_age: Seconds that a value is good for, from when it was put.
    """

    def __init__(self, max_items: int, max_age: float) -> None:
        """Start empty."""
        self._max_items, self._max_age = max_items, max_age
        self._items: OrderedDict[K, tuple[float, V]] = OrderedDict()

    def get(self, key: K) -> V | None:
        """The value, if it is there and not too old."""
        found = self._items.get(key)
        if found is None:
            return None
        if time.monotonic() - found[0] >= self._max_age:
            del self._items[key]
            return None
        self._items.move_to_end(key)
        return found[1]

    def put(self, key: K, value: V) -> V:
        """Remember a value, and return it."""
        self._items[key] = (time.monotonic(), value)
        self._items.move_to_end(key)
        if len(self._items) > self._max_items:
            self._items.popitem(last=False)
        return value

    def clear(self) -> None:
        """Forget everything."""
        self._items.clear()

    def __len__(self) -> int:
        """How many values there are, too old or not."""
        return len(self._items)
