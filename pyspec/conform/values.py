"""Values whose steps cost the same however large they have grown: maps, long sequences and pools of messages.

The interpreter's values are plain tuples and frozen sets: one more message means a copy of all. A trace of a million
events needs better: sequences and pools share their parts with the values they were made from (hash array mapped
tries), and carry a digest that is brought up to date by each change, so that states are compared without reading them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import immutables

from pyspec.conform.vector import Vector
from pyspec.model.values import Atom, Bag, Map, Rec, Value, sort_key

#: Sequences up to this length are plain tuples.
SHORT = 24
_MASK = (1 << 61) - 1


class Cells(dict[Value, Value]):
    """A total map that is never changed once it is part of a state."""

    __slots__ = ("_digest",)
    _digest: int

    def put(self, key: Value, value: Value) -> Cells:
        """This map but for the value of one key, which must be there."""
        if key not in self:
            raise KeyError(key)
        made = Cells(self)
        made[key] = value
        return made

    def __hash__(self) -> int:  # type: ignore[override]
        try:
            return self._digest
        except AttributeError:
            self._digest = hash(tuple([digest(item) for item in self.values()]))
            return self._digest


class Long:
    """A sequence of more than SHORT items: those from `low` to `high` of a vector that other sequences share."""

    __slots__ = ("_digest", "high", "items", "low")

    def __init__(self, items: Vector, low: int, high: int, digest: int | None = None) -> None:
        self.items, self.low, self.high, self._digest = items, low, high, digest

    def __len__(self) -> int:
        return self.high - self.low

    def __getitem__(self, index: int) -> Value:
        found: Value = self.items[self.low + index if index >= 0 else self.high + index]
        return found

    def __iter__(self) -> Iterator[Value]:
        return self.items.between(self.low, self.high)

    def __contains__(self, item: Value) -> bool:
        return any(item == one for one in self)

    def digest(self) -> int:
        """A number that equal long sequences have in common."""
        if self._digest is None:
            if self.low:
                self._digest = functools.reduce(_next, self, 0)
            else:
                self._digest = self.items.digest(self.high, _next)
        return self._digest

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Long):
            if self.items is other.items and self.low == other.low and self.high == other.high:
                return True
            return len(self) == len(other) and self.digest() == other.digest() and tuple(self) == tuple(other)
        if isinstance(other, tuple):
            return len(self) == len(other) and tuple(self) == other
        return NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self))

    def part(self, low: int, high: int) -> Sequence:
        """The items from low to high - 1."""
        if high - low <= SHORT:
            return tuple(self.items.between(self.low + low, self.low + high))
        return Long(self.items, self.low + low, self.low + high)


Sequence = tuple[Value, ...] | Long


def _next(so_far: int, item: Value) -> int:
    return hash((so_far, digest(item)))


def long(items: Iterable[Value]) -> Sequence:
    """A sequence as it is kept in a state."""
    kept = tuple(items)
    if len(kept) <= SHORT:
        return kept
    return _appended(Vector(), kept, 0)


def concat(left: Sequence, right: Sequence) -> Sequence:
    """One sequence after the other: the left one is shared, not copied."""
    if not isinstance(left, Long) or left.low:
        if isinstance(left, tuple) and isinstance(right, tuple) and len(left) + len(right) <= SHORT:
            return left + right
        return long((*left, *right))
    return _appended(left.items.cut(left.high), right, left.digest())


def _appended(items: Vector, more: Iterable[Value], found: int) -> Long:
    """A vector with more items at its end; one that equals the item before it is that item once more."""
    last: Value = items[items.count - 1] if items.count else None
    for item in more:
        last = last if item == last else item
        items = items.append(last, found)
        found = _next(found, last)
    return Long(items, 0, items.count, found)


class Pool:
    """Messages of one type: a set or, with counts, a bag. Adding one costs the same however many there are.

    With `keep`, a set holds on to the last `keep` messages or more, at most twice as many: when the young ones are so
    many they become the old ones, and the old ones are forgotten. `forgotten` says how many.

    Indexes, from the values of some fields to a chain of the messages that have them, the newest first, are made when
    they are first asked for; pools that come from this one keep them. `again` counts the young messages that are among
    the old ones, too.
    """

    __slots__ = ("_digest", "again", "bag", "counts", "forgotten", "indexes", "keep", "old", "size")

    def __init__(self, bag: bool, keep: int = 0) -> None:
        self.bag, self.keep = bag, 0 if bag else keep
        self.counts: immutables.Map[Value, int] = immutables.Map()
        self.size = 0
        self.indexes: tuple[tuple[tuple[int, ...], immutables.Map[Value, Any]], ...] = ()
        self.old: Pool | None = None
        self.forgotten = self.again = 0
        self._digest = 0

    def _copy(self) -> Pool:
        made = object.__new__(Pool)
        made.bag, made.counts, made.size, made.indexes = self.bag, self.counts, self.size, self.indexes
        made._digest, made.keep, made.old, made.forgotten = self._digest, self.keep, self.old, self.forgotten
        made.again = self.again
        return made

    def plus(self, items: Iterable[Value]) -> Pool:
        """With these messages added."""
        made = None
        for item in items:
            had = (made or self).counts.get(item, 0)
            if had and not self.bag:
                continue
            made = made or self._copy()
            made._set(item, had, had + 1)
        if made is not None and made.keep and made.size >= made.keep:
            return made._aged()
        return made or self

    def _aged(self) -> Pool:
        """The young messages become the old ones."""
        made = Pool(False, self.keep)
        made.old = self._copy()
        made.old.old, made.old.again = None, 0
        made.indexes = tuple([(at, immutables.Map()) for at, _ in self.indexes])
        made.forgotten = self.forgotten + (0 if self.old is None else self.old.size)
        return made

    def minus(self, items: Iterable[Value]) -> Pool:
        """With one copy of each of these messages taken away."""
        made = self._copy()
        for item in items:
            had = made.counts.get(item, 0)
            if had:
                made._set(item, had, had - 1)
            if made.old is not None and item in made.old.counts:
                made.old = made.old.minus([item])
        return made

    def _set(self, item: Value, had: int, count: int) -> None:
        self.size += count - had
        if self.old is not None and item in self.old.counts:
            self.again += count - had
        self._digest ^= _mixed(item, had) ^ _mixed(item, count)
        self.counts = self.counts.set(item, count) if count else self.counts.delete(item)
        if not had or not count:
            self.indexes = tuple([(at, _indexed(index, at, item, bool(count))) for at, index in self.indexes])

    def having(self, positions: tuple[int, ...], values: tuple[Value, ...]) -> Iterator[Value]:
        """The messages with these values of the fields at these positions, the newest first where they are indexed."""
        yield from self._young(positions, values)
        if self.old is not None:
            yield from (item for item in self.old._young(positions, values) if item not in self.counts)

    def _young(self, positions: tuple[int, ...], values: tuple[Value, ...]) -> Iterator[Value]:
        for at, index in self.indexes:
            if at == positions:
                chain = index.get(values)
                while chain is not None:
                    yield chain[0]
                    chain = chain[1]
                return
        if positions and len(self.counts) > SHORT:
            made: immutables.Map[Value, Any] = immutables.Map()
            for item in self.counts:
                made = _indexed(made, positions, item, True)
            self.indexes = (*self.indexes, (positions, made))
            yield from self._young(positions, values)
            return
        for item in self.counts:
            if tuple([item._values[at] for at in positions]) == values:  # type: ignore[attr-defined]
                yield item

    def count(self, item: Value) -> int:
        """How many copies of a message there are."""
        return self.counts.get(item, 0) or (0 if self.old is None else self.old.count(item))

    def support(self) -> frozenset[Value]:
        """The distinct messages."""
        return frozenset(self)

    def __contains__(self, item: Value) -> bool:
        return item in self.counts or (self.old is not None and item in self.old.counts)

    def __iter__(self) -> Iterator[Value]:
        yield from self.counts
        if self.old is not None:
            yield from (item for item in self.old.counts if item not in self.counts)

    def __len__(self) -> int:
        return self.size if self.old is None else self.size + self.old.size - self.again

    def digest(self) -> int:
        """A number that equal pools have in common."""
        return self._digest if self.old is None else hash((self._digest, self.old._digest))

    def __hash__(self) -> int:
        return self.digest()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Pool):
            if self.counts is other.counts and self.old is other.old:
                return True
            return self._digest == other._digest and self.counts == other.counts and self.old == other.old
        if isinstance(other, frozenset):
            return self.support() == other
        return NotImplemented

    def __or__(self, other: Iterable[Value]) -> Pool | frozenset[Value]:
        return self.plus(other) if not self.bag else self.support() | frozenset(other)

    def __ror__(self, other: frozenset[Value]) -> frozenset[Value]:
        return other | self.support()

    def __and__(self, other: Iterable[Value]) -> frozenset[Value]:
        return frozenset(item for item in other if item in self)

    __rand__ = __and__

    def __sub__(self, other: Any) -> Pool:
        return self.minus(other)

    def __rsub__(self, other: frozenset[Value]) -> frozenset[Value]:
        return frozenset(item for item in other if item not in self)

    def __add__(self, other: Any) -> Pool:
        return self.plus(other)

    def __le__(self, other: Any) -> bool:
        return all(item in other for item in self)

    def __ge__(self, other: Any) -> bool:
        return len(self) >= len(other) and all(item in self for item in other)


def _mixed(item: Value, count: int) -> int:
    """The share of a message in the digest of a pool: nothing without a copy, and well spread."""
    return ((hash((item, count)) * 0x9E3779B97F4A7C15) >> 3) & _MASK if count else 0


def _indexed(
    index: immutables.Map[Value, Any], at: tuple[int, ...], item: Any, there: bool
) -> immutables.Map[Value, Any]:
    """The index with a message added at the head of its chain, or taken out of it."""
    key = tuple([item._values[position] for position in at])
    chain = index.get(key)
    new = (item, chain) if there else _without(chain, item)
    return index.delete(key) if new is None else index.set(key, new)


def _without(chain: Any, item: Value) -> Any:
    kept = []
    while chain is not None and chain[0] != item:
        kept.append(chain[0])
        chain = chain[1]
    rest = None if chain is None else chain[1]
    for one in reversed(kept):
        rest = (one, rest)
    return rest


# ------------------------------------------------------------------------- canonical order, digests, conversion


_ORDERS: dict[type, Callable[..., Any]] = {
    Rec: lambda value: (value._index, *map(_order, value._values)),
    tuple: lambda value: (len(value), *map(_order, value)),
    Long: lambda value: (len(value), *map(_order, value)),
    frozenset: lambda value: (tuple(sorted(map(_order, value), reverse=True)),),
    Cells: lambda value: tuple(_order(value[key]) for key in sorted(value, key=_order)),
}


def _order(value: Value) -> Any:
    key = _ORDERS.get(type(value))
    return sort_key(value) if key is None else key(value)


@functools.lru_cache(maxsize=1 << 14)
def ordered(items: frozenset[Value]) -> tuple[Value, ...]:
    """The elements of a set in canonical order."""
    return tuple(sorted(items, key=_order))


def digest(value: Value) -> int:
    """A hash that does not read a long sequence."""
    if type(value) is Rec and any(type(part) is Long for part in value._values):
        return hash((value._name, *map(digest, value._values)))
    return value.digest() if isinstance(value, Long) else hash(value)


def _plain_pool(value: Pool) -> Value:
    if value.bag:
        return Bag({plain(item): count for item, count in value.counts.items()})
    return frozenset(map(plain, value))


def _plain_map(value: Cells) -> Value:
    return Map({plain(key): plain(item) for key, item in value.items()})


_PLAIN: dict[type, Callable[..., Value]] = {
    Cells: _plain_map,
    Map: _plain_map,
    Long: lambda value: tuple(map(plain, value)),
    tuple: lambda value: tuple(map(plain, value)),
    frozenset: lambda value: frozenset(map(plain, value)),
    Pool: lambda value: _plain_pool(value),
    Bag: lambda value: Bag({plain(item): count for item, count in value.counts()}),
    Rec: lambda value: Rec(value._name, value._names, map(plain, value._values), value._index),
}


def plain(value: Value) -> Value:
    """A value of a fast state as the interpreter has it."""
    change = _PLAIN.get(type(value))
    return value if change is None else change(value)


__all__ = ["Atom", "Bag", "Cells", "Long", "Pool", "Sequence", "concat", "digest", "long", "ordered", "plain"]
