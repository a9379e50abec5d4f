"""A search's result as a report: the JSON object of `--json`, which the text for people is made from as well.

A report is plain data, so it can be kept in the cache and shown later without the specification or an engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from pyspec.base.diagnostics import Diagnostic
from pyspec.cli import diagnostics, exits

if TYPE_CHECKING:  # a cached report is shown without loading any of these
    from pyspec.lang.core import Expect
    from pyspec.model.result import CheckResult, PropertyResult
    from pyspec.model.trace import Trace

Report = dict[str, Any]


def of_trace(trace: Trace | None) -> Report | None:
    """A trace as JSON, with the text a person reads under "text"."""
    if trace is None:
        return None
    chart = trace.to_mermaid() if trace.instance is not None else ""
    return {"length": len(trace.steps) - 1, **trace.to_json(), "text": trace.text(), "mermaid": chart}


def of_property(result: PropertyResult) -> Report:
    """One property's verdict."""
    return {
        "name": result.name,
        "kind": result.kind,
        "verdict": result.verdict,
        "evidence": result.evidence,
        "line": result.span.line,
        "column": result.span.column,
        "trace": of_trace(result.trace),
    }


def of_result(result: CheckResult, file: str) -> Report:
    """Everything a search found, as plain data."""
    return {
        "file": file,
        "protocol": result.protocol,
        "model": result.model,
        "engine": result.engine,
        "verdict": result.verdict,
        "distinct": result.distinct,
        "generated": result.generated,
        "depth": result.depth,
        "seconds": round(result.seconds, 3),
        "compile_seconds": round(result.compile_seconds, 3),
        "properties": [of_property(p) for p in result.properties],
        "actions": [{"name": a.name, "fired": a.fired} for a in result.actions],
        "warnings": [diagnostics.to_json(w) for w in result.warnings],
        "errors": [diagnostics.to_json(result.error)] if result.error else [],
        "error_trace": of_trace(result.error_trace),
        "stopped_by": result.stopped_by,
        "limited": result.limited,
        "viewed": result.viewed,
        "symmetry": list(result.symmetry),
        "collision_probability": result.collision_probability,
        "threads": result.threads,
        "peak_bytes": result.peak_bytes,
        "cached": False,
        "flaws": list(result.flaws),
        "expectations": [],
    }


def of_errors(found: Iterable[Diagnostic], file: str | None, code: int = exits.WRONG) -> Report:
    """What `--json` prints when there is no result: the mistakes."""
    errors = [diagnostics.to_json(d) for d in found]
    shown = errors[:MOST_ERRORS]
    return {"file": file, "verdict": "error", "errors": shown, "error_count": len(errors), "exit_code": code}


MOST_ERRORS = 200  # errors listed in one report


def is_complete(report: Report) -> bool:
    """Whether another run with other budgets would say the same."""
    return report["verdict"] in ("holds", "violated") and not report["stopped_by"]


COUNTED = {"states": "distinct", "symmetric states": "distinct", "generated": "generated", "depth": "depth"}


def needs_symmetry(expect: Expect) -> bool | None:
    """Whether an expectation is about a search with symmetry (True), without (False), or any (None)."""
    return {"states": False, "generated": False, "symmetric states": True}.get(expect.kind)


def expectations(expects: Sequence[Expect], report: Report, *, symmetric: bool | None) -> list[Report]:
    """What the model expected of a search, what was found, and whether they agree.

    Counts of a search that ended early, at a violation, are compared too: they do not depend on threads. Expectations
    about the other symmetry setting are left out; None: there is no symmetry, so both settings are the same.
    """
    out = []
    for expect in expects:
        if expect.kind == "violated":
            found = next((p["verdict"] for p in report["properties"] if p["name"] == expect.name), "unknown")
            met = found == "violated"
            out.append({"what": f"violated {expect.name}", "expected": "violated", "found": found, "met": met})
        elif (symmetric is None or needs_symmetry(expect) in (None, symmetric)) and expect.kind in COUNTED:
            number = report[COUNTED[expect.kind]]
            met = number == expect.number and not report["stopped_by"]
            out.append({"what": expect.kind, "expected": expect.number, "found": number, "met": met})
    return out


def exit_code(report: Report, *, strict: bool = False) -> int:
    """The exit code a report stands for. A violation that the model expects is none."""
    if "exit_code" in report and report["verdict"] == "error":
        return int(report["exit_code"])
    expected = {e["what"].removeprefix("violated ") for e in report["expectations"] if e["expected"] == "violated"}
    violated = {p["name"] for p in report["properties"] if p["verdict"] == "violated"}
    if (
        report["errors"]
        or violated - expected
        or not all(e["met"] for e in report["expectations"] if not report["stopped_by"])
    ):
        return exits.FAILED
    if report["verdict"] == "violated" and not violated:
        return exits.FAILED
    if report["stopped_by"] or (report["verdict"] in ("incomplete", "unknown")):
        return exits.BUDGET
    if strict and (never_fired(report) or report["warnings"]):
        return exits.FAILED
    return exits.OK


def never_fired(report: Report) -> list[str]:
    """Actions without a single step in a search that went all the way."""
    if report["verdict"] != "holds" or report["stopped_by"]:
        return []
    return [a["name"] for a in report["actions"] if not a["fired"]]
