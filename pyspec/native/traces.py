"""From log positions to traces: every step is taken again by the interpreter before anyone sees it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from pyspec.base.diagnostics import Diagnostic
from pyspec.base.source import NOWHERE
from pyspec.lang import core
from pyspec.model.errors import EVALUATION_ERRORS, EvaluationError
from pyspec.model.instance import Instance
from pyspec.model.trace import Step, Trace
from pyspec.native.emit import KINDS
from pyspec.native.emit_model import Generated
from pyspec.native.layout import decode_state
from pyspec.native.library import Finding, Search

if TYPE_CHECKING:
    from pyspec.model.machine import Machine, Runner
    from pyspec.model.state import State


class EngineDisagreement(Exception):
    """The interpreter does not confirm what the native search found: a fault of this tool."""


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

    # ---------------------------------------------------------------------------------------- traces

    def of(self, finding: Finding) -> Trace:
        """The trace to a finding: to its state, or to the state after its step."""
        chain = self.search.chain(finding.at) if not finding.starting else []
        states = [self.state(words) for words in chain]
        if finding.words:
            states.append(self.state(list(finding.words)))
        if not states:
            return Trace(())
        steps = [self._first(states[0])]
        for before, after in zip(states, states[1:], strict=False):
            steps.append(self._step(before, after))
        return Trace(tuple(steps))

    def _first(self, state: State) -> Step:
        if state not in self.machine.initial():
            raise EngineDisagreement(f"not an initial state: {state!r}")
        return Step(None, (), state)

    def _step(self, before: State, after: State) -> Step:
        for runner in self.machine.runners:
            try:
                for args in self.machine.arguments(runner, before):
                    if after in self.machine.runs(runner, before, args):
                        return step_of(runner, args, after)
            except EvaluationError:
                continue
        raise EngineDisagreement(f"no action leads from {before!r} to {after!r}")

    # -------------------------------------------------------------------------------- confirmations

    def violated(self, prop: core.Property, finding: Finding) -> Trace:
        """The trace of a violated property (or a goal that was reached), confirmed."""
        trace = self.of(finding)
        last = trace.steps[-1].state
        if prop.kind == "deadlock_free":
            confirmed = not self._enabled(last)
        elif prop.kind in core.STEP_KINDS:
            confirmed = not self.machine.holds(prop.name, trace.steps[-2].state, last)  # type: ignore[arg-type]
        else:
            confirmed = self.machine.holds(prop.name, last) == (prop.kind == "reachable")  # type: ignore[arg-type]
        if not confirmed:
            raise EngineDisagreement(f"{prop.name} is not decided by {last!r}")
        return trace

    def initially(self, prop: core.Property) -> Trace | None:
        """The initial state that a refinement does not allow, if there is one."""
        if prop.kind != "refines":
            return None
        wrong = next((s for s in self.machine.initial() if not self.machine.second(prop.name, s)), None)
        return None if wrong is None else Trace((Step(None, (), wrong),))

    def _enabled(self, state: object) -> bool:
        return next(iter(self.machine.successors(state)), None) is not None  # type: ignore[arg-type]

    def error(self, finding: Finding) -> tuple[Diagnostic, Trace]:
        """An evaluation error with its trace: the interpreter must meet the same kind of error at the same place."""
        trace = self.of(finding)
        problem = self._problem(trace, finding)
        place = self.made.spans[finding.span]
        if problem is None or KINDS[problem.kind] != finding.kind:
            raise EngineDisagreement(f"an evaluation error of kind {finding.kind} at {place}, but {problem!r}")
        hint = f"raise `{problem.knob}` in the model" if problem.knob else None
        span = problem.span if problem.span != NOWHERE else place
        return Diagnostic(EVALUATION_ERRORS[problem.kind][0], problem.message, span, hint), trace

    def _problem(self, trace: Trace, finding: Finding) -> EvaluationError | None:
        if not trace.steps:
            return _raised(lambda: self.machine.initial())
        last = trace.steps[-1].state
        if finding.checking or finding.words:
            return next(filter(None, (self._check(p, trace) for p in self.made.properties)), None)
        if finding.action < 0:
            return None
        runner = self.machine.runners[finding.action]
        steps = [p for p in self.made.properties if p.kind in core.STEP_KINDS]
        return _raised(lambda: self._run_all(runner, last)) or next(
            filter(None, (self._after(p, runner, last) for p in steps)), None
        )

    def _check(self, prop: core.Property, trace: Trace) -> EvaluationError | None:
        last = trace.steps[-1].state
        if prop.kind not in core.STEP_KINDS:
            return _raised(lambda: self.machine.holds(prop.name, last))  # type: ignore[arg-type]
        if len(trace.steps) < 2:
            return None
        return _raised(lambda: self.machine.holds(prop.name, trace.steps[-2].state, last))  # type: ignore[arg-type]

    def _run_all(self, runner: Runner, state: object) -> None:
        for args in self.machine.arguments(runner, state):  # type: ignore[arg-type]
            self.machine.runs(runner, state, args)  # type: ignore[arg-type]

    def _after(self, prop: core.Property, runner: Runner, state: object) -> EvaluationError | None:
        def work() -> None:
            for args in self.machine.arguments(runner, state):  # type: ignore[arg-type]
                for after in self.machine.runs(runner, state, args):  # type: ignore[arg-type]
                    self.machine.holds(prop.name, state, after)  # type: ignore[arg-type]

        return _raised(work)


def step_of(runner: Runner, args: tuple[object, ...], after: State) -> Step:
    """A step as traces show it."""
    named = zip(runner.action.params, args, strict=True)
    return Step(runner.name, tuple((p.name, value) for p, value in named if p.shown), after)


def _raised(work: object) -> EvaluationError | None:
    assert callable(work)
    try:
        work()
    except EvaluationError as problem:
        return problem
    return None
