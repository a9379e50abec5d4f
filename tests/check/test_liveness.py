"""Liveness under weak and strong fairness: a lock in which a process may starve."""

import pytest

from pyspec.check.search import check
from pyspec.lang import load_text
from pyspec.model.instance import Instance, instantiate
from pyspec.model.result import PropertyResult
from pyspec.native import engine

LOCK = """protocol lock
sort P
enum Pc: idle, waiting, critical
var pc: map[P, Pc] = {{p: idle for p in P}}
var holder: P? = none
action want(p: P):
    when pc[p] == idle
    pc[p] = waiting
{enter} enter(p: P):
    when pc[p] == waiting and holder == none
    holder = p
    pc[p] = critical
{leave} leave(p: P):
    when pc[p] == critical
    holder = none
    pc[p] = idle
liveness progress: (exists p in P: pc[p] == waiting) leads to exists p in P: pc[p] == critical
liveness served(p: P): pc[p] == waiting leads to pc[p] == critical
liveness free: always eventually holder == none
liveness settles: eventually always holder == none
liveness starts: eventually exists p in P: pc[p] != idle
model ci: P = 2
"""

WEAK, STRONG, NONE = "fair action", "strongly fair action", "action"


def verdicts(enter: str, leave: str, native: bool) -> dict[str, PropertyResult]:
    instance = instance_of(enter, leave)
    result = engine.check(instance) if native else check(instance)
    return {p.name: p for p in result.properties}


def instance_of(enter: str, leave: str) -> Instance:
    return instantiate(load_text(LOCK.format(enter=enter, leave=leave)), None, {}, ())


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize(
    ("enter", "leave", "holding"),
    [
        (NONE, NONE, set()),
        (WEAK, NONE, {"progress"}),
        (WEAK, WEAK, {"progress", "free"}),
        (STRONG, WEAK, {"progress", "free", "served"}),
    ],
)
def test_what_each_fairness_gives(enter: str, leave: str, holding: set[str], native: bool) -> None:
    found = verdicts(enter, leave, native)
    assert {name for name, p in found.items() if p.verdict == "holds"} == holding
    assert {name for name, p in found.items() if p.verdict == "violated"} == set(found) - holding


def test_the_lasso_is_a_run_that_comes_back() -> None:
    trace = verdicts(WEAK, WEAK, False)["served"].trace
    assert trace is not None and trace.loop_start is not None
    states = trace.states()
    assert states[-1] == states[trace.loop_start] and "P1" in str(trace.failing)


def test_a_loop_is_fair() -> None:
    """Every weakly fair step is taken on the loop, or cannot be taken somewhere on it."""
    instance = instance_of(WEAK, WEAK)
    found = check(instance)
    from pyspec.model.machine import Machine

    machine = Machine(instance)
    for prop in found.properties:
        if prop.trace is None or prop.trace.loop_start is None:
            continue
        loop = prop.trace.states()[prop.trace.loop_start :]
        taken = {(s.action, s.args) for s in prop.trace.steps[prop.trace.loop_start + 1 :]}
        for name in ("enter", "leave"):
            for p in machine.instance.sort("P").elements or ():
                enabled = [any(r.name == name and str(a[0]) == p for r, a, _ in machine.successors(s)) for s in loop]
                stepped = any(action == name and str(args[0][1]) == p for action, args in taken)
                assert stepped or not all(enabled)


@pytest.mark.parametrize("native", [True, False])
def test_liveness_alone_needs_the_whole_graph(native: bool) -> None:
    instance = instance_of(WEAK, NONE)
    result = engine.check(instance, only=("free",)) if native else check(instance, only=("free",))
    assert [(p.name, p.verdict) for p in result.properties] == [("free", "violated")]
    assert result.distinct == 8
