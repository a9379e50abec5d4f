"""Sets of messages of which it is only ever asked whether one is in them: more in them excludes nothing.

A state with more messages in such sets, and everything else the same, explains all that one with fewer does: the latter
need not be followed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pyspec.conform.machine import FastModel
from pyspec.conform.rt import State
from pyspec.conform.typed import TypedMapping
from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.model.domains import bound
from pyspec.model.walk import nodes, parts

PATIENCE = 64
"""Events between two looks at the states that are followed, and one more for every HEAVY messages in them."""
HEAVY = 32


def growing(model: FastModel, mapping: TypedMapping) -> frozenset[str]:
    """The sets of messages that actions, and what a mapping asks, only receive from, add to, and want messages in."""
    spec = model.instance.spec
    pools = {var.name for var in spec.vars if var.kind == "pool" and _never_full(var.type, model.keep)}
    wanted = frozenset(_wanted(mapping))
    for body in _used(spec, {function.name for function in mapping.functions}):
        pools -= _looked_at(body, wanted)
    return frozenset(pools)


def _never_full(of: ty.Type, keep: int) -> bool:
    """Whether a set has no capacity, or forgets old messages long before it is reached."""
    return isinstance(of, ty.Set) and (of.capacity is None or 0 < 3 * keep <= bound(of.capacity))


def _wanted(mapping: TypedMapping) -> Iterator[str]:
    """The functions of conditions that must be true."""
    yield from (condition.function.name for condition in mapping.end)
    for rule in mapping.rules:
        for condition in (one for way in rule.ways for one in (*way.before, *way.after)):
            if condition.slot is None or rule.slots[condition.slot].path is True:
                yield condition.function.name


def _used(spec: core.Spec, roots: Iterable[str]) -> Iterator[core.Action | core.Function]:
    """The actions, these functions, and all functions that are called from there."""
    functions = {function.name: function for function in spec.functions}
    todo: list[core.Action | core.Function] = [*spec.actions, *(functions[name] for name in roots)]
    seen = set(roots)
    while todo:
        body = todo.pop()
        yield body
        called = {node.name for node in nodes(body) if isinstance(node, core.Call)} - seen
        seen |= called
        todo += [functions[name] for name in called if name in functions]


def _looked_at(body: core.Action | core.Function, wanted: frozenset[str]) -> set[str]:
    """The variables that a function or an action reads, but for the sets that it receives from, adds to, and wants a
    message in."""
    found: set[str] = set()
    todo: list[Any] = [*_wants(body.body)] if isinstance(body, core.Function) and body.name in wanted else [body]
    while todo:
        node = todo.pop()
        if isinstance(node, core.Param) and isinstance(node.domain, core.StateVar):
            continue
        if isinstance(node, core.When):
            todo += _wants(node.cond)
        elif isinstance(node, core.Assign) and isinstance(node.value, core.Op) and _adds(node):
            todo += node.value.args[1:]  # of the union: what is added
        elif isinstance(node, core.StateVar):
            found.add(node.name)
        else:
            found |= {node.var} if isinstance(node, core.Assign) else set()
            todo += parts(node)
    return found


def _wants(condition: core.Expr) -> Iterator[core.Expr]:
    """The parts of a condition that must be true, without the sets of which it is enough to have more."""
    if isinstance(condition, core.Op) and condition.op in ("and", "or"):
        for part in condition.args:
            yield from _wants(part)
    elif isinstance(condition, core.Op) and condition.op == "set.in" and isinstance(condition.args[1], core.StateVar):
        yield condition.args[0]
    else:
        yield condition


def _adds(node: core.Assign) -> bool:
    """Whether an assignment puts more into a set."""
    value = node.value
    if node.path or not isinstance(value, core.Op) or value.op != "set.union":
        return False
    first = value.args[0]
    return isinstance(first, core.StateVar) and first.name == node.var


class Covering:
    """Leaves out states that others stand for; it looks from time to time, since sets of messages are large."""

    def __init__(self, model: FastModel, sets: frozenset[str]) -> None:
        self._pools = tuple([model.attributes[name] for name in sets])
        self._rest = tuple([at for name, at in model.attributes.items() if name not in sets])
        self._next = 0

    def due(self, events: int) -> bool:
        """Whether it is time to look, after so many events."""
        return bool(self._pools) and events >= self._next

    def left(self, states: list[State], events: int) -> list[State]:
        """The states, in their order, without those that another one stands for."""
        groups: dict[tuple[Any, ...], list[State]] = {}
        for state in states:
            groups.setdefault(tuple([getattr(state, name) for name in self._rest]), []).append(state)
        kept = {id(state) for alike in groups.values() for state in self._largest(alike)}
        self._next = events + PATIENCE + sum(map(self._size, states)) // HEAVY
        return [state for state in states if id(state) in kept]

    def _largest(self, alike: list[State]) -> list[State]:
        found: list[State] = []
        for state in sorted(alike, key=self._size, reverse=True):
            if not any(self._covers(other, state) for other in found):
                found.append(state)
        return found

    def _size(self, state: State) -> int:
        return sum(len(getattr(state, name)) for name in self._pools)

    def _covers(self, larger: State, smaller: State) -> bool:
        """Whether one has all the messages of the other."""
        pairs = [(getattr(larger, name), getattr(smaller, name)) for name in self._pools]
        return all(one is other or one >= other for one, other in pairs)


__all__ = ["Covering", "growing"]
