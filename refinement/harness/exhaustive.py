"""The cores in a small world, state by state: every step of every state within the bounds is judged.

Two places are one if the world is the same but for timers, and so is the state of the specification. A message whose
arrival changes nothing need not arrive, so no place is kept for a world that only lacks it. With `symmetry`, worlds
that differ by names of nodes only are one. The network is a set: a message may arrive never, late, or again and again;
losses and duplications need no choices of their own. With `ordered`, links deliver in order, and once. Of two choices
that commute only one order is taken (sleep sets).
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from impl.runtime import world as small
from impl.runtime.effects import Note, Peers
from impl.runtime.world import Bounds, Choice, Deliver
from refinement.harness.abstract import Beyond
from refinement.harness.independence import independent
from refinement.harness.mapping import ProtocolMapping, Step
from refinement.harness.refiner import Rejection
from refinement.harness.rename import Renaming
from refinement.harness.worlds import Judged, Place, Walked


@dataclass
class Explored:
    """What an exploration has covered; `complete` if nothing within the bounds was left out."""

    world: str
    states: int = 0
    transitions: int = 0
    steps: int = 0
    depth: int = 0
    complete: bool = False
    seconds: float = 0.0
    symmetric: bool = False
    actions: Counter[str] = field(default_factory=Counter)
    failure: Walked | None = None
    judged: Judged | None = None


Progress = Callable[[Explored], None]
Sleep = frozenset[int]
"""Numbers of choices that need not be taken: another way through the same choices leads to where they lead."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A place to go on from: by all choices, or by those of `only` (numbers under the permutation of the key)."""

    place: Place
    key: Any
    permutation: int
    depth: int
    sleep: Sleep = frozenset()
    only: Sleep | None = None


class _Search:
    """A breadth-first search; a parent link for each place gives the shortest way to it."""

    def __init__(self, mapping: ProtocolMapping, bounds: Bounds, name: str, symmetry: bool, ordered: bool) -> None:
        self.ordered = ordered
        self.judged = Judged(mapping, bounds)
        self.result = Explored(name, symmetric=symmetry, judged=self.judged)
        self.renaming = Renaming(bounds.nodes if symmetry else bounds.nodes[:1], mapping.alike)
        self.seen: dict[Any, tuple[Any, Choice | None]] = {}
        self.slept: dict[Any, Sleep] = {}
        self.frontier: deque[Visit] = deque()
        self.cut = False

    def run(self, until: float, most: int, progress: Progress | None) -> Explored:
        """Search until everything is covered, something is wrong, or the time or the room is used up."""
        result, began = self.result, time.monotonic()
        self._reach(self.judged.start(), None, None, 0, frozenset())
        while self.frontier:
            visit = self.frontier.popleft()
            result.depth = visit.depth
            if time.monotonic() > until or len(self.seen) > most:
                break
            if not self._expand(visit):
                break
            if progress is not None and result.transitions % 2000 < 8:
                progress(result)
        else:
            result.complete = not self.cut
        result.states, result.seconds = len(self.seen), time.monotonic() - began
        return result

    def _expand(self, visit: Visit) -> bool:
        """Take the choices of a visit. A choice that commutes with a later one sleeps where that one leads."""
        world = visit.place.world
        options = small.choices(world)
        numbered = {self.renaming.number(choice): choice for choice in options}
        known = {number: choice for number, choice in numbered.items() if number in visit.sleep}
        for choice in first_of_links(visit.place, options) if self.ordered else options:
            number = self.renaming.number(choice)
            if number in known or not self._wanted(visit, number):
                continue
            sleep = frozenset(one for one, other in known.items() if independent(world, choice, other))
            if not self._take(visit, choice, sleep):
                return False
            known[number] = choice
        return True

    def _wanted(self, visit: Visit, number: int) -> bool:
        return visit.only is None or self.renaming.rename(visit.permutation, number) in visit.only

    def _take(self, visit: Visit, choice: Choice, sleep: Sleep) -> bool:
        self.result.transitions += 1
        try:
            after, steps = self.judged.take(visit.place, choice)
        except Rejection as rejection:
            self.result.failure = self._way(visit.key, choice, rejection)
            return False
        except Beyond:
            self.cut = True
            return True
        self.result.steps += len(steps)
        after = after if self.ordered else kept(visit.place, after)
        if self.ordered or not steps or not all(map(_idle, steps)):
            self._reach(after, visit.key, choice, visit.depth + 1, sleep)
        return True

    def _reach(self, place: Place, parent: Any, choice: Choice | None, depth: int, sleep: Sleep) -> None:
        """A place is to be visited: as a new one, or for choices that slept there so far and must not."""
        key, permutation = self.renaming.key(place.world, self.ordered)
        sleeping = frozenset(self.renaming.rename(permutation, number) for number in sleep)
        if key not in self.seen:
            self.seen[key], self.slept[key] = (parent, choice), sleeping
            self.frontier.append(Visit(place, key, permutation, depth, sleep))
            return
        woken = self.slept[key] - sleeping
        if woken:
            still = self.slept[key] & sleeping
            self.slept[key] = still
            sleep = frozenset(number for number in sleep if self.renaming.rename(permutation, number) in still)
            self.frontier.append(Visit(place, key, permutation, depth, sleep, woken))

    def _way(self, key: Any, last: Choice, rejection: Rejection) -> Walked:
        choices = [last]
        while True:
            parent, choice = self.seen[key]
            if choice is None:
                break
            choices.append(choice)
            key = parent
        return Walked(choices[::-1], [], rejection)


def first_of_links(place: Place, options: list[Choice]) -> list[Choice]:
    """The choices, with deliveries of what comes first on its link only."""
    heads: dict[tuple[str, str], Any] = {}
    for source, target, message in place.world.network:
        heads.setdefault((source, target), message)
    return [c for c in options if not isinstance(c, Deliver) or heads[c.source, c.target] == c.message]


def kept(before: Place, after: Place) -> Place:
    """A message that has arrived may arrive again: the network is a set that only grows."""
    network = tuple(dict.fromkeys((*before.world.network, *after.world.network)))
    return replace(after, world=replace(after.world, network=network))


def _idle(step: Step) -> bool:
    """Whether a step has changed nothing and sent nothing."""
    quiet = all(isinstance(effect, Note | Peers) for effect in step.effects)
    return quiet and step.before is not None and _same(step.before, step.after)


def _same(before: Any, after: Any) -> bool:
    old, new = before.__dict__, after.__dict__
    return all(value is new[name] or value == new[name] for name, value in old.items())


def explore(
    mapping: ProtocolMapping,
    name: str,
    seconds: float,
    most: int = 2_000_000,
    symmetry: bool = True,
    ordered: bool = False,
    progress: Progress | None = None,
) -> Explored:
    """Explore one of the mapping's worlds."""
    bounds = mapping.worlds()[name]
    return _Search(mapping, bounds, name, symmetry, ordered).run(time.monotonic() + seconds, most, progress)
