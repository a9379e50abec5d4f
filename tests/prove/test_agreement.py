"""The symbolic encoding and the interpreter agree on properties in reachable states, successors, evaluation errors.

`PYSPEC_RANDOM_PROOFS` says how many random specifications (few by default, many more at night), `PYSPEC_RANDOM_FROM`
where to start. Every spec is a finite instance here; the any-size encoding is the same code over other sorts.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import z3

from pyspec.base.diagnostics import SpecError
from pyspec.lang import core, load_text
from pyspec.model.errors import EvaluationError
from pyspec.model.evaluate import Scope, evaluate
from pyspec.model.instance import Instance, instantiate
from pyspec.model.machine import Machine
from pyspec.model.state import State
from pyspec.prove.defined import defined
from pyspec.prove.encode import Env
from pyspec.prove.execute import Run, execute
from pyspec.prove.logic import Truth, conj, implies, neg
from pyspec.prove.obligations import Obligations
from pyspec.prove.structure import equal, lift
from tests.random_specs import random_spec

COUNT = int(os.environ.get("PYSPEC_RANDOM_PROOFS", "24"))
FIRST = int(os.environ.get("PYSPEC_RANDOM_FROM", "0"))
CHUNK = 6
chunks = pytest.mark.parametrize("first", range(FIRST, FIRST + COUNT, CHUNK))
PREDICATES = ("invariant", "reachable", "terminal", "lemma")
REFUSED = {"E0881", "E0882"}


class Pinned:
    """An instance encoded, and a solver in which its state is a given one."""

    def __init__(self, instance: Instance) -> None:
        self.machine = Machine(instance)
        self.problem = Obligations(instance.spec, finite=True)
        self.u = self.problem.encoder.u
        self.types = {var.name: var.type for var in instance.spec.vars}
        self.seen: Counter[str] = Counter()

    def is_state(self, values: Any, state: State) -> Truth:
        return conj(
            equal(self.u, values[name], lift(self.u, of, state.values()[name])) for name, of in self.types.items()
        )

    def satisfiable(self, *formulas: Truth) -> bool:
        solver = z3.Solver(ctx=self.u.ctx)
        solver.set("timeout", 20_000)
        solver.add(*(self.u.term(formula) for formula in formulas))
        found = solver.check()
        assert found != z3.unknown, solver.reason_unknown()
        return bool(found == z3.sat)

    def check_property(self, prop: core.Property, state: State, where: str) -> None:
        env = Env(self.problem.before)
        try:
            with self.u.collecting() as facts:
                given = self.is_state(self.problem.before, state)
                truth, safe = self.problem.encoder.truth(prop.body, env), defined(self.problem.encoder, prop.body, env)
        except SpecError as refused:
            assert {d.code for d in refused.diagnostics} <= REFUSED
            self.seen["refused"] += 1
            return
        try:
            value = evaluate(prop.body, Scope(state.values(), None, self.problem.functions))
        except EvaluationError:
            assert not self.satisfiable(*facts, given, safe), where
            self.seen["undefined"] += 1
            return
        assert not self.satisfiable(*facts, given, neg(truth) if value else truth), where
        assert self.satisfiable(*facts, given), where
        self.seen["property"] += 1

    def check_action(self, action: core.Action, state: State, where: str) -> None:
        try:
            with self.u.collecting() as facts:
                given = self.is_state(self.problem.before, state)
                runs = execute(self.problem.encoder, action, self.problem.before)
        except SpecError as refused:
            assert {d.code for d in refused.diagnostics} <= REFUSED
            self.seen["refused"] += 1
            return
        runner = next(r for r in self.machine.runners if r.name == action.name)
        try:
            after = [
                t for args in self.machine.arguments(runner, state) for t in self.machine.runs(runner, state, args)
            ]
        except EvaluationError as problem:
            if problem.kind == "capacity":  # capacities are the model's own
                return
            wrong = [implies(check.guard, check.cond) for run in runs for check in run.checks]
            assert self.satisfiable(*facts, given, neg(conj(wrong))), f"{where}: the error is missed"
            self.seen["error"] += 1
            return
        for run in runs:
            others = [neg(self.is_state(run.state, t)) for t in dict.fromkeys(after)]
            assert not self.satisfiable(*facts, given, *run.conds, *others), f"{where}: a successor too many"
        for t in dict.fromkeys(after):
            assert any(self.leads(facts, given, run, t) for run in runs), f"{where}: {t!r} is missed"
            self.seen["step"] += 1

    def leads(self, facts: list[Truth], given: Truth, run: Run, after: State) -> bool:
        return self.satisfiable(*facts, given, *run.conds, self.is_state(run.state, after))


def walk(machine: Machine, rng: random.Random, steps: int) -> Iterator[State]:
    try:
        choices = machine.initial()
        for _ in range(steps):
            if not choices:
                return
            state = rng.choice(choices)
            yield state
            choices = [after for _, _, after in machine.successors(state)]
    except EvaluationError:
        return


@chunks
def test_the_encoding_and_the_interpreter_agree(first: int) -> None:
    seen: Counter[str] = Counter()
    for seed in range(first, min(first + CHUNK, FIRST + COUNT)):
        try:
            pinned = Pinned(instantiate(load_text(random_spec(seed), f"random_{seed}")))
        except SpecError:
            continue
        for state in walk(pinned.machine, random.Random(seed), 3):
            for prop in pinned.problem.spec.properties:
                if prop.kind in PREDICATES:
                    pinned.check_property(prop, state, f"seed {seed}: {prop.name} in {state!r}")
            for action in pinned.problem.spec.actions:
                pinned.check_action(action, state, f"seed {seed}: {action.name} in {state!r}")
        seen += pinned.seen
    assert seen["property"] + seen["step"] > seen["refused"]
