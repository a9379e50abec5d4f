"""Induction at finite sizes, incrementally: lemmas come and go, and what does not change is encoded once.

One solver for each run of an action holds its step, the invariants and every lemma; a lemma is switched on by a literal
of its own, and so is the goal that its conjunct fails after the step. The literals of an answer "never" are the lemmas
that were needed: only they have to be inductive in turn, and as long as they stay there is nothing to ask again.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any

import z3

from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.model.domains import values_of
from pyspec.model.instance import Instance
from pyspec.model.machine import Machine
from pyspec.model.state import State
from pyspec.model.values import Value
from pyspec.prove.confirm import Confirmation, Target
from pyspec.prove.cti import Cti
from pyspec.prove.decode import Decoder, TooLarge
from pyspec.prove.defined import defined
from pyspec.prove.encode import Env
from pyspec.prove.execute import Run
from pyspec.prove.logic import Truth, conj, implies, neg
from pyspec.prove.obligations import Obligation, Obligations, Part
from pyspec.prove.sizes import Sizes, instance
from pyspec.prove.structure import lift
from pyspec.prove.values import Val

#: Seconds for one question.
PATIENCE = 10.0
Literal = tuple[core.Expr, tuple[int, ...], bool]


@dataclass(frozen=True)
class Claim:
    """A lemma: literals that never hold together. `kinds` are the types of its variables; a literal is an atom whose
    variables are called `argument 0` and so on, the places of its arguments among these variables, and its truth."""

    prop: core.Property
    kinds: tuple[ty.Type, ...]
    literals: tuple[Literal, ...]


@dataclass
class _Goal:
    """A conjunct after a run: the literal that asks for its failure."""

    part: Part
    obligation: Obligation
    fails: Any
    core: frozenset[str] | None = None  # the lemmas that excluded its failure when that was asked last


@dataclass
class _Step:
    """One run of an action, its solver, and its goals by the name of their property."""

    action: core.Action
    number: int
    run: Run
    given: list[tuple[str, Truth]]
    solver: Any
    goals: dict[str, list[_Goal]] = field(default_factory=dict)
    asserted: set[tuple[str, int]] = field(default_factory=set)

    def changed(self, before: Mapping[str, Val]) -> frozenset[str]:
        """The variables that the run writes."""
        return frozenset(var for var, value in self.run.state.items() if value is not before[var])


class Induction:
    """The question whether lemmas make the invariants of an instance inductive, asked again and again."""

    def __init__(self, spec: core.Spec, made: Instance, sizes: Sizes) -> None:
        self.spec, self.instance, self.sizes = spec, made, sizes
        self.problem = Obligations(made.spec, finite=True, flaws=made.flaws)
        self.problem.leave_out_unsupported()
        self.promises = [part for part in self.problem.step_parts if part.prop.kind == "step"]
        self.problem.step_parts = []
        self.machine = Machine(made)
        self.base = list(self.problem.parts)
        self.literals: dict[str, Any] = {}
        self.atoms: dict[tuple[core.Expr, tuple[Value, ...], int], Any] = {}
        self.functions: dict[tuple[core.Expr, tuple[ty.Type, ...]], core.Function] = {}
        self.steps = [
            _Step(action, number, run, given, z3.Solver(ctx=self.problem.encoder.u.ctx))
            for action in self.problem.spec.actions
            for number, (run, given) in enumerate(self.problem.runs(action))
        ]
        for step in self.steps:
            step.solver.set("smt.core.minimize", True)
            self._begin(step)

    # ---------------------------------------------------------------------------------------------- encoding

    def _term(self, formula: Truth) -> Any:
        return self.problem.encoder.u.term(formula)

    def _begin(self, step: _Step) -> None:
        self._assert(step, step.given)
        self._assert(step, [(f"{part.label} is defined", self._defined(part)) for part in self.base])
        step.solver.add(self._term(conj(implies(check.guard, check.cond) for check in step.run.checks)))
        for part in (*self.base, *self.promises):
            self._goals(step, part)

    def _assert(self, step: _Step, formulas: Iterable[tuple[str, Truth]]) -> None:
        for label, formula in formulas:
            key = (label, formula if isinstance(formula, bool) else formula.get_id())
            if key not in step.asserted:
                step.asserted.add(key)
                step.solver.add(self._term(formula))

    def _defined(self, part: Part) -> Truth:
        e = self.problem.encoder
        with e.u.collecting() as facts:
            made = defined(e, part.body, Env(self.problem.before))
        return conj((*facts, made))

    def _goals(self, step: _Step, part: Part) -> None:
        goals = step.goals.setdefault(part.prop.name, [])
        name = step.action.name if step.number == 0 else f"{step.action.name} #{step.number + 1}"
        for one in self.problem.kept(name, step.run, step.given, part):
            self._assert(step, one.hypotheses)
            fails = z3.Bool(f"{part.label} fails", ctx=self.problem.encoder.u.ctx)
            step.solver.add(z3.Implies(fails, self._term(neg(one.goal))))
            goals.append(_Goal(part, one, fails))

    def add(self, claim: Claim) -> None:
        """Makes a lemma known; it counts where it is named."""
        name, u = claim.prop.name, self.problem.encoder.u
        part = Part(self._concrete(properties=(claim.prop,)).properties[0], 0, claim.prop.body)
        part = replace(part, body=part.prop.body)
        literal = self.literals[name] = z3.Bool(f"use {name}", ctx=u.ctx)
        holds = z3.Not(self._violated(claim, self.problem.before))
        for step in self.steps:
            step.solver.add(z3.Implies(literal, holds))
        reads = self.problem.reads(part.body)
        for step in self.steps:
            if reads & step.changed(self.problem.before):
                fails = z3.Bool(f"{name} fails", ctx=u.ctx)
                step.solver.add(z3.Implies(fails, self._violated(claim, step.run.state)))
                obligation = Obligation("step", step.action.name, part, (), False)
                step.goals.setdefault(name, []).append(_Goal(part, obligation, fails))

    def _violated(self, claim: Claim, state: Mapping[str, Val]) -> Any:
        """That the literals of a lemma hold together, for some values of its variables."""
        used = sorted({at for _, places, _ in claim.literals for at in places})
        found = []
        for row in itertools.product(*(self._values(claim.kinds[at]) for at in used)):
            values = dict(zip(used, row, strict=True))
            found.append(z3.And([self._literal(claim, one, values, state) for one in claim.literals]))
        return z3.Or(found)

    def _literal(self, claim: Claim, literal: Literal, values: Mapping[int, Value], state: Mapping[str, Val]) -> Any:
        atom, places, truth = literal
        kinds = tuple(claim.kinds[at] for at in places)
        term = self._atom(atom, kinds, tuple(values[at] for at in places), state)
        return term if truth else z3.Not(term)

    def _atom(
        self, atom: core.Expr, kinds: tuple[ty.Type, ...], values: tuple[Value, ...], state: Mapping[str, Val]
    ) -> Any:
        """A shared atom in a state; undefined is taken for false."""
        key = (atom, values, id(state))
        if key not in self.atoms:
            e = self.problem.encoder
            function = self._function(atom, kinds)
            given = {name: lift(e.u, of, value) for (name, of), value in zip(function.params, values, strict=True)}
            env = Env(state, None, given)
            with e.u.collecting() as facts:
                formula = conj((defined(e, function.body, env), e.truth(function.body, env)))
            self.atoms[key] = self._term(formula)
            for step in self.steps if facts else ():
                step.solver.add(self._term(conj(facts)))
        return self.atoms[key]

    def _values(self, kind: ty.Type) -> tuple[Value, ...]:
        return values_of(self._function(core.Lit(ty.Bool(), True), (kind,)).params[0][1])

    def _function(self, atom: core.Expr, kinds: tuple[ty.Type, ...]) -> core.Function:
        """A shared atom as a function of the instance."""
        if (atom, kinds) not in self.functions:
            params = tuple((f"argument {at}", kind) for at, kind in enumerate(kinds))
            made = core.Function("the atom", params, ty.Bool(), atom)
            self.functions[atom, kinds] = self._concrete(functions=(*self.spec.functions, made)).functions[-1]
        return self.functions[atom, kinds]

    def _concrete(self, **parts: Any) -> core.Spec:
        """Parts of a specification as the instance has them."""
        bare = replace(self.spec, **{"properties": (), "actions": (), "refines": (), **parts})
        made = instance(bare, self.sizes, ())
        assert made is not None, "the instance without them could be made"
        return made.spec

    # -------------------------------------------------------------------------------------------- questions

    def counterexamples(self, lemmas: Sequence[core.Property], until: float) -> Iterator[Cti]:
        """Counterexamples to the invariants, and to those lemmas without which others of these would be none: at most
        one for each run and conjunct."""
        active = {lemma.name for lemma in lemmas}
        for step, goal in self._goals_of(active):
            if goal.core is None or not goal.core <= active:
                goal.core = None
                answer = self._check(step, active, goal, until)
                if answer == z3.unsat:
                    goal.core = frozenset(str(one).removeprefix("use ") for one in step.solver.unsat_core()) & active
                elif answer == z3.sat and (cti := self._decoded(step, goal)) is not None:
                    yield cti

    def _goals_of(self, active: Set[str]) -> Iterator[tuple[_Step, _Goal]]:
        """The conjuncts of invariants after each run, those of step properties, and those of the lemmas that were used
        for one before."""
        todo = list(dict.fromkeys(part.prop.name for part in (*self.base, *self.promises)))
        for name in todo:
            for step in self.steps:
                for goal in step.goals.get(name, ()):
                    yield step, goal
                    todo += sorted(one for one in goal.core or () if one in active and one not in todo)

    def _check(self, step: _Step, active: Set[str], goal: _Goal, until: float) -> Any:
        step.solver.set("timeout", max(1, int(1000 * min(PATIENCE, until - time.monotonic()))))
        return step.solver.check(goal.fails, *(self.literals[name] for name in sorted(active)))

    def _decoded(self, step: _Step, goal: _Goal) -> Cti | None:
        """The solver's answer as a counterexample; None if it is no state of the language."""
        target = Target(step.action.name, goal.part.label, goal.part.prop.name, "step")
        found = Confirmation(self.problem, self.machine, step.run, goal.obligation, target)
        try:
            trace = found.confirmed(Decoder(self.problem.encoder.u, step.solver.model()))
        except TooLarge:
            return None
        return Cti(target, self.sizes, trace, self.instance)

    def inductive(self, lemmas: Sequence[core.Property], until: float) -> bool:
        """Whether no counterexample is found to the invariants and the lemmas that they need."""
        return next(self.counterexamples(lemmas, until), None) is None

    def needed(self, lemmas: Sequence[core.Property]) -> list[core.Property]:
        """Lemmas that the induction of the invariants used, those that these lemmas used, and so on."""
        used = {goal.part.prop.name for _, goal in self._goals_of({lemma.name for lemma in lemmas})}
        return [lemma for lemma in lemmas if lemma.name in used]


def before(cti: Cti) -> State:
    """The state before the step of a counterexample."""
    state = cti.trace.steps[0].state
    assert state is not None
    return state


def after(cti: Cti) -> State | None:
    """The state after it; None where the step ends in an evaluation error."""
    return cti.trace.steps[-1].state


__all__ = ["Induction", "after", "before"]
