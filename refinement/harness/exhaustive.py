"""The cores in a small world, state by state: every step of every state within the bounds is judged.

Two places are one if the world is the same but for timers, and so is the state of the specification. A message whose
arrival changes nothing need not arrive, so no place is kept for a world that only lacks it. With `symmetry`, worlds
that differ by names of nodes only are one. The network is a set: a message may arrive never, late, or again and again;
losses and duplications need no choices of their own. With `ordered`, links deliver in order, and once.
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


class _Search:
    """A breadth-first search; a parent link for each place gives the shortest way to it."""

    def __init__(self, mapping: ProtocolMapping, bounds: Bounds, name: str, symmetry: bool, ordered: bool) -> None:
        self.ordered = ordered
        self.judged = Judged(mapping, bounds)
        self.result = Explored(name, symmetric=symmetry, judged=self.judged)
        self.renaming = Renaming(bounds.nodes if symmetry else bounds.nodes[:1], mapping.alike)
        self.seen: dict[Any, tuple[Any, Choice | None]] = {}
        self.frontier: deque[tuple[Place, Any, int]] = deque()

    def key(self, place: Place) -> Any:
        """What makes two places the same."""
        return self.renaming.key(place.world, self.ordered)

    def run(self, until: float, most: int, progress: Progress | None) -> Explored:
        """Search until everything is covered, something is wrong, or the time or the room is used up."""
        result, began = self.result, time.monotonic()
        start = self.judged.start()
        key = self.key(start)
        self.seen[key] = (None, None)
        self.frontier.append((start, key, 0))
        while self.frontier:
            place, key, depth = self.frontier.popleft()
            result.depth = depth
            if time.monotonic() > until or len(self.seen) > most:
                break
            if not self._expand(place, key, depth):
                break
            if progress is not None and result.transitions % 2000 < 8:
                progress(result)
        else:
            result.complete = True
        result.states, result.seconds = len(self.seen), time.monotonic() - began
        return result

    def _expand(self, place: Place, key: Any, depth: int) -> bool:
        options = small.choices(place.world)
        for choice in first_of_links(place, options) if self.ordered else options:
            self.result.transitions += 1
            try:
                after, steps = self.judged.take(place, choice)
            except Rejection as rejection:
                self.result.failure = self._way(key, choice, rejection)
                return False
            self.result.steps += len(steps)
            after = after if self.ordered else kept(place, after)
            if not self.ordered and steps and all(map(_idle, steps)):
                continue
            reached = self.key(after)
            if reached not in self.seen:
                self.seen[reached] = (key, choice)
                self.frontier.append((after, reached, depth + 1))
        return True

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
