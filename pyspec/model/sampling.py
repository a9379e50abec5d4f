"""A random value of a concrete type, drawn part by part, so that no type has too many values for it."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from pyspec.lang import types as ty
from pyspec.model.domains import bound, cardinality, values_of
from pyspec.model.values import Bag, Map, Rec, Value

#: Types with at most this many values are listed: each value is then as likely as every other.
FEW = 4096


def draw(of: ty.Type, chance: Random) -> Value:
    """One value of a concrete type that has any. The sizes of sets, bags and sequences are drawn first."""
    if cardinality(of) <= FEW:
        return chance.choice(values_of(of))
    return _DRAW[type(of)](of, chance)


def _record(of: ty.Record, chance: Random, index: int = 0) -> Rec:
    return Rec(of.name, tuple(name for name, _ in of.fields), tuple(draw(part, chance) for _, part in of.fields), index)


def _union(of: ty.Union, chance: Random) -> Rec:
    index = chance.choice([at for at, case in enumerate(of.cases) if cardinality(case)])
    return _record(of.cases[index], chance, index)


def _items(of: ty.Set | ty.Bag | ty.Seq, chance: Random) -> list[Value]:
    """Elements in number up to the capacity; a set without one has no more than there are values."""
    most = bound(of.capacity) if of.capacity is not None else int(min(cardinality(of.item), FEW))
    return [draw(of.item, chance) for _ in range(chance.randint(0, most))]


def _map(of: ty.Map, chance: Random) -> Map:
    return Map((key, draw(of.value, chance)) for key in values_of(of.key))


_DRAW: dict[type, Callable[..., Value]] = {
    ty.Range: lambda of, chance: chance.randint(bound(of.lo), bound(of.hi)),
    ty.Record: _record,
    ty.Union: _union,
    ty.Option: lambda of, chance: None if chance.random() < 0.25 else draw(of.item, chance),
    ty.Tuple: lambda of, chance: tuple(draw(part, chance) for part in of.items),
    ty.Set: lambda of, chance: frozenset(_items(of, chance)),
    ty.Bag: lambda of, chance: Bag(_items(of, chance)),
    ty.Seq: lambda of, chance: tuple(_items(of, chance)),
    ty.Map: _map,
}
