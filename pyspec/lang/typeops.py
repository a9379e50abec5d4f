"""Comparing, joining and naming types."""

from __future__ import annotations

from collections.abc import Callable

from pyspec.lang import types as t

INT, BOOL = t.Int(), t.Bool()


def same(a: t.Type, b: t.Type) -> bool:
    """Whether two types have the same values; ranges and capacities aside, which are checked by stores."""
    a, b = _plain(a), _plain(b)
    if type(a) is not type(b):
        return False
    if isinstance(a, (t.Enum, t.Sort, t.Record, t.Union)):
        return bool(a.name == b.name)  # type: ignore[attr-defined]
    if isinstance(a, t.Tuple) and isinstance(b, t.Tuple):
        return len(a.items) == len(b.items) and all(map(same, a.items, b.items))
    if isinstance(a, t.Map) and isinstance(b, t.Map):
        return same(a.key, b.key) and same(a.value, b.value)
    if isinstance(a, (t.Option, t.Set, t.Bag, t.Seq)):
        return same(a.item, b.item)  # type: ignore[attr-defined]
    return True


def _plain(a: t.Type) -> t.Type:
    return INT if isinstance(a, t.Range) else a


def join(a: t.Type, b: t.Type) -> t.Type | None:
    """The type that holds both: the same, or an option of one of them."""
    if same(a, b):
        return _wider(a, b)
    if isinstance(a, t.Option) and same(a.item, b):
        return a
    if isinstance(b, t.Option) and same(b.item, a):
        return b
    return None


def _wider(a: t.Type, b: t.Type) -> t.Type:
    return a if a == b else value_type(a)


def value_type(a: t.Type) -> t.Type:
    """The type of an expression that reads a place of this type: ranges become `int`, capacities are dropped."""
    change = _VALUE.get(type(a))
    return a if change is None else change(a)


_VALUE: dict[type, Callable[..., t.Type]] = {
    t.Range: lambda a: INT,
    t.Option: lambda a: t.Option(value_type(a.item)),
    t.Tuple: lambda a: t.Tuple(tuple(map(value_type, a.items))),
    t.Set: lambda a: t.Set(value_type(a.item)),
    t.Bag: lambda a: t.Bag(value_type(a.item)),
    t.Seq: lambda a: t.Seq(value_type(a.item)),
}


def show(a: t.Type) -> str:
    """A type as it is written."""
    return _SHOW[type(a)](a)


def _bound(b: object) -> str:
    return str(b) if isinstance(b, int) else str(getattr(b, "value", getattr(b, "name", "...")))


_SHOW: dict[type, Callable[..., str]] = {
    t.Bool: lambda a: "bool",
    t.Int: lambda a: "int",
    t.Range: lambda a: f"{_bound(a.lo)}..{_bound(a.hi)}",
    t.Enum: lambda a: str(a.name),
    t.Sort: lambda a: str(a.name),
    t.Record: lambda a: str(a.name),
    t.Union: lambda a: str(a.name),
    t.Option: lambda a: show(a.item) + "?",
    t.Tuple: lambda a: "(" + ", ".join(map(show, a.items)) + ")",
    t.Set: lambda a: f"set[{show(a.item)}]",
    t.Bag: lambda a: f"bag[{show(a.item)}]",
    t.Seq: lambda a: f"seq[{show(a.item)}]",
    t.Map: lambda a: f"map[{show(a.key)}, {show(a.value)}]",
}


def ordered(a: t.Type) -> bool:
    """Whether values of this type are compared with `<`."""
    return isinstance(a, (t.Int, t.Range, t.Enum)) or (isinstance(a, t.Sort) and a.ordered)


def article(a: t.Type) -> str:
    """`a set[RM]`, `an int`: for messages."""
    name = show(a)
    return f"an {name}" if name[0] in "aeiouAEIO" else f"a {name}"
