"""All states and steps of an instance, for pictures of them: every transition, self-loops included."""

from __future__ import annotations

import itertools
import time
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

from pyspec.model.instance import Instance
from pyspec.model.machine import Args, Machine
from pyspec.model.replay import step_of
from pyspec.model.state import State
from pyspec.model.trace import Step, Trace


@dataclass
class Explored:
    """States in breadth-first order. `edges` holds triples of source, action and target as numbers. `complete`: these
    are all states within the limits of the model."""

    machine: Machine
    states: list[State] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)  # -1: initial
    edges: array[int] = field(default_factory=lambda: array("l"))
    complete: bool = True
    stopped_by: str = ""
    beyond: bool = False  # states beyond a limit were met and left out

    @property
    def instance(self) -> Instance:
        """The instance that was explored."""
        return self.machine.instance

    def transitions(self) -> Iterator[tuple[int, int, int]]:
        """(source, number of the action, target) of every step, in order."""
        flat = iter(self.edges)
        return zip(flat, flat, flat)

    def initial(self) -> list[int]:
        """The numbers of the initial states."""
        return [number for number, parent in enumerate(self.parents) if parent < 0]

    def trace_to(self, source: int, action: int | None = None, target: int | None = None) -> Trace:
        """A shortest trace to a state, and perhaps one step further."""
        path = [source]
        while self.parents[path[-1]] >= 0:
            path.append(self.parents[path[-1]])
        path.reverse()
        steps = [Step(None, (), self.states[path[0]])]
        steps += [self._step(before, after, None) for before, after in itertools.pairwise(path)]
        if target is not None:
            steps.append(self._step(source, target, action))
        return Trace(tuple(steps), None, None, self.instance)

    def _step(self, before: int, after: int, action: int | None) -> Step:
        for number, runner in enumerate(self.machine.runners):
            if action is not None and number != action:
                continue
            for args in self.machine.arguments(runner, self.states[before]):
                if self.states[after] in self.machine.runs(runner, self.states[before], args):
                    return step_of(runner, args, self.states[after])
        raise AssertionError("a step that was explored cannot be found again")


def explore(instance: Instance, max_states: int = 50_000, max_seconds: float = 30.0) -> Explored:
    """All states and steps of an instance, by the interpreter; stops at either bound. Raises EvaluationError."""
    found = Explored(Machine(instance))
    numbers: dict[State, int] = {}
    outside: set[State] = set()
    deadline = time.monotonic() + max_seconds
    for state in found.machine.initial():
        _meet(found, numbers, outside, state, -1)
    at = 0
    while at < len(found.states):
        if len(found.states) > max_states or (at % 64 == 0 and time.monotonic() > deadline):
            found.complete, found.stopped_by = False, "states" if len(found.states) > max_states else "time"
            break
        _expand(found, numbers, outside, at)
        at += 1
    return found


def _meet(found: Explored, numbers: dict[State, int], outside: set[State], state: State, parent: int) -> int | None:
    known = numbers.get(state)
    if known is not None or state in outside:
        return known
    if not found.machine.within_limits(state):
        outside.add(state)
        found.beyond = True
        return None
    numbers[state] = len(found.states)
    found.states.append(state)
    found.parents.append(parent)
    return numbers[state]


def _expand(found: Explored, numbers: dict[State, int], outside: set[State], at: int) -> None:
    state = found.states[at]
    for number, runner in enumerate(found.machine.runners):
        args: Args
        for args in found.machine.arguments(runner, state):
            for after in found.machine.runs(runner, state, args):
                target = _meet(found, numbers, outside, after, at)
                if target is not None:
                    found.edges.extend((at, number, target))
