"""Strings, counters and expiry as an immutable value: what Redis commands mean, with time as an argument.

A `Keyspace` is immutable; `Draft` edits a copy for a batch of commands and freezes again. Time only moves forward and
comes from the log, so that every replica expires a key at the same place.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from immutables import Map

SWEEP_EVERY = 1000
"""Milliseconds between two removals of expired keys that nobody has touched."""


EMPTY: Map[bytes, Any] = Map()


class Item(NamedTuple):
    """A value, the time it expires (milliseconds) or None, and the count of writes when it was last written.

    `born` is that count when the key was last set, whatever became of its expiry since: a fencing token.
    """

    value: bytes
    deadline: int | None
    version: int
    born: int


@dataclass(frozen=True, slots=True)
class Keyspace:
    """The keys at one moment. `version` counts writes; a fencing token is such a count, and never below `least`."""

    items: Map[bytes, Item] = EMPTY
    volatile: Map[bytes, int] = EMPTY
    now: int = 0
    version: int = 0
    swept: int = 0
    least: int = 0

    def at(self, now: int) -> "Keyspace":
        """The same keys at a later time."""
        return Draft(self, now).freeze()

    def dump(self) -> tuple[Any, ...]:
        """Plain data from which `load` rebuilds this value, in key order."""
        items = tuple((key, *self.items[key]) for key in sorted(self.items))
        return (items, self.now, self.version, self.swept, self.least)


def load(data: tuple[Any, ...]) -> Keyspace:
    """The keyspace that `dump` described."""
    rows, now, version, swept, least = data
    items = Map({row[0]: Item(*row[1:]) for row in rows})
    volatile = Map({row[0]: row[2] for row in rows if row[2] is not None})
    return Keyspace(items, volatile, now, version, swept, least)


class Draft:
    """A keyspace being edited by one batch of commands."""

    def __init__(self, base: Keyspace, now: int) -> None:
        self._base = base
        self._items = base.items.mutate()
        self._volatile = base.volatile.mutate()
        self._swept = base.swept
        self.now = max(base.now, now)
        self.version = base.version
        self.least = base.least
        if self.now - self._swept >= SWEEP_EVERY:
            self.sweep()

    def freeze(self) -> Keyspace:
        """The edited keyspace, immutable again."""
        items, volatile = self._items.finish(), self._volatile.finish()
        return Keyspace(items, volatile, self.now, self.version, self._swept, self.least)

    def sweep(self) -> None:
        """Remove every key whose time has come."""
        self._swept = self.now
        volatile = self._volatile.finish()
        self._volatile = volatile.mutate()
        due = [key for key, deadline in volatile.items() if deadline <= self.now]
        for key in due:
            del self._volatile[key]
            del self._items[key]

    def find(self, key: bytes) -> Item | None:
        """The live item under `key`; an expired one counts as absent."""
        item = self._items.get(key)
        if item is not None and item.deadline is not None and item.deadline <= self.now:
            return None
        return item

    def put(self, key: bytes, value: bytes, deadline: int | None = None, born: int | None = None) -> None:
        """Write a key, with or without a time at which it expires; `born` keeps what it was."""
        self.version += 1
        self._items[key] = Item(value, deadline, self.version, self.version if born is None else born)
        if deadline is not None:
            self._volatile[key] = deadline
        elif key in self._volatile:
            del self._volatile[key]

    def remove(self, key: bytes) -> bool:
        """Remove a key; whether it was alive. One that has expired is no write: elsewhere it may have been swept."""
        alive = self.find(key) is not None
        self.version += alive
        if key in self._items:
            del self._items[key]
            if key in self._volatile:
                del self._volatile[key]
        return alive

    def clear(self) -> None:
        """Remove every key."""
        self.version += 1
        self._items, self._volatile = Map[bytes, Item]().mutate(), Map[bytes, int]().mutate()

    def live(self) -> list[bytes]:
        """The live keys in order."""
        items = self._items.finish()
        self._items = items.mutate()
        return sorted(key for key in items if self.find(key) is not None)

    def count(self) -> int:
        """How many keys are alive."""
        self.sweep()
        return len(self._items)
