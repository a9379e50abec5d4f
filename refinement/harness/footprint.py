"""Judging a step once for all positions that are alike in what the judgement has looked at.

The same step of a node is taken in thousands of worlds, and its judgement depends on little of the position: the node's
own cells of the specification's variables, whether a few messages were sent, a few facts. While a step is judged for
the first time, everything that is read of the position is noted (its footprint), with what was changed. Where all of
that has the same values again, the same would be read, and the same would come out: the changes are made without
judging. Nothing is assumed of the specification or the mapping but that they look at a position through its methods.
What is changed counts as read. Invariants and step properties look at all nodes, so they are not part of it: they are
evaluated after every step, once for all states with the same values in the variables that they read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from pyspec.model.state import State
from pyspec.model.values import Map, Rec, Value
from refinement.harness.mapping import Step
from refinement.harness.refiner import Life, Refiner, Rejection
from refinement.harness.walk import Position, Sent, Walk

Reads = dict[tuple[Any, ...], Any]
"""What was read: where (the kind of thing, then its names), and what was there."""
Delta = tuple[tuple[str, Any, Any], ...]
"""Changes of a state: the attribute, the key of its cell (or WHOLE), the new value."""

Steps = Callable[[Any], Iterable[Step]]
"""The steps that a choice causes, given what is known of the disks before."""

Properties = tuple[tuple[str, frozenset[str], tuple[str, ...], tuple[str, ...]], ...]
"""Properties: the name, the variables that are read, the attributes of those in the state, the pools."""

WHOLE = object()
GONE = object()


class SeenMap(Map):
    """A variable with a cell for each key, which notes the cells that are read or overwritten."""

    __slots__ = ("_name", "_own", "_reads")
    _name: str
    _own: frozenset[Value]
    _reads: Reads

    @staticmethod
    def of(base: Map, name: str, reads: Reads) -> SeenMap:
        """The same map, watched."""
        return SeenMap._made(base._items, name, frozenset(), reads)

    @staticmethod
    def _made(items: dict[Value, Value], name: str, own: frozenset[Value], reads: Reads) -> SeenMap:
        made = object.__new__(SeenMap)
        made._fill(items)
        for slot, value in (("_name", name), ("_own", own), ("_reads", reads)):
            object.__setattr__(made, slot, value)
        return made

    def put(self, key: Value, value: Value) -> Map:
        """This map but for one cell; what stood there counts as read."""
        self[key]
        return self._made({**self._items, key: value}, self._name, self._own | {key}, self._reads)

    def __getitem__(self, key: Value) -> Value:
        value = self._items[key]
        if key not in self._own:
            self._reads["cell", self._name, key] = value
        return value

    def __eq__(self, other: object) -> bool:
        if not (isinstance(other, SeenMap) and other._reads is self._reads and other._name == self._name):
            self.values_read()
        return Map.__eq__(self, other)

    def __hash__(self) -> int:
        self.values_read()
        return self._hash

    def values_read(self) -> None:
        """All cells have been looked at."""
        for key in self._items:
            self[key]

    def changes(self, before: Value) -> Iterator[tuple[Value, Value]]:
        """The cells that are not what they were in an earlier map of the same variable."""
        assert isinstance(before, SeenMap)
        for key in self._own:
            if before._items[key] != self._items[key]:
                yield key, self._items[key]


class SeenFacts:
    """Facts, which notes those that are read or changed."""

    def __init__(self, base: Any, reads: Reads, own: dict[Any, Any] | None = None) -> None:
        self._base, self._reads, self.own = base, reads, own or {}

    def get(self, key: Any, default: Any = None) -> Any:
        """A fact, if it is known."""
        found = self.own[key] if key in self.own else self._read(key)
        return default if found is GONE else found

    def _read(self, key: Any) -> Any:
        self._reads["fact", key] = found = self._base.get(key, GONE)
        return found

    def __getitem__(self, key: Any) -> Any:
        found = self.get(key, GONE)
        if found is GONE:
            raise KeyError(key)
        return found

    def __contains__(self, key: Any) -> bool:
        return self.get(key, GONE) is not GONE

    def set(self, key: Any, value: Any) -> SeenFacts:
        """With another fact."""
        self._read(key)
        return SeenFacts(self._base, self._reads, {**self.own, key: value})

    def delete(self, key: Any) -> SeenFacts:
        """Without a fact."""
        return self.set(key, GONE)

    def items(self) -> Iterator[tuple[Any, Any]]:
        """All facts."""
        self._reads["facts",] = self._base
        known = {**dict(self._base.items()), **self.own}
        return iter([(key, value) for key, value in known.items() if value is not GONE])

    def __iter__(self) -> Iterator[Any]:
        return (key for key, _ in self.items())


class SeenSent(Sent):
    """The messages that have been sent, which notes those that are asked for, added or dropped."""

    def __init__(self, base: Sent, reads: Reads, own: dict[tuple[str, Rec], bool] | None = None) -> None:
        self._base, self._reads, self.own = base, reads, own or {}

    def pool(self, name: str) -> frozenset[Rec]:
        """All messages of one pool."""
        self._reads["pool", name] = there = self._base.pool(name)
        own = {message: sent for (pool, message), sent in self.own.items() if pool == name}
        return frozenset(m for m in there if own.get(m, True)) | {m for m, sent in own.items() if sent}

    def has(self, name: str, message: Rec) -> bool:
        """Whether a message has been sent."""
        own = self.own.get((name, message))
        return self._there(name, message) if own is None else own

    def _there(self, name: str, message: Rec) -> bool:
        self._reads["sent", name, message] = there = self._base.has(name, message)
        return there

    def add(self, name: str, messages: Iterable[Rec]) -> Sent:
        """With these messages as well."""
        return self._with(name, messages, True)

    def drop(self, name: str, messages: Iterable[Rec]) -> Sent:
        """Without these messages."""
        return self._with(name, messages, False)

    def _with(self, name: str, messages: Iterable[Rec], sent: bool) -> Sent:
        own = dict(self.own)
        for message in messages:
            self._there(name, message)
            own[name, message] = sent
        return SeenSent(self._base, self._reads, own)

    def since(self, before: Sent) -> set[tuple[str, Rec]]:
        """What was not there before, with its pool."""
        return {place for place, sent in self.own.items() if sent and not before.has(*place)}

    def changed(self, before: Sent) -> set[str]:
        """The pools that are not what they were."""
        return {name for (name, message), sent in self.own.items() if before.has(name, message) != sent}


class SeenLives:
    """What is known of the nodes' disks; a life is read or written as a whole."""

    def __init__(self, base: Any, reads: Reads, own: dict[str, Life] | None = None) -> None:
        self._base, self._reads, self.own = base, reads, own or {}

    def get(self, node: str) -> Life | None:
        """The life of a node."""
        if node in self.own:
            return self.own[node]
        life: Life | None = self._base.get(node)
        self._reads["life", node] = life
        return life

    def set(self, node: str, life: Life) -> SeenLives:
        """With another life of a node."""
        self.get(node)
        return SeenLives(self._base, self._reads, {**self.own, node: life})


