"""Counterexamples to induction: found in a finite instance, as small as possible, and confirmed by the interpreter."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import z3

from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.model.domains import values_of
from pyspec.model.instance import Instance
from pyspec.model.machine import Machine
from pyspec.model.state import State
from pyspec.model.trace import Trace
from pyspec.model.values import Value
from pyspec.prove.confirm import Confirmation, Target
from pyspec.prove.decode import Decoder, TooLarge
from pyspec.prove.defined import defined
from pyspec.prove.encode import Env
from pyspec.prove.execute import Run
from pyspec.prove.logic import Truth, conj, disj, implies, less, neg
from pyspec.prove.obligations import NAMED, STEP, Given, Obligation, Obligations
from pyspec.prove.sizes import Sizes, fewest, flipped, instance, larger, smaller, starting
from pyspec.prove.solve import SLACK
from pyspec.prove.structure import equal, lift
from pyspec.prove.universe import Universe
from pyspec.prove.values import MapVal, SeqVal, SetVal, Val


@dataclass(frozen=True)
class Cti:
    """A counterexample to induction: a trace of one step (of none for an initial state) of a finite instance."""

    target: Target
    sizes: Sizes
    trace: Trace
    instance: Instance


class Place:
    """An instance in which counterexamples are looked for: encoded once, each action when it is first asked for, and
    what all steps have in common told to one solver once."""

    def __init__(self, made: Instance) -> None:
        self.made, self.machine = made, Machine(made)
        self.problem = Obligations(made.spec, finite=True, flaws=made.flaws)
        self.problem.leave_out_unsupported()
        self._solver = self.fresh()
        self._told: set[str] = set()
        self._runs: dict[str, list[tuple[Run, Given]]] = {}

    def fresh(self) -> Any:
        """A solver that knows nothing."""
        return z3.Solver(ctx=self.problem.encoder.u.ctx)

    def runs(self, action: core.Action) -> list[tuple[Run, Given]]:
        """The runs of an action."""
        if action.name not in self._runs:
            self._runs[action.name] = list(self.problem.runs(action))
        return self._runs[action.name]

    @contextmanager
    def solver(self, run: Run | None, obligation: Obligation) -> Iterator[Any]:
        """A solver that knows the hypotheses of an obligation; for a step only from states in which what is assumed has
        a value."""
        if run is None or obligation.kind == "law":
            solver = self.fresh()
            solver.add(*(problem_term(self.problem, formula) for _, formula in obligation.hypotheses))
            yield solver
            return
        own = [formula for label, formula in obligation.hypotheses if not self._tell(label, formula)]
        self._tell("", self._valued())
        self._solver.push()
        try:
            self._solver.add(*(problem_term(self.problem, formula) for formula in own))
            yield self._solver
        finally:
            self._solver.pop(self._solver.num_scopes())

    def _tell(self, label: str, formula: Truth) -> bool:
        """Tells the solver of steps a hypothesis, unless it is about one step only."""
        if label in (STEP, NAMED):
            return False
        if label not in self._told:
            self._told.add(label)
            self._solver.add(problem_term(self.problem, formula))
        return True

    def _valued(self) -> Truth:
        if "" in self._told:
            return True
        env, e = Env(self.problem.before), self.problem.encoder
        with e.u.collecting() as facts:
            known = [defined(e, part.body, env) for part in self.problem.parts]
        return conj((*facts, *known))


#: Instances that were made so far, by their sizes (None: the specification does not allow them).
Places = dict[Sizes, Place | None]


def find(
    spec: core.Spec,
    target: Target,
    flaws: tuple[str, ...],
    until: float,
    places: Places | None = None,
    glance: bool = False,
) -> Cti | None:
    """A counterexample in a small instance, the smallest that was met; None if there is none in those tried. At a
    `glance`: the sizes to begin with, and smaller ones."""
    places = {} if places is None else places
    sizes = starting(spec, flaws)
    if sizes is None:
        return None
    found = None
    more = () if glance else (*flipped(sizes), *larger(sizes, spec, flaws))
    for candidate in (*fewest(sizes, spec), sizes, *more):
        found = at_sizes(spec, target, candidate, flaws, until, places)
        if found is not None or time.monotonic() > until:
            break
    return None if found is None else _shrink(spec, found, flaws, until, places)


def first_of(
    spec: core.Spec, targets: Sequence[Target], flaws: tuple[str, ...], until: float, places: Places
) -> Cti | None:
    """A counterexample for any of several targets, in the instance that comes first; the model's own among them."""
    sizes, own = starting(spec, flaws), starting(spec, flaws, 1)
    if sizes is None or own is None:
        return None
    for candidate in dict.fromkeys((*fewest(own, spec), own, sizes, *flipped(sizes), *larger(sizes, spec, flaws))):
        for target in targets:
            if time.monotonic() > until:
                return None
            if (found := at_sizes(spec, target, candidate, flaws, until, places)) is not None:
                return _shrink(spec, found, flaws, until, places)
    return None


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
    for run, obligation in _candidates(place, target):
        trace = Search(place, run, obligation, target).solve(until)
        if trace is not None:
            return Cti(target, sizes, trace, place.made)
    return None


