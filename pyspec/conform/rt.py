"""The run-time of fast models: as `pyspec.model.rt`, over values that are shared rather than copied."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pyspec.conform.values import Cells, Long, Pool, Sequence, concat, digest, long, ordered
from pyspec.lang import types as ty
from pyspec.model.domains import bound, domain, fits, needs_check
from pyspec.model.errors import EvaluationError
from pyspec.model.rt import (
    absolute,
    add,
    check,
    choose,
    div,
    each,
    field_of_case,
    flatten,
    fold,
    greatest,
    in_range,
    interval,
    least,
    let,
    mod,
    mul,
    names,
    neg,
    only,
    or_else,
    pred,
    sub,
    subsets,
    succ,
    unwrap,
)
from pyspec.model.values import Rec, Value, show

Items = tuple[Value, ...]


class State:
    """What every generated state inherits; one that is part of a frontier is never changed.

    `sent_` holds the messages that the steps of one event have sent; it is no part of what is compared. `unsent()`
    gives the state before an event: nothing is sent yet.
    """

    __slots__ = ()
    NAMES: tuple[str, ...] = ()


def elements(items: Iterable[Value]) -> Iterable[Value]:
    """What a set or a sequence holds, in the order in which binders visit it."""
    if isinstance(items, frozenset):
        return ordered(items)
    return ordered(items.support()) if isinstance(items, Pool) else items


def at(items: Sequence, index: int) -> Value:
    """The item at an index, from 0."""
    if not 0 <= index < len(items):
        raise EvaluationError("index", f"index {index} of a sequence of length {len(items)}")
    return items[index]


def first(items: Sequence) -> Value:
    """The first item."""
    if not items:
        raise EvaluationError("empty", "first of an empty sequence")
    return items[0]


def last(items: Sequence) -> Value:
    """The last item."""
    if not items:
        raise EvaluationError("empty", "last of an empty sequence")
    return items[-1]


def part(items: Sequence, low: int, high: int) -> Sequence:
    """Items low..high-1; empty when high <= low."""
    if low < 0 or high > len(items):
        raise EvaluationError("index", f"[{low}:{high}] of a sequence of length {len(items)}")
    if low >= high:
        return ()
    return items.part(low, high) if isinstance(items, Long) else items[low:high]


def is_prefix(short: Sequence, whole: Sequence) -> bool:
    """Whether the first is a prefix of the second."""
    if len(short) > len(whole):
        return False
    return part(whole, 0, len(short)) == short


def replaced(items: Sequence, index: int, value: Value) -> Sequence:
    """The sequence but for one item."""
    at(items, index)
    if isinstance(items, Long):
        return long(value if position == index else item for position, item in enumerate(items))
    return (*items[:index], value, *items[index + 1 :])


def look(items: Cells, key: Value) -> Value:
    """The value of a key."""
    try:
        return items[key]
    except KeyError:
        raise EvaluationError("key", f"{show(key)} is not a key of this map") from None


def put(items: Cells, key: Value, value: Value) -> Cells:
    """The map but for the value of one key."""
    look(items, key)
    return items.put(key, value)


def stored(whole: Any, path: Items, value: Value, of: ty.Type | None = None, place: str = "") -> Value:
    """A map, sequence or record with the cell at the end of a path replaced; the value must fit the type."""
    if not path:
        return value if of is None else kept(value, of, place)
    key, rest = path[0], path[1:]
    if isinstance(whole, Rec):
        assert isinstance(key, str)
        return whole._with(key, stored(whole[key], rest, value, of, place))
    if isinstance(whole, Cells):
        return whole.put(key, stored(look(whole, key), rest, value, of, place))
    assert isinstance(key, int)
    return replaced(whole, key, stored(at(whole, key), rest, value, of, place))


def with_field(item: Rec, name: str, value: Value) -> Rec:
    """The record but for one field."""
    return item._with(name, value)


def kept(value: Any, of: ty.Type, place: str = "") -> Value:
    """A value on its way into a place of the type, which it must fit.

    What was kept before is not looked through again: the items of a long sequence were checked one by one.
    """
    if isinstance(value, Long | Pool):
        assert isinstance(of, ty.Seq | ty.Set | ty.Bag)
        if of.capacity is not None and len(value) > bound(of.capacity):
            raise EvaluationError(
                "capacity", f"{place} would hold {len(value)} elements, its capacity is {of.capacity}"
            )
        return value
    if isinstance(value, Cells):
        assert isinstance(of, ty.Map)
        for item in value.values() if needs_check(of.value) else ():
            kept(item, of.value, place)
        return value
    return fits(value, of, place)


def flat(value: Value) -> Value:
    """A value as a part of a record: records are kept in sets, and what is in a set has one form."""
    return tuple(value) if isinstance(value, Long) else value


__all__ = [
    "Cells", "State", "absolute", "add", "at", "check", "choose", "concat", "digest", "div", "domain", "each",
    "elements", "field_of_case", "first", "fits", "flat", "flatten", "fold", "greatest", "in_range", "interval",
    "is_prefix", "kept", "last", "least", "let", "long", "look", "mod", "mul", "names", "neg", "only", "or_else",
    "part", "pred", "put", "replaced", "stored", "sub", "subsets", "succ", "unwrap", "with_field",
]  # fmt: skip
