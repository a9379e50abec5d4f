"""Walking a model by hand: where one stands, what can happen there, forth and back, to a goal or a counterexample.

Nothing here knows of a terminal: `pyspec repl` is one face of a `Walk`, an explorer in a browser or an editor another.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from pyspec.base.diagnostics import Diagnostic
from pyspec.check.ask import Answer, Asker
from pyspec.check.search import diagnostic_of
from pyspec.lang import core
from pyspec.lang.ask import ASKED
from pyspec.model.errors import EvaluationError
from pyspec.model.explain import explain
from pyspec.model.instance import Instance
from pyspec.model.machine import Machine
from pyspec.model.replay import step_of, violates
from pyspec.model.result import CheckResult, PropertyResult
from pyspec.model.state import State
from pyspec.model.story import changes, label
from pyspec.model.trace import Step, Trace

Search = Callable[[Instance, str], CheckResult]
JUDGED = frozenset({"invariant", "step", "refines"})  # kinds that one state, or one step, can violate


class WalkError(ValueError):
    """A request that cannot be fulfilled where the walk stands; the message says why."""


@dataclass(frozen=True)
class Move:
    """Something that can happen: the step, how a reader calls it, and what it would change."""

    step: Step
    label: str
    changes: tuple[str, ...]


class Walk:
    """A path through a model with a position on it. Steps after the position are kept until another one is taken."""

    def __init__(self, instance: Instance, search: Search, asker: Asker | None = None) -> None:
        self.machine = Machine(instance)
        self._search, self._asker = search, asker
        self._starts = self.machine.initial()
        self.steps: list[Step] = [Step(None, (), self._starts[0])]
        self.loop_start: int | None = None
        self.at = 0

    @property
    def instance(self) -> Instance:
        """The instance that is walked."""
        return self.machine.instance

    @property
    def state(self) -> State:
        """The state at the position."""
        found = self.steps[self.at].state
        assert found is not None
        return found

    # ------------------------------------------------------------------------------------------ looking

    def starts(self) -> int:
        """How many initial states there are."""
        return len(self._starts)

    def moves(self) -> tuple[list[Move], list[Diagnostic]]:
        """What can happen at the position, in the order of the specification, each outcome once; and the evaluation
        errors of actions that fail there."""
        found: dict[Step, Move] = {}
        problems: list[Diagnostic] = []
        for runner in self.machine.runners:
            try:
                for args in self.machine.each_arguments(runner, self.state):
                    for after in self.machine.each_run(runner, self.state, args):
                        step = step_of(runner, args, after)
                        found.setdefault(step, Move(step, self.label(step), self._changes(self.state, after)))
            except EvaluationError as problem:
                problems.append(
                    replace(diagnostic_of(problem), notes=((f"in action {runner.name}", runner.action.span),))
                )
        return list(found.values()), problems

    def label(self, step: Step) -> str:
        """A step as a reader calls it."""
        return label(Trace((step,), instance=self.instance), step)

    def changed(self) -> tuple[str, ...]:
        """What the step that led to the position changed; nothing at the start."""
        return self._changes(self._before(), self.state) if self.at else ()

    def broken(self) -> list[str]:
        """The invariants that are false at the position, and the step properties that the last step violates."""
        states = self.trace().states()[-2:]
        return [p.name for p in self.instance.spec.properties if p.kind in JUDGED and self._violated(p, states)]

    def why(self, name: str) -> tuple[bool, list[str]]:
        """Whether the predicate of a property is true at the position, and why.

        Raises WalkError if there is no such property, or if it is about whole runs.
        """
        prop = self._property(name)
        states = self.trace().states()[-2:]
        if prop.kind not in JUDGED | {"reachable", "terminal", "lemma"} or (prop.kind == "step" and len(states) < 2):
            raise WalkError(f"{name} is about whole runs or a step, not about a state: `go {name}` searches")
        held = not violates(self.machine, name, states)
        return held, explain(prop, states, self.instance)

    def ask(self, text: str) -> Answer:
        """The value of an expression at the position; primed names are the state after the next step, if one is known.

        Raises SpecError, EvaluationError.
        """
        after = self.steps[self.at + 1].state if self.at + 1 < len(self.steps) else None
        return self._questions().value(text, self.instance, self.state, after)

    def trace(self, *, whole: bool = False) -> Trace:
        """The path up to the position, or all of it."""
        steps = self.steps if whole else self.steps[: self.at + 1]
        loop = self.loop_start if len(steps) == len(self.steps) else None
        return Trace(tuple(steps), loop, None, self.instance)

    # ------------------------------------------------------------------------------------------- moving

    def take(self, move: Move) -> None:
        """Take a step; what was ahead is forgotten, unless it begins with this step."""
        ahead = self.steps[self.at + 1] if self.at + 1 < len(self.steps) else None
        if ahead != move.step:
            del self.steps[self.at + 1 :]
            self.steps.append(move.step)
            self.loop_start = None
        self.at += 1

    def named(self, text: str) -> Move:
        """The move that a reader calls so, or the only one whose name begins so.

        Raises WalkError if there is none, or more than one.
        """
        moves, _ = self.moves()
        same = [m for m in moves if m.label == text] or [m for m in moves if m.label.startswith(text)]
        if not same:
            raise WalkError(f"nothing that is called {text!r} can happen here")
        if len(same) > 1:
            raise WalkError(f"{text!r} can be {', '.join(m.label for m in same[:4])}{', ...' * (len(same) > 4)}")
        return same[0]

    def start(self, number: int = 1) -> None:
        """Begin again in an initial state (counted from 1)."""
        if not 1 <= number <= len(self._starts):
            raise WalkError(f"there are {len(self._starts)} initial states, counted from 1")
        self.steps, self.at, self.loop_start = [Step(None, (), self._starts[number - 1])], 0, None

    def go_to(self, number: int) -> None:
        """Stand after step `number` of the path (0: at the start)."""
        if not 0 <= number < len(self.steps):
            raise WalkError(f"the path has the steps 0 to {len(self.steps) - 1}")
        self.at = number

    def random(self, count: int, chance: random.Random) -> int:
        """Take up to `count` random steps: an action first, then one of its outcomes. Returns how many there were."""
        for taken in range(count):
            moves, _ = self.moves()
            if not moves:
                return taken
            action = chance.choice(list(dict.fromkeys(m.step.action for m in moves)))
            self.take(chance.choice([m for m in moves if m.step.action == action]))
        return count

    def follow(self, trace: Trace) -> None:
        """Make a trace of this model the path, and stand at its start."""
        steps = [step for step in trace.steps if step.state is not None]
        same = [replace(step, state=self.machine.state(step.state.values())) for step in steps if step.state]
        self.steps, self.at, self.loop_start = same, 0, trace.loop_start

    def search(self, name: str) -> PropertyResult:
        """Search for a goal's witness, or a property's counterexample; if there is one, it becomes the path.

        Raises WalkError if there is no such property, or if an evaluation error ended the search: the path leads to it.
        """
        self._property(name)
        return self._found(self._search(self.instance, name), name)

    def search_for(self, text: str) -> PropertyResult:
        """Search for a state in which an expression is true; if there is one, the way to it becomes the path.

        Raises SpecError if the expression is wrong.
        """
        return self._found(self._search(self._questions().goal(text), ASKED), ASKED)

    # ------------------------------------------------------------------------------------------ details

    def _found(self, result: CheckResult, name: str) -> PropertyResult:
        found = next((p for p in result.properties if p.name == name), None)
        if result.error is not None and (found is None or found.trace is None):
            if result.error_trace is not None:
                self.follow(result.error_trace)
                self.at = len(self.steps) - 1
            said = f"{result.error.code} {result.error.message}"
            raise WalkError(f"the search ended at an evaluation error, and the path leads to it: {said}")
        if found is None:
            raise WalkError(f"{name} is no property that a search decides")
        if found.trace is not None:
            self.follow(found.trace)
        return found

    def _before(self) -> State:
        found = self.steps[self.at - 1].state
        assert found is not None
        return found

    def _changes(self, before: State, after: State) -> tuple[str, ...]:
        return tuple(changes(before, after, self.instance))

    def _violated(self, prop: core.Property, states: list[State]) -> bool:
        try:
            return violates(self.machine, prop.name, states)
        except EvaluationError:
            return True

    def _property(self, name: str) -> core.Property:
        found = {p.name: p for p in self.instance.spec.properties}
        if name not in found:
            raise WalkError(f"there is no property {name}; there are {', '.join(found) or 'none'}")
        return found[name]

    def _questions(self) -> Asker:
        if self._asker is None:
            raise WalkError("expressions need the text of the specification")
        return self._asker
