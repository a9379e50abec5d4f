"""The reference search: breadth first, in Python, over the generated model. Slow, short, and what the native engine
is held to.

Counts are TLC's: `generated` counts every run of every action and every initial state; `distinct` the states within
the limits. The search ends with the level in which a violation is found: for a state of level d nothing of level d
is expanded, for a step or a deadlock all of level d is, and the states of level d + 1 are counted and checked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from pyspec.base.diagnostics import Diagnostic
from pyspec.check import laws
from pyspec.check.canonical import Canonical
from pyspec.check.graph import LIVENESS, Explored, Undefined
from pyspec.check.unviewed import with_liveness
from pyspec.lang import core
from pyspec.model.errors import EVALUATION_ERRORS, EvaluationError
from pyspec.model.evaluate import Scope, evaluate
from pyspec.model.instance import Instance
from pyspec.model.machine import Args, Machine, Runner
from pyspec.model.replay import step_of
from pyspec.model.result import ActionCount, CheckResult, PropertyResult, Verdict, exhaustive, overall
from pyspec.model.state import State
from pyspec.model.trace import Failing, Trace
from pyspec.model.vacuity import Antecedent, antecedents, no_initial_state

Progress = Callable[[int, int, int, int], object]
#: Kinds of properties whose verdict a search of states and steps gives; liveness is decided on the whole graph.
SEARCHED = ("invariant", "lemma", "step", "refines", "reachable", "deadlock_free")
PROGRESS_EVERY = 1000


@dataclass(frozen=True)
class Link:
    """How a state was first reached."""

    before: State | None
    runner: Runner | None
    args: Args
    level: int


@dataclass
class Budget:
    """When to give up."""

    max_states: int | None = None
    max_seconds: float | None = None
    began: float = field(default_factory=time.monotonic)

    def spent(self, distinct: int) -> str | None:
        """What ran out, if anything did."""
        if self.max_states is not None and distinct >= self.max_states:
            return "states"
        return "time" if self.max_seconds is not None and self.seconds() > self.max_seconds else None

    def seconds(self) -> float:
        """How long the search has been running."""
        return time.monotonic() - self.began


@dataclass(frozen=True)
class Finding:
    """A state (and the step after it) in which a property was decided, or an evaluation error occurred."""

    state: State | None
    runner: Runner | None = None
    args: Args = ()
    after: State | None = None
    error: EvaluationError | None = None


class Search:
    """One run of the search."""

    def __init__(
        self,
        instance: Instance,
        *,
        symmetry: bool = True,
        budget: Budget | None = None,
        only: tuple[str, ...] | None = None,
        keep_going: bool = False,
        progress: Progress | None = None,
    ) -> None:
        self.machine = Machine(instance)
        self.instance, self.only, self.keep_going, self.progress = instance, only, keep_going, progress
        self.budget = budget or Budget()
        wanted = [p for p in instance.spec.properties if only is None or p.name in only]
        self.lively = any(p.kind in LIVENESS for p in wanted)
        self.canonical = Canonical(self.machine, symmetry and not self.lively)
        self.invariants = [p for p in wanted if p.kind in ("invariant", "lemma")]
        self.steps = [p for p in wanted if p.kind in core.STEP_KINDS]
        self.goals = [p for p in wanted if p.kind == "reachable"]
        self.deadlock = next((p for p in wanted if p.kind == "deadlock_free"), None)
        self.terminal = [p for p in instance.spec.properties if p.kind == "terminal"]
        self.wanted = wanted
        self.links: dict[State, Link] = {}
        self.outside: set[State] = set()
        self.found: dict[str, Finding] = {}
        self.error: Finding | None = None
        self.fired = {action.name: 0 for action in instance.spec.actions}
        self.untested = [one for p in (*self.invariants, *self.steps) for one in antecedents(p)]
        self.functions = {function.name: function for function in instance.spec.functions}
        self.distinct = self.generated = self.depth = 0
        self.stopped: str | None = None

    # ---------------------------------------------------------------------------------------------- levels

    def run(self) -> None:
        """Level after level, until there is nothing left, something decisive was found, or a budget ran out."""
        try:
            level = self._start()
            while level and self.stopped is None:
                self._check(level)
                if self._bad():
                    break
                following = self._expand(level)
                if self.stopped is not None:
                    break
                if following:
                    self.depth += 1
                if self._bad() or self._decided():
                    self._check(following)
                    break
                level = following
        except KeyboardInterrupt:
            self.stopped = "interrupt"

    def _bad(self) -> bool:
        """Whether something was found that ends the search: an error, or a violation unless it is to keep going."""
        goals = {goal.name for goal in self.goals}
        return self.error is not None or (not self.keep_going and any(name not in goals for name in self.found))

    def _decided(self) -> bool:
        """Whether all that was asked for is known."""
        return self.only is not None and all(prop.name in self.found for prop in self.wanted)

    def _start(self) -> list[State]:
        level: list[State] = []
        try:
            for state in self.machine.initial():
                self.generated += 1
                self._meet(state, Link(None, None, (), 0), level)
                self._judge_initial(state)
        except EvaluationError as problem:
            self.error = Finding(None, error=problem)
        return level

    def _meet(self, state: State, link: Link, level: list[State]) -> None:
        """A state that was generated: a new one joins the level, or is checked on the spot if it is beyond a limit."""
        if self.stopped is not None or state in self.outside or self.canonical.known(state):
            return
        if not self._within(state):
            self.outside.add(state)
            self.links.setdefault(state, link)
            self._check_state(state)
            return
        self.canonical.add(state)
        self.links[state] = link
        self.distinct += 1
        level.append(state)
        self.stopped = self.stopped or self.budget.spent(self.distinct)

    def _within(self, state: State) -> bool:
        try:
            return self.machine.within_limits(state)
        except EvaluationError as problem:
            self._failed(Finding(state, error=problem))
            return False

    # ---------------------------------------------------------------------------------------------- checks

    def _failed(self, finding: Finding) -> None:
        self.error = self.error or finding

    def _check(self, level: Iterable[State]) -> None:
        for state in level:
            self._check_state(state)

    def _check_state(self, state: State) -> None:
        for prop in self.invariants:
            self._judge(prop, False, Finding(state))
        for goal in self.goals:
            self._judge(goal, True, Finding(state))
        self._test(state, None)

    def _judge(self, prop: core.Property, decisive: bool, finding: Finding) -> None:
        """Evaluates a property unless it is decided; the decisive answer is kept with where it was given."""
        if prop.name in self.found:
            return
        assert finding.state is not None
        try:
            if self.machine.holds(prop.name, finding.state, finding.after) == decisive:
                self.found[prop.name] = finding
        except EvaluationError as problem:
            self._failed(Finding(finding.state, finding.runner, finding.args, finding.after, problem))

    def _judge_initial(self, state: State) -> None:
        """A refinement also asks something of initial states."""
        for prop in self.steps:
            if prop.kind == "refines" and not self.machine.second(prop.name, state):
                self.found.setdefault(prop.name, Finding(state))

    def _test(self, state: State, after: State | None) -> None:
        """Crosses off the implications whose left sides are true here."""
        kind = "invariant" if after is None else "step"
        if any(one.prop.kind == kind for one in self.untested):
            scope = Scope(state.values(), None if after is None else after.values(), self.functions)
            self.untested = [one for one in self.untested if one.prop.kind != kind or not _true(one, scope)]

    # ------------------------------------------------------------------------------------------- expansion

    def _expand(self, level: list[State]) -> list[State]:
        following: list[State] = []
        for position, state in enumerate(level):
            if self.stopped is not None:
                break
            successors = sum(self._fire(runner, state, following) for runner in self.machine.runners)
            if not successors and self.deadlock is not None and not self._ends_well(state):
                self.found.setdefault(self.deadlock.name, Finding(state))
            if position % PROGRESS_EVERY == 0:
                self._tell(len(level) - position + len(following))
        return following

    def _fire(self, runner: Runner, state: State, following: list[State]) -> int:
        """Takes every step of one action; an error ends the action in this state. Returns the number of runs."""
        runs = 0
        args: Args = ()
        try:
            for args in self.machine.each_arguments(runner, state):
                for after in self.machine.each_run(runner, state, args):
                    runs += 1
                    self._step(runner, args, state, after, following)
        except EvaluationError as problem:
            self._failed(Finding(state, runner, args, error=problem))
            return runs or 1  # a state in which an action failed is no deadlock
        return runs

    def _step(self, runner: Runner, args: Args, state: State, after: State, following: list[State]) -> None:
        self.generated += 1
        self.fired[runner.name] += 1
        for prop in self.steps:
            self._judge(prop, False, Finding(state, runner, args, after))
        if self.steps:
            self._test(state, after)
        before = self.links[state]
        self._meet(after, Link(state, runner, args, before.level + 1), following)

    def _ends_well(self, state: State) -> bool:
        try:
            return any(self.machine.holds(prop.name, state) for prop in self.terminal)
        except EvaluationError as problem:
            self._failed(Finding(state, error=problem))
            return True

    def _tell(self, queue: int) -> None:
        if self.stopped is None:
            self.stopped = self.budget.spent(self.distinct)
        if self.progress is not None:
            self.progress(self.distinct, self.generated, self.depth, queue)


def _true(antecedent: Antecedent, scope: Scope) -> bool:
    try:
        return evaluate(antecedent.tested, scope) is True
    except EvaluationError:
        return False  # the property itself reports it


# ------------------------------------------------------------------------------------------------ results


def check(
    instance: Instance,
    *,
    symmetry: bool = True,
    max_states: int | None = None,
    max_seconds: float | None = None,
    only: tuple[str, ...] | None = None,
    keep_going: bool = False,
    progress: Progress | None = None,
) -> CheckResult:
    """Searches all reachable states of an instance. `progress` is called with distinct, generated, depth, queue."""
    budget = Budget(max_states, max_seconds)
    search = Search(instance, symmetry=symmetry, budget=budget, only=only, keep_going=keep_going, progress=progress)
    search.run()
    result = _Report(search).result()
    if instance.view is None or not search.lively:
        return result

    def again(whole: Instance, names: tuple[str, ...], spent: float) -> CheckResult:
        left = None if max_seconds is None else max_seconds - spent
        return check(whole, symmetry=False, max_states=max_states, max_seconds=left, only=names, progress=progress)

    return with_liveness(instance, tuple(p.name for p in search.wanted if p.kind in LIVENESS), result, again)


class _Report:
    def __init__(self, search: Search) -> None:
        self.search, self.machine = search, search.machine
        self.explored: Explored | None = None
        self.undefined: Undefined | None = None
        early = search._bad() or bool(search.only and search._decided()) or search.generated == 0
        self.complete = search.stopped is None and not early

    def result(self) -> CheckResult:
        search = self.search
        properties = tuple(self._property(prop) for prop in search.wanted if prop.kind in (*SEARCHED, *LIVENESS))
        properties += tuple(laws.decide(search.instance, search.only, self.machine))
        spec = search.instance.spec
        failure = diagnostic_of(self.undefined.problem) if self.undefined else self._error()
        return CheckResult(
            protocol=spec.name,
            model=search.instance.model.name,
            engine="python",
            verdict=overall([one.verdict for one in properties], failure is not None, search.stopped is not None),
            distinct=search.distinct,
            generated=search.generated,
            depth=search.depth,
            seconds=search.budget.seconds(),
            properties=properties,
            actions=tuple(ActionCount(a.name, search.fired[a.name], a.span) for a in spec.actions),
            warnings=self._warnings(properties),
            error=failure,
            error_trace=self.undefined.trace if self.undefined else self._error_trace(),
            stopped_by=search.stopped,
            limited=bool(search.outside),
            symmetry=search.canonical.sorts,
            flaws=search.instance.flaws,
            viewed=search.instance.view is not None,
        )

    def _property(self, prop: core.Property) -> PropertyResult:
        if prop.kind in LIVENESS:
            return self._liveness(prop)
        goal = prop.kind == "reachable"
        finding = self.search.found.get(prop.name)
        if finding is not None:
            verdict: Verdict = "holds" if goal else "violated"
            evidence = "witness" if goal else "counterexample"
            return PropertyResult(prop.name, prop.kind, verdict, evidence, self._trace(finding, prop), prop.span)
        if not self.complete:
            return PropertyResult(prop.name, prop.kind, "incomplete", "bounded", None, prop.span)
        evidence = exhaustive(limited=bool(self.search.outside), viewed=self.search.instance.view is not None)
        return PropertyResult(prop.name, prop.kind, "violated" if goal else "holds", evidence, None, prop.span)

    def _liveness(self, prop: core.Property) -> PropertyResult:
        """Decided on the whole graph, once the search is complete."""
        if not self.complete or self.search.instance.view is not None:
            return PropertyResult(prop.name, prop.kind, "incomplete", "bounded", None, prop.span)
        self.explored = self.explored or Explored(self.machine)
        try:
            trace = self.explored.violation(prop)
        except Undefined as found:
            self.undefined = found
            return PropertyResult(prop.name, prop.kind, "incomplete", "bounded", None, prop.span)
        if trace is not None:
            return PropertyResult(prop.name, prop.kind, "violated", "counterexample", trace, prop.span)
        evidence = exhaustive(limited=bool(self.search.outside), viewed=False)
        return PropertyResult(prop.name, prop.kind, "holds", evidence, None, prop.span)

    def _trace(self, finding: Finding, prop: core.Property | None) -> Trace | None:
        if finding.state is None:
            return None
        steps = []
        state: State | None = finding.state
        while state is not None:
            link = self.search.links[state]
            steps.append(step_of(link.runner, link.args, state))
            state = link.before
        steps.reverse()
        if finding.after is not None:
            steps.append(step_of(finding.runner, finding.args, finding.after))
        failing = None if prop is None or prop.kind == "reachable" else Failing(prop.name)
        return Trace(tuple(steps), failing=failing, instance=self.search.instance)

    def _warnings(self, properties: tuple[PropertyResult, ...]) -> tuple[Diagnostic, ...]:
        holding = {one.name for one in properties if one.verdict == "holds"}
        return tuple(one.warning() for one in self.search.untested if one.prop.name in holding)

    def _error(self) -> Diagnostic | None:
        finding = self.search.error
        if finding is None and self.search.generated == 0 and self.search.stopped is None:
            return no_initial_state(self.search.instance.spec)
        return None if finding is None or finding.error is None else diagnostic_of(finding.error)

    def _error_trace(self) -> Trace | None:
        finding = self.search.error
        if finding is None:
            return None
        trace = self._trace(finding, None)
        if trace is None or finding.runner is None or finding.after is not None:
            return trace
        return trace.followed_by(finding.runner.name, step_of(finding.runner, finding.args, None).args)


def diagnostic_of(problem: EvaluationError) -> Diagnostic:
    """An evaluation error as a diagnostic."""
    hint = f"a larger `{problem.knob} = ...` in the model makes room, if this is meant" if problem.knob else None
    return Diagnostic(EVALUATION_ERRORS[problem.kind][0], problem.message, problem.span, hint)
