"""The specification as the harness uses it: one large instance, its actions by name, what its invariants read."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from pathlib import Path

from pyspec.lang import core, load_spec
from pyspec.model.errors import EvaluationError
from pyspec.model.instance import Instance, instantiate
from pyspec.model.machine import Machine, Runner
from pyspec.model.state import State
from pyspec.model.values import Atom, Value
from pyspec.model.walk import nodes

SPECS = Path(__file__).resolve().parents[2] / "specs"


_loaded = cache(load_spec)
"""A specification is read once for all numbers of nodes."""


class Beyond(Exception):
    """A run has come further than the specification's sizes reach: nothing is known of what follows."""


class Abstract:
    """An instance of a specification whose actions are run with given arguments only.

    `refines` is left out: it relates the specification to a more abstract one, which is not the question here.
    """

    def __init__(
        self,
        path: Path,
        model: str | None,
        sizes: Mapping[str, object],
        unwatched: frozenset[str] = frozenset(),
        start: Mapping[str, Value] | None = None,
    ) -> None:
        spec = _loaded(path)
        properties = tuple(prop for prop in spec.properties if prop.kind != "refines" and prop.name not in unwatched)
        plain = dataclasses.replace(spec, refines=(), properties=properties)
        self.path = path
        self.start = dict(start or {})
        self.instance: Instance = instantiate(plain, model, dict(sizes))
        self.machine = Machine(self.instance)
        self.runners: dict[str, Runner] = {runner.name: runner for runner in self.machine.runners}
        self.attribute = {name: attribute for attribute, name in self.machine.State.NAMES.items()}
        messages = {info.type.name: info for info in self.instance.spec.messages}
        self.pools = {name: info.var for name, info in messages.items() if info.network == "set"}
        self.stable = frozenset(var.name for var in self.instance.spec.vars if var.stable and var.kind == "field")

    @cached_property
    def initial(self) -> State:
        """The initial state in which variables have the values that the mapping asks for; there must be one."""
        states = self.machine.initial()
        (state,) = [one for one in states if all(one.values()[name] == value for name, value in self.start.items())]
        return state

    def atom(self, sort: str, name: str) -> Atom:
        """An element of a sort or a member of an enum by its name. Raises Beyond where the sort has none of it."""
        found = self._atoms.get((sort, name))
        if found is None:
            raise Beyond(f"{sort} has no element {name}")
        return found

    @cached_property
    def _atoms(self) -> dict[tuple[str, str], Atom]:
        from pyspec.lang import types as ty

        named = self.instance.spec.types
        return {
            (sort, member): Atom(sort, place, member)
            for sort, kind in named.items()
            for place, member in enumerate(_members(kind, ty))
        }

    @cached_property
    def invariants(self) -> tuple[tuple[str, frozenset[str]], ...]:
        """Each invariant with the variables it reads."""
        return tuple(
            (prop.name, self._reads(prop.body)) for prop in self.instance.spec.properties if prop.kind == "invariant"
        )

    @cached_property
    def step_properties(self) -> tuple[tuple[str, frozenset[str]], ...]:
        """Each step property with the variables it reads."""
        return tuple(
            (prop.name, self._reads(prop.body)) for prop in self.instance.spec.properties if prop.kind == "step"
        )

    def _reads(self, expr: core.Expr) -> frozenset[str]:
        functions = {function.name: function for function in self.instance.spec.functions}
        found: set[str] = set()
        seen: set[str] = set()
        todo: list[object] = [expr]
        while todo:
            for node in nodes(todo.pop()):
                if isinstance(node, core.StateVar):
                    found.add(node.name)
                elif isinstance(node, core.Call) and node.name not in seen:
                    seen.add(node.name)
                    todo.append(functions[node.name].body)
        return frozenset(found)

    def broken(self, state: State, changed: frozenset[str], without: frozenset[str] = frozenset()) -> Iterator[str]:
        """The invariants that are false in a state; only those that read what has changed."""
        for name, reads in self.invariants:
            if reads & changed and name not in without and not self.holds(name, state, None):
                yield name

    def broken_step(self, before: State, after: State, changed: frozenset[str]) -> Iterator[str]:
        """The step properties that are false from one state to the next; only those that read what has changed."""
        for name, reads in self.step_properties:
            if reads & changed and not self.holds(name, before, after):
                yield name

    def holds(self, name: str, state: State, after: State | None) -> bool:
        """Whether an invariant holds in a state, or a step property from one state to the next."""
        try:
            return self.machine.holds(name, state, after)
        except EvaluationError:
            return False

    def property(self, name: str) -> core.Property:
        """A property by name."""
        return next(prop for prop in self.instance.spec.properties if prop.name == name)


def _members(kind: object, ty: object) -> tuple[str, ...]:
    from pyspec.lang import types

    if isinstance(kind, types.Sort):
        return tuple(kind.elements or ())
    return kind.members if isinstance(kind, types.Enum) else ()


def at(state: State, attribute: str, path: tuple[Value, ...]) -> Value:
    """The value of a variable, or of one cell of it."""
    value: Value = getattr(state, attribute)
    for key in path:
        value = value[key]  # type: ignore[index]
    return value
