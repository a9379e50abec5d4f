"""The state machines of a specification: one for each variable whose values are members of an enum. Transitions are
read from the actions; those that no guard decides are looked up among the explored steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pyspec.draw.abstract import Look, TooMany, outcomes
from pyspec.draw.explored import Explored
from pyspec.draw.graph import Edge, Graph, Node
from pyspec.draw.metrics import wrap
from pyspec.draw.parties import GLOBAL, action_text, parties
from pyspec.draw.sizes import LABEL
from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.lang.unparse import expr_text
from pyspec.model.instance import Instance
from pyspec.model.values import Atom, Map
from pyspec.model.walk import nodes

LABEL_WIDTH = 170.0  # pixels


@dataclass(frozen=True)
class Move:
    """A transition. `sure`: a guard of the action speaks of the value before; else it may be one of another size of
    model only, or of none."""

    before: str
    after: str
    action: str
    sure: bool


def mode_vars(spec: core.Spec) -> tuple[core.Var, ...]:
    """The variables with a state machine: an enum, or an enum for each node."""
    return tuple(var for var in spec.vars if not var.ghost and _enum(var) is not None)


def _enum(var: core.Var) -> ty.Enum | None:
    kind = var.type
    if isinstance(kind, ty.Map) and isinstance(kind.key, ty.Sort):
        kind = kind.value
    return kind if isinstance(kind, ty.Enum) else None


def moves(spec: core.Spec, var: core.Var, flaws: tuple[str, ...] = ()) -> tuple[Move, ...]:
    """Every transition that the actions of a specification allow, read from their text; never too few."""
    enum = _enum(var)
    assert enum is not None
    found: dict[Move, None] = {}
    for action in spec.actions:
        reach = _pairs(spec, action, var, enum, flaws)
        for (before, after), loop in reach.items():
            guarded = action.kind == "fault" or any((other, after) not in reach for other in enum.members)
            if before != after or (loop and guarded):
                found[Move(before, after, action.name, guarded)] = None
    return tuple(found)


def _pairs(
    spec: core.Spec, action: core.Action, var: core.Var, enum: ty.Enum, flaws: tuple[str, ...]
) -> dict[tuple[str, str], bool]:
    """(before, after) of an action, and for before == after whether that is worth showing."""
    scalar = not isinstance(var.type, ty.Map)
    consts: dict[str, object] = {flaw.name: flaw.name in flaws for flaw in spec.flaws}
    functions = {function.name: function for function in spec.functions}
    sort = var.type.key.name if isinstance(var.type, ty.Map) and isinstance(var.type.key, ty.Sort) else None
    look = Look(var.name, enum.members, scalar, functions, consts, sort)
    found: dict[tuple[str, str], bool] = {}
    for subject in subjects(action, var.name, scalar):
        for before in enum.members:
            try:
                ends = outcomes(action, subject, look, before)
            except TooMany:
                return {(p, q): p != q for p in enum.members for q in enum.members}
            stays = bool(ends) and all(e.assigned and e.value == before and e.other for e in ends)
            for end in ends:
                if end.assigned:
                    pair = (before, str(end.value))
                    found[pair] = found.get(pair, False) or (stays and action.kind != "fault")
    return found


def subjects(action: core.Action, var: str, scalar: bool) -> tuple[str | None, ...]:
    """The local names by which an action reaches entries of a variable that it assigns; None: some other way."""
    aliases = {
        node.name: node.value.name
        for node in nodes(action)
        if isinstance(node, core.Let) and isinstance(node.value, core.Local)
    }
    found: dict[str | None, None] = {}
    for node in nodes(action):
        if isinstance(node, core.Assign) and node.var == var:
            key = node.path[0].key if node.path and isinstance(node.path[0], core.IndexStep) else None
            name = key.name if isinstance(key, core.Local) else None
            while name in aliases:
                name = aliases[name]
            found[None if scalar else name] = None
    return tuple(found)


def seen(explored: Explored, var: core.Var) -> set[tuple[str, str, str]]:
    """(before, after, action) of every explored step that changes a variable, for each node."""
    names = [runner.name for runner in explored.machine.runners]
    values = [state.values()[var.name] for state in explored.states]
    met: set[tuple[object, object, int]] = {
        (values[source], values[target], action) for source, action, target in explored.transitions()
    }
    return {(p, q, names[a]) for old, new, a in met for p, q in _changed(old, new)}


def _changed(old: object, new: object) -> Iterator[tuple[str, str]]:
    if isinstance(old, Atom) and isinstance(new, Atom):
        if old is not new:
            yield old.name, new.name
    elif isinstance(old, Map) and isinstance(new, Map):
        for key in old:
            yield from _changed(old[key], new[key])


def machine(spec: core.Spec, var: core.Var, explored: Explored | None = None, flaws: tuple[str, ...] = ()) -> Graph:
    """The state machine of a variable as a graph. Transitions that are not sure are left out if the explored steps do
    not have them, and dashed if nothing complete was explored."""
    enum = _enum(var)
    assert enum is not None
    who = parties(spec).of_var(var)
    hue = parties(spec).hue(who)
    met = seen(explored, var) if explored is not None else set()
    complete = explored is not None and explored.complete
    kept = [m for m in moves(spec, var, flaws) if m.sure or not complete or _met(m, met)]
    start = initial_members(var, explored.instance if explored else None)
    doubtful = [m for m in kept if not m.sure and not _met(m, met)]
    notes = ("Dashed: no guard forbids it; the model is too large to see whether it occurs.",) if doubtful else ()
    title = var.name if who == GLOBAL or var.name.startswith(f"{who}.") else f"{var.name} of a {who}"
    return Graph(
        name=f"{spec.name}-{var.name}",
        title=f"{spec.name}: {title}",
        about=f"State machine of {var.name} in the protocol {spec.name}.",
        nodes=tuple(Node(m, (m,), hue=hue, initial=m in start) for m in enum.members),
        edges=tuple(_edges(spec, kept, set(doubtful))),
        kind="machine",
        notes=notes,
    )


def _met(move: Move, met: set[tuple[str, str, str]]) -> bool:
    return (move.before, move.after, move.action) in met


def _edges(spec: core.Spec, kept: list[Move], doubtful: set[Move]) -> Iterator[Edge]:
    actions = {action.name: action for action in spec.actions}
    faults = {name for name, action in actions.items() if action.kind == "fault"}
    for style in ("solid", "fault", "dashed"):
        grouped: dict[tuple[str, str], list[str]] = {}
        for move in kept:
            kind = "dashed" if move in doubtful else "fault" if move.action in faults else "solid"
            if kind == style and not (kind == "fault" and move.before == move.after):
                grouped.setdefault((move.before, move.after), []).append(action_text(actions[move.action]))
        for (before, after), labels in grouped.items():
            text = tuple(lines_of(dict.fromkeys(labels), LABEL_WIDTH))
            ink = "bad" if style == "fault" else "line"
            yield Edge(before, after, text, "dashed" if style == "dashed" else "solid", ink)


def lines_of(labels: dict[str, None], most: float) -> list[str]:
    """Names as lines of a label."""
    return wrap(", ".join(labels), LABEL, most)


def initial_members(var: core.Var, instance: Instance | None) -> set[str]:
    """The values that a variable may begin with, as far as its declaration tells."""
    enum = _enum(var)
    assert enum is not None
    start = var.init.body if isinstance(var.init, core.MapComp) else var.init
    if isinstance(start, core.Lit):
        return {str(start.value)}
    found = instance.var(var.name) if instance is not None else var
    root = found.init if found.init is not None else found.choices
    if root is None:
        return set()
    text = {str(node.value) for node in nodes(root) if isinstance(node, core.Lit) and node.type == enum}
    return text or (set(enum.members) if expr_text(root) else set())
