"""States of a generated model: immutable, hashable, readable, with the fields of a role grouped by its members."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any, ClassVar, Self

from pyspec.lang import types as ty
from pyspec.model.values import Map, Value, show


class State:
    """What every generated `State` inherits. `NAMES` gives the variable of the specification for each attribute,
    `TYPES` the concrete type of each variable."""

    __slots__ = ()
    NAMES: ClassVar[dict[str, str]] = {}
    TYPES: ClassVar[dict[str, ty.Type]] = {}

    def but(self, **changes: Value) -> Self:
        """This state with other values for some variables."""
        return type(self)(*(changes[name] if name in changes else getattr(self, name) for name in self.NAMES))

    def values(self) -> dict[str, Value]:
        """The value of each variable, by its name in the specification."""
        return {name: getattr(self, attribute) for attribute, name in self.NAMES.items()}

    @classmethod
    def of(cls, values: Mapping[str, Value]) -> Self:
        """The state in which each variable, by its name in the specification, has the given value."""
        return cls(*(values[name] for name in cls.NAMES.values()))

    def __getattr__(self, name: str) -> Group:
        if not name.startswith("_") and any(full.startswith(name + ".") for full in self.NAMES.values()):
            return Group(
                name, {full[len(name) + 1 :]: v for full, v in self.values().items() if full.startswith(name + ".")}
            )
        raise AttributeError(f"there is no variable or role {name}")

    def rows(self) -> Iterator[tuple[str, str]]:
        """Each variable and its value as text."""
        for name, value in self.values().items():
            yield name, show(value, self.TYPES.get(name))

    def __str__(self) -> str:
        return "\n".join(f"{name} = {value}" for name, value in self.rows())

    def __repr__(self) -> str:
        return "State(" + ", ".join(f"{name}={value}" for name, value in self.rows()) + ")"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(n)}</td><td><code>{html.escape(v)}</code></td></tr>" for n, v in self.rows()
        )
        return f"<table>{rows}</table>"


class Group:
    """The variables of one role (`state.Server[s].term`) or of the network (`state.network.Vote`)."""

    def __init__(self, name: str, members: Mapping[str, Value]) -> None:
        self._name, self._members = name, members

    def __getattr__(self, name: str) -> Value:
        try:
            return self._members[name]
        except KeyError:
            raise AttributeError(f"{self._name} has no {name}, only {', '.join(self._members)}") from None

    def __getitem__(self, key: Value) -> Group:
        cells = {name: value[key] for name, value in self._members.items() if isinstance(value, Map) and key in value}
        if not cells:
            raise KeyError(f"{show(key)} is not a {self._name}")
        return Group(f"{self._name}[{show(key)}]", cells)

    def __dir__(self) -> list[str]:
        return list(self._members)

    def __repr__(self) -> str:
        return f"{self._name}(" + ", ".join(f"{name}={show(value)}" for name, value in self._members.items()) + ")"


def attributes(state: type[State]) -> tuple[str, ...]:
    """The attribute names of a generated state class."""
    kind: Any = state
    return tuple(field.name for field in fields(kind))