@dataclass(frozen=True, slots=True)
class Effect:
    """What a step does to a position. Each move has its name, if it is an action, and its changes."""

    moves: tuple[tuple[str | None, Delta], ...]
    facts: tuple[tuple[Any, Any], ...]
    added: tuple[tuple[str, frozenset[Rec]], ...]
    dropped: tuple[tuple[str, frozenset[Rec]], ...]
    lives: tuple[tuple[str, Life], ...]
    pools: frozenset[str]


class Memory:
    """A judge that remembers: `check` is what `Refiner.check` is for each of some steps in turn."""

    def __init__(self, refiner: Refiner) -> None:
        self.refiner = refiner
        self.abstract = refiner.abstract
        self.judged = 0
        self._known: dict[Any, dict[tuple[Any, ...], dict[tuple[Any, ...], Effect]]] = {}
        self._held: dict[Any, bool] = {}
        self._lives: dict[Any, Life] = {}
        self._maps = tuple(
            name for name in self.abstract.attribute.values() if isinstance(getattr(self.abstract.initial, name), Map)
        )
        self._plain = tuple(name for name in self.abstract.attribute.values() if name not in self._maps)
        invariants = self._reading(self.abstract.invariants)
        self._messaging = tuple(row for row in invariants if row[3])
        self._silent = tuple(row for row in invariants if not row[3])
        self._steps = self._reading(self.abstract.step_properties)
        self._ones: dict[Any, Any] = {}
        self._next: dict[tuple[int, int], tuple[State, frozenset[str], bool]] = {}

    def check(self, position: Position, key: Any, steps: Steps, unflushed: int) -> Position:
        """The position after the steps that `key` stands for; `steps` gives them, for the lives that are given to it.

        `unflushed` counts the writes of the node that are not durable after them. Raises Rejection, or Beyond.
        """
        known = self._known.setdefault(key, {})
        for places, effects in known.items():
            effect = effects.get(tuple([_READ[place[0]](position, place) for place in places]))
            if effect is not None:
                break
        else:
            try:
                reads, effect = self._judge(position, steps, unflushed)
            except Rejection:
                return self._unwatched(position, steps, unflushed)
            known.setdefault(tuple(reads), {})[tuple(reads.values())] = effect
        after = self._applied(position, effect)
        return self._unwatched(position, steps, unflushed) if after is None else after

    def settled(self, position: Position, unflushed: int) -> Position:
        """A position in which lives are as those that are compared."""
        lives = position.lives
        for node, life in position.lives.items():
            lives = lives.set(node, self._kept(life, unflushed))
        return replace(position, state=self._one(position.state), lives=lives)

    def _unwatched(self, position: Position, steps: Steps, unflushed: int) -> Position:
        """The same without any memory: what is wrong is told of plain values."""
        for step in steps(position.lives):
            position = self.refiner.check(position, step)
        return self.settled(position, unflushed)

    # ------------------------------------------------------------------------------------------------ judging

    def _judge(self, position: Position, steps: Steps, unflushed: int) -> tuple[Reads, Effect]:
        """Judge steps by the specification, and note what was read and what was changed."""
        self.judged += 1
        reads: Reads = {("whole", name): getattr(position.state, name) for name in self._plain}
        seen = self._watched(position, reads)
        moves: list[tuple[str | None, Delta]] = []
        for step in steps(seen.lives):
            walk = Walk(self.abstract, seen, self.refiner.mapping.free)
            seen = self.refiner.explained(walk, seen, step)
            moves += [(move.action, self._delta(move.before, move.after)) for move in walk.moves]
        facts, sent, lives = seen.facts, seen.sent, seen.lives
        assert isinstance(facts, SeenFacts) and isinstance(sent, SeenSent) and isinstance(lives, SeenLives)
        effect = Effect(
            tuple(moves),
            tuple(facts.own.items()),
            _by_pool(sent, True),
            _by_pool(sent, False),
            tuple((node, self._kept(life, unflushed)) for node, life in lives.own.items()),
            frozenset(sent.changed(position.sent)),
        )
        return {place: _READ[place[0]](position, place) for place in reads}, effect

    def _watched(self, position: Position, reads: Reads) -> Position:
        state = position.state.but(
            **{name: SeenMap.of(getattr(position.state, name), name, reads) for name in self._maps}
        )
        facts: Any = SeenFacts(position.facts, reads)
        lives: Any = SeenLives(position.lives, reads)
        return Position(state, SeenSent(position.sent, reads), facts, lives)

    def _delta(self, before: State, after: State) -> Delta:
        found: list[tuple[str, Any, Any]] = []
        for name in self.abstract.attribute.values():
            old, new = getattr(before, name), getattr(after, name)
            if isinstance(new, SeenMap):
                found += [(name, key, self._one(value)) for key, value in new.changes(old)]
            elif new is not old and (isinstance(new, Map) or new != old):
                found.append((name, WHOLE, self._one(new)))
        return tuple(found)

    def _kept(self, life: Life, unflushed: int) -> Life:
        """A life without what no crash can bring back, counted from now; equal ones are one."""
        durable = life.written - unflushed
        views = tuple(pair for pair in life.views if pair[0] >= durable) or life.views[-1:]
        small = replace(
            life,
            written=0,
            views=tuple((number - life.written, view) for number, view in views),
            said=tuple((number - life.written, message) for number, message in life.said if number > durable),
        )
        told = tuple((number, exact_items(view)) for number, view in small.views)
        return self._lives.setdefault((small.records, told, small.said), small)

    # ----------------------------------------------------------------------------------------------- applying

    def _applied(self, position: Position, effect: Effect) -> Position | None:
        """The position after the changes; None if a property is false there."""
        known = (id(position.state), id(effect))
        if known not in self._next:
            self._next[known] = self._moved(position.state, effect)
        state, changed, right = self._next[known]
        sent = position.sent
        for pool, messages in effect.added:
            sent = self._pool(pool, sent.add(pool, messages))
        for pool, messages in effect.dropped:
            sent = self._pool(pool, sent.drop(pool, messages))
        facts, lives = position.facts, position.lives
        for key, value in effect.facts:
            facts = facts.set(key, value) if value is not GONE else facts.delete(key) if key in facts else facts
        for node, life in effect.lives:
            lives = lives.set(node, life)
        after = Position(state, sent, facts, lives)
        return after if right and self._holds(after, changed | effect.pools, self._messaging) else None

    def _moved(self, state: State, effect: Effect) -> tuple[State, frozenset[str], bool]:
        """The state after the moves, the variables that changed, whether what reads no messages is true of it."""
        changed: set[str] = set()
        right = True
        for action, delta in effect.moves:
            before, state = state, self._but(state, delta)
            names = {self.abstract.machine.State.NAMES[name] for name, _, _ in delta}
            changed |= names
            right = right and (action is None or self._steps_hold(before, state, names))
        right = right and self._holds(Position(state), frozenset(changed), self._silent)
        return self._one(state), frozenset(changed), right

    def _one(self, value: Any) -> Any:
        """Of values that are equal, always the same object: so they are compared by a glance."""
        return self._ones.setdefault((type(value), value), value)

    def _but(self, state: State, delta: Delta) -> State:
        """A state after some changes."""
        new: dict[str, Value] = {}
        for name, key, value in delta:
            held: Any = new[name] if name in new else getattr(state, name)
            new[name] = value if key is WHOLE else held.put(key, value)
        return state.but(**{name: self._one(value) for name, value in new.items()}) if new else state

    def _pool(self, name: str, sent: Sent) -> Sent:
        return sent.known_as(name, self._one(sent.pool(name)))

    def _holds(self, position: Position, changed: frozenset[str], properties: Properties) -> bool:
        full: State | None = None
        for name, variables, fields, pools in properties:
            if variables.isdisjoint(changed):
                continue
            key = (name, *[getattr(position.state, field) for field in fields], *map(position.sent.pool, pools))
            if key not in self._held:
                full = full or self.refiner.full(position)
                self._held[key] = self.abstract.holds(name, full, None)
            if not self._held[key]:
                return False
        return True

    def _steps_hold(self, before: State, after: State, changed: set[str]) -> bool:
        for name, variables, fields, _ in self._steps:
            if variables.isdisjoint(changed):
                continue
            key = (name, *[getattr(before, f) for f in fields], *[getattr(after, f) for f in fields])
            if key not in self._held:
                self._held[key] = self.abstract.holds(name, before, after)
            if not self._held[key]:
                return False
        return True

    def _reading(self, properties: Iterable[tuple[str, frozenset[str]]]) -> Properties:
        pools = set(self.abstract.pools.values())
        return tuple(
            (
                name,
                variables,
                tuple(sorted(self.abstract.attribute[variable] for variable in variables - pools)),
                tuple(sorted(variables & pools)),
            )
            for name, variables in properties
        )


