"""Budgets of single properties: each such property has a search of its own, the others share one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from pyspec.cli.progress import ProgressLine
from pyspec.cli.report import Report
from pyspec.cli.runner import Request, load, run

if TYPE_CHECKING:
    from pyspec.lang import core


def run_within(request: Request, budgets: Mapping[str, float], progress: ProgressLine | None) -> Report:
    """The report of a request in which some properties, by name, have so many seconds each.

    A property whose budget runs out is incomplete, and so is the whole; the verdicts of the others stand.
    """
    spec = load(request.path)
    apart = tuple(p.name for p in spec.properties if p.name in budgets and p.kind not in NOT_SEARCHED)
    if not apart:
        return run(request, progress, spec)
    report = run(replace(request, without=apart), progress, spec)
    for name in apart:
        part = run(replace(request, only=(name,), max_seconds=budgets[name]), progress, spec)
        report = _with_part(report, part, name)
    return {**report, "properties": _in_order(report, spec)}


NOT_SEARCHED = frozenset({"assume", "hint", "terminal"})


def _with_part(report: Report, part: Report, name: str) -> Report:
    found = [
        {**p, "seconds": part["seconds"], "stopped_by": part["stopped_by"]}
        for p in part["properties"]
        if p["name"] == name
    ]
    note = f"{name}: searched apart, {part['seconds']:.2f} s, {part['distinct']:,} states"
    return {
        **report,
        "properties": [*report["properties"], *found],
        "verdict": min(report["verdict"], part["verdict"], key=_WORST.index),
        "stopped_by": report["stopped_by"] or part["stopped_by"],
        "errors": report["errors"] or part["errors"],
        "error_trace": report["error_trace"] or part["error_trace"],
        "cached": report["cached"] and part["cached"],
        "notes": [*report["notes"], note],
    }


_WORST = ("violated", "incomplete", "unknown", "holds")


def _in_order(report: Report, spec: core.Spec) -> list[Report]:
    order = {p.name: number for number, p in enumerate(spec.properties)}
    return sorted(report["properties"], key=lambda p: order.get(p["name"], len(order)))
