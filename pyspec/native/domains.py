"""Concrete domains: what the emitter knows of a value at compile time, and how it is represented in C.

A domain refines a type: integers carry an interval, collections the most elements they can hold. Every domain whose
values fit 64 bits has a *code*: a number from 0 to `card - 1` whose order is the canonical order of values. It is
*dense* when every number in between is a value; then sets over it are bit masks and maps over it are arrays.

In C a value is an `I` (int64_t, integers), a `U` (uint64_t, its code), or a struct (`rep` says which).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any, cast

from pyspec.lang import types as t

INT_MIN, INT_MAX = -(2**63), 2**63 - 1
MASK_BITS = 64
WIDE_BITS = 1024
DENSE_LIMIT = 4096
MOST_ELEMENTS = 512  # of a temporary collection; beyond it the Python search takes over


class CannotEmit(Exception):
    """The model uses something that generated code does not cover: the Python search must run instead."""


def bits_for(count: int) -> int:
    """Bits that tell `count` values apart."""
    return max(count - 1, 0).bit_length()


class Dom:
    """Any domain. `card` is one more than the greatest code, None when there is no code."""

    card: int | None
    dense: bool
    rep: str  # "I", "U" or "struct"

    @property
    def bits(self) -> int | None:
        """Width of a code."""
        return None if self.card is None else bits_for(self.card)


@dataclass(frozen=True)
class DInt(Dom):
    """Integers lo..hi; lo > hi when no value is possible. The code is the distance from lo."""

    lo: int
    hi: int
    rep = "I"

    @property
    def card(self) -> int:  # type: ignore[override]
        return max(self.hi - self.lo + 1, 0)

    @property
    def dense(self) -> bool:  # type: ignore[override]
        return True


NO_INT = DInt(1, 0)
ANY_INT = DInt(INT_MIN, INT_MAX)


@dataclass(frozen=True)
class DAtom(Dom):
    """bool, an enum, a sort: the code is the position."""

    type: t.Type
    rep = "U"
    dense = True

    @property
    def card(self) -> int:  # type: ignore[override]
        if isinstance(self.type, t.Enum):
            return len(self.type.members)
        if isinstance(self.type, t.Sort):
            return len(self.type.elements or ())
        return 2


BOOL = DAtom(t.Bool())


@dataclass(frozen=True)
class DProd(Dom):
    """Records, union cases and tuples (`type` None). Dense when small, else bit fields, the first one highest."""

    type: t.Record | None
    items: tuple[Dom, ...]

    @cached_property
    def dense(self) -> bool:  # type: ignore[override]
        total = 1
        for d in self.items:
            if d.card is None or not d.dense:
                return False
            total *= d.card
        return total <= DENSE_LIMIT

    @cached_property
    def card(self) -> int | None:  # type: ignore[override]
        total = 1
        for d in self.items:
            if d.card is None:
                return None
            total = total * d.card if self.dense else (total - 1 << bits_for(d.card)) + d.card
        return total if total <= 2**64 else None

    @cached_property
    def strides(self) -> tuple[int, ...]:
        """What a component's code is multiplied with: a power of two unless dense."""
        out, stride = [], 1
        for d in reversed(self.items):
            out.append(stride)
            stride *= (d.card or 0) if self.dense else 1 << bits_for(d.card or 0)
        return tuple(reversed(out))

    @property
    def rep(self) -> str:  # type: ignore[override]
        return "struct" if self.card is None else "U"


@dataclass(frozen=True)
class DSum(Dom):
    """Unions. Dense when small (the cases one after the other), else a tag above the payload."""

    type: t.Union
    cases: tuple[DProd, ...]

    @cached_property
    def dense(self) -> bool:  # type: ignore[override]
        return all(c.dense for c in self.cases) and sum(c.card or 0 for c in self.cases) <= DENSE_LIMIT

    @cached_property
    def payload(self) -> int:
        """Bits of the widest case."""
        return max(bits_for(c.card or 0) for c in self.cases)

    @cached_property
    def card(self) -> int | None:  # type: ignore[override]
        if any(c.card is None for c in self.cases):
            return None
        if self.dense:
            return sum(c.card or 0 for c in self.cases)
        total = len(self.cases) << self.payload
        return total if total <= 2**64 else None

    @cached_property
    def bases(self) -> tuple[int, ...]:
        """The code of the first value of each case."""
        if not self.dense:
            return tuple(i << self.payload for i in range(len(self.cases)))
        out, base = [], 0
        for c in self.cases:
            out.append(base)
            base += c.card or 0
        return tuple(out)

    @property
    def rep(self) -> str:  # type: ignore[override]
        return "struct" if self.card is None else "U"


