"""The cores in a small world, state by state: every step of every state within the bounds is judged.

Two places are one if all nodes, what is on its way and what is left of the bounds are the same but for timers, and so
is what the specification remembers of the past. With `symmetry`, places that differ by names of nodes only are one.
With `ordered`, each link delivers in order, and once. Otherwise the network is a set that only grows: a message may
arrive never, late, or again and again.

A crash and the restart are one step: a node that is down does nothing, as one does that is given nothing to do. An
order, or in a growing network a message, that changes nothing and sends nothing is not given.
"""

from __future__ import annotations

import gc
import time
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from impl.runtime.world import Bounds, Choice, Deliver, Lose
from pyspec.model.values import Atom, Map, Rec
from refinement.harness.abstract import Beyond
from refinement.harness.footprint import Memory
from refinement.harness.local import Move, Nodes
from refinement.harness.mapping import ProtocolMapping
from refinement.harness.refiner import Rejection
from refinement.harness.rename import Renaming
from refinement.harness.walk import Position
from refinement.harness.worlds import Judged, Walked


@dataclass
class Explored:
    """What an exploration has covered; `complete` if nothing within the bounds was left out.

    `steps` counts the steps of the cores, `judged` the choices whose judgement was not known from an earlier one.
    """

    world: str
    states: int = 0
    transitions: int = 0
    steps: int = 0
    judged: int = 0
    depth: int = 0
    complete: bool = False
    seconds: float = 0.0
    symmetric: bool = False
    failure: Walked | None = None
    judge: Judged | None = None


