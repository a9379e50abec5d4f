"""Liveness after a native search: decided on the whole graph, which the interpreter builds.

The native search has shown that the graph is finite and small enough; beyond LARGEST states the verdict is `unknown`.
"""

from __future__ import annotations

from pyspec.check.graph import LIVENESS, Explored
from pyspec.lang import core
from pyspec.model.instance import Instance
from pyspec.model.machine import Machine
from pyspec.model.result import PropertyResult

LARGEST = 300_000


def wanted(instance: Instance, only: tuple[str, ...] | None) -> list[core.Property]:
    """The liveness properties that were asked for."""
    return [p for p in instance.spec.properties if p.kind in LIVENESS and (only is None or p.name in only)]


def decide(instance: Instance, props: list[core.Property], distinct: int, complete: bool) -> list[PropertyResult]:
    """The verdict of each liveness property; `complete`: the search saw everything and found nothing wrong."""
    if not props:
        return []
    if not complete:
        return [PropertyResult(p.name, p.kind, "incomplete", "bounded", None, p.span) for p in props]
    if distinct > LARGEST:
        why = f"liveness is decided up to {LARGEST:,} states"
        return [PropertyResult(p.name, p.kind, "unknown", why, None, p.span) for p in props]
    explored = Explored(Machine(instance))
    return [_result(p, explored, bool(instance.limits)) for p in props]


def _result(prop: core.Property, explored: Explored, limited: bool) -> PropertyResult:
    trace = explored.violation(prop)
    if trace is not None:
        return PropertyResult(prop.name, prop.kind, "violated", "counterexample", trace, prop.span)
    evidence = "exhaustive within limit" if limited else "exhaustive"
    return PropertyResult(prop.name, prop.kind, "holds", evidence, None, prop.span)