@dataclass(frozen=True)
class DOpt(Dom):
    """`T?`: code 0 is none, the code of an item is one more than its own."""

    item: Dom

    @cached_property
    def card(self) -> int | None:  # type: ignore[override]
        return None if self.item.card is None or self.item.card >= 2**64 else self.item.card + 1

    @property
    def dense(self) -> bool:  # type: ignore[override]
        return self.item.dense and self.card is not None

    @property
    def rep(self) -> str:  # type: ignore[override]
        return "struct" if self.card is None else "U"


@dataclass(frozen=True)
class DSet(Dom):
    """Sets of at most `cap` elements: a mask, a wide mask (`words`), or a sorted array."""

    item: Dom
    cap: int

    @cached_property
    def kind(self) -> str:
        """ "mask", "wide" or "array"."""
        size = self.item.card
        if size is None or not self.item.dense or size > WIDE_BITS:
            return "array"
        if size <= MASK_BITS:
            return "mask"
        return "wide" if size <= 2 * self.cap * bits_for(size) else "array"

    @property
    def words(self) -> int:
        return (cast(int, self.item.card) + 63) // 64

    @property
    def card(self) -> int | None:  # type: ignore[override]
        return 1 << cast(int, self.item.card) if self.kind == "mask" else None

    @property
    def dense(self) -> bool:  # type: ignore[override]
        return self.kind == "mask" and self.cap >= cast(int, self.item.card)

    @property
    def rep(self) -> str:  # type: ignore[override]
        return "U" if self.kind == "mask" else "struct"


@dataclass(frozen=True)
class DBag(Dom):
    """Bags of at most `cap` copies: a sorted array with repetitions."""

    item: Dom
    cap: int
    card = None
    dense = False
    rep = "struct"


@dataclass(frozen=True)
class DSeq(Dom):
    """Sequences of at most `cap` items. The code has the length on top, then the items, the first one highest."""

    item: Dom
    cap: int
    dense = False
    rep = "struct"

    @cached_property
    def card(self) -> int | None:  # type: ignore[override]
        width = self.item.bits
        if width is None or bits_for(self.cap + 1) + self.cap * width > 63:
            return None
        return self.cap + 1 << self.cap * width


@dataclass(frozen=True)
class DMap(Dom):
    """Total maps over a dense key: an array. The code is the cells, that of the first key highest."""

    key: Dom
    item: Dom
    rep = "struct"

    @property
    def size(self) -> int:
        """Number of keys."""
        return self.key.card or 0

    @cached_property
    def card(self) -> int | None:  # type: ignore[override]
        width = self.item.bits
        return None if width is None or width * self.size > 63 else 1 << width * self.size

    @property
    def dense(self) -> bool:  # type: ignore[override]
        return self.card is not None and self.item.dense and self.item.card == 1 << (self.item.bits or 0)


# ---------------------------------------------------------------------------------------------- types to domains


def of_type(type: t.Type) -> Dom:
    """The domain of everything that can be stored at a place of this (instance) type; a bare `int` can hold nothing."""
    return _OF_TYPE[type.__class__](type)


def _number(value: object, default: int) -> int:
    return value if isinstance(value, int) else default


def _of_range(type: t.Type) -> Dom:
    assert isinstance(type, t.Range)
    return DInt(_number(type.lo, 1), _number(type.hi, 0))


def _of_record(type: t.Type) -> DProd:
    assert isinstance(type, t.Record)
    return DProd(type, tuple(of_type(f) for _, f in type.fields))


def _capacity(item: Dom, declared: object) -> int:
    if isinstance(declared, int):
        return declared
    if item.card is None:
        raise CannotEmit("a collection without a capacity over a type that does not bound it")
    return item.card


def _of_set(type: t.Type) -> Dom:
    assert isinstance(type, t.Set)
    item = of_type(type.item)
    cap = _capacity(item, type.capacity)
    return DSet(item, min(cap, item.card) if item.card is not None and item.dense else cap)


def _of_bag(type: t.Type) -> Dom:
    assert isinstance(type, t.Bag)
    item = of_type(type.item)
    return DBag(item, _capacity(item, type.capacity))


def _of_seq(type: t.Type) -> Dom:
    assert isinstance(type, t.Seq)
    item = of_type(type.item)
    return DSeq(item, _capacity(item, type.capacity))


