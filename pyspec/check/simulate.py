"""Random walks through a model: evidence, never a proof. The same seed takes the same walks."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field

from pyspec.check.graph import LIVENESS
from pyspec.check.search import SEARCHED, diagnostic_of
from pyspec.lang import core
from pyspec.model.errors import EvaluationError
from pyspec.model.instance import Instance
from pyspec.model.machine import Args, Machine, Runner
from pyspec.model.replay import is_deadlock, step_of
from pyspec.model.result import ActionCount, CheckResult, PropertyResult
from pyspec.model.state import State
from pyspec.model.trace import Failing, Step, Trace

Choice = tuple[Runner, Args, State]


@dataclass
class Walks:
    """What a number of random walks met."""

    machine: Machine
    chance: random.Random
    seen: set[State] = field(default_factory=set)
    found: dict[str, Trace] = field(default_factory=dict)
    error: EvaluationError | None = None
    error_trace: Trace | None = None
    taken: int = 0
    depth: int = 0
    limited: bool = False
    fired: dict[str, int] = field(default_factory=dict)

    def walk(self, initial: list[State], longest: int) -> None:
        """One walk: ends at a violation, an error, a limit, a deadlock, or after `longest` steps."""
        steps = [Step(None, (), self.chance.choice(initial))]
        while True:
            state = steps[-1].state
            assert state is not None
            self.seen.add(state)
            self.depth = max(self.depth, len(steps) - 1)
            try:
                if self._judged(steps) or len(steps) > longest or not self._inside(state):
                    return
                chosen = self._choose(state, steps)
            except EvaluationError as problem:
                self._failed(problem, Trace(tuple(steps), instance=self.machine.instance))
                return
            if chosen is None:
                self._stuck(steps)
                return
            runner, args, after = chosen
            steps.append(step_of(runner, args, after))
            self.taken += 1
            self.fired[runner.name] = self.fired.get(runner.name, 0) + 1

    def _choose(self, state: State, steps: list[Step]) -> Choice | None:
        """An action first, so that one with many arguments is not favoured; then one of its runs."""
        runners = list(self.machine.runners)
        self.chance.shuffle(runners)
        for runner in runners:
            try:
                found = self._all_runs(runner, state)
            except EvaluationError as problem:
                trace = Trace(tuple(steps), instance=self.machine.instance)
                self._failed(problem, trace.followed_by(runner.name, ()))
                return None
            if found:
                return self.chance.choice(found)
        return None

    def _all_runs(self, runner: Runner, state: State) -> list[Choice]:
        arguments = self.machine.arguments(runner, state)
        return [(runner, args, after) for args in arguments for after in self.machine.runs(runner, state, args)]

    def _inside(self, state: State) -> bool:
        inside = self.machine.within_limits(state)
        self.limited = self.limited or not inside
        return inside

    def _judged(self, steps: list[Step]) -> bool:
        """Checks the last state and step; whether something is violated."""
        bad = False
        for prop in self.machine.instance.spec.properties:
            if prop.name not in self.found and self._decides(prop, steps):
                goal = prop.kind == "reachable"
                bad = bad or not goal
                failing = None if goal else Failing(prop.name)
                self.found[prop.name] = Trace(tuple(steps), failing=failing, instance=self.machine.instance)
        return bad

    def _decides(self, prop: core.Property, steps: list[Step]) -> bool:
        last = steps[-1].state
        assert last is not None
        if prop.kind == "refines" and len(steps) == 1:
            return not self.machine.second(prop.name, last)
        if prop.kind in core.STEP_KINDS:
            before = steps[-2].state if len(steps) > 1 else None
            return before is not None and not self.machine.holds(prop.name, before, last)
        if prop.kind in ("invariant", "reachable"):
            return self.machine.holds(prop.name, last) == (prop.kind == "reachable")
        return False

    def _stuck(self, steps: list[Step]) -> None:
        last = steps[-1].state
        for prop in self.machine.instance.spec.properties:
            new = prop.kind == "deadlock_free" and prop.name not in self.found and self.error is None
            if new and last is not None and is_deadlock(self.machine, last):
                trace = Trace(tuple(steps), failing=Failing(prop.name), instance=self.machine.instance)
                self.found[prop.name] = trace

    def _failed(self, problem: EvaluationError, trace: Trace) -> None:
        if self.error is None:
            self.error, self.error_trace = problem, trace


def simulate(
    instance: Instance, *, runs: int = 100, steps: int = 100, seed: int = 0, max_seconds: float | None = None
) -> CheckResult:
    """Takes random walks. What is violated or reached in one is certain; all else stays `unknown` (sampled).

    In the result `distinct` counts the states met, `generated` the steps taken and the initial states chosen.
    """
    began = time.monotonic()
    walks = Walks(Machine(instance), random.Random(seed))
    stopped = None
    done = 0
    try:
        initial = walks.machine.initial()
        while initial and done < runs and walks.error is None:
            if max_seconds is not None and time.monotonic() - began > max_seconds:
                stopped = "time"
                break
            walks.walk(initial, steps)
            done += 1
    except EvaluationError as problem:
        walks._failed(problem, Trace(instance=instance))
    except KeyboardInterrupt:
        stopped = "interrupt"
    return _result(instance, walks, done, seed, stopped, time.monotonic() - began)


def _result(instance: Instance, walks: Walks, runs: int, seed: int, stopped: str | None, seconds: float) -> CheckResult:
    kinds = (*SEARCHED, *LIVENESS)
    evidence = f"sampled: {runs} runs, seed {seed}"
    properties = tuple(_property(p, walks, evidence) for p in instance.spec.properties if p.kind in kinds)
    violated = walks.error is not None or any(one.verdict == "violated" for one in properties)
    undecided = stopped is not None or any(one.verdict != "holds" for one in properties)
    return CheckResult(
        protocol=instance.spec.name,
        model=instance.model.name,
        engine="python",
        verdict="violated" if violated else "unknown" if undecided else "holds",
        distinct=len(walks.seen),
        generated=walks.taken + runs,
        depth=walks.depth,
        seconds=seconds,
        properties=properties,
        actions=tuple(ActionCount(a.name, walks.fired.get(a.name, 0), a.span) for a in instance.spec.actions),
        error=None if walks.error is None else diagnostic_of(walks.error),
        error_trace=walks.error_trace,
        stopped_by=stopped,
        limited=walks.limited,
        flaws=instance.flaws,
    )


def _property(prop: core.Property, walks: Walks, evidence: str) -> PropertyResult:
    trace = walks.found.get(prop.name)
    if trace is None:
        return PropertyResult(prop.name, prop.kind, "unknown", evidence, None, prop.span)
    if prop.kind == "reachable":
        return PropertyResult(prop.name, prop.kind, "holds", "witness", trace, prop.span)
    return PropertyResult(prop.name, prop.kind, "violated", "counterexample", trace, prop.span)
