"""Liveness after a native search: decided on the whole graph, in C; its lassos are confirmed by the interpreter.

Where generated code does not decide it (very many fair steps or formulas, a formula that cannot be evaluated) the
interpreter builds the graph, up to LARGEST states; beyond that the verdict is `unknown`.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from pyspec.check.graph import LIVENESS, Explored
from pyspec.check.lasso import confirmed
from pyspec.lang import core
from pyspec.model.domains import values_of
from pyspec.model.instance import Instance
from pyspec.model.machine import Machine
from pyspec.model.result import PropertyResult, exhaustive
from pyspec.model.trace import Trace
from pyspec.native.emit_live import Lively
from pyspec.native.fairgraph import FairGraph, NoGraph, memory
from pyspec.native.layout import decode_state
from pyspec.native.library import Search

LARGEST = 300_000


def wanted(instance: Instance, only: tuple[str, ...] | None) -> list[core.Property]:
    """The liveness properties that were asked for."""
    return [p for p in instance.spec.properties if p.kind in LIVENESS and (only is None or p.name in only)]


@dataclass(frozen=True)
class Budget:
    """What the graph may take: bytes (None: three quarters of the machine's), and until when."""

    memory: int | None
    until: float | None

    def bytes(self) -> int:
        """The memory for the graph."""
        machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return self.memory if self.memory is not None else machine * 3 // 4

    def enough(self) -> bool:
        """Whether time is up."""
        return self.until is not None and time.perf_counter() > self.until


def decide(
    instance: Instance, props: list[core.Property], search: Search, complete: bool, limited: bool, budget: Budget
) -> list[PropertyResult]:
    """The verdict of each liveness property; `complete`: the search saw everything and found nothing wrong.

    Raises Undefined for a formula that cannot be evaluated.
    """
    if not props:
        return []
    if not complete or instance.view is not None:
        return undecided(props)
    evidence = exhaustive(limited=limited, viewed=False)
    try:
        return _natively(instance, props, search, evidence, budget)
    except NoGraph as problem:
        why = str(problem)
    if search.progress().distinct > LARGEST:
        return [PropertyResult(p.name, p.kind, "unknown", f"liveness: {why}", None, p.span) for p in props]
    explored = Explored(Machine(instance))
    return [_result(p, explored.violation, evidence) for p in props]


def undecided(props: list[core.Property]) -> list[PropertyResult]:
    """What a search that did not go all the way says."""
    return [PropertyResult(p.name, p.kind, "incomplete", "bounded", None, p.span) for p in props]


def _result(prop: core.Property, violation: Callable[[core.Property], Trace | None], evidence: str) -> PropertyResult:
    trace = violation(prop)
    if trace is not None:
        return PropertyResult(prop.name, prop.kind, "violated", "counterexample", trace, prop.span)
    return PropertyResult(prop.name, prop.kind, "holds", evidence, None, prop.span)


def _natively(
    instance: Instance, props: list[core.Property], search: Search, evidence: str, budget: Budget
) -> list[PropertyResult]:
    numbered = {one.prop.name: one for one in search.made.lively}
    if not all(p.name in numbered for p in props):
        raise NoGraph("too many formulas" if not numbered else "it was not compiled")
    state = search.progress()
    needed = memory(state.distinct, state.generated, state.slots)
    if needed > budget.bytes():
        raise NoGraph(f"its graph takes about {needed / 1e6:,.0f} MB")
    with FairGraph(search) as graph:
        graph.build(budget.enough)
        lassos = Lassos(instance, search, graph)
        return [_result(p, lambda p: lassos.violation(numbered[p.name]), evidence) for p in props]


class Lassos:
    """Decides properties on a graph, and makes traces of what it finds."""

    def __init__(self, instance: Instance, search: Search, graph: FairGraph) -> None:
        self.instance, self.search, self.graph = instance, search, graph

    def violation(self, one: Lively) -> Trace | None:
        """A confirmed lasso that violates the property, or None."""
        combinations = itertools.product(*(values_of(kind) for _, kind in one.prop.params))
        for formula, values in enumerate(combinations, one.first):
            found = self.graph.violation(one.prop.kind, formula)
            if found is not None:
                machine, made = Machine(self.instance), self.search.made
                words = [self.search.record(self.graph.at(number))[0] for number in found.states]
                states = [machine.state(decode_state(made.em, made.layout, w)) for w in words]
                return confirmed(machine, one.prop, values, states, found.loop)
        return None