def _of_map(type: t.Type) -> Dom:
    assert isinstance(type, t.Map)
    key = of_type(type.key)
    if not key.dense or key.card is None or key.card > DENSE_LIMIT:
        raise CannotEmit("a map whose keys are too many for an array")
    return DMap(key, of_type(type.value))


_OF_TYPE: dict[type, Callable[[Any], Dom]] = {
    t.Bool: DAtom,
    t.Int: lambda _: NO_INT,
    t.Range: _of_range,
    t.Enum: DAtom,
    t.Sort: DAtom,
    t.Record: _of_record,
    t.Union: lambda u: DSum(u, tuple(_of_record(c) for c in u.cases)),
    t.Option: lambda o: DOpt(of_type(o.item)),
    t.Tuple: lambda p: DProd(None, tuple(of_type(i) for i in p.items)),
    t.Set: _of_set,
    t.Bag: _of_bag,
    t.Seq: _of_seq,
    t.Map: _of_map,
}


def empty_of(type: t.Type) -> Dom:
    """The domain of an expression of this type that holds no element (`{}`, `[]`, `none`)."""
    if isinstance(type, t.Set):
        return DSet(item_of(type.item), 0)
    if isinstance(type, t.Bag):
        return DBag(item_of(type.item), 0)
    if isinstance(type, t.Seq):
        return DSeq(item_of(type.item), 0)
    if isinstance(type, t.Option):
        return DOpt(item_of(type.item))
    return of_type(type)


def item_of(type: t.Type) -> Dom:
    """The smallest domain of an expression of this type: what is inferred is joined to it."""
    if isinstance(type, t.Range):
        return NO_INT
    if isinstance(type, (t.Set, t.Bag, t.Seq, t.Option)):
        return empty_of(type)
    if isinstance(type, t.Tuple):
        return DProd(None, tuple(item_of(i) for i in type.items))
    if isinstance(type, t.Map):
        return DMap(of_type(type.key), item_of(type.value))
    return of_type(type)


# -------------------------------------------------------------------------------------------------------- joins


def join(a: Dom, b: Dom) -> Dom:
    """The smallest domain with the values of both (of one type)."""
    if a == b:
        return a
    rule = _JOIN.get(a.__class__)
    if rule is None or a.__class__ is not b.__class__:
        raise CannotEmit(f"no common domain of {a} and {b}")
    return rule(a, b)


def _join_int(a: DInt, b: DInt) -> Dom:
    if not a.card or not b.card:
        return b if not a.card else a
    return DInt(min(a.lo, b.lo), max(a.hi, b.hi))


def _join_prod(a: DProd, b: DProd) -> Dom:
    return DProd(a.type, tuple(join(x, y) for x, y in zip(a.items, b.items, strict=True)))


def _join_sum(a: DSum, b: DSum) -> Dom:
    return DSum(a.type, tuple(cast(DProd, join(x, y)) for x, y in zip(a.cases, b.cases, strict=True)))


def sized_set(item: Dom, cap: int) -> DSet:
    """A set domain with no more room than the item type has values."""
    if item.dense and item.card is not None:
        return DSet(item, min(cap, item.card))
    return DSet(item, min(cap, MOST_ELEMENTS))


_JOIN: dict[type, Callable[[Any, Any], Dom]] = {
    DInt: _join_int,
    DProd: _join_prod,
    DSum: _join_sum,
    DOpt: lambda a, b: DOpt(join(a.item, b.item)),
    DSet: lambda a, b: sized_set(join(a.item, b.item), max(a.cap, b.cap)),
    DBag: lambda a, b: DBag(join(a.item, b.item), max(a.cap, b.cap)),
    DSeq: lambda a, b: DSeq(join(a.item, b.item), max(a.cap, b.cap)),
    DMap: lambda a, b: DMap(join(a.key, b.key), join(a.item, b.item)),
}


def join_all(doms: list[Dom], start: Dom) -> Dom:
    """The join of `start` and all of `doms`."""
    return reduce(join, doms, start)


def widen(a: Dom) -> Dom:
    """A domain no fold can leave: all integers, as many elements as temporaries may have."""
    if isinstance(a, DInt):
        return ANY_INT
    if isinstance(a, DProd):
        return a if a.type else DProd(None, tuple(widen(i) for i in a.items))
    if isinstance(a, DOpt):
        return DOpt(widen(a.item))
    if isinstance(a, DSet):
        return sized_set(widen(a.item), MOST_ELEMENTS)
    if isinstance(a, (DBag, DSeq)):
        return a.__class__(widen(a.item), MOST_ELEMENTS)
    if isinstance(a, DMap):
        return DMap(a.key, widen(a.item))
    return a
