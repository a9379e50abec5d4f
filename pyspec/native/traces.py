"""From log positions to traces: every step is taken again by the interpreter before anyone sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property, partial
from typing import TYPE_CHECKING

from pyspec.base.diagnostics import Diagnostic
from pyspec.lang import core
from pyspec.model.errors import EvaluationError
from pyspec.model.instance import Instance
from pyspec.model.replay import EngineDisagreement, replay, step_of
from pyspec.model.trace import Trace
from pyspec.native.emit import KINDS
from pyspec.native.emit_model import Generated
from pyspec.native.layout import decode_state
from pyspec.native.library import Finding, Search

if TYPE_CHECKING:
    from pyspec.model.machine import Machine, Runner
    from pyspec.model.state import State


class Traces:
    """Rebuilds and confirms the traces of one search."""

    def __init__(self, instance: Instance, made: Generated, search: Search) -> None:
        self.instance, self.made, self.search = instance, made, search

    @cached_property
    def machine(self) -> Machine:
        """The interpreter, made only when there is a trace to confirm."""
        from pyspec.model.machine import Machine

        return Machine(self.instance)

    def state(self, words: list[int]) -> State:
        """A packed state as the interpreter's."""
        return self.machine.state(decode_state(self.made.em, self.made.layout, words))

    def runs(self, finding: Finding) -> Iterator[list[list[int]]]:
        """Packed states of runs to a finding: to its state, or to the state after its step. With symmetry there may be
        several last steps, of which one is meant."""
        chain = [] if finding.starting else self.search.chain(finding.at)
        after = list(finding.words)
        if not self.made.symmetry or not chain:
            yield [*chain, after] if after else chain
            return
        run = self._real(chain)
        if not after:
            yield run
            return
        images = {s.representative for s in self.search.successors(chain[-1]) if list(s.words) == after}
        for successor in self.search.successors(run[-1]):
            if successor.representative in images:
                yield [*run, list(successor.words)]

    def _real(self, chain: list[list[int]]) -> list[list[int]]:
        """A run through the orbits of a chain of representatives, from its first state."""
        run = chain[:1]
        for wanted in chain[1:]:
            found = (s for s in self.search.successors(run[-1]) if list(s.representative) == wanted)
            one = next(found, None)
            if one is None:
                raise EngineDisagreement(f"no step leads from {self.state(run[-1])!r} to the orbit of the next state")
            run.append(list(one.words))
        return run

    def violated(self, prop: core.Property, finding: Finding) -> Trace:
        """The trace of a violated property (or a goal that was reached), confirmed by the interpreter."""
        problem = EngineDisagreement(f"no run leads to where {prop.name} was decided")
        for run in self.runs(finding):
            try:
                return self._confirmed(prop, finding, [self.state(words) for words in run])
            except EngineDisagreement as found:
                problem = found
        raise problem

    def _confirmed(self, prop: core.Property, finding: Finding, states: list[State]) -> Trace:
        goal = prop.kind == "reachable"
        trace = replay(self.machine, states, failing=None if goal else prop.name)
        if goal and not self.machine.holds(prop.name, states[-1]):
            raise EngineDisagreement(f"{prop.name} is not reached in {states[-1]!r}")
        return trace

    # ---------------------------------------------------------------------------------------- errors

    def error(self, finding: Finding) -> tuple[Diagnostic, Trace | None]:
        """An evaluation error with its trace: the interpreter must meet one of the same kind in the same state."""
        for states in self._ways(finding):
            trace = replay(self.machine, states) if states else None
            for problem, runner, args in self._problems(finding, states):
                if KINDS[problem.kind] == finding.kind:
                    if trace is not None and runner is not None:
                        trace = trace.followed_by(runner.name, step_of(runner, args, None).args)
                    return _diagnostic(problem), trace
        place = self.made.spans[finding.span]
        raise EngineDisagreement(f"only native code meets an evaluation error of kind {finding.kind} at {place}")

    def _ways(self, finding: Finding) -> Iterator[list[State]]:
        """Runs to where the search met an error; at the start that is no state yet, or some initial state."""
        for run in self.runs(finding):
            yield [self.state(words) for words in run]
        if finding.starting:
            yield from ([state] for state in self.machine.initial())

    def _problems(
        self, finding: Finding, states: list[State]
    ) -> Iterator[tuple[EvaluationError, Runner | None, tuple[object, ...]]]:
        """The evaluation errors that the interpreter meets where the search met one."""
        if not states:
            yield from ((p, None, ()) for p in _raised(self.machine.initial))
            return
        if 0 <= finding.action < len(self.machine.runners) and not finding.words:
            yield from self._of_action(self.machine.runners[finding.action], states[-1])
        for prop in self.instance.spec.properties:
            yield from ((p, None, ()) for p in _raised(partial(self._evaluate, prop, states)))
        yield from ((p, None, ()) for p in _raised(lambda: self.machine.within_limits(states[-1])))

    def _of_action(
        self, runner: Runner, state: State
    ) -> Iterator[tuple[EvaluationError, Runner | None, tuple[object, ...]]]:
        args: tuple[object, ...] = ()
        try:
            for args in self.machine.each_arguments(runner, state):
                for _ in self.machine.each_run(runner, state, args):
                    pass
        except EvaluationError as problem:
            yield problem, runner, args

    def _evaluate(self, prop: core.Property, states: list[State]) -> None:
        if prop.kind in core.STEP_KINDS:
            if len(states) > 1:
                self.machine.holds(prop.name, states[-2], states[-1])
            elif prop.second is not None:
                self.machine.second(prop.name, states[-1])
        elif prop.kind in ("invariant", "lemma", "reachable", "terminal"):
            self.machine.holds(prop.name, states[-1])


def _diagnostic(problem: EvaluationError) -> Diagnostic:
    from pyspec.check.search import diagnostic_of

    return diagnostic_of(problem)


def _raised(work: Callable[[], object]) -> Iterator[EvaluationError]:
    try:
        work()
    except EvaluationError as problem:
        yield problem
