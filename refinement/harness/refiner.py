"""Each step of the implementation against the specification: the one judge of all ways."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn

from impl.runtime.effects import Effect, Persist, Reply, Rewrite, Send
from impl.runtime.protocol import Setup
from pyspec.model.explain import explain
from pyspec.model.state import State
from pyspec.model.values import Rec, show
from refinement.harness.abstract import Beyond, at
from refinement.harness.mapping import ProtocolMapping, Step, View
from refinement.harness.walk import Move, Position, Refused, Walk


@dataclass(eq=False)
class Rejection(Exception):
    """A step that the specification does not allow, or that breaks a property beside it.

    `kind`: step, message, hasty, recovery, invariant, demand, stopped, trace, history. `disk`: the records that did not
    give back a state.
    """

    kind: str
    title: str
    lines: tuple[str, ...] = ()
    moves: tuple[Move, ...] = ()
    step: Step | None = None
    position: Position | None = field(default=None, repr=False)
    disk: tuple[Any, ...] | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{self.kind}: {self.title}"


@dataclass(frozen=True, slots=True)
class Life:
    """What is known of a node's disk in this life.

    `records` is all that was written, flushed or not; `views` the stable variables after each write that may still be
    the last one to survive a crash, with its number; `said` the messages that wait for a write, with its number.
    """

    records: tuple[Any, ...] = ()
    written: int = 0
    views: tuple[tuple[int, View], ...] = ()
    said: tuple[tuple[int, Rec], ...] = ()


class Refiner:
    """Follows all nodes of a run through one position of the specification; raises Rejection, or Beyond."""

    def __init__(
        self, mapping: ProtocolMapping, options: Mapping[str, Any] | None = None, without: frozenset[str] = frozenset()
    ) -> None:
        self.mapping = mapping
        self.without = without
        self.abstract = mapping.abstract
        chosen = dict(mapping.options if options is None else options)
        self.setup = {node: Setup(node, mapping.nodes, chosen) for node in mapping.nodes}

    def start(self) -> Position:
        """Before any node has booted."""
        return Position(self.abstract.initial)

    def check(self, position: Position, step: Step, moves: list[Move] | None = None) -> Position:
        """The position after a step; its moves are added to `moves`."""
        walk = Walk(self.abstract, position, self.mapping.free)
        after = self.explained(walk, position, step)
        try:
            self._properties(walk, position, after, step)
        except Rejection as rejection:
            rejection.position = position
            raise
        if moves is not None:
            moves += walk.moves
        return after

    def explained(self, walk: Walk, position: Position, step: Step) -> Position:
        """The position after a step, as far as the specification's moves go: its properties are not looked at."""
        try:
            return self._checked(walk, position, step)
        except Refused as refused:
            rejection = self._rejection("step", refused.title, refused.lines, walk, step)
        except Rejection as found:
            rejection = found
        except Beyond:
            raise
        except Exception as problem:
            told = [f"{type(problem).__name__}: {problem}", *_places(problem)]
            raise self._rejection("step", "this step cannot be read", told, walk, step) from problem
        rejection.position = position
        raise rejection from None

    def _checked(self, walk: Walk, position: Position, step: Step) -> Position:
        if step.event is None:
            self._boot(walk, position, step)
        else:
            self.mapping.follow(walk, step)
        self._compare(walk, step)
        left = self._messages(walk, step)
        for problem in self.mapping.demands(walk, step):
            raise self._rejection("demand", problem, [], walk, step)
        life = self._disk(walk, position, step)
        life = replace(life, said=self._waiting(walk, position, step, life, left))
        lives = position.lives.set(step.node, life)
        return replace(walk.position(position), lives=lives)

    def _rejection(self, kind: str, title: str, lines: list[str], walk: Walk, step: Step) -> Rejection:
        return Rejection(kind, title, tuple(lines), tuple(walk.moves), step)

    # --------------------------------------------------------------------------------------- the state agrees

    def _compare(self, walk: Walk, step: Step) -> None:
        lines = self.differences(walk.state, self.mapping.view(walk, step.node, step.after))
        if lines:
            title = f"the states differ after the step of {step.node}"
            raise self._rejection("step", title, lines, walk, step)

    def differences(self, state: State, view: View) -> list[str]:
        """Where a state of the specification is not what a node's state says."""
        lines = []
        for (variable, *path), value in view.items():
            attribute = self.abstract.attribute[variable]
            wanted = at(state, attribute, tuple(path))
            if wanted != value:
                place = variable + "".join(f"[{show(key)}]" for key in path)
                lines.append(f"{place}: the specification has {show(wanted)}, the implementation {show(value)}")
        return lines

    # ------------------------------------------------------------------------------------ messages and the disk

    def _messages(self, walk: Walk, step: Step) -> set[Rec]:
        """Everything that is sent is what the specification sends; what leaves without waiting for the disk."""
        left: set[Rec] = set()
        for effect in step.effects:
            if isinstance(effect, Send):
                says = self.mapping.says(walk, step.node, effect.to, effect.message)
                left |= set() if effect.held else set(says)
                for message in says:
                    if not walk.was_sent(message):
                        title = f"{step.node} sends {effect.message} to {effect.to}"
                        raise self._rejection("message", title, walk.unsent(message), walk, step)

        return left

    def _waiting(
        self, walk: Walk, position: Position, step: Step, life: Life, left: set[Rec]
    ) -> tuple[tuple[int, Rec], ...]:
        """The messages of this life that a crash may still undo, since they wait for a write."""
        fresh = {message for _, message in walk.sent.since(position.sent)}
        old = () if step.event is None else life.said
        return tuple(pair for pair in old if pair[0] > step.durable and pair[1] not in left) + tuple(
            (life.written, message) for message in fresh - left
        )

    def _disk(self, walk: Walk, position: Position, step: Step) -> Life:
        """What was written, whether it gives back the state, and whether something left before it was durable."""
        life = position.lives.get(step.node) or Life()
        if step.event is None:
            life = Life(step.records, 0, ((0, self._stable(walk, step.node, step.after)),))
        for effect in step.effects:
            if isinstance(effect, Persist | Rewrite):
                kept = () if isinstance(effect, Rewrite) else life.records
                life = replace(life, records=(*kept, *effect.records), written=life.written + 1)
        stable = self._stable(walk, step.node, step.after)
        views = tuple(pair for pair in life.views if pair[0] >= step.durable) or life.views[-1:]
        if any(isinstance(effect, Persist | Rewrite) for effect in step.effects) or views[-1][1] != stable:
            self._recover(walk, step, life, stable)
        self._hasty(walk, step, views, stable)
        if views[-1] != (life.written, stable):
            views = (*views, (life.written, stable))
        return replace(life, views=views)

    def _stable(self, walk: Walk, node: str, state: Any) -> View:
        view = self.mapping.view(walk, node, state)
        stable = {place: value for place, value in view.items() if place[0] in self.abstract.stable}
        return stable | self.mapping.kept(node, state)

    def _recover(self, walk: Walk, step: Step, life: Life, stable: View) -> None:
        """A node that crashed now, with all it has written on its disk, would come back with the same stable state."""
        state, _ = self.mapping.protocol.boot(self.setup[step.node], life.records, 0, 1)
        found = self._stable(walk, step.node, state)
        lines = [
            f"{place[0]}: in memory {told(value)}, from the records on the disk {told(found[place])}"
            for place, value in stable.items()
            if found[place] != value
        ]
        title = f"what {step.node} has written down does not give back its state" if lines else None
        if title is None:
            problems = self.mapping.demands(walk, Step(step.node, None, None, state, (), 0, life.records))
            title = next((f"after recovery from the disk: {problem}" for problem in problems), None)
        if title is not None:
            rejection = self._rejection("recovery", title, lines, walk, step)
            rejection.disk = life.records
            raise rejection

    def _hasty(self, walk: Walk, step: Step, views: tuple[tuple[int, View], ...], stable: View) -> None:
        """A message or answer that does not wait for the disk speaks for nothing that a crash could still undo.

        One that is held waits for what was written before it, not for what the same step writes after it.
        """
        written = any(isinstance(effect, Persist | Rewrite) for effect in step.effects)
        undone = views[0][1] if len(views) > 1 or written else stable
        for effect, fresh in _in_order(step.effects):
            if not isinstance(effect, Send | Reply):
                continue
            pending = written and not fresh if effect.held else fresh or len(views) > 1
            disk = views[-1][1] if effect.held else undone
            to, message = (effect.to, effect.message) if isinstance(effect, Send) else ("", effect)
            for name in sorted(self.mapping.durable(step.node, to, message)) if pending else ():
                lines = [
                    f"{place[0]}: on the disk {told(disk.get(place))}, in memory {told(value)}"
                    for place, value in stable.items()
                    if place[0] == name and disk.get(place) != value
                ]
                if lines:
                    title = f"{step.node} lets {_what(effect)} leave before {name} is durable"
                    raise self._rejection("hasty", title, lines, walk, step)

    # ------------------------------------------------------------------------------------------- properties

    def _properties(self, walk: Walk, position: Position, after: Position, step: Step) -> None:
        broken = self.broken(after, walk.changed | after.sent.changed(position.sent))
        for name in broken:
            self._broken(name, [self.full(after)], walk, step)
        for move in walk.moves:
            if move.action is not None:
                for name in self.abstract.broken_step(move.before, move.after, move.changed):
                    self._broken(name, [move.before, move.after], walk, step)

    def broken(self, position: Position, changed: set[str]) -> list[str]:
        """The invariants that are false, of those that read what has changed."""
        return list(self.abstract.broken(self.full(position), frozenset(changed), self.without)) if changed else []

    def full(self, position: Position) -> State:
        """A state with the messages that have been sent."""
        pools = self.abstract.pools.values()
        return position.state.but(**{self.abstract.attribute[pool]: position.sent.pool(pool) for pool in pools})

    def _broken(self, name: str, states: list[State], walk: Walk, step: Step) -> NoReturn:
        lines = explain(self.abstract.property(name), states, self.abstract.instance)
        raise self._rejection("invariant", f"{name} is false after this step", lines, walk, step)

    # -------------------------------------------------------------------------------------------- restarting

    def _boot(self, walk: Walk, position: Position, step: Step) -> None:
        """The specification's crash, and the stable state that the disk gave back."""
        life = position.lives.get(step.node)
        if life is None:
            return
        found = self._stable(walk, step.node, step.after)
        if found not in [view for _, view in life.views]:
            lines = [
                f"{place[0]}: after the restart {told(value)}, last in memory {told(life.views[-1][1].get(place))}"
                for place, value in found.items()
            ]
            raise self._rejection("recovery", f"{step.node} comes back with a state it never wrote", lines, walk, step)
        self._undo(walk, found)
        survived = max(number for number, view in life.views if view == found)
        walk.unsay({message for number, message in life.said if number > survived})
        if self.mapping.crash is not None:
            walk.take(self.mapping.crash, self.mapping.atom(step.node))
        self.mapping.restarted(walk, step)

    def _undo(self, walk: Walk, found: View) -> None:
        """What was written last may not have been durable yet: nobody has heard of it."""
        before = state = walk.state
        for (variable, *path), value in found.items():
            if variable not in self.abstract.attribute:
                continue
            attribute = self.abstract.attribute[variable]
            if at(state, attribute, tuple(path)) != value:
                whole = value if not path else getattr(state, attribute).put(path[0], value)
                state = state.but(**{attribute: whole})
                walk.changed.add(variable)
        if state != walk.state:
            walk.state = state
            walk.moves.append(Move(None, (), "writes that were not durable are lost", before, state))


def _in_order(effects: tuple[Effect, ...]) -> Iterator[tuple[Effect, bool]]:
    """Each effect, and whether the step has written something before it."""
    fresh = False
    for effect in effects:
        yield effect, fresh
        fresh = fresh or isinstance(effect, Persist | Rewrite)


def told(value: Any) -> str:
    """A value of the specification, or of the mapping's own, as text."""
    try:
        return show(value)
    except KeyError:
        return repr(value)


def _what(effect: Send | Reply) -> str:
    return f"an answer to ticket {effect.ticket}" if isinstance(effect, Reply) else f"{effect.message} to {effect.to}"


def stopped(problem: Exception) -> Rejection:
    """A core that has raised something of its own."""
    return Rejection("stopped", f"a core stopped itself: {type(problem).__name__}: {problem}", tuple(_places(problem)))


def _places(problem: Exception) -> list[str]:
    """Where in the implementation, or in the mapping, something was raised."""
    found = traceback.extract_tb(problem.__traceback__)
    frames = [frame for frame in found if "/impl/" in frame.filename and "/runtime/" not in frame.filename]
    told = frames or [frame for frame in found if "/refinement/" in frame.filename][-3:]
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}: {frame.line}" for frame in told]
