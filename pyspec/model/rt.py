"""The operators that can go wrong, or that Python spells differently: used by the evaluator and by generated models.

Everything here works on plain values (`pyspec.model.values`) and raises EvaluationError, without a place: the caller
knows it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import TypeVar

from pyspec.lang import types as ty
from pyspec.model.domains import LISTABLE, domain, fits, values_of
from pyspec.model.errors import EvaluationError
from pyspec.model.state import State
from pyspec.model.values import Atom, Map, Rec, Value, ordered, show

T = TypeVar("T")
Set = frozenset[Value]
Items = tuple[Value, ...]

GREATEST = 2**63 - 1
LEAST = -(2**63)


def _whole(value: int, text: str) -> int:
    if not LEAST <= value <= GREATEST:
        raise EvaluationError("overflow", f"{text} leaves 64 bits")
    return value


def add(left: int, right: int) -> int:
    """The sum."""
    return _whole(left + right, f"{left} + {right}")


def sub(left: int, right: int) -> int:
    """The difference."""
    return _whole(left - right, f"{left} - {right}")


def mul(left: int, right: int) -> int:
    """The product."""
    return _whole(left * right, f"{left} * {right}")


def neg(item: int) -> int:
    """The negation."""
    return _whole(-item, f"-({item})")


def absolute(item: int) -> int:
    """The absolute value."""
    return _whole(abs(item), f"abs({item})")


def div(left: int, right: int) -> int:
    """The quotient, rounded toward minus infinity."""
    if right == 0:
        raise EvaluationError("division", f"{left} // 0")
    return _whole(left // right, f"{left} // {right}")


def mod(left: int, right: int) -> int:
    """The remainder, with the sign of the divisor."""
    if right == 0:
        raise EvaluationError("division", f"{left} % 0")
    return left % right


def succ(item: Atom, values: Items) -> Value:
    """The next member of an enum or ordered sort with these values."""
    if item.index + 1 >= len(values):
        raise EvaluationError("order", f"{item} is the last of {item.type}")
    return values[item.index + 1]


def pred(item: Atom, values: Items) -> Value:
    """The previous member of an enum or ordered sort with these values."""
    if item.index == 0:
        raise EvaluationError("order", f"{item} is the first of {item.type}")
    return values[item.index - 1]


# ------------------------------------------------------------------------------------------------- sets


def elements(items: Iterable[Value]) -> Items:
    """What a set or a sequence holds, in the order in which binders visit it."""
    return ordered(items) if isinstance(items, frozenset) else tuple(items)


def subsets(items: Set) -> Set:
    """All subsets."""
    if len(items) > 16:
        raise EvaluationError("capacity", f"a set of {len(items)} elements has too many subsets to list")
    sizes = range(len(items) + 1)
    return frozenset(frozenset(part) for size in sizes for part in itertools.combinations(items, size))


def flatten(items: Iterable[Set]) -> Set:
    """The union of the members."""
    return frozenset(item for part in items for item in part)


def least(items: Set) -> Value:
    """The least element."""
    if not items:
        raise EvaluationError("empty", "min of an empty set")
    return ordered(items)[0]


def greatest(items: Set) -> Value:
    """The greatest element."""
    if not items:
        raise EvaluationError("empty", "max of an empty set")
    return ordered(items)[-1]


def only(items: Set) -> Value:
    """The one element."""
    if len(items) != 1:
        raise EvaluationError("empty", f"{show(items)} has {len(items)} elements, not one")
    (item,) = items
    return item


def each(low: int, high: int) -> range:
    """The integers from low to high, both included, in order."""
    if high - low >= LISTABLE:
        raise EvaluationError("capacity", f"{low}..{high} has too many elements to list")
    return range(low, high + 1)


def interval(low: int, high: int) -> Set:
    """The set of the integers from low to high, both included."""
    return frozenset(each(low, high))


def choose(items: Iterable[Value], test: Callable[..., bool] | None = None) -> Value:
    """The first element, in canonical order, that passes the test."""
    for item in elements(items):
        if test is None or test(item):
            return item
    raise EvaluationError("empty", f"no element of {show(frozenset(items))} satisfies the condition")


def fold(start: T, items: Iterable[Value], step: Callable[[T, Value], T]) -> T:
    """The step applied to each item in turn."""
    for item in elements(items):
        start = step(start, item)
    return start


# -------------------------------------------------------------------------------------------- sequences


def at(items: Items, index: int) -> Value:
    """The item at an index, from 0."""
    if not 0 <= index < len(items):
        raise EvaluationError("index", f"index {index} of a sequence of length {len(items)}: {show(items)}")
    return items[index]


def first(items: Items) -> Value:
    """The first item."""
    if not items:
        raise EvaluationError("empty", "first of an empty sequence")
    return items[0]


def last(items: Items) -> Value:
    """The last item."""
    if not items:
        raise EvaluationError("empty", "last of an empty sequence")
    return items[-1]


def part(items: Items, low: int, high: int) -> Items:
    """Items low..high-1; empty when high <= low."""
    if low < 0 or high > len(items):
        raise EvaluationError("index", f"[{low}:{high}] of a sequence of length {len(items)}: {show(items)}")
    return items[low:high] if low < high else ()


def is_prefix(short: Items, long: Items) -> bool:
    """Whether the first is a prefix of the second."""
    return long[: len(short)] == short


def replaced(items: Items, index: int, value: Value) -> Items:
    """The sequence but for one item."""
    at(items, index)
    return (*items[:index], value, *items[index + 1 :])


# ------------------------------------------------------------------------------ maps, records, options


def look(items: Map, key: Value) -> Value:
    """The value of a key."""
    try:
        return items[key]
    except KeyError:
        raise EvaluationError("key", f"{show(key)} is not a key of {show(items)}") from None


def put(items: Map, key: Value, value: Value) -> Map:
    """The map but for the value of one key."""
    look(items, key)
    return items.put(key, value)


def stored(whole: Value, path: tuple[Value, ...], value: Value, of: ty.Type | None = None, place: str = "") -> Value:
    """A map, sequence or record with the cell at the end of a path replaced. Every cell on the way must exist; then the
    value must fit the type of the place (None: it always does)."""
    if not path:
        return value if of is None else fits(value, of, place)
    key, rest = path[0], path[1:]
    if isinstance(whole, Rec):
        assert isinstance(key, str)
        return whole._with(key, stored(whole[key], rest, value, of, place))
    if isinstance(whole, Map):
        return whole.put(key, stored(look(whole, key), rest, value, of, place))
    assert isinstance(whole, tuple) and isinstance(key, int)
    return replaced(whole, key, stored(at(whole, key), rest, value, of, place))


def with_field(item: Rec, name: str, value: Value) -> Rec:
    """The record but for one field."""
    return item._with(name, value)


def unwrap(item: T | None) -> T:
    """The value of an option that is not none."""
    if item is None:
        raise EvaluationError("none", "the value of an option that is none")
    return item


def or_else(item: Value, other: Callable[[], Value]) -> Value:
    """The value of an option, or else the other one."""
    return other() if item is None else item


def field_of_case(item: Rec, case: str, name: str) -> Value:
    """A field of a union value that must be of the given case."""
    if item._name != case:
        raise EvaluationError("case", f"{show(item)} is not a {case}: it has no field {name} of that case")
    return item[name]


def let(value: T, body: Callable[[T], Value]) -> Value:
    """A named value in an expression."""
    return body(value)


def in_range(value: int, low: int, high: int, place: str) -> int:
    """The value, which must be in the range of the place it is stored in."""
    if not low <= value <= high:
        fits(value, ty.Range(low, high), place)
    return value


class Names(tuple[Atom, ...]):
    """The members of an enum or the elements of a sort, in order, and each as an attribute."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Atom:
        for item in self:
            if item.name == name:
                return item
        raise AttributeError(name)


def names(of: ty.Enum | ty.Sort) -> Names:
    """The members of an enum or the elements of a sort."""
    return Names(values_of(of))  # type: ignore[arg-type]


def check(condition: bool, message: str) -> None:
    """An assert statement of the specification."""
    if not condition:
        raise EvaluationError("assertion", message)


__all__ = [
    "State", "absolute", "add", "at", "check", "choose", "div", "domain", "each", "elements", "field_of_case", "first",
    "fits", "flatten", "fold", "greatest", "in_range", "interval", "is_prefix", "last", "least", "let", "look", "mod",
    "mul", "names", "neg", "only", "or_else", "part", "pred", "put", "replaced", "stored", "sub", "subsets", "succ",
    "unwrap", "with_field",
]  # fmt: skip
