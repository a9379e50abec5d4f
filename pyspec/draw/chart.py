"""A trace as a message chart: a lane for each node, a row for each step, an arrow for each message received."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from pyspec.draw.flights import Flights, Message
from pyspec.draw.parties import GLOBAL, Parties, action_text, actors, parties
from pyspec.draw.protocol_map import variables_read
from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.model.instance import Instance
from pyspec.model.machine import Machine
from pyspec.model.state import State
from pyspec.model.story import changes, label
from pyspec.model.trace import Step, Trace
from pyspec.model.values import Atom, Map, Value, show


@dataclass(frozen=True)
class Lane:
    """A lifeline: a node, or `global` for what is nobody's."""

    name: str
    hue: str


@dataclass(frozen=True)
class Arrow:
    """A message on its way into a row. `sent_in` is the number of the step that sent it, None: before the trace, or by
    a Byzantine node. `kind`: "received", "read" (a guard looks at it) or "lost"."""

    text: str
    source: str
    target: str
    sent_in: int | None
    kind: str = "received"


@dataclass(frozen=True)
class Row:
    """One step: on which lane, what happens, what arrives, what is sent and never arrives, what changes on which
    lane. `kind`: "start", "action", "handler", "crash", "restart", "fault", "failed"."""

    number: int
    lane: str
    text: str
    kind: str
    arrows: tuple[Arrow, ...] = ()
    unreceived: tuple[str, ...] = ()
    changes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Chart:
    """A whole chart. `verdict` says why the property is false."""

    name: str
    title: str
    about: str
    lanes: tuple[Lane, ...]
    rows: tuple[Row, ...]
    loop_start: int | None = None
    verdict: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())


def chart(trace: Trace, name: str, title: str) -> Chart:
    """The chart of a trace, which must know its instance."""
    return _Charting(trace, name, title).chart()


class _Charting:
    """Goes through the steps of one trace once."""

    def __init__(self, trace: Trace, name: str, title: str) -> None:
        assert trace.instance is not None
        self.trace, self.name, self.title = trace, name, title
        self.instance: Instance = trace.instance
        self.parties: Parties = parties(self.instance.spec)
        self.nodes = _nodes(self.instance, self.parties)
        self.flights = Flights(self.instance.spec)
        self.ghosts = _silent_ghosts(trace, self.instance)
        kinds = ("pool", "channel", "budget", "up")
        self.hidden = {v.name for v in self.instance.spec.vars if v.kind in kinds or v.name in self.ghosts}
        self.unsaid = tuple(name + end for name in self.hidden for end in (":", "[", " ", "."))
        self.actions = {action.name: action for action in self.instance.spec.actions}

    def chart(self) -> Chart:
        steps = self.trace.steps
        self.flights.begin(steps[0].state)
        drafts = [*self._start(steps[0].state)]
        for number, step in enumerate(steps[1:], 1):
            drafts += self._rows(number, steps[number - 1], step)
        rows = [self._with_unreceived(row) for row in drafts]
        verdict: tuple[str, ...] = ()
        if self.trace.failing is not None:
            verdict = (f"{self.trace.failing.name} is false:", *self.trace.explanation())
        about = f"Message chart of a trace of {self.instance.spec.name} with {len(steps) - 1} steps."
        loop, notes = self.trace.loop_start, list(_legend(rows))
        if self.ghosts:
            notes.append(f"Changes of ghost variables are left out: {', '.join(self.ghosts)}.")
        return Chart(self.name, self.title, about, self._lanes(rows), tuple(rows), loop, verdict, tuple(notes))

    def _lanes(self, rows: list[Row]) -> tuple[Lane, ...]:
        """The lanes that something happens on, and those of all nodes of roles: a silent node is part of the story."""
        used = {row.lane for row in rows} | {lane for row in rows for lane, _ in row.changes}
        used |= {end for row in rows for arrow in row.arrows for end in (arrow.source, arrow.target)}
        roles = {role.sort for role in self.instance.spec.roles}
        used |= {name for sort in roles for name in self.instance.sort(sort).elements or ()}
        lanes = [Lane(node, hue) for node, hue in self.nodes.items() if node in used]
        return (*lanes, Lane(GLOBAL, self.parties.hue(GLOBAL))) if GLOBAL in used or not lanes else tuple(lanes)

    def _start(self, state: State | None) -> Iterator[Row]:
        """A row for the first state: all of it if it is no initial one or the only one, else where the initial ones
        differ."""
        if state is None:
            return
        firsts = [one.values() for one in Machine(self.instance).initial()]
        values = state.values()
        alone = values not in firsts or len(self.trace.steps) == 1
        shown = [name for name in values if alone or any(one[name] != values[name] for one in firsts)]
        news = [
            self._said(line) for n in shown if n not in self.hidden for line in _values(n, values[n], state, self.nodes)
        ]
        for message, count in self.flights.content(state).items():
            to = f" to {message.receiver}" if message.receiver else ""
            times = f" ({count} times)" if count > 1 else ""
            news.append((self._source(message, None), f"has sent {message.text}{to}{times}"))
        if news:
            said = self.trace.start if self.trace.start != "initial state" else "to begin with"
            yield Row(0, news[0][0], said, "start", (), (), tuple(news))

    def _said(self, line: str) -> tuple[str, str]:
        return _place(line, self.nodes) or (GLOBAL, _pretty(line))

    # ---------------------------------------------------------------------------------------------- rows

    def _rows(self, number: int, last: Step, step: Step) -> Iterator[Row]:
        action = self.actions.get(step.action or "")
        before = last.state
        if action is None or before is None:
            return
        arrows = self.flights.arrivals(action, step, before)
        lane = self._lane(action, step, arrows)
        news: tuple[tuple[str, str], ...] = ()
        if step.state is not None:
            self.flights.departures(number, lane, before, step.state, arrows)
            news = tuple(self._changes(before, step.state, lane))
        found = tuple(
            Arrow(
                m.text,
                self._source(m, sent),
                lane if kind != "lost" else self._target(m, lane),
                sent and sent[0],
                kind,
            )
            for m, sent, kind in arrows
        )
        kind = "failed" if step.state is None else _kind(action)
        yield Row(number, lane, self._text(action, step, bool(found)), kind, found, (), news)

    def _source(self, message: Message, sent: tuple[int, str] | None) -> str:
        if sent is not None and sent[1] in (*self.nodes, GLOBAL):
            return sent[1]
        return message.sender if message.sender in self.nodes else GLOBAL

    def _target(self, message: Message, lane: str) -> str:
        return message.receiver if message.receiver in self.nodes else lane

    def _lane(self, action: core.Action, step: Step, arrows: list[tuple[Message, tuple[int, str] | None, str]]) -> str:
        """Who takes the step: the receiver of the message, else the first node among the arguments."""
        for message, sent, kind in arrows:
            if kind == "received" and message.receiver in self.nodes:
                return str(message.receiver)
            if kind == "lost":
                return sent[1] if sent else message.sender or GLOBAL
        values = dict(step.args)
        for param in actors(action):
            value = values.get(param.name)
            if isinstance(value, Atom) and value.name in self.nodes:
                return value.name
        return GLOBAL

    def _text(self, action: core.Action, step: Step, arrives: bool) -> str:
        if action.kind == "handler" and arrives:
            return action_text(action)
        if action.kind == "fault":
            return action_text(action) if _kind(action) in ("crash", "restart") or arrives else label(self.trace, step)
        shown = {param.name for param in action.params if param.shown}
        lane_args = [(n, v) for n, v in step.args if n in shown and n != "self"]
        first = next((p.name for p in actors(action) if isinstance(dict(step.args).get(p.name), Atom)), None)
        rest = [v for n, v in lane_args if n != first or show(v) not in self.nodes]
        return action_text(action) + (f"({', '.join(map(show, rest))})" if rest else "")

    def _changes(self, before: State, after: State, lane: str) -> Iterator[tuple[str, str]]:
        for line in changes(before, after, self.instance):
            if line.startswith(self.unsaid):
                continue
            yield self._said(line)

    def _with_unreceived(self, row: Row) -> Row:
        texts = []
        for message in self.flights.unreceived(row.number):
            to = f" to {message.receiver}" if message.receiver else ""
            texts.append(f"{message.text}{to}")
        return Row(row.number, row.lane, row.text, row.kind, row.arrows, tuple(texts), row.changes)


