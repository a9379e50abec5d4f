"""What a finished (or stopped) search says about each property."""

from __future__ import annotations

import resource
import time
from typing import TYPE_CHECKING

from pyspec.base.diagnostics import Diagnostic
from pyspec.check import laws
from pyspec.check.graph import Undefined
from pyspec.check.search import diagnostic_of
from pyspec.lang import core
from pyspec.model.instance import Instance
from pyspec.model.result import ActionCount, CheckResult, PropertyResult, Verdict, exhaustive, overall
from pyspec.model.vacuity import no_initial_state
from pyspec.native import liveness
from pyspec.native.library import STOPS, Progress, Search
from pyspec.native.traces import Traces

if TYPE_CHECKING:
    from pyspec.native.engine import Compiled, Request


def outcome(instance: Instance, request: Request, compiled: Compiled, search: Search, seconds: float) -> CheckResult:
    """The CheckResult of a search that no longer runs."""
    made, state = compiled.made, search.progress()
    traces = Traces(instance, made, search)
    ended = _ended_early(request, compiled, search, state) or state.generated == 0
    wanted = request.only
    whole = exhaustive(limited=bool(state.outside), viewed=instance.view is not None)
    numbers = {prop.name: n for n, prop in enumerate([*made.properties, *([made.deadlock] if made.deadlock else [])])}
    results = tuple(
        _property(prop, numbers[prop.name], traces, ended, whole)
        for prop in instance.spec.properties
        if prop.name in numbers and (wanted is None or prop.name in wanted)
    )
    lively = liveness.wanted(instance, wanted)
    clean = not ended and all(r.verdict != "violated" for r in results if r.kind != "reachable")
    undefined = None
    try:
        budget = _budget(request, seconds)
        results += tuple(liveness.decide(instance, lively, search, clean, bool(state.outside), budget))
    except Undefined as found:
        undefined = diagnostic_of(found.problem), found.trace
        results += tuple(liveness.undecided(lively))
    results += tuple(laws.decide(instance, wanted))
    failure = search.finding(len(made.properties) + 1)
    problem = traces.error(failure) if failure else undefined
    nothing = state.generated == 0 and problem is None and state.stop not in STOPS
    error = problem[0] if problem else no_initial_state(instance.spec) if nothing else None
    fired, cover = search.counters()
    return CheckResult(
        protocol=instance.spec.name,
        model=instance.model.name,
        engine="native",
        verdict=overall([r.verdict for r in results], error is not None, state.stop in STOPS),
        distinct=state.distinct,
        generated=state.generated,
        depth=state.depth,
        seconds=seconds,
        compile_seconds=compiled.seconds,
        properties=results,
        actions=tuple(ActionCount(a.name, n, a.span) for a, n in zip(instance.spec.actions, fired, strict=True)),
        warnings=_vacuous(compiled, cover, results),
        error=error,
        error_trace=problem[1] if problem else None,
        stopped_by=STOPS.get(state.stop),
        limited=bool(state.outside),
        symmetry=made.symmetry,
        collision_probability=_collision(made.layout.bits, instance, state),
        threads=request.threads,
        peak_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        cached=compiled.library.cached,
        flaws=instance.flaws,
        viewed=instance.view is not None,
    )


def _budget(request: Request, seconds: float) -> liveness.Budget:
    """What is left for the graph that liveness is decided on."""
    until = None if request.max_seconds is None else time.perf_counter() + max(request.max_seconds - seconds, 0.0)
    return liveness.Budget(request.memory, until)


def _ended_early(request: Request, compiled: Compiled, search: Search, state: Progress) -> bool:
    """Whether some reachable states may not have been seen."""
    if state.stop in STOPS:
        return True
    made = compiled.made
    goals = [p.kind == "reachable" for p in made.properties] + [False]
    ending = [n for n, goal in enumerate(goals) if not goal]
    if search.finding(len(made.properties) + 1):
        return True
    if not request.keep_going and any(search.finding(n) for n in ending):
        return True
    return request.only is not None and state.queue > 0


def _property(prop: core.Property, number: int, traces: Traces, ended: bool, whole: str) -> PropertyResult:
    finding = traces.search.finding(number)
    goal = prop.kind == "reachable"
    if finding is not None:
        verdict: Verdict = "holds" if goal else "violated"
        trace = traces.violated(prop, finding)
        return PropertyResult(prop.name, prop.kind, verdict, "witness" if goal else "counterexample", trace, prop.span)
    if ended:
        return PropertyResult(prop.name, prop.kind, "incomplete", "bounded", None, prop.span)
    return PropertyResult(prop.name, prop.kind, "violated" if goal else "holds", whole, None, prop.span)


def _vacuous(compiled: Compiled, cover: list[bool], results: tuple[PropertyResult, ...]) -> tuple[Diagnostic, ...]:
    holding = {r.name for r in results if r.verdict == "holds"}
    never = (one for one, seen in zip(compiled.made.cover, cover, strict=True) if not seen)
    return tuple(one.warning() for one in never if one.prop.name in holding)


def _collision(bits: int, instance: Instance, state: Progress) -> float:
    """The chance that two states shared a fingerprint, so that one was missed; states of one word cannot."""
    if bits <= 63 and instance.view is None:
        return 0.0
    return min(1.0, state.distinct * (state.distinct - 1) / 2.0**65)
