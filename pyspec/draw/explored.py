"""All states and steps of an instance, for pictures of them: every transition, self-loops included. Small instances are
explored by the interpreter, larger ones by the native engine, whose states stay packed until they are looked at."""

from __future__ import annotations

import dataclasses
import itertools
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

from pyspec.model.instance import Instance
from pyspec.model.machine import Args, Machine
from pyspec.model.replay import step_of
from pyspec.model.state import State
from pyspec.model.trace import Step, Trace
from pyspec.model.values import Value
from pyspec.native.build import CannotBuild
from pyspec.native.domains import CannotEmit
from pyspec.native.explore import Graph
from pyspec.native.explore import explore as explore_native

#: More states than this are left to the native engine: for fewer, compiling takes longer than exploring.
SMALL = 3_000


class Packed(Sequence[State]):
    """States that are decoded when they are looked at."""

    def __init__(
        self, machine: Machine, words: list[tuple[int, ...]], decode: Callable[[Any], dict[str, Value]]
    ) -> None:
        self._machine, self._words, self._decode = machine, words, decode

    def __len__(self) -> int:
        return len(self._words)

    @overload
    def __getitem__(self, at: int) -> State: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[State]: ...

    def __getitem__(self, at: int | slice) -> State | Sequence[State]:
        if isinstance(at, slice):
            return Packed(self._machine, self._words[at], self._decode)
        return self._machine.state(self._decode(self._words[at]))


@dataclass
class Explored:
    """States in breadth-first order. `edges` holds triples of source, action and target as numbers. `complete`: these
    are all states within the limits of the model."""

    machine: Machine
    states: Sequence[State] = field(default_factory=list)
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

    def depths(self) -> list[int]:
        """The distance of each state from the initial ones."""
        found: list[int] = []
        for parent in self.parents:
            found.append(0 if parent < 0 else found[parent] + 1)
        return found

    def depth(self, state: int) -> int:
        """The distance of one state from the initial ones."""
        steps = 0
        while self.parents[state] >= 0:
            state, steps = self.parents[state], steps + 1
        return steps

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
    """All states and steps of an instance; stops at either bound. Raises EvaluationError."""
    deadline = time.monotonic() + max_seconds
    found = interpret(instance, min(max_states, SMALL), deadline)
    if found.complete or found.stopped_by == "time" or max_states <= SMALL:
        return found
    try:
        return _native(found.machine, max_states, deadline)
    except (CannotBuild, CannotEmit):
        return interpret(instance, max_states, deadline)


def interpret(instance: Instance, max_states: int, deadline: float) -> Explored:
    """The same by the interpreter."""
    found = Explored(Machine(instance))
    states: list[State] = []
    found.states = states
    numbers: dict[State, int] = {}
    outside: set[State] = set()
    for state in found.machine.initial():
        _meet(found, numbers, outside, state, -1)
    at = 0
    while at < len(states):
        if len(states) > max_states or (at % 64 == 0 and time.monotonic() > deadline):
            found.complete, found.stopped_by = False, "states" if len(states) > max_states else "time"
            break
        _expand(found, numbers, outside, at)
        at += 1
    return found


def _native(machine: Machine, max_states: int, deadline: float) -> Explored:
    """The same by the native engine. A view would make it take states for one another, so that is left out."""
    instance = dataclasses.replace(machine.instance, view=None)
    found = Explored(machine)
    with explore_native(instance, max_states=max_states + 1) as graph:
        if not graph.complete:
            return _unfinished(found, graph, machine, deadline, max_states)
        words: list[tuple[int, ...]] = []
        numbers: dict[tuple[int, ...], int] = {}
        at_of: dict[int, int] = {}
        for node in graph.states():
            at_of[node.at] = numbers[node.words] = len(words)
            found.parents.append(-1 if node.parent is None else at_of[node.parent])
            words.append(node.words)
        found.states = Packed(machine, words, graph.values)
        actions = {runner.name: number for number, runner in enumerate(machine.runners)}
        for source, packed in enumerate(words):
            if source % 256 == 0 and time.monotonic() > deadline:
                found.complete, found.stopped_by = False, "time"
                break
            for edge in graph.edges(packed):
                target = numbers.get(edge.words)
                if target is None:
                    found.beyond = True
                else:
                    found.edges.extend((source, actions[edge.action], target))
    return found


def _unfinished(found: Explored, graph: Graph, machine: Machine, deadline: float, max_states: int) -> Explored:
    """Too many states; or an evaluation error ended the search, which the interpreter then meets as well."""
    if graph.distinct <= max_states:
        return interpret(machine.instance, max_states, deadline)
    found.states = Packed(machine, [node.words for node in graph.states()], graph.values)
    found.complete, found.stopped_by = False, "states"
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
    assert isinstance(found.states, list)
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
