"""Following an implementation through its specification: where the specification is, and the moves it takes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from immutables import Map as Facts

from pyspec.model.errors import EvaluationError
from pyspec.model.state import State
from pyspec.model.story import label
from pyspec.model.trace import Step as SpecStep
from pyspec.model.trace import Trace
from pyspec.model.values import Map, Rec, Value, show
from refinement.harness.abstract import Abstract, at
from refinement.harness.why import why_refused

NO_FACTS: Facts[Any, Any] = Facts()


class Sent:
    """The messages that have been sent, by their pool."""

    def __init__(self, pools: Facts[str, frozenset[Rec]] = NO_FACTS) -> None:
        self._pools = pools

    def pool(self, name: str) -> frozenset[Rec]:
        """All messages of one pool."""
        return self._pools.get(name, frozenset())

    def has(self, name: str, message: Rec) -> bool:
        """Whether a message has been sent."""
        return message in self.pool(name)

    def add(self, name: str, messages: Iterable[Rec]) -> Sent:
        """With these messages as well."""
        return Sent(self._pools.set(name, self.pool(name) | frozenset(messages)))

    def drop(self, name: str, messages: Iterable[Rec]) -> Sent:
        """Without these messages."""
        return Sent(self._pools.set(name, self.pool(name) - frozenset(messages)))

    def known_as(self, name: str, messages: frozenset[Rec]) -> Sent:
        """The same, with an equal pool in place of one."""
        return Sent(self._pools.set(name, messages))

    def since(self, before: Sent) -> set[tuple[str, Rec]]:
        """What was not there before, with its pool."""
        return {(name, message) for name in self._pools for message in self.pool(name) - before.pool(name)}

    def changed(self, before: Sent) -> set[str]:
        """The pools that are not what they were."""
        return {name for name in self._pools if self.pool(name) != before.pool(name)}


NOTHING_SENT = Sent()


@dataclass(frozen=True, slots=True)
class Position:
    """Where the specification is. Pools of a `network set` are kept beside the state, since they only grow.

    `facts` is what the additional properties remember, `lives` what is known of each node's disk.
    """

    state: State
    sent: Sent = NOTHING_SENT
    facts: Facts[Any, Any] = NO_FACTS
    lives: Facts[str, Any] = NO_FACTS


@dataclass(frozen=True, slots=True)
class Move:
    """One step of the specification: an action with its arguments, or values that the mapping chose (`action` None)."""

    action: str | None
    args: tuple[Value, ...]
    text: str
    before: State = field(compare=False, repr=False)
    after: State = field(compare=False, repr=False)
    changed: frozenset[str] = frozenset()


class Refused(Exception):
    """The specification does not allow what the implementation did."""

    def __init__(self, title: str, lines: list[str]) -> None:
        super().__init__(title)
        self.title = title
        self.lines = lines


class Walk:
    """The moves that explain one step of the implementation, taken one after another from a position."""

    def __init__(self, abstract: Abstract, position: Position, free: frozenset[str]) -> None:
        self.abstract = abstract
        self.state: State = position.state
        self.sent = position.sent
        self.facts = position.facts
        self.moves: list[Move] = []
        self.changed: set[str] = set()
        self.spoken: set[Rec] = set()
        self._free = free

    # ------------------------------------------------------------------------------------------------ moves

    def take(self, action: str, *args: Value) -> None:
        """Take an action of the specification, or raise Refused with the guard that forbids it."""
        runner = self.abstract.runners[action]
        for value in args:
            if isinstance(value, Rec) and value._name in self.abstract.pools and not self.was_sent(value):
                raise Refused(f"{self.text(action, args)} is not possible", self.unsent(value))
        try:
            outcomes = self.abstract.machine.runs(runner, self.state, args)
        except EvaluationError as problem:
            raise Refused(f"{self.text(action, args)} is not possible", [f"evaluation: {problem.message}"]) from None
        if not outcomes:
            _, lines = why_refused(self.abstract.instance, runner.action, self.state, args)
            raise Refused(f"{self.text(action, args)} is not possible", lines)
        self._move_to(outcomes[0], action, args, self.text(action, args))

    def can(self, action: str, *args: Value) -> bool:
        """Whether the specification allows an action now."""
        return bool(self.abstract.machine.runs(self.abstract.runners[action], self.state, args))

    def changes_nothing(self, action: str, *args: Value) -> bool:
        """Whether an action is possible now and leads back to the state it began in."""
        return self.abstract.machine.runs(self.abstract.runners[action], self.state, args) == [self.state]

    def choose(self, why: str, **values: Value) -> None:
        """Give free variables other values; `why` tells the reader what the specification leaves open there."""
        by_attribute = {self.abstract.attribute[name.replace("__", ".")]: value for name, value in values.items()}
        wrong = {name.replace("__", ".") for name in values} - self._free
        if wrong:
            raise ValueError(f"the mapping does not declare {', '.join(sorted(wrong))} free")
        self._move_to(self.state.but(**by_attribute), None, (), why)

    def cell(self, variable: str, key: Value, value: Value) -> Map:
        """The map of a variable with another value in one cell."""
        held = getattr(self.state, self.abstract.attribute[variable])
        assert isinstance(held, Map)
        return held.put(key, value)

    def share(self, variable: str, key: Value, value: Value) -> None:
        """Put an equal value into a cell, one whose parts are those of other values: to compare them is fast then."""
        held = getattr(self.state, self.abstract.attribute[variable])
        if held[key] != value:
            raise ValueError(f"{show(value)} is not the value of {variable}")
        self.state = self.state.but(**{self.abstract.attribute[variable]: held.put(key, value)})

    def say(self, message: Rec) -> None:
        """A message that the specification does not model, or sends by an action it leaves open, is on its way."""
        pool = self.abstract.pools[message._name]
        self.spoken.add(message)
        self.sent = self.sent.add(pool, (message,))

    def unsay(self, messages: set[Rec]) -> None:
        """These messages never left: the node that was to send them has crashed."""
        for message in messages:
            self.sent = self.sent.drop(self.abstract.pools[message._name], (message,))

    def was_sent(self, message: Rec) -> bool:
        """Whether the specification has sent a message."""
        return self.sent.has(self.abstract.pools[message._name], message)

    def _move_to(self, after: State, action: str | None, args: tuple[Value, ...], text: str) -> None:
        before = self.state
        changed = _changed(self.abstract, before, after)
        self.changed |= changed
        for pool in self.abstract.pools.values():
            attribute = self.abstract.attribute[pool]
            new = getattr(after, attribute)
            if new:
                self.spoken |= new
                self.sent = self.sent.add(pool, new)
                after = after.but(**{attribute: frozenset()})
        self.state = after
        self.moves.append(Move(action, args, text, before, after, frozenset(changed)))

    def text(self, action: str, args: tuple[Value, ...]) -> str:
        names = [param.name for param in self.abstract.runners[action].action.params]
        step = SpecStep(action, tuple(zip(names, args, strict=False)), None)
        return label(Trace((), instance=self.abstract.instance), step)

    def unsent(self, message: Rec) -> list[str]:
        lines = [f"nobody has sent {show(message)}"]
        pool = self.sent.pool(self.abstract.pools[message._name])
        near = sorted(pool, key=lambda other: -_alike(message, other))[:2]
        return lines + [f"nearest message sent: {show(other)}" for other in near]

    # --------------------------------------------------------------------------------------------- reading

    def get(self, variable: str, *path: Value) -> Any:
        """The value of a variable of the specification, or of one of its cells."""
        return at(self.state, self.abstract.attribute[variable], path)

    def remember(self, key: Any, value: Any) -> Any:
        """A fact for later steps: the first value stays; what is known now."""
        if key not in self.facts:
            self.facts = self.facts.set(key, value)
        return self.facts[key]

    def position(self, old: Position) -> Position:
        """Where the walk has led."""
        return replace(old, state=self.state, sent=self.sent, facts=self.facts)


def _alike(one: Rec, other: Rec) -> int:
    return sum(a == b for a, b in zip(one._values, other._values, strict=False))


def _changed(abstract: Abstract, before: State, after: State) -> set[str]:
    return {
        name
        for name, attribute in abstract.attribute.items()
        if getattr(before, attribute) != getattr(after, attribute)
    }
