"""The state graph, or its quotient by a projection: a node for each value of the projection, an edge wherever some
explored step leads from a state with the one value to a state with the other. Exact: every explored step is counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pyspec.base.diagnostics import error
from pyspec.draw.explored import Explored
from pyspec.draw.graph import Edge, Graph, Node
from pyspec.draw.metrics import wrap, wrap_names
from pyspec.draw.parties import GLOBAL, action_text, parties
from pyspec.draw.sizes import DETAIL, LABEL, TITLE
from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.model.story import label
from pyspec.model.trace import Trace
from pyspec.model.values import Atom, Map, Value, show, sort_key

MOST_NODES = 30  # more are a hairball
MOST_EDGES = 75
NODE_WIDTH = 220.0
LABEL_WIDTH = 150.0
WHOLE = (
    'say what matters with --by, for example --by "s in Server: s.mode", or take a smaller model (-m, -c NAME=VALUE)'
)
LESS = "project to less, take a smaller model (-m, -c NAME=VALUE), or allow more with --max-nodes"

Pair = tuple[int, int]


@dataclass
class Quotient:
    """Nodes are the values of the projection in the order they were met. `edges`: pair of nodes -> number of each
    action -> the first explored step (source, target) of that kind. `states`: how many states each node stands for."""

    values: list[tuple[Value, ...]] = field(default_factory=list)
    edges: dict[Pair, dict[int, Pair]] = field(default_factory=dict)
    states: list[int] = field(default_factory=list)
    first: list[int] = field(default_factory=list)  # the first state of each node
    initial: set[int] = field(default_factory=set)


def quotient(explored: Explored, projected: Sequence[Sequence[tuple[Value, ...]]]) -> Quotient:
    """The quotient by a projection: `projected` has for each state its value, or its value for each member (the graph
    then shows what one member can do; a step of the graph is a step in which that member's value changes, or an
    action of anyone that keeps it)."""
    found = Quotient()
    numbers: dict[tuple[Value, ...], int] = {}
    rows: list[tuple[int, ...]] = []
    for state, values in enumerate(projected):
        for value in values:
            if value not in numbers:
                numbers[value] = len(found.values)
                found.values.append(value)
                found.states.append(0)
                found.first.append(state)
        row = tuple(numbers[value] for value in values)
        rows.append(row)
        for node in dict.fromkeys(row):
            found.states[node] += 1
    found.initial = {node for state in explored.initial() for node in rows[state]}
    for source, action, target in explored.transitions():
        for pair in dict.fromkeys(zip(rows[source], rows[target], strict=True)):
            found.edges.setdefault(pair, {}).setdefault(action, (source, target))
    return ordered(explored, found)


def whole(explored: Explored) -> Quotient:
    """The state graph itself: each state is its own node."""
    return quotient(explored, [[tuple(state.values().values())] for state in explored.states])


def ordered(explored: Explored, found: Quotient) -> Quotient:
    """The quotient with its nodes by their distance from the initial ones, then by value: the same, whichever engine
    explored."""
    depths = explored.depths()
    order = sorted(
        range(len(found.values)), key=lambda n: (depths[found.first[n]], tuple(map(sort_key, found.values[n])))
    )
    place = {old: new for new, old in enumerate(order)}
    edges = {(place[a], place[b]): actions for (a, b), actions in found.edges.items()}
    return Quotient(
        [found.values[n] for n in order],
        dict(sorted(edges.items())),
        [found.states[n] for n in order],
        [found.first[n] for n in order],
        {place[n] for n in found.initial},
    )


def projected(explored: Explored, member: bool) -> list[list[tuple[Value, ...]]]:
    """The value of each state, or with `member` its value for each member, by the view of the instance, which is one
    of `pyspec.lang.projection`. Raises EvaluationError."""
    found: list[list[tuple[Value, ...]]] = []
    for state in explored.states:
        value = explored.machine.view(state)
        rows = list(value.values()) if member and isinstance(value, Map) else [value]
        found.append([tuple(row[:-1]) for row in rows if isinstance(row, tuple)])
    return found


# ------------------------------------------------------------------------------------------------ drawing


@dataclass(frozen=True)
class Column:
    """One expression of the projection: what it is called, and the type of its values."""

    label: str
    type: ty.Type | None


def columns(spec: core.Spec, labels: tuple[str, ...], view: core.Expr | None) -> tuple[Column, ...]:
    """The expressions of a projection with their types."""
    kind = view.type if view is not None else None
    if isinstance(kind, ty.Map):
        kind = kind.value
    types: tuple[ty.Type | None, ...] = kind.items if isinstance(kind, ty.Tuple) else (None,) * len(labels)
    return tuple(Column(name, of) for name, of in zip(labels, types))


@dataclass(frozen=True)
class Request:
    """How a quotient is to be drawn. `by`: the projection as written, None: the whole graph; `model`: the name of the
    model; `stutter`: with the steps that stay within a node; `links`: pair of nodes -> where its witness is."""

    model: str
    by: str | None = None
    shown: tuple[Column, ...] = ()
    stutter: bool = False
    most: int = MOST_NODES
    links: Mapping[Pair, str] = field(default_factory=dict)


def pairs_of(found: Quotient, request: Request) -> list[Pair]:
    """The edges that are drawn. Raises SpecError if the graph is too large to read."""
    pairs = [pair for pair in found.edges if request.stutter or pair[0] != pair[1]]
    if len(found.values) > request.most or len(pairs) > MOST_EDGES * request.most / MOST_NODES:
        size = f"{len(found.values):,} nodes and {len(pairs):,} edges"
        raise error("E0801", f"this graph has {size}: too many to read", hint=WHOLE if request.by is None else LESS)
    return pairs


def picture(explored: Explored, found: Quotient, request: Request) -> Graph:
    """The quotient as a graph. Raises SpecError if it is too large to read."""
    spec = explored.instance.spec
    pairs = pairs_of(found, request)
    about = _about(explored, request)
    return Graph(
        name=f"{spec.name}-states",
        title=f"{spec.name}: " + ("the whole state graph" if request.by is None else f"states by {request.by}"),
        about=about,
        nodes=tuple(_node(explored, found, n, request.shown, spec) for n in range(len(found.values))),
        edges=tuple(_edge(explored, found, pair, request.links.get(pair, "")) for pair in pairs),
        kind="graph",
        notes=(about, *_limits(explored)),
    )


def _about(explored: Explored, request: Request) -> str:
    of = f"{len(explored.states):,} states and {len(explored.edges) // 3:,} steps of model {request.model}"
    return f"All {of}." if request.by is None else f"Exact: every one of the {of} is in a node or on an edge."


def _limits(explored: Explored) -> tuple[str, ...]:
    return ("States beyond the limit of the model are left out.",) if explored.beyond else ()


def _node(explored: Explored, found: Quotient, number: int, shown: tuple[Column, ...], spec: core.Spec) -> Node:
    pairs = list(zip(shown, found.values[number]))
    lone = len(pairs) == 1 and isinstance(pairs[0][1], Atom)
    lines = [show(v, c.type) if lone else f"{c.label} = {show(v, c.type)}" for c, v in pairs]
    title = tuple(wrap(lines[0], TITLE, NODE_WIDTH, bold=True)) if lone else ()
    detail = () if lone else tuple(part for line in lines for part in wrap(line, DETAIL, NODE_WIDTH))
    count, depth = found.states[number], explored.depth(found.first[number])
    tip = f"{count:,} state{'s' if count > 1 else ''}; first reached in {depth} steps"
    return Node(f"{number}", title, detail, "state", _hue(pairs, spec), number in found.initial, tip=tip)


def _hue(pairs: list[tuple[Column, Value]], spec: core.Spec) -> str:
    """Nodes of a quotient have the colour of the first role: they are states, not actors."""
    who = parties(spec)
    return who.hue(who.names[0]) if who.names else who.hue(GLOBAL)


def _edge(explored: Explored, found: Quotient, pair: Pair, link: str) -> Edge:
    runners = explored.machine.runners
    actions = found.edges[pair]
    names = dict.fromkeys(action_text(runners[number].action) for number in sorted(actions))
    faults = all(runners[number].action.kind == "fault" for number in actions)
    text = tuple(wrap_names(names, LABEL, LABEL_WIDTH))
    trace = witness(explored, found, pair)
    steps = [f"{n}. {label(trace, step)}" for n, step in enumerate(trace.steps) if n]
    tip = "\n".join(["A shortest run that takes this edge:", *steps])
    return Edge(str(pair[0]), str(pair[1]), text, "solid", "bad" if faults else "line", tip, link)


def witness(explored: Explored, found: Quotient, pair: Pair) -> Trace:
    """A shortest run that takes an edge."""
    number, (source, target) = min(found.edges[pair].items(), key=lambda item: item[1])
    return explored.trace_to(source, number, target)
