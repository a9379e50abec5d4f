"""The state machines of a specification: one for each variable whose values are members of an enum. Transitions are
read from the actions; those that no guard decides are looked up among the explored steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pyspec.draw.abstract import Look, TooMany, outcomes
from pyspec.draw.graph import Edge, Graph, Node
from pyspec.draw.metrics import wrap_names
from pyspec.draw.observed import Observed, Seen
from pyspec.draw.parties import GLOBAL, action_text, parties
from pyspec.draw.sizes import LABEL
from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.lang.unparse import expr_text
from pyspec.model.instance import Instance
from pyspec.model.walk import nodes

GREY = "grey"  # the hue of what is never reached
LABEL_WIDTH = 170.0  # pixels
MODEL = "Where no guard decides, what occurs in model {} is drawn."
DOUBT = "Dashed: no guard forbids it, but it was not met in the states of the model that were looked at."


@dataclass(frozen=True)
class Move:
    """A transition. `sure`: a guard of the action speaks of the value before; else it may be one of another size of
    model only, or of none."""

    before: str
    after: str
    action: str
    sure: bool

    @property
    def seen(self) -> Seen:
        """How it would be observed."""
        return self.before, self.after, self.action


def mode_vars(spec: core.Spec) -> tuple[core.Var, ...]:
    """The variables with a state machine: an enum, or an enum for each node, that some action assigns."""
    assigned = {node.var for action in spec.actions for node in nodes(action) if isinstance(node, core.Assign)}
    return tuple(var for var in spec.vars if not var.ghost and var.name in assigned and _enum(var) is not None)


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


def machine(
    spec: core.Spec,
    var: core.Var,
    observed: Observed | None = None,
    instance: Instance | None = None,
    flaws: tuple[str, ...] = (),
) -> Graph:
    """The state machine of a variable as a graph. A transition that is not sure is left out if all steps of the model
    were observed and none is of its kind; it is dashed if that is open."""
    enum = _enum(var)
    assert enum is not None
    who = parties(spec).of_var(var)
    hue = parties(spec).hue(who)
    met = observed.of(var.name) if observed is not None else set()
    complete = observed is not None and observed.complete
    every = moves(spec, var, flaws)
    kept = [m for m in every if m.sure or not complete or m.seen in met]
    start = initial_members(var, instance)
    lost = _unreachable(enum.members, start, kept)
    kept = [m for m in kept if m.before not in lost]
    doubtful = [m for m in kept if not m.sure and m.seen not in met]
    title = var.name if who == GLOBAL or var.name.startswith(f"{who}.") else f"{var.name} of a {who}"
    return Graph(
        name=f"{spec.name}-{var.name}",
        title=f"{spec.name}: {title}",
        about=f"State machine of {var.name} in the protocol {spec.name}.",
        nodes=tuple(Node(m, (m,), hue=GREY if m in lost else hue, initial=m in start) for m in enum.members),
        edges=tuple(_edges(spec, kept, set(doubtful))),
        kind="machine",
        notes=tuple(_notes(doubtful, lost, instance if kept != list(every) else None)),
    )


def _notes(doubtful: list[Move], lost: set[str], instance: Instance | None) -> Iterator[str]:
    if doubtful:
        yield DOUBT
    elif instance is not None:
        yield MODEL.format(instance.model.name)
    if lost:
        yield f"Never reached: {', '.join(sorted(lost))}."


def _unreachable(members: tuple[str, ...], start: set[str], kept: list[Move]) -> set[str]:
    """The members that no drawn transition leads to, if it is known where it begins."""
    reached = set(start)
    for _ in members:
        reached |= {move.after for move in kept if move.before in reached}
    return set(members) - reached if start else set()


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
            text = tuple(wrap_names(dict.fromkeys(labels), LABEL, LABEL_WIDTH))
            ink = "bad" if style == "fault" else "line"
            yield Edge(before, after, text, "dashed" if style == "dashed" else "solid", ink)


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
