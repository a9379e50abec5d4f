"""Bounded symbolic search and exhaustive search agree: on random specifications, the same properties are violated or
reached, and the same evaluation errors met, after each number of steps.

Search is by far the faster way to find such a state (docs/decisions/prove.md), so this is no command: it holds the
encoding of initial states and of several steps in a row against the interpreter. `PYSPEC_RANDOM_BOUNDED` says how many
(few by default), `PYSPEC_RANDOM_FROM` where to start.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import z3

from pyspec.lang import core, load_spec, load_text
from pyspec.model.errors import EvaluationError
from pyspec.model.evaluate import Scope, evaluate
from pyspec.model.instance import Instance, instantiate
from pyspec.model.machine import Machine
from pyspec.model.state import State
from pyspec.prove.defined import defined
from pyspec.prove.encode import Env
from pyspec.prove.execute import Run, execute
from pyspec.prove.logic import Truth, conj, disj, implies, neg
from pyspec.prove.obligations import Obligations
from pyspec.prove.structure import equal, fits
from pyspec.prove.values import Val
from tests.random_specs import write_spec

COUNT = int(os.environ.get("PYSPEC_RANDOM_BOUNDED", "16"))
FIRST = int(os.environ.get("PYSPEC_RANDOM_FROM", "0"))
CHUNK = 4
DEPTH = 3
MOST_STATES = 400
SECONDS = 5
PREDICATES = ("invariant", "lemma", "reachable")

#: What may be true somewhere after a number of steps: a property has a value, or an action meets an error.
Found = Mapping[str, bool | None]


class TooMuch(Exception):
    """A search that has grown too large, or met a capacity, which belongs to the model and not to the proof."""


class Explicit:
    """The states after each number of steps."""

    def __init__(self, instance: Instance) -> None:
        self.machine, self.functions = Machine(instance), {one.name: one for one in instance.spec.functions}
        self.properties = [prop for prop in instance.spec.properties if prop.kind in PREDICATES]

    def layers(self) -> Iterator[Found]:
        try:
            states = list(dict.fromkeys(self.machine.initial()))
        except EvaluationError:
            raise TooMuch from None
        while True:
            after: dict[State, None] = {}
            found: dict[str, bool] = {"error": any(self._meets_an_error(state, after) for state in states)}
            for prop in self.properties:
                values = [self._value(prop, state) for state in states]
                found |= {f"{prop.name} is {value}": value in values for value in (True, False, None)}
            yield found
            if found["error"]:
                return
            states = list(after)

    def _meets_an_error(self, state: State, after: dict[State, None]) -> bool:
        if len(after) > MOST_STATES:
            raise TooMuch
        try:
            after.update(dict.fromkeys(one for _, _, one in self.machine.successors(state)))
        except EvaluationError as problem:
            if problem.kind == "capacity":
                raise TooMuch from None
            return True
        return False

    def _value(self, prop: core.Property, state: State) -> bool | None:
        """None: it has no value."""
        try:
            return evaluate(prop.body, Scope(state.values(), None, self.functions)) is True
        except EvaluationError:
            return None


class Symbolic:
    """The same as formulas over the states of a path."""

    def __init__(self, instance: Instance) -> None:
        self.problem = Obligations(instance.spec, finite=True)
        self.e, self.u = self.problem.encoder, self.problem.encoder.u
        self.properties = [prop for prop in instance.spec.properties if prop.kind in PREDICATES]
        self.path: list[Truth] = []

    def layers(self) -> Iterator[Found]:
        with self.u.collecting() as facts:
            state, guards = self.problem._initial_state()
            guards += [self.e.truth(cond, Env(state)) for cond in self.problem.spec.init_where]
        self.path += [*facts, *guards]
        for depth in range(1, DEPTH + 2):
            yield self._found(state, runs := self._runs(state))
            state = self._step(runs, depth)

    def _runs(self, state: Mapping[str, Val]) -> list[Run]:
        with self.u.collecting() as facts:
            runs = [run for action in self.problem.spec.actions for run in execute(self.e, action, state)]
        self.path += facts
        return runs

    def _found(self, state: Mapping[str, Val], runs: list[Run]) -> Found:
        wrong = disj(neg(implies(check.guard, check.cond)) for run in runs for check in run.checks)
        found: dict[str, bool | None] = {"error": self._possible(wrong)}
        for prop in self.properties:
            with self.u.collecting() as facts:
                truth, safe = (make(self.e, prop.body, Env(state)) for make in (type(self.e).truth, defined))
            cases = {True: conj((safe, truth)), False: conj((safe, neg(truth))), None: neg(safe)}
            found |= {f"{prop.name} is {value}": self._possible(*facts, case) for value, case in cases.items()}
        return found

    def _step(self, runs: list[Run], depth: int) -> Mapping[str, Val]:
        """The next state: fresh symbols, equal to what some run leads to."""
        after = {var.name: self.u.load(var.type, f"{var.name} {depth}") for var in self.problem.spec.vars}
        with self.u.collecting() as facts:
            types = [fits(self.u, var.type, after[var.name]) for var in self.problem.spec.vars]
            leads = disj(conj((*run.conds, *self._equal(after, run))) for run in runs)
        self.path += [*facts, *types, leads]
        return after

    def _equal(self, after: Mapping[str, Val], run: Run) -> list[Truth]:
        return [equal(self.u, value, run.state[name]) for name, value in after.items()]

    def _possible(self, *formulas: Truth) -> bool | None:
        """Whether some path has it; None if the solver does not say in time."""
        solver = z3.Solver(ctx=self.u.ctx)
        solver.set("timeout", SECONDS * 1000)
        solver.add(*(self.u.term(formula) for formula in (*self.path, *formulas)))
        found = solver.check()
        return None if found == z3.unknown else bool(found == z3.sat)


def compare(instance: Instance, where: str) -> Counter[str]:
    seen: Counter[str] = Counter()
    try:
        for depth, (there, here) in enumerate(zip(Explicit(instance).layers(), Symbolic(instance).layers())):
            for what, found in here.items():
                seen["unknown" if found is None else "agreed"] += 1
                assert found in (None, there[what]), f"{where}, after {depth} steps: {what} is {there[what]}"
    except TooMuch:
        seen["too much"] += 1
    return seen


@pytest.mark.parametrize("first", range(FIRST, FIRST + COUNT, CHUNK))
def test_the_same_properties_are_reached_at_each_depth(first: int) -> None:
    seen: Counter[str] = Counter()
    for seed in range(first, min(first + CHUNK, FIRST + COUNT)):
        with tempfile.TemporaryDirectory() as folder:
            seen += compare(instantiate(load_spec(write_spec(seed, Path(folder)))), f"seed {seed}")
    assert seen["agreed"] > 2 * seen["unknown"]


def test_a_step_that_the_encoding_misses_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "protocol counting\nsort Node\nvar n: 0..9 = 0\naction up:\n    when n < 9\n    n += 1\n"
        "invariant low: n < 2\nmodel ci: Node = 1\n"
    )
    instance = instantiate(load_text(text))
    assert compare(instance, "counting")["agreed"] == 4 * (DEPTH + 1)
    kept = Symbolic._runs
    monkeypatch.setattr(Symbolic, "_runs", lambda self, state: [one.when(state["n"] < 1) for one in kept(self, state)])
    with pytest.raises(AssertionError, match="after 2 steps"):
        compare(instance, "counting")
