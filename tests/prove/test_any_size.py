"""Nothing real is excluded: the any-size encoding, its sorts closed to those of a model, admits every reachable state
with the true values of its properties, and every step from it.

A proof shows that no such state violates the goal; were one that exists left out, the proof would be worth nothing.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
import z3

from pyspec.base.diagnostics import SpecError
from pyspec.lang import core, load_spec, load_text
from pyspec.lang import types as ty
from pyspec.model.errors import EvaluationError
from pyspec.model.evaluate import Scope, evaluate
from pyspec.model.instance import Instance, instantiate
from pyspec.model.machine import Machine
from pyspec.model.state import State
from pyspec.prove.encode import Env
from pyspec.prove.execute import execute
from pyspec.prove.logic import Truth, conj, disj, same
from pyspec.prove.obligations import Obligations
from pyspec.prove.structure import equal, lift
from tests.prove.test_agreement import PREDICATES, walk
from tests.random_specs import random_spec

COUNT = int(os.environ.get("PYSPEC_RANDOM_PROOFS", "24"))
FIRST = int(os.environ.get("PYSPEC_RANDOM_FROM", "0"))
SPECS = Path(__file__).resolve().parents[2] / "specs"


class Closed:
    """A specification encoded for any size, and what closes its sorts and constants to those of an instance."""

    def __init__(self, spec: core.Spec, instance: Instance) -> None:
        self.instance, self.machine, self.problem = instance, Machine(instance), Obligations(spec)
        self.u = self.problem.encoder.u
        self.seen: Counter[str] = Counter()
        self.problem.leave_out_unsupported()
        closed = [self._sort(instance.sort(name)) for name in instance.spec.sorts]
        with self.u.collecting() as facts:
            consts = [self._const(decl) for decl in instance.spec.consts if decl.quorum is None]
        self.given = conj((*closed, *facts, *consts))

    def _sort(self, of: ty.Sort) -> Truth:
        sort = self.u.sort(of)
        members = [z3.Const(f"{of.name}.{name}", sort) for name in of.elements or ()]
        self.u._members[of.name] = tuple(members)
        x = z3.Const("%0", sort)
        places = [same(self.u.index(of, member), at) for at, member in enumerate(members)] if of.ordered else []
        return conj((z3.Distinct(*members), z3.ForAll([x], z3.Or([x == member for member in members])), *places))

    def _const(self, decl: core.ConstDecl) -> Truth:
        assert isinstance(decl.default, core.Lit)
        return equal(self.u, self.problem.encoder.const(decl.name), lift(self.u, decl.type, decl.default.value))

    def is_state(self, values: object, state: State) -> Truth:
        return conj(
            equal(self.u, values[name], lift(self.u, self.instance.var(name).type, value))  # type: ignore[index]
            for name, value in state.values().items()
        )

    def possible(self, *formulas: Truth) -> bool | None:
        solver = z3.Solver(ctx=self.u.ctx)
        solver.set("timeout", 3000)
        axioms = [axiom.formula for axiom in self.u.axioms.values()]
        solver.add(*(self.u.term(formula) for formula in (*axioms, self.given, *formulas)))
        found = solver.check()
        return None if found == z3.unknown else bool(found == z3.sat)

    def note(self, what: str, found: bool | None, where: str) -> None:
        assert found is not False, f"{where}: {what} is excluded"
        self.seen[what if found else "unknown"] += 1

    def check(self, state: State, where: str) -> None:
        env = Env(self.problem.before)
        for prop in self.problem.spec.properties:
            if prop.kind in PREDICATES:
                self._check_property(prop, state, env, where)
        for action in self.instance.spec.actions:
            self._check_action(action, state, where)

    def _check_property(self, prop: core.Property, state: State, env: Env, where: str) -> None:
        functions = {function.name: function for function in self.instance.spec.functions}
        body = next(one.body for one in self.instance.spec.properties if one.name == prop.name)
        try:
            with self.u.collecting() as facts:
                truth = self.problem.encoder.truth(prop.body, env)
                given = self.is_state(self.problem.before, state)
            value = evaluate(body, Scope(state.values(), None, functions))
        except (SpecError, EvaluationError):
            return
        self.note(f"{prop.kind}", self.possible(*facts, given, same(truth, value)), f"{where}, {prop.name}")

    def _check_action(self, action: core.Action, state: State, where: str) -> None:
        written = next(one for one in self.problem.spec.actions if one.name == action.name)
        runner = next(one for one in self.machine.runners if one.name == action.name)
        try:
            with self.u.collecting() as facts:
                given = self.is_state(self.problem.before, state)
                runs = execute(self.problem.encoder, written, self.problem.before)
                after = [t for a in self.machine.arguments(runner, state) for t in self.machine.runs(runner, state, a)]
                leads = [disj(conj((*r.conds, self.is_state(r.state, t))) for r in runs) for t in dict.fromkeys(after)]
        except (SpecError, EvaluationError):
            return
        for lead in leads[:3]:
            self.note("step", self.possible(*facts, given, lead), f"{where}, {action.name}")


def hold(spec: core.Spec, instance: Instance, states: Sequence[State], name: str) -> Counter[str]:
    closed = Closed(spec, instance)
    for state in states:
        closed.check(state, f"{name} in {state!r}")
    return closed.seen


def test_random_specifications() -> None:
    seen: Counter[str] = Counter()
    for seed in range(FIRST, FIRST + COUNT):
        try:
            spec = load_text(random_spec(seed), f"random_{seed}")
            instance = instantiate(spec)
            seen += hold(spec, instance, list(walk(Machine(instance), random.Random(seed), 2)), f"seed {seed}")
        except SpecError:
            continue
    assert seen["step"] > seen["unknown"] and seen["invariant"] > 0


@pytest.mark.parametrize("name", ["two_phase_commit", "fenced_lock", "voting", "redis_lock"])
def test_protocols_of_the_library(name: str) -> None:
    spec = load_spec(str(SPECS / f"{name}.pspec"))
    instance = instantiate(spec)
    seen = hold(spec, instance, list(walk(Machine(instance), random.Random(1), 5)), name)
    assert seen["step"] > 0 and seen["step"] + seen["invariant"] > seen["unknown"]
