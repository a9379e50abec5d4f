"""Exit codes and expectations, from reports alone."""

from __future__ import annotations

from typing import Any

import pytest

from pyspec.cli import exits
from pyspec.cli.report import exit_code, expectations, is_complete, never_fired
from pyspec.lang.core import Expect


def report(**changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "file": "x.pspec",
        "protocol": "x",
        "model": "ci",
        "engine": "native",
        "verdict": "holds",
        "distinct": 288,
        "generated": 1146,
        "depth": 11,
        "seconds": 0.1,
        "compile_seconds": 0.0,
        "properties": [
            {"name": "safe", "kind": "invariant", "verdict": "holds", "evidence": "exhaustive", "trace": None}
        ],
        "actions": [{"name": "go", "fired": 3}],
        "warnings": [],
        "errors": [],
        "error_trace": None,
        "stopped_by": None,
        "limited": False,
        "symmetry": [],
        "collision_probability": 0.0,
        "threads": 1,
        "peak_bytes": 0,
        "cached": False,
        "flaws": [],
        "expectations": [],
    }
    return {**base, **changes}


def violated(name: str = "safe") -> dict[str, Any]:
    return {"name": name, "kind": "invariant", "verdict": "violated", "evidence": "counterexample", "trace": None}


MET = {"what": "states", "expected": 288, "found": 288, "met": True}
UNMET = {"what": "states", "expected": 289, "found": 288, "met": False}
EXPECTED_VIOLATION = {"what": "violated safe", "expected": "violated", "found": "violated", "met": True}
EVALUATION_ERROR = [{"code": "E0601", "message": "left its range"}]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, exits.OK),
        ({"expectations": [MET]}, exits.OK),
        ({"expectations": [UNMET]}, exits.FAILED),
        ({"verdict": "violated", "properties": [violated()]}, exits.FAILED),
        ({"verdict": "violated", "properties": [violated()], "expectations": [EXPECTED_VIOLATION]}, exits.OK),
        (
            {"verdict": "violated", "properties": [violated("other")], "expectations": [EXPECTED_VIOLATION]},
            exits.FAILED,
        ),
        ({"expectations": [{**EXPECTED_VIOLATION, "found": "holds", "met": False}]}, exits.FAILED),
        ({"verdict": "violated", "errors": EVALUATION_ERROR}, exits.FAILED),
        ({"verdict": "incomplete", "stopped_by": "time"}, exits.BUDGET),
        ({"verdict": "incomplete", "stopped_by": "time", "expectations": [UNMET]}, exits.BUDGET),
        ({"verdict": "violated", "stopped_by": "states", "properties": [violated()]}, exits.FAILED),
        ({"verdict": "unknown"}, exits.BUDGET),
        ({"verdict": "error", "exit_code": 2}, exits.WRONG),
    ],
)
def test_exit_code(changes: dict[str, Any], code: int) -> None:
    assert exit_code(report(**changes)) == code


def test_strict_counts_actions_that_never_fire_and_warnings() -> None:
    idle = report(actions=[{"name": "go", "fired": 3}, {"name": "stop", "fired": 0}])
    assert never_fired(idle) == ["stop"]
    assert exit_code(idle) == exits.OK
    assert exit_code(idle, strict=True) == exits.FAILED
    assert exit_code(report(warnings=[{"code": "W0701"}]), strict=True) == exits.FAILED


def test_an_unfinished_search_says_nothing_about_idle_actions() -> None:
    assert never_fired(report(verdict="incomplete", actions=[{"name": "stop", "fired": 0}])) == []


def test_worst_code_wins() -> None:
    assert exits.worst([]) == exits.OK
    assert exits.worst([0, 3, 1]) == exits.FAILED
    assert exits.worst([1, 2, 3]) == exits.WRONG
    assert exits.worst([4, 2]) == exits.FAULT


def test_expectations_are_about_one_symmetry_setting() -> None:
    expects = [
        Expect("states", 288),
        Expect("symmetric states", 80),
        Expect("depth", 10),
        Expect("violated", name="safe"),
    ]
    full = {e["what"]: e["met"] for e in expectations(expects, report(), symmetric=False)}
    assert full == {"states": True, "depth": False, "violated safe": False}
    reduced = {e["what"]: e["met"] for e in expectations(expects, report(distinct=80), symmetric=True)}
    assert reduced == {"symmetric states": True, "depth": False, "violated safe": False}


@pytest.mark.parametrize(
    ("changes", "complete"),
    [({}, True), ({"verdict": "violated"}, True), ({"verdict": "incomplete"}, False), ({"stopped_by": "time"}, False)],
)
def test_only_complete_reports_are_kept(changes: dict[str, Any], complete: bool) -> None:
    assert is_complete(report(**changes)) is complete