def _by_pool(sent: SeenSent, there: bool) -> tuple[tuple[str, frozenset[Rec]], ...]:
    found: dict[str, set[Rec]] = {}
    for (pool, message), wanted in sent.own.items():
        if wanted == there:
            found.setdefault(pool, set()).add(message)
    return tuple((pool, frozenset(messages)) for pool, messages in found.items())


def exact(value: Any) -> Any:
    """A value to compare: one whose equality is a matter of meaning, so that it has no hash, is told by its parts."""
    kind = type(value)
    return (kind, *[getattr(value, name) for name in kind.__slots__]) if kind.__hash__ is None else value


def exact_items(items: Any) -> frozenset[Any]:
    """The same for all values of a mapping."""
    return frozenset([(key, exact(value)) for key, value in items.items()])


_READ: dict[str, Any] = {
    "whole": lambda position, place: getattr(position.state, place[1]),
    "cell": lambda position, place: getattr(position.state, place[1])[place[2]],
    "sent": lambda position, place: position.sent.has(place[1], place[2]),
    "pool": lambda position, place: position.sent.pool(place[1]),
    "fact": lambda position, place: exact(position.facts.get(place[1], GONE)),
    "facts": lambda position, place: exact_items(position.facts),
    "life": lambda position, place: id(position.lives.get(place[1])),
}
"""How a place of a footprint is read. A life is one object as long as the judge remembers it."""
