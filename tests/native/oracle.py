"""A breadth-first search as simple as possible, on the interpreter: what the native search must agree with."""

from __future__ import annotations

from dataclasses import dataclass, field

from pyspec.model.errors import EvaluationError
from pyspec.model.instance import Instance
from pyspec.model.machine import Machine


@dataclass
class Answer:
    """What is compared: counts, and for each property that was decided the length of its shortest trace."""

    distinct: int = 0
    generated: int = 0
    depth: int = 0
    found: dict[str, int] = field(default_factory=dict)
    errors: set[str] = field(default_factory=set)
    error_length: int = -1
    fired: dict[str, int] = field(default_factory=dict)


class TooLarge(Exception):
    """More states than the test wants to wait for."""


class Oracle:
    """One search."""

    def __init__(self, instance: Instance, most: int = 3000) -> None:
        self.machine, self.most = Machine(instance), most
        self.props = instance.spec.properties
        self.answer = Answer(fired={a.name: 0 for a in instance.spec.actions})
        self.seen: set[object] = set()
        self.ending = False

    def error(self, problem: EvaluationError, length: int) -> None:
        if not self.answer.errors:
            self.answer.error_length = length
        if length == self.answer.error_length:
            self.answer.errors.add(problem.kind)
        self.ending = True

    def check(self, state: object, length: int) -> None:
        for prop in self.props:
            if prop.kind not in ("invariant", "reachable") or (prop.kind == "reachable" and prop.name in self.answer.found):
                continue
            try:
                if self.machine.holds(prop.name, state) == (prop.kind == "reachable"):
                    self.answer.found.setdefault(prop.name, length)
                    self.ending |= prop.kind == "invariant"
            except EvaluationError as problem:
                self.error(problem, length)

    def arrive(self, state: object, length: int, level: list[object]) -> None:
        self.answer.generated += 1
        if not self.machine.within_limits(state):
            self.check(state, length)
            return
        view = self.machine.view(state)
        if view not in self.seen:
            self.seen.add(view)
            level.append(state)
            if len(self.seen) > self.most:
                raise TooLarge
            self.check(state, length)

    def step(self, before: object, after: object, length: int) -> None:
        for prop in self.props:
            if prop.kind == "step" and not self.machine.holds(prop.name, before, after):
                self.answer.found.setdefault(prop.name, length)
                self.ending = True

    def expand(self, state: object, length: int, level: list[object]) -> None:
        count, failed = 0, False
        for runner in self.machine.runners:
            try:
                for args in runner.arguments(state):
                    for after in runner.run(state, *args):
                        self.answer.fired[runner.name] += 1
                        count += 1
                        self.step_or_fail(state, after, length, level)
            except EvaluationError as problem:
                self.error(problem, length - 1)
                failed = True
        for prop in self.props:
            if prop.kind == "deadlock_free" and not count and not failed and not self.terminal(state, length):
                self.answer.found.setdefault(prop.name, length - 1)
                self.ending = True

    def step_or_fail(self, before: object, after: object, length: int, level: list[object]) -> None:
        try:
            self.step(before, after, length)
        except EvaluationError:
            self.answer.generated += 1
            raise
        self.arrive(after, length, level)

    def terminal(self, state: object, length: int) -> bool:
        try:
            return any(self.machine.holds(p.name, state) for p in self.props if p.kind == "terminal")
        except EvaluationError as problem:
            self.error(problem, length - 1)
            return True

    def run(self) -> Answer:
        level: list[object] = []
        try:
            for state in self.machine._space["initial"]():
                self.arrive(state, 0, level)
        except EvaluationError as problem:
            self.error(problem, -1)
        while level and not self.ending:
            following: list[object] = []
            for state in level:
                self.expand(state, self.answer.depth + 1, following)
            if following:
                self.answer.depth += 1
            level = following
        self.answer.distinct = len(self.seen)
        return self.answer
