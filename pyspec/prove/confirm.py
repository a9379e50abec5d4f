"""Counterexamples of a solver as traces: what z3 says of a finite instance, the interpreter must say, too."""

from __future__ import annotations

from dataclasses import dataclass

from pyspec.lang import core
from pyspec.model.errors import EvaluationError
from pyspec.model.evaluate import Scope, evaluate
from pyspec.model.machine import Args, Machine, Runner
from pyspec.model.replay import EngineDisagreement, step_of
from pyspec.model.state import State
from pyspec.model.trace import Failing, Step, Trace
from pyspec.model.values import Value
from pyspec.prove.decode import Decoder
from pyspec.prove.execute import Run
from pyspec.prove.obligations import Obligation, Obligations

#: The first state of a counterexample that need not be reachable.
SOME_STATE = "a state that satisfies every invariant"


@dataclass(frozen=True)
class Target:
    """Which obligation a counterexample is wanted for: an action (None: the initial states) and the label of a
    conjunct ("": evaluation without an error) of a property."""

    action: str | None
    label: str
    prop: str
    kind: str

    @classmethod
    def of(cls, obligation: Obligation) -> Target:
        """The target for an obligation that was not proved."""
        action = None if obligation.action is None else obligation.action.split(" #")[0]
        part = obligation.part
        return cls(action, part.label if part else "", part.prop.name if part else "", obligation.kind)


class Confirmation:
    """One obligation of one instance, of which a solver says that it does not hold."""

    def __init__(
        self, problem: Obligations, machine: Machine, run: Run | None, obligation: Obligation, target: Target
    ) -> None:
        self.problem, self.machine, self.run, self.obligation, self.target = problem, machine, run, obligation, target

    def confirmed(self, decoder: Decoder) -> Trace:
        """What a model says as a trace; the interpreter must agree."""
        if self.target.kind == "law":
            return self._confirmed_law(decoder)
        values = {var.name: decoder.value(var.type, self.problem.before[var.name]) for var in self.problem.spec.vars}
        if self.run is None:
            return self._confirmed_state(values)
        state = self.machine.state(values)
        self._satisfies(values)
        runner = next(r for r in self.machine.runners if r.name == self.target.action)
        args = tuple(decoder.value(p.type, self.run.locals[p.name]) for p in runner.action.params)
        if args not in self.machine.arguments(runner, state):
            raise EngineDisagreement(f"z3 takes {runner.name}{args!r} in {state!r}, which the interpreter does not")
        after = self._wrong_successor(runner, state, args)
        steps = (Step(None, (), state), step_of(runner, args, after))
        failing = Failing(self._property()) if self.target.label else None
        return Trace(steps, None, failing, self.machine.instance, SOME_STATE)

    def _confirmed_law(self, decoder: Decoder) -> Trace:
        part = self.obligation.part
        assert part is not None
        symbols = self.problem.law_values(part.prop)
        values = {name: decoder.value(of, symbols[name]) for name, of in part.prop.params}
        try:
            true = evaluate(part.body, Scope({}, None, self.problem.functions, dict(values))) is True
        except EvaluationError:
            true = False
        if true:
            raise EngineDisagreement(f"z3 violates {part.label} with {values!r}, the interpreter does not")
        return Trace((), None, Failing(part.prop.name, tuple(values.items())), self.machine.instance)

    def _confirmed_state(self, values: dict[str, Value]) -> Trace:
        failing = Failing(self._property())
        if self.target.kind == "initial":
            for state in self.machine.initial():
                if not self._holds(state.values()):
                    return Trace((Step(None, (), state),), None, failing, self.machine.instance)
            raise EngineDisagreement(f"z3 finds an initial state that violates {self.target.label}; there is none")
        self._satisfies(values)
        return Trace((Step(None, (), self.machine.state(values)),), None, failing, self.machine.instance, SOME_STATE)

    def _property(self) -> str:
        return self.target.prop

    def _satisfies(self, values: dict[str, Value]) -> None:
        assumed = {part.prop.name for part in self.problem.parts}
        for prop in self.problem.spec.properties:
            if prop.name in assumed and not self._true(prop.body, values):
                raise EngineDisagreement(f"z3 assumes {prop.name}, which the interpreter finds false in {values!r}")

    def _true(self, body: core.Expr, values: dict[str, Value], after: dict[str, Value] | None = None) -> bool:
        try:
            return evaluate(body, Scope(values, after, self.problem.functions)) is True
        except EvaluationError:
            return self.target.kind == "defined"

    def _holds(self, values: dict[str, Value], before: dict[str, Value] | None = None) -> bool:
        part = self.obligation.part
        assert part is not None
        if before is not None and part.prop.kind in core.STEP_KINDS:
            return self._true(part.body, before, values)
        return self._true(part.body, values)

    def _wrong_successor(self, runner: Runner, state: State, args: Args) -> State | None:
        """The successor that violates the conjunct; None for a step that ends in an evaluation error, as wanted."""
        try:
            for after in self.machine.each_run(runner, state, args):
                if self.target.label and not self._holds(after.values(), state.values()):
                    return after
        except EvaluationError:
            if not self.target.label:
                return None
            raise
        what = f"{self.target.label or 'evaluation'} by {runner.name}{args!r} from {state!r}"
        raise EngineDisagreement(f"z3 violates {what}, the interpreter does not")
