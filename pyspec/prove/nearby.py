"""Counterexamples to induction near what can be reached: states of random runs with a few cells changed, again and
again as long as they satisfy every invariant.

A solver has to make a whole state up; here most of it comes from runs, so that large instances cost little. The
interpreter judges each state and each step, so what is found needs no confirmation.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from random import Random

from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.model.errors import EvaluationError
from pyspec.model.evaluate import Scope, evaluate
from pyspec.model.instance import Instance
from pyspec.model.machine import Args, Machine, Runner
from pyspec.model.replay import step_of
from pyspec.model.sampling import draw
from pyspec.model.state import State
from pyspec.model.trace import Failing, Step, Trace
from pyspec.model.values import Map, Rec, Value
from pyspec.model.walk import nodes
from pyspec.prove.confirm import SOME_STATE, Target
from pyspec.prove.cti import Cti
from pyspec.prove.obligations import INDUCTIVE, parts_of
from pyspec.prove.sizes import Sizes

#: Random runs, and the steps of each; states of them that are kept, and of those that were made from them.
RUNS, STEPS, KEPT, MADE = 200, 40, 2000, 2000
#: How many cells are changed, at most; seconds to make what was found plainer.
CELLS, PLAINER = 3, 3.0
#: Of an instance that is a model's.
NO_SIZES = Sizes(())


class Nearby:
    """The search in one instance; `sizes` are said of what is found."""

    def __init__(self, instance: Instance, sizes: Sizes = NO_SIZES, seed: int = 0) -> None:
        self.instance, self.sizes, self.machine, self.chance = instance, sizes, Machine(instance), Random(seed)
        props = instance.spec.properties
        self.assumed = [p.name for p in props if p.kind in INDUCTIVE]
        self.judged = [p for p in props if p.kind in (*INDUCTIVE, "step")]
        actions = instance.spec.actions
        written = {node.var for action in actions for node in nodes(action) if isinstance(node, core.Assign)}
        self.changing = [var for var in instance.spec.vars if var.name in written]
        self.pool: list[State] = []
        self.reached = 0  # so many of them, the first, are of runs

    def find(self, names: Collection[str], until: float) -> dict[str, Cti]:
        """A counterexample to induction for each of these properties that a state nearby has; "": evaluation."""
        found: dict[str, Cti] = {}
        if not self.pool:
            self.pool = list(self._reached(min(until, time.monotonic() + (until - time.monotonic()) / 4)))
            self.reached = len(self.pool)
        cells, names = 1, set(names) & {"", *(prop.name for prop in self.judged)}
        while names - found.keys() and self.pool and self.changing and time.monotonic() < until:
            state = self._changed(self.chance.choice(self.pool), self.chance.randint(1, cells))
            cells = min(CELLS, cells + (self.chance.random() < 0.001))
            if state is not None and self._possible(state):
                for name, cti in self._broken(state, names - found.keys()):
                    found.setdefault(name, cti)
                self._keep(state)
        return {name: self._plainest(name, cti, until) for name, cti in found.items()}

    def _keep(self, state: State) -> None:
        """A state that satisfies everything is one to go on from, if there are many in the place of another."""
        if len(self.pool) < self.reached + MADE:
            self.pool.append(state)
        else:
            self.pool[self.chance.randrange(self.reached, len(self.pool))] = state

    def _reached(self, until: float) -> Iterator[State]:
        """States of random runs."""
        initial = self.machine.initial()
        kept: dict[State, None] = dict.fromkeys(initial)
        for _ in range(RUNS):
            state = self.chance.choice(initial)
            for _ in range(STEPS):
                after = self._random_step(state)
                if after is None or time.monotonic() > until:
                    break
                kept[after] = None
                state = after
            if time.monotonic() > until or len(kept) > KEPT:
                break
        return iter(kept)

    def _random_step(self, state: State) -> State | None:
        runners = list(self.machine.runners)
        self.chance.shuffle(runners)
        for runner in runners:
            try:
                several = self.machine.arguments(runner, state)
                self.chance.shuffle(several)
                for args in several:
                    if runs := self.machine.runs(runner, state, args):
                        return self.chance.choice(runs)
            except EvaluationError:
                continue
        return None

    # ------------------------------------------------------------------------------------------------ states

    def _changed(self, state: State, cells: int) -> State | None:
        """The state with some cells as in another state of the runs, or with any values of their types."""
        values = state.values()
        for _ in range(cells):
            var = self.chance.choice(self.changing)
            other = self.chance.choice(self.pool).values()[var.name]
            values[var.name] = self._mixed(var.type, values[var.name], other)
        return self.machine.state(values)

    def _mixed(self, of: ty.Type, here: Value, there: Value) -> Value:
        chance = self.chance
        if isinstance(of, ty.Map) and isinstance(here, Map) and isinstance(there, Map) and len(here):
            key = chance.choice(list(here))
            return Map({**here, key: self._mixed(of.value, here[key], chance.choice([there[key], *there.values()]))})
        if isinstance(of, ty.Set) and isinstance(here, frozenset) and isinstance(there, frozenset):
            more = list(there - here)
            if here and (not more or chance.random() < 0.5):
                return here - {chance.choice(list(here))}
            room = of.capacity is None or not isinstance(of.capacity, int) or len(here) < of.capacity
            if more and room:
                return here | {chance.choice(more)}
        if isinstance(of, ty.Seq) and isinstance(here, tuple) and here and chance.random() < 0.5:
            at = chance.randrange(len(here))
            beside = chance.choice(there) if isinstance(there, tuple) and there else here[at]
            return (*here[:at], self._mixed(of.item, here[at], beside), *here[at + 1 :])
        if isinstance(of, ty.Record) and isinstance(here, Rec) and isinstance(there, Rec) and chance.random() < 0.5:
            name, part = chance.choice(of.fields)
            changed = self._mixed(part, here[name], there[name])
            return Rec(of.name, here._names, (changed if one == name else here[one] for one in here._names))
        return there if chance.random() < 0.5 else draw(of, chance)

    def _possible(self, state: State) -> bool:
        """Whether every invariant and lemma holds; the one that failed last is asked first."""
        for at, name in enumerate(self.assumed):
            try:
                if self.machine.holds(name, state):
                    continue
            except EvaluationError:
                pass
            self.assumed.insert(0, self.assumed.pop(at))
            return False
        return True

    # ------------------------------------------------------------------------------------------------ plainer

    def _plainest(self, name: str, cti: Cti, until: float) -> Cti:
        """The counterexample with as much as possible as it is at first."""
        going = True
        while going and time.monotonic() < until + PLAINER:
            state = cti.trace.steps[0].state
            assert state is not None
            several = (dict(self._broken(one, {name})) for one in self._plainer(state) if self._possible(one))
            better = next((found[name] for found in several if name in found), None)
            going = better is not None
            cti = better or cti
        return cti

    def _plainer(self, state: State) -> Iterator[State]:
        """The state with one variable, or a cell of one, as it is at first."""
        first, values = self.machine.initial()[0].values(), state.values()
        for var in self.changing:
            here, there = values[var.name], first[var.name]
            if here != there:
                yield self.machine.state({**values, var.name: there})
            if isinstance(here, Map) and isinstance(there, Map):
                for key in here:
                    if here[key] != there[key]:
                        yield self.machine.state({**values, var.name: Map({**here, key: there[key]})})
            if isinstance(here, frozenset) and isinstance(there, frozenset):
                for item in here - there:
                    yield self.machine.state({**values, var.name: here - {item}})

    # ------------------------------------------------------------------------------------------------- steps

    def _broken(self, state: State, names: Collection[str]) -> Iterator[tuple[str, Cti]]:
        """The properties that a step from the state breaks."""
        for runner in self.machine.runners:
            try:
                for args in self.machine.each_arguments(runner, state):
                    yield from self._after(state, runner, args, names)
            except EvaluationError:
                continue

    def _after(self, state: State, runner: Runner, args: Args, names: Collection[str]) -> Iterator[tuple[str, Cti]]:
        try:
            for after in self.machine.each_run(runner, state, args):
                for prop in self.judged:
                    if prop.name in names and (label := self._false(prop, state, after)) is not None:
                        target = Target(runner.name, label, prop.name, "step")
                        yield prop.name, self._cti(target, state, runner, args, after)
        except EvaluationError as wrong:
            if "" in names and wrong.kind != "capacity":  # a bound of the model
                yield "", self._cti(Target(runner.name, "", "", "defined"), state, runner, args, None)

    def _false(self, prop: core.Property, state: State, after: State) -> str | None:
        """The label of the first conjunct that is false after the step (of it)."""
        try:
            if self.machine.holds(prop.name, *((state, after) if prop.kind == "step" else (after,))):
                return None
        except EvaluationError:
            return None  # of a property: what is asked for here is a step that breaks it
        functions = {function.name: function for function in self.instance.spec.functions}
        before, then = state.values(), after.values()
        scope = Scope(before, then, functions) if prop.kind == "step" else Scope(then, None, functions)
        return next((part.label for part in parts_of(prop) if evaluate(part.body, scope) is not True), None)

    def _cti(self, target: Target, state: State, runner: Runner, args: Args, after: State | None) -> Cti:
        steps = (Step(None, (), state), step_of(runner, args, after))
        failing = Failing(target.prop) if target.prop else None
        return Cti(target, self.sizes, Trace(steps, None, failing, self.instance, SOME_STATE), self.instance)