Links = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A place: the nodes and the messages on each link by their numbers, what is left, where the specification is."""

    number: int
    machines: tuple[int, ...]
    links: Links
    left: tuple[int, ...]
    position: Position


Option = tuple[Move | None, tuple[Choice, ...], int, Links, tuple[int, ...]]
"""What can happen: the move of a node and its place, the choices, the links before it sends, and what is left."""


class Search:
    """A breadth-first search; a link to where each place was reached from gives the shortest way to it."""

    def __init__(self, mapping: ProtocolMapping, bounds: Bounds, name: str, symmetry: bool, ordered: bool) -> None:
        self.ordered = ordered
        self.bounds = bounds
        self.mapping = mapping
        self.judged = Judged(mapping, bounds)
        self.memory = Memory(self.judged.refiner)
        self.result = Explored(name, symmetric=symmetry, judge=self.judged)
        self.renaming = Renaming(bounds.nodes, symmetry)
        self.nodes = Nodes(self.judged, self.renaming)
        self.atoms = {mapping.atom(node): node for node in bounds.nodes} if mapping.role is not None else {}
        rows, size = self.renaming.rows, len(bounds.nodes)
        self.pairs = [[a * size + b for a in row for b in row if a != b] for row in rows]
        self.contents: list[dict[tuple[int, ...], tuple[int, ...]]] = [{} for _ in rows]
        self.history = [self.judged.refiner.abstract.attribute[name] for name in mapping.history]
        self.past: dict[Any, int] = {}
        self.seen: set[bytes] = set()
        self.parents = array("q")
        self.ways: list[tuple[Choice, ...]] = []
        self.layer: list[Place] = []
        self.cut = False

    def run(self, until: float, most: int) -> Explored:
        """Search until everything is covered, something is wrong, or the time or the room is used up."""
        result, began = self.result, time.monotonic()
        gc.disable()  # millions of places and not one cycle among them
        try:
            result.complete = self._layers(until, most) and not self.cut
        finally:
            gc.enable()
        result.states, result.seconds, result.judged = len(self.ways), time.monotonic() - began, self.memory.judged
        return result

    def _layers(self, until: float, most: int) -> bool:
        self._start()
        while self.layer:
            layer, self.layer = self.layer, []
            self.result.depth += 1
            if not self._through(layer, until, most):
                return False
        return True

    def _through(self, layer: list[Place], until: float, most: int) -> bool:
        layer.reverse()
        while layer:
            if time.monotonic() > until or len(self.ways) > most:
                return False
            if not self._expand(layer.pop()):
                return False
        return True

    def _start(self) -> None:
        start = self.judged.start()
        machines = tuple(self.nodes.number(node, start.world.machines[node]) for node in self.bounds.nodes)
        links: list[tuple[int, ...]] = [()] * len(machines) ** 2
        for item in start.world.network:
            self._post(links, self.nodes.link(*item[:2]), self.nodes.message(item))
        bounds = self.bounds
        counts = (*(count for _, count in bounds.orders), *(count for _, count in bounds.calls))
        left = (*counts, bounds.crashes, bounds.losses, bounds.duplications)
        unflushed = max(machine.pending for machine in start.world.machines.values())
        self._reach(machines, tuple(links), left, self.memory.settled(start.position, unflushed), -1, ())

    def _post(self, links: list[tuple[int, ...]], link: int, message: int) -> None:
        """A message is on its way."""
        if self.ordered:
            links[link] += (message,)
        elif message not in links[link]:
            links[link] = tuple(sorted((*links[link], message)))

    # ---------------------------------------------------------------------------------------------- choices

    def _expand(self, place: Place) -> bool:
        """Everything that can happen in a place."""
        options = self._options(place)
        while True:
            self.trying: tuple[Choice, ...] = ()
            try:
                option = next(options, None)
                if option is None:
                    return True
                self.trying = option[1]
                self._take(place, *option)
            except Rejection as rejection:
                self.result.failure = self._way(place.number, self.trying, rejection)
                return False
            except Beyond:
                self.cut = True

    def _take(
        self,
        place: Place,
        move: Move | None,
        choices: tuple[Choice, ...],
        node: int,
        links: Links,
        left: tuple[int, ...],
    ) -> None:
        self.result.transitions += 1
        machines, position = place.machines, place.position
        if move is not None:
            self.result.steps += len(move.taken)
            if move.taken and not move.idle:
                position = self._judge(position, move)
            machines = (*machines[:node], move.machine, *machines[node + 1 :])
            if move.sends:
                fresh = list(links)
                for link, message in move.sends:
                    self._post(fresh, link, message)
                links = tuple(fresh)
        if machines != place.machines or links != place.links:
            self._reach(machines, links, left, position, place.number, choices)

    def _judge(self, position: Position, move: Move) -> Position:
        number, _ = move.key
        node = move.taken[0].node
        machines: Any = {node: self.nodes.machines[number]}
        return self.memory.check(
            position,
            move.key,
            lambda lives: self.judged.steps(machines, lives, move.choices[0], move.taken),
            move.unflushed,
        )

    def _options(self, place: Place) -> Iterator[Option]:
        for link, messages in enumerate(place.links):
            if messages:
                yield from self._arrivals(place, link, messages)
        for node, name in enumerate(self.bounds.nodes):
            yield from self._local(place, node, name)

    def _arrivals(self, place: Place, link: int, messages: tuple[int, ...]) -> Iterator[Option]:
        """What comes first on a link arrives; in any order, everything does, and stays."""
        node = link % len(place.machines)
        *_, losses, duplications = place.left
        for message in messages[:1] if self.ordered else messages:
            item = self.nodes.messages[message]
            self.trying = (Deliver(*item),)
            move = self.nodes.receive(place.machines[node], message)
            if self.ordered or not move.idle:
                rest = (*place.links[:link], messages[1:], *place.links[link + 1 :]) if self.ordered else place.links
                yield move, move.choices, node, rest, place.left
            if self.ordered and losses:
                yield None, (Lose(*item),), node, rest, (*place.left[:-2], losses - 1, duplications)
            if self.ordered and duplications and not move.idle:
                spent = (*place.left[:-1], duplications - 1)
                yield move, (Deliver(*item, keep=True),), node, place.links, spent

    def _local(self, place: Place, node: int, name: str) -> Iterator[Option]:
        """Orders, calls, crashes, and what a node has written becoming durable."""
        machine, bounds, left = place.machines[node], self.bounds, place.left
        for number, (order, _) in enumerate(bounds.orders):
            if left[number]:
                move = self.nodes.give(machine, name, order)
                if not move.idle:
                    yield move, move.choices, node, place.links, _spent(left, number)
        first, crash = len(bounds.orders), len(bounds.orders) + len(bounds.calls)
        for number, (command, _) in enumerate(bounds.calls, first):
            if left[number]:
                move = self.nodes.call(machine, name, command, sum(left[first:crash]))
                yield move, move.choices, node, place.links, _spent(left, number)
        if left[crash]:
            move = self.nodes.crash(machine, name)
            yield move, move.choices, node, place.links, _spent(left, crash)
        if self.nodes.machines[machine].unflushed:
            move = self.nodes.flush(machine, name)
            yield move, move.choices, node, place.links, left

    # ---------------------------------------------------------------------------------------------- places

    def _reach(
        self,
        machines: tuple[int, ...],
        links: Links,
        left: tuple[int, ...],
        position: Position,
        parent: int,
        choices: tuple[Choice, ...],
    ) -> None:
        """A place is to be visited, if it is a new one."""
        key = self._key(machines, links, left, position)
        if key not in self.seen:
            self.seen.add(key)
            self.layer.append(Place(len(self.ways), machines, links, left, position))
            self.parents.append(parent)
            self.ways.append(choices)

    def _key(self, machines: tuple[int, ...], links: Links, left: tuple[int, ...], position: Position) -> bytes:
        """The same for places that are one: the smallest over the permutations."""
        past = [self._past(getattr(position.state, name)) for name in self.history]
        return min([self._under(place, machines, links, past) for place in self.renaming.order(machines)]) + bytes(left)

    def _past(self, value: Any) -> int:
        found = self.past.get(value)
        if found is None:
            found = self.past[value] = self.renaming.number(("past", named(value, self.atoms)))
        return found

    def _under(self, place: int, machines: tuple[int, ...], links: Links, past: list[int]) -> bytes:
        rename = self.renaming.rename
        flat = [rename(place, machines[old]) for old in self.renaming.rows[place]]
        for link in self.pairs[place]:
            flat += self.contents[place].get(links[link]) or self._contents(place, links[link])
        flat += [rename(place, number) for number in past]
        return array("I", flat).tobytes()

    def _contents(self, place: int, messages: tuple[int, ...]) -> tuple[int, ...]:
        """What is on a link, under a permutation: how many messages, and which."""
        numbers = [self.renaming.rename(place, message) for message in messages]
        found = (len(numbers), *(numbers if self.ordered else sorted(numbers)))
        self.contents[place][messages] = found
        return found

    def _way(self, number: int, last: tuple[Choice, ...], rejection: Rejection) -> Walked:
        """The choices that led to a place, and those that were wrong there."""
        choices = list(last)
        while number >= 0:
            choices[:0] = self.ways[number]
            number = self.parents[number]
        return Walked(choices, [], rejection)


def _spent(left: tuple[int, ...], number: int) -> tuple[int, ...]:
    return (*left[:number], left[number] - 1, *left[number + 1 :])


def named(value: Any, atoms: dict[Atom, str]) -> Any:
    """A value of the specification in which nodes occur by their names."""
    if isinstance(value, Atom):
        return atoms.get(value, (value.type, value.index))
    if isinstance(value, Map):
        return frozenset((named(key, atoms), named(item, atoms)) for key, item in value.items())
    if isinstance(value, Rec):
        return (value._name, *(named(item, atoms) for item in value._values))
    if isinstance(value, frozenset):
        return frozenset(named(item, atoms) for item in value)
    return tuple(named(item, atoms) for item in value) if isinstance(value, tuple) else value


def explore(
    mapping: ProtocolMapping,
    name: str,
    seconds: float,
    most: int = 20_000_000,
    symmetry: bool = True,
    ordered: bool = False,
) -> Explored:
    """Explore one of the mapping's worlds."""
    search = Search(mapping, mapping.worlds()[name], name, symmetry, ordered)
    return search.run(time.monotonic() + seconds, most)
