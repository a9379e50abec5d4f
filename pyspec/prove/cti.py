"""Counterexamples to induction: found in a finite instance, as small as possible, and confirmed by the interpreter."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import z3

from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.model.domains import values_of
from pyspec.model.errors import EvaluationError
from pyspec.model.evaluate import Scope, evaluate
from pyspec.model.instance import Instance
from pyspec.model.machine import Args, Machine, Runner
from pyspec.model.replay import EngineDisagreement, step_of
from pyspec.model.state import State
from pyspec.model.trace import Failing, Step, Trace
from pyspec.model.values import Value
from pyspec.prove.decode import Decoder, TooLarge
from pyspec.prove.defined import defined
from pyspec.prove.encode import Env
from pyspec.prove.execute import Run
from pyspec.prove.logic import Truth, conj, implies, neg
from pyspec.prove.obligations import Obligation, Obligations
from pyspec.prove.sizes import Sizes, flipped, instance, larger, smaller, starting
from pyspec.prove.structure import equal, lift
from pyspec.prove.values import MapVal, SetVal, Val

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


@dataclass(frozen=True)
class Cti:
    """A counterexample to induction: a trace of one step (of none for an initial state) of a finite instance."""

    target: Target
    sizes: Sizes
    trace: Trace
    instance: Instance


class Place:
    """An instance in which counterexamples are looked for, encoded once."""

    def __init__(self, made: Instance) -> None:
        self.made, self.machine = made, Machine(made)
        self.problem = Obligations(made.spec, finite=True, flaws=made.flaws)
        self.problem.leave_out_unsupported()


#: Instances that were made so far, by their sizes (None: the specification does not allow them).
Places = dict[Sizes, Place | None]


def find(
    spec: core.Spec, target: Target, flaws: tuple[str, ...], until: float, places: Places | None = None
) -> Cti | None:
    """A counterexample in a small instance, the smallest that was met; None if there is none in those tried."""
    places = {} if places is None else places
    sizes = starting(spec, flaws)
    if sizes is None:
        return None
    found = None
    for candidate in (sizes, *flipped(sizes), *larger(sizes, spec)):
        found = at_sizes(spec, target, candidate, flaws, until, places)
        if found is not None or time.monotonic() > until:
            break
    return None if found is None else _shrink(spec, found, flaws, until, places)


def _shrink(spec: core.Spec, found: Cti, flaws: tuple[str, ...], until: float, places: Places) -> Cti:
    """Makes one sort (or constant) smaller at a time as long as there still is a counterexample."""
    tried: set[Sizes] = set()
    going = True
    while going and time.monotonic() < until:
        going = False
        for sizes in smaller(found.sizes, spec):
            if sizes not in tried and time.monotonic() < until:
                tried.add(sizes)
                better = at_sizes(spec, found.target, sizes, flaws, until, places)
                if better is not None:
                    found, going = better, True
                    break
    return found


def at_sizes(
    spec: core.Spec, target: Target, sizes: Sizes, flaws: tuple[str, ...], until: float, places: Places
) -> Cti | None:
    """A counterexample in the instance of these sizes."""
    if sizes not in places:
        made = instance(spec, sizes, flaws)
        places[sizes] = None if made is None else Place(made)
    place = places[sizes]
    return None if place is None else at_place(place, target, sizes, until)


def at_place(place: Place, target: Target, sizes: Sizes, until: float) -> Cti | None:
    """A counterexample in an instance, confirmed by the interpreter; None if there is none, or not in time."""
    for run, obligation in _candidates(place.problem, target):
        trace = Search(place.problem, place.machine, run, obligation, target).solve(until)
        if trace is not None:
            return Cti(target, sizes, trace, place.made)
    return None


def _candidates(problem: Obligations, target: Target) -> Iterator[tuple[Run | None, Obligation]]:
    labels = {part.label for part in (*problem.parts, *problem.step_parts, *problem.law_parts)}
    wanted = target.label if target.label in labels else target.prop
    if target.action is None:
        several = {"initial": problem.initial, "law": problem.laws}.get(target.kind, problem.definitions)()
        for one in several:
            if one.part is not None and wanted in (one.part.label, one.part.prop.name):
                yield None, one
        return
    action = next((a for a in problem.spec.actions if a.name == target.action), None)
    if action is not None:
        yield from problem.steps_with_runs(action, wanted)


class Search:
    """One obligation of one instance."""

    def __init__(
        self, problem: Obligations, machine: Machine, run: Run | None, obligation: Obligation, target: Target
    ) -> None:
        self.problem, self.machine, self.run, self.obligation, self.target = problem, machine, run, obligation, target
        self.solver = z3.Solver(ctx=problem.encoder.u.ctx)

    def _begin(self) -> None:
        for _, formula in self.obligation.hypotheses:
            self._add(formula)
        self._add(neg(self.obligation.goal))
        if self.run is not None and self.obligation.kind != "law":
            self._sane(self.run)

    def _sane(self, run: Run) -> None:
        """Only states in which what is assumed has a value, and steps that meet no evaluation error (but one, if that
        is what is looked for)."""
        env, e = Env(self.problem.before), self.problem.encoder
        with e.u.collecting() as facts:
            for part in self.problem.parts:
                self._add(defined(e, part.body, env))
        self._add(conj(facts))
        if self.obligation.kind == "step":
            self._add(conj(implies(check.guard, check.cond) for check in run.checks))

    def _add(self, formula: Truth) -> None:
        self.solver.add(problem_term(self.problem, formula))

    def solve(self, until: float, polish: float = 3.0) -> Trace | None:
        """A counterexample, if there is one; `polish`: seconds to make it plainer."""
        self._begin()
        first = self._check(until)
        if first is None:
            return None
        decoder = Decoder(self.problem.encoder.u, self._plainest(first, until, polish))
        try:
            return self.confirmed(decoder)
        except TooLarge:
            return None

    def _check(self, until: float, *more: Truth) -> Any:
        self.solver.set("timeout", max(1, int(1000 * (until - time.monotonic()))))
        terms = [problem_term(self.problem, formula) for formula in more]
        return self.solver.model() if self.solver.check(*terms) == z3.sat else None

    def _plainest(self, best: Any, until: float, polish: float) -> Any:
        """A model whose state differs from the initial one in as few places as possible."""
        until = min(until, time.monotonic() + polish)
        for wanted in self._wishes():
            if time.monotonic() > until:
                break
            self.solver.push()
            self._add(wanted)
            plainer = self._check(min(until, time.monotonic() + 0.5))
            if plainer is None:
                self.solver.pop()
            else:
                best = plainer
        return best

    def _wishes(self) -> Iterator[Truth]:
        """That variables, and then their cells, are as in the first initial state."""
        initial = self.machine.initial()
        if not initial or self.target.kind in ("initial", "law"):
            return
        u = self.problem.encoder.u
        for var in self.problem.spec.vars:
            value = initial[0].values()[var.name]
            yield equal(u, self.problem.before[var.name], lift(u, var.type, value))
        for var in self.problem.spec.vars:
            value = initial[0].values()[var.name]
            yield from self._cells(var.type, self.problem.before[var.name], lift(u, var.type, value))

    def _cells(self, of: ty.Type, now: Val, then: Val) -> Iterator[Truth]:
        u = self.problem.encoder.u
        if isinstance(of, ty.Map) and isinstance(now, MapVal):
            for key in values_of(of.key):
                at = lift(u, of.key, key)
                yield equal(u, now.at(at), then.at(at))
                if isinstance(of.value, ty.Map | ty.Set):
                    yield from self._cells(of.value, now.at(at), then.at(at))
        elif isinstance(of, ty.Set) and isinstance(now, SetVal):
            try:
                for _, x in list(Decoder(u, self.solver.model()).candidates(of.item))[:60]:
                    yield neg(now.contains(x))
            except (TooLarge, z3.Z3Exception):
                return

    # ------------------------------------------------------------------------------------------ confirmation

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


def is_state(made: Instance, state: State) -> core.Expr:
    """The condition that a state is this one."""
    parts = tuple(_is(var, state.values()[var.name]) for var in made.spec.vars)
    return parts[0] if len(parts) == 1 else core.Op(ty.Bool(), "and", parts)


def _is(var: core.Var, value: Value) -> core.Expr:
    return core.Op(ty.Bool(), "eq", (core.StateVar(var.type, var.name), core.Lit(var.type, value)))


def problem_term(problem: Obligations, formula: Truth) -> Any:
    """A formula as a z3 term."""
    return problem.encoder.u.term(formula)


def merge_targets(obligations: Sequence[Obligation]) -> list[Target]:
    """The targets of several obligations, each once."""
    return list(dict.fromkeys(map(Target.of, obligations)))


__all__ = ["Cti", "Env", "Target", "Place", "Places", "at_place", "conj", "find", "merge_targets"]