def _candidates(place: Place, target: Target) -> Iterator[tuple[Run | None, Obligation]]:
    problem = place.problem
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
        yield from problem.steps_with_runs(action, wanted, place.runs(action))


class Search:
    """One obligation of one instance."""

    def __init__(self, place: Place, run: Run | None, obligation: Obligation, target: Target) -> None:
        self.place, self.run, self.obligation, self.target = place, run, obligation, target
        self.problem, self.machine = place.problem, place.machine
        self.solver: Any = None
        self._best: Any = None  # the plainest model so far

    def solve(self, until: float, polish: float = 3.0) -> Trace | None:
        """A counterexample, if there is one; `polish`: seconds of work to make it plainer."""
        with self.place.solver(self.run, self.obligation) as self.solver:
            self._add(neg(self.obligation.goal))
            if self.run is not None and self.obligation.kind == "step":  # no evaluation error: it is looked for apart
                self._add(conj(implies(check.guard, check.cond) for check in self.run.checks))
            first = self._check(until)
            if first is None:
                return None
            decoder = Decoder(self.problem.encoder.u, self._plainest(first, until, polish))
        found = Confirmation(self.problem, self.machine, self.run, self.obligation, self.target)
        try:
            return found.confirmed(decoder)
        except TooLarge:
            return None

    def _add(self, formula: Truth) -> None:
        self.solver.add(problem_term(self.problem, formula))

    def _check(self, until: float, *more: Truth) -> Any:
        self.solver.set("timeout", max(1, int(1000 * (until - time.monotonic()))))
        terms = [problem_term(self.problem, formula) for formula in more]
        return self.solver.model() if self.solver.check(*terms) == z3.sat else None

    def _plainest(self, best: Any, until: float, polish: float) -> Any:
        """A model whose state differs from the initial one in as few places as possible."""
        worked, until, self._best = time.process_time() + polish, min(until, time.monotonic() + SLACK * polish), best
        for wanted in self._wishes():
            if time.monotonic() > until or time.process_time() > worked:
                break
            self.solver.push()
            self._add(wanted)
            plainer = self._check(min(until, time.monotonic() + SLACK * 0.5))
            if plainer is None:
                self.solver.pop()
            else:
                self._best = plainer
        return self._best

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
                if isinstance(of.value, ty.Map | ty.Set | ty.Seq):
                    yield from self._cells(of.value, now.at(at), then.at(at))
        elif isinstance(now, SeqVal):
            yield from (less(now.length, longest + 1) for longest in (2, 1))
        elif isinstance(of, ty.Set) and isinstance(now, SetVal) and isinstance(then, SetVal):
            with suppress(TooLarge):
                yield from self._fewer(of.item, now, then)

    def _fewer(self, item: ty.Type, now: SetVal, then: SetVal) -> Iterator[Truth]:
        """That a set has no elements but those it has in the plainest model so far, and then one less."""
        kept: set[Value] = set()
        while True:
            best = Decoder(self.problem.encoder.u, self._best)
            there = {value: x for value, x in best.candidates(item) if best.truth(now.contains(x))}
            yield now.each("all", partial(_among, best.u, tuple(there.values())))
            more = (value for value, x in there.items() if value not in kept and not best.truth(then.contains(x)))
            value = next(more, None)
            if value is None:
                return
            kept.add(value)
            yield neg(now.contains(there[value]))


def _among(u: Universe, several: Sequence[Val], x: Val) -> Truth:
    return disj(equal(u, x, one) for one in several)


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


__all__ = ["Cti", "Env", "Target", "Place", "Places", "at_place", "conj", "find", "first_of", "merge_targets"]
