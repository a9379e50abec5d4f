"""Types and constant values as Python source."""

from __future__ import annotations

from collections.abc import Callable

from pyspec.lang import types as ty
from pyspec.model.layout import quoted
from pyspec.model.pynames import Naming, member
from pyspec.model.values import Atom, Bag, Map, Rec, Value, ordered


class TypeTable:
    """The types that a generated module has to name, each written when it is first asked for."""

    def __init__(self, names: Naming) -> None:
        self.names = names
        self.lines: list[str] = []
        self._done: dict[ty.Type, str] = {}

    def name(self, of: ty.Type, wish: str) -> str:
        """The name of a module-level constant for a type."""
        if of not in self._done:
            right = self.text(of)
            name = right
            if not right.endswith("_type"):
                name = self.names.of("constant type", str(len(self._done)), wish)
                self.lines.append(f"{name} = {right}")
            self._done[of] = name
        return self._done[of]

    def text(self, of: ty.Type) -> str:
        """A type as Python source; enums, sorts, records and unions by name."""
        return _TEXT[type(of)](self, of)

    def named(self, of: ty.Enum | ty.Sort | ty.Record | ty.Union) -> str:
        """The module-level name of a named type."""
        if of not in self._done:
            right = _DEFINE[type(of)](self, of)
            name = self.names.of("type value", of.name, f"{of.name}_type")
            self.lines.append(f"{name} = {right}")
            self._done[of] = name
        return self._done[of]


def _fields(self: TypeTable, of: ty.Record) -> str:
    inner = ", ".join(f"({quoted(name)}, {self.text(kind)})" for name, kind in of.fields)
    return f"({inner},)" if len(of.fields) == 1 else f"({inner})"


def _record(self: TypeTable, of: ty.Record) -> str:
    return f"ty.Record({quoted(of.name)}, {_fields(self, of)}" + (", message=True)" if of.message else ")")


def _union(self: TypeTable, of: ty.Union) -> str:
    inner = ", ".join(_record(self, case) for case in of.cases)
    return f"ty.Union({quoted(of.name)}, ({inner},))"


def _sort(self: TypeTable, of: ty.Sort) -> str:
    return f"ty.Sort({quoted(of.name)}, {'ordered=True, ' if of.ordered else ''}elements={quoted(of.elements or ())})"


def _many(name: str) -> Callable[..., str]:
    def write(self: TypeTable, of: ty.Set | ty.Bag | ty.Seq) -> str:
        return f"ty.{name}({self.text(of.item)}" + (")" if of.capacity is None else f", capacity={of.capacity})")

    return write


_DEFINE: dict[type, Callable[..., str]] = {
    ty.Enum: lambda self, of: f"ty.Enum({quoted(of.name)}, {quoted(of.members)})",
    ty.Sort: _sort,
    ty.Record: _record,
    ty.Union: _union,
}

_TEXT: dict[type, Callable[..., str]] = {
    ty.Bool: lambda self, of: "ty.Bool()",
    ty.Int: lambda self, of: "ty.Int()",
    ty.Range: lambda self, of: f"ty.Range({of.lo}, {of.hi})",
    ty.Enum: TypeTable.named,
    ty.Sort: TypeTable.named,
    ty.Record: TypeTable.named,
    ty.Union: TypeTable.named,
    ty.Option: lambda self, of: f"ty.Option({self.text(of.item)})",
    ty.Tuple: lambda self, of: "ty.Tuple((" + "".join(self.text(part) + ", " for part in of.items).rstrip() + "))",
    ty.Set: _many("Set"),
    ty.Bag: _many("Bag"),
    ty.Seq: _many("Seq"),
    ty.Map: lambda self, of: f"ty.Map({self.text(of.key)}, {self.text(of.value)})",
}


def literal(value: Value, names: Naming) -> str:
    """A constant value as Python source."""
    return _LITERAL[type(value)](value, names)


def _sequence(value: tuple[Value, ...], names: Naming) -> str:
    inner = ", ".join(literal(item, names) for item in value)
    return f"({inner},)" if len(value) == 1 else f"({inner})"


def _rec(value: Rec, names: Naming) -> str:
    position = f", {value._index}" if value._index else ""
    return f"Rec({quoted(value._name)}, {quoted(value._names)}, {_sequence(value._values, names)}{position})"


def _set(value: frozenset[Value], names: Naming) -> str:
    inner = ", ".join(literal(item, names) for item in ordered(value))
    return f"frozenset({{{inner}}})" if inner else "frozenset()"


def _map(value: Map, names: Naming) -> str:
    return "Map({" + ", ".join(f"{literal(k, names)}: {literal(v, names)}" for k, v in value.items()) + "})"


_LITERAL: dict[type, Callable[..., str]] = {
    type(None): lambda value, names: "None",
    bool: lambda value, names: str(value),
    int: lambda value, names: str(value),
    Atom: lambda value, names: member(names.of("type", value.type), value.name, value.index),
    tuple: _sequence,
    Rec: _rec,
    frozenset: _set,
    Bag: lambda value, names: "Bag([" + ", ".join(literal(item, names) for item in value) + "])",
    Map: _map,
}
