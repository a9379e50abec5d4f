"""The whole state graph of an instance, by the interpreter: what liveness is decided on."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from pyspec.check.liveness import UNFAIR, Graph, Lasso, counterexample, shortest
from pyspec.lang import core
from pyspec.model.domains import values_of
from pyspec.model.errors import EvaluationError
from pyspec.model.machine import Args, Machine
from pyspec.model.state import State
from pyspec.model.trace import Failing, Step, Trace
from pyspec.model.values import Value

LIVENESS = ("eventually", "always_eventually", "eventually_always", "leads_to")


class Undefined(Exception):
    """A formula of a liveness property that cannot be evaluated in some state; `trace` leads there."""

    def __init__(self, problem: EvaluationError, trace: Trace) -> None:
        super().__init__(str(problem))
        self.problem, self.trace = problem, trace


class Explored:
    """States and steps of an instance, numbered in breadth-first order; states beyond a limit are left out."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.states: list[State] = []
        self.steps: dict[tuple[int, int], tuple[str, Args]] = {}
        self.graph = Graph()
        self._number: dict[State, int] = {}
        self._labels: dict[tuple[str, Args], int] = {}
        for state in machine.initial():
            if machine.within_limits(state) and state not in self._number:
                self.graph.initial.append(self._add(state))
        at = 0
        while at < len(self.states):
            self._expand(at)
            at += 1

    def _add(self, state: State) -> int:
        number = self._number.setdefault(state, len(self.states))
        if number == len(self.states):
            self.states.append(state)
            self.graph.edges.append([])
            self.graph.blocked.append(())
        return number

    def _expand(self, source: int) -> None:
        state = self.states[source]
        blocked: list[int] = []
        for runner, args, after in self.machine.successors(state):
            if after == state:
                continue
            label = self._label(runner.action, args)
            if after not in self._number and not self.machine.within_limits(after):
                blocked.append(label)
                continue
            target = self._add(after)
            self.graph.edges[source].append((label, target))
            self.steps.setdefault((source, target), (runner.name, args))
        self.graph.blocked[source] = tuple(blocked)

    def _label(self, action: core.Action, args: Args) -> int:
        if action.fair is None:
            return UNFAIR
        label = self._labels.setdefault((action.name, args), len(self._labels))
        (self.graph.weak if action.fair == "weak" else self.graph.strong).add(label)
        return label

    def violation(self, prop: core.Property) -> Trace | None:
        """A lasso that violates a liveness property, or None."""
        for values in itertools.product(*(values_of(kind) for _, kind in prop.params)):
            first = self._everywhere(lambda s, values=values: self.machine.holds(prop.name, s, None, values))  # type: ignore[misc]
            second = None
            if prop.second is not None:
                second = self._everywhere(lambda s, values=values: self.machine.second(prop.name, s, values))  # type: ignore[misc]
            found = counterexample(self.graph, prop.kind, first, second)
            if found is not None:
                return self._trace(prop, found, values)
        return None

    def _everywhere(self, formula: Callable[[State], bool]) -> list[bool]:
        """A formula in every state. Raises Undefined."""
        found = []
        for number, state in enumerate(self.states):
            try:
                found.append(formula(state))
            except EvaluationError as problem:
                raise Undefined(problem, self._to(number)) from None
        return found

    def _to(self, number: int) -> Trace:
        """A shortest trace to a state."""
        way = shortest(self.graph, number)
        steps = [Step(None, (), self.states[way[0]])]
        steps += [self._step(before, after) for before, after in itertools.pairwise(way)]
        return Trace(tuple(steps), None, None, self.machine.instance)

    def _trace(self, prop: core.Property, found: Lasso, values: tuple[Value, ...]) -> Trace:
        steps = [Step(None, (), self.states[found.states[0]])]
        for before, after in zip(found.states, found.states[1:], strict=False):
            steps.append(self._step(before, after))
        if len(found.states) - found.loop > 1:
            steps.append(self._step(found.states[-1], found.states[found.loop]))
        said_of = tuple(zip((name for name, _ in prop.params), values, strict=True))
        return Trace(tuple(steps), found.loop, Failing(prop.name, said_of), self.machine.instance)

    def _step(self, before: int, after: int) -> Step:
        name, args = self.steps[(before, after)]
        action = self.machine.instance.action(name)
        return Step(name, tuple(zip((p.name for p in action.params), args, strict=False)), self.states[after])
