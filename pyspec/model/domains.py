"""The values of a concrete type: how many, which, in what order, and whether a given value fits a place of that
type."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable

from pyspec.lang import types as ty
from pyspec.model.errors import EvaluationError
from pyspec.model.values import Atom, Bag, Map, Rec, Value, show, sort_key

#: More values than this are never listed.
LISTABLE = 1 << 20

#: Of longer sequences, and of maps with more keys, there are too many to be counted.
LONG = 4096


def bound(value: object) -> int:
    """A bound or capacity of a concrete type, which is a plain number there."""
    assert isinstance(value, int), "the type is not concrete"
    return value


# -------------------------------------------------------------------------------------------- cardinality


def _count_set(of: ty.Set) -> int | float:
    items = cardinality(of.item)
    if of.capacity is None or bound(of.capacity) >= items:
        return math.inf if items > 62 else 2 ** int(items)
    return _sum(items, bound(of.capacity), lambda n, k: math.comb(n, k))


def _sum(items: int | float, capacity: int, ways: Callable[[int, int], int]) -> int | float:
    if items is math.inf or items > 1 << 40:
        return math.inf if capacity else 1
    return sum(ways(int(items), size) for size in range(capacity + 1))


def _count_bag(of: ty.Bag) -> int | float:
    if of.capacity is None:
        return math.inf
    return _sum(cardinality(of.item), bound(of.capacity), lambda n, k: math.comb(n + k - 1, k) if n else int(k == 0))


def _count_seq(of: ty.Seq) -> int | float:
    items = cardinality(of.item)
    if of.capacity is None or (items > 1 and bound(of.capacity) > LONG):
        return math.inf
    return _sum(items, bound(of.capacity), lambda n, k: n**k)


def _power(base: int | float, exponent: int | float) -> int | float:
    if base == 1 or exponent == 0:
        return 1
    return math.inf if exponent > LONG or base is math.inf else int(base) ** int(exponent)


def _product(parts: tuple[ty.Type, ...]) -> int | float:
    counts = [cardinality(part) for part in parts]
    return 0 if 0 in counts else math.prod(counts)


_CARDINALITY: dict[type, Callable[..., int | float]] = {
    ty.Bool: lambda of: 2,
    ty.Int: lambda of: math.inf,
    ty.Range: lambda of: max(0, bound(of.hi) - bound(of.lo) + 1),
    ty.Enum: lambda of: len(of.members),
    ty.Sort: lambda of: len(of.elements or ()),
    ty.Record: lambda of: _product(tuple(part for _, part in of.fields)),
    ty.Union: lambda of: sum(cardinality(case) for case in of.cases),
    ty.Option: lambda of: 1 + cardinality(of.item),
    ty.Tuple: lambda of: _product(of.items),
    ty.Set: _count_set,
    ty.Bag: _count_bag,
    ty.Seq: _count_seq,
    ty.Map: lambda of: _power(cardinality(of.value), cardinality(of.key)),
}


def cardinality(of: ty.Type) -> int | float:
    """How many values a concrete type has; infinity where there is no bound worth computing."""
    return _cardinality(of)


@functools.lru_cache(maxsize=4096)
def _cardinality(of: ty.Type) -> int | float:
    return _CARDINALITY[type(of)](of)


# ---------------------------------------------------------------------------------------- all values in order


def _records(of: ty.Record, index: int = 0) -> list[Value]:
    names = tuple(name for name, _ in of.fields)
    return [Rec(of.name, names, row, index) for row in itertools.product(*(values_of(part) for _, part in of.fields))]


def _sets(of: ty.Set) -> list[Value]:
    found: list[frozenset[Value]] = [frozenset()]
    for item in values_of(of.item):  # each element doubles the list, in the order of bit masks
        found += [small | {item} for small in found if of.capacity is None or len(small) < bound(of.capacity)]
    return list(found)


def _bags(of: ty.Bag) -> list[Value]:
    items = values_of(of.item)
    sizes = range(bound(of.capacity) + 1)
    found = [Bag(row) for size in sizes for row in itertools.combinations_with_replacement(items, size)]
    return sorted(found, key=sort_key)


def _seqs(of: ty.Seq) -> list[Value]:
    items = values_of(of.item)
    return [row for size in range(bound(of.capacity) + 1) for row in itertools.product(items, repeat=size)]


def _maps(of: ty.Map) -> list[Value]:
    keys, items = values_of(of.key), values_of(of.value)
    return [Map(zip(keys, row, strict=True)) for row in itertools.product(items, repeat=len(keys))]


_VALUES: dict[type, Callable[..., list[Value]]] = {
    ty.Bool: lambda of: [False, True],
    ty.Range: lambda of: list(range(bound(of.lo), bound(of.hi) + 1)),
    ty.Enum: lambda of: [Atom(of.name, at, name) for at, name in enumerate(of.members)],
    ty.Sort: lambda of: [Atom(of.name, at, name) for at, name in enumerate(of.elements or ())],
    ty.Record: _records,
    ty.Union: lambda of: [value for at, case in enumerate(of.cases) for value in _records(case, at)],
    ty.Option: lambda of: [None, *values_of(of.item)],
    ty.Tuple: lambda of: list(itertools.product(*(values_of(part) for part in of.items))),
    ty.Set: _sets,
    ty.Bag: _bags,
    ty.Seq: _seqs,
    ty.Map: _maps,
}


def values_of(of: ty.Type) -> tuple[Value, ...]:
    """Every value of a concrete type in canonical order. Too many (see `LISTABLE`) is a ValueError."""
    return _values_of(of)


@functools.lru_cache(maxsize=1024)
def _values_of(of: ty.Type) -> tuple[Value, ...]:
    count = cardinality(of)
    if count > LISTABLE:
        raise ValueError(f"the type has {'too many' if count is math.inf else count} values to list them")
    return tuple(_VALUES[type(of)](of))


@functools.lru_cache(maxsize=1024)
def domain(of: ty.Type) -> frozenset[Value]:
    """The set of all values of a concrete type."""
    return frozenset(values_of(of))


# ------------------------------------------------------------------------------------------- stores


def needs_check(of: ty.Type) -> bool:
    """Whether a value computed by a well-typed expression may fail to fit a place of this type."""
    return _NEEDS[type(of)](of)


_NEEDS: dict[type, Callable[..., bool]] = {
    ty.Bool: lambda of: False,
    ty.Int: lambda of: False,
    ty.Range: lambda of: True,
    ty.Enum: lambda of: False,
    ty.Sort: lambda of: False,
    ty.Record: lambda of: False,  # fields are checked when the record is made
    ty.Union: lambda of: False,
    ty.Option: lambda of: needs_check(of.item),
    ty.Tuple: lambda of: any(map(needs_check, of.items)),
    ty.Set: lambda of: of.capacity is not None or needs_check(of.item),
    ty.Bag: lambda of: of.capacity is not None or needs_check(of.item),
    ty.Seq: lambda of: of.capacity is not None or needs_check(of.item),
    ty.Map: lambda of: needs_check(of.value),
}


def fits(value: Value, of: ty.Type, place: str = "") -> Value:
    """The value, if it fits a place of the concrete type; else an EvaluationError of kind `range` or `capacity`.

    Records and union cases are not looked into: their fields were stores themselves. `place` names what is stored into.
    """
    _FITS[type(of)](value, of, place)
    return value


def _fits_range(value: int, of: ty.Range, place: str) -> None:
    if not bound(of.lo) <= value <= bound(of.hi):
        message = f"{value} is outside {of.lo}..{of.hi}" + (f", the range of {place}" if place else "")
        raise EvaluationError("range", message)


def _fits_many(value: frozenset[Value] | Bag | tuple[Value, ...], of: ty.Set | ty.Bag | ty.Seq, place: str) -> None:
    if of.capacity is not None and len(value) > bound(of.capacity):
        name = _CONTAINER[type(of)]
        knob = f"capacity {name if not place or place.startswith(('field ', 'an element of ')) else place}"
        message = f"{place or 'a ' + name} would hold {len(value)} elements, its capacity is {of.capacity}"
        raise EvaluationError("capacity", message, knob=knob)
    if needs_check(of.item):
        for item in sorted(value, key=sort_key) if isinstance(value, frozenset) else value:
            fits(item, of.item, f"an element of {place.removeprefix('an element of ')}" if place else "")


_CONTAINER: dict[type, str] = {ty.Set: "set", ty.Bag: "bag", ty.Seq: "seq"}


def _fits_map(value: Map, of: ty.Map, place: str) -> None:
    if needs_check(of.value):
        for item in value.values():
            fits(item, of.value, place)


def _fits_tuple(value: tuple[Value, ...], of: ty.Tuple, place: str) -> None:
    for item, part in zip(value, of.items, strict=True):
        fits(item, part, place)


def _fits_option(value: Value, of: ty.Option, place: str) -> None:
    if value is not None:
        fits(value, of.item, place)


def _always(value: Value, of: ty.Type, place: str) -> None:
    """Whatever a well-typed expression gives fits."""


_FITS: dict[type, Callable[..., None]] = {
    ty.Bool: _always,
    ty.Int: _always,
    ty.Range: _fits_range,
    ty.Enum: _always,
    ty.Sort: _always,
    ty.Record: _always,
    ty.Union: _always,
    ty.Option: _fits_option,
    ty.Tuple: _fits_tuple,
    ty.Set: _fits_many,
    ty.Bag: _fits_many,
    ty.Seq: _fits_many,
    ty.Map: _fits_map,
}


# ------------------------------------------------------------------------------------- typed membership


def member(value: Value, of: ty.Type) -> bool:
    """Whether a value of unknown origin (a trace, a command line) is a value of the concrete type, looked at all
    through."""
    return _MEMBER[type(of)](value, of)


def _member_rec(value: Value, of: ty.Record) -> bool:
    if not isinstance(value, Rec) or value._name != of.name or len(value._values) != len(of.fields):
        return False
    return all(member(part, kind) for part, (_, kind) in zip(value._values, of.fields, strict=True))


def _member_many(kind: type) -> Callable[..., bool]:
    def check(value: Value, of: ty.Set | ty.Bag | ty.Seq) -> bool:
        if not isinstance(value, kind) or not isinstance(value, frozenset | Bag | tuple):
            return False
        small = of.capacity is None or len(value) <= bound(of.capacity)
        return small and all(member(item, of.item) for item in value)

    return check


def _member_map(value: Value, of: ty.Map) -> bool:
    if not isinstance(value, Map) or tuple(value) != values_of(of.key):
        return False
    return all(member(item, of.value) for item in value.values())


def _member_tuple(value: Value, of: ty.Tuple) -> bool:
    if not isinstance(value, tuple) or len(value) != len(of.items):
        return False
    return all(member(item, part) for item, part in zip(value, of.items, strict=True))


def _member_union(value: Value, of: ty.Union) -> bool:
    return isinstance(value, Rec) and any(_member_rec(value, case) for case in of.cases)


_MEMBER: dict[type, Callable[..., bool]] = {
    ty.Bool: lambda value, of: isinstance(value, bool),
    ty.Int: lambda value, of: isinstance(value, int) and not isinstance(value, bool),
    ty.Range: lambda value, of: type(value) is int and bound(of.lo) <= value <= bound(of.hi),
    ty.Enum: lambda value, of: isinstance(value, Atom) and value in values_of(of),
    ty.Sort: lambda value, of: isinstance(value, Atom) and value in values_of(of),
    ty.Record: _member_rec,
    ty.Union: _member_union,
    ty.Option: lambda value, of: value is None or member(value, of.item),
    ty.Tuple: _member_tuple,
    ty.Set: _member_many(frozenset),
    ty.Bag: _member_many(Bag),
    ty.Seq: _member_many(tuple),
    ty.Map: _member_map,
}


def describe(of: ty.Type) -> str:
    """A concrete type as the language writes it."""
    return _DESCRIBE[type(of)](of)


def _sized(name: str) -> Callable[..., str]:
    def text(of: ty.Set | ty.Bag | ty.Seq) -> str:
        return f"{name}[{describe(of.item)}]"

    return text


_DESCRIBE: dict[type, Callable[..., str]] = {
    ty.Bool: lambda of: "bool",
    ty.Int: lambda of: "int",
    ty.Range: lambda of: f"{of.lo}..{of.hi}",
    ty.Enum: lambda of: of.name,
    ty.Sort: lambda of: of.name,
    ty.Record: lambda of: of.name,
    ty.Union: lambda of: of.name,
    ty.Option: lambda of: describe(of.item) + "?",
    ty.Tuple: lambda of: "(" + ", ".join(map(describe, of.items)) + ")",
    ty.Set: _sized("set"),
    ty.Bag: _sized("bag"),
    ty.Seq: _sized("seq"),
    ty.Map: lambda of: f"map[{describe(of.key)}, {describe(of.value)}]",
}

__all__ = ["bound", "cardinality", "describe", "domain", "fits", "member", "needs_check", "show", "values_of"]