def _kind(action: core.Action) -> str:
    verb = re.split(r"[_.]", action.name.rpartition(".")[2])[0]
    if action.kind == "fault":
        return verb if verb in ("crash", "restart") else "fault"
    return action.kind


def _nodes(instance: Instance, who: Parties) -> dict[str, str]:
    """Each node with the colour of its party."""
    found: dict[str, str] = {}
    for party in who.names:
        for name in instance.sort(who.sorts[party]).elements or ():
            found.setdefault(name, who.hue(party))
    return found


def _place(line: str, nodes: dict[str, str]) -> tuple[str, str] | None:
    """`Server1.mode: a -> b` and `phase[RM1]: a -> b` as the node and what changes there."""
    field_of = re.match(r"(\w+)\.(.*)", line)
    if field_of and field_of[1] in nodes:
        return field_of[1], _pretty(field_of[2])
    entry = re.match(r"([\w.]+)\[(\w+)\](.*)", line)
    if entry and entry[2] in nodes:
        return entry[2], _pretty(entry[1] + entry[3])
    return None


def _values(name: str, value: Value, state: State, nodes: dict[str, str]) -> Iterator[str]:
    """A variable as lines that `_place` understands: one for each node, or one."""
    kind = state.TYPES.get(name)
    if isinstance(value, Map) and any(isinstance(key, Atom) and key.name in nodes for key in value):
        inner = kind.value if isinstance(kind, ty.Map) else None
        for key, one in value.items():
            yield f"{name.rpartition('.')[2]}[{show(key)}] = {show(one, inner)}"
    else:
        yield f"{name} = {show(value, kind)}"


def _silent_ghosts(trace: Trace, instance: Instance) -> tuple[str, ...]:
    """The ghost variables that change in a trace and that its property does not speak of."""
    states = [state.values() for state in trace.states()]
    failing = trace.failing.name if trace.failing is not None else None
    functions = {function.name: function for function in instance.spec.functions}
    prop = next((prop for prop in instance.spec.properties if prop.name == failing), None)
    read = set(variables_read(prop, functions, set())) if prop is not None else set()
    return tuple(
        var.name
        for var in instance.spec.vars
        if var.ghost and var.name not in read and any(a[var.name] != b[var.name] for a, b in pairwise(states))
    )


def _legend(rows: list[Row]) -> Iterator[str]:
    """What the lines of a chart mean, where they are not plain."""
    arrows = [arrow for row in rows for arrow in row.arrows]
    if any(arrow.kind == "read" for arrow in arrows):
        yield "Dotted: a message that the step reads in the network."
    if any(arrow.sent_in is None for arrow in arrows):
        yield "Dashed: a message that no step of this run sent."


def _pretty(line: str) -> str:
    return line.replace(" -> ", " → ")
