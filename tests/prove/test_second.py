"""The second solver: asked after z3, only where it is installed, and never taken for more than it says."""

from __future__ import annotations

import math
import time

import pytest

from pyspec.lang import load_text
from pyspec.prove import second, solve
from pyspec.prove.engine import Options, prove
from pyspec.prove.obligations import Obligations
from pyspec.prove.smtlib import Writer
from pyspec.prove.solve import Attempt, Outcome, Task

SPEC = """protocol marks
sort Node
enum Place: idle, waiting, done
var place: map[Node, Place] = {n: idle for n in Node}
var seen: set[(Node, 0..5)] = {}
action wait(n: Node):
    when place[n] == idle
    place[n] = waiting
    seen = seen | {(n, 1)}
action finish(n: Node):
    when place[n] == waiting
    place[n] = done
invariant kept: all n in Node: place[n] != idle implies (n, 1) in seen
invariant wrong: all n in Node: place[n] != done
model ci: Node = 2
"""
SECOND = tuple(Attempt(way, 0.5, second=True) for way in second.WAYS)


def tasks(*attempts: Attempt) -> list[Task]:
    problem = Obligations(load_text(SPEC))
    writer = Writer(problem.encoder.u)
    return [Task(one.name, *writer.text(one), 4.0, attempts) for one in problem.all()]


def test_it_agrees_with_z3() -> None:
    pytest.importorskip("cvc5")
    mine, others = [solve.solve(task) for task in tasks(*solve.QUICK)], [solve.solve(task) for task in tasks(*SECOND)]
    assert {one.status for one in mine} == {"proved", "refuted"}
    assert "proved" in {other.status for other in others}
    for one, other, task in zip(mine, others, tasks(*SECOND), strict=True):
        assert other.status in (one.status, "unknown"), task.name
        if other.status == "proved":
            assert other.by in second.WAYS and "the goal is false" in other.core
            assert set(other.core) <= set(task.labels)


def test_it_is_named_with_its_version() -> None:
    module = pytest.importorskip("cvc5")
    assert solve.solver_version().endswith(f", cvc5 {module.__version__}")


def test_a_script_that_it_does_not_accept_is_unknown() -> None:
    pytest.importorskip("cvc5")
    assert second.solve("(declare-nothing)", [("a0", "true")], "cvc5", 1.0) == ("unknown", ())


def test_without_it_proofs_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second, "_module", lambda: None)
    assert solve.solver_version().count(",") == 0
    assert {solve.solve(task).status for task in tasks(*SECOND)} == {"unknown"}
    fates = {prop.name: prop.fate for prop in prove(load_text(SPEC), options=Options(5, 5, threads=1)).properties}
    assert fates == {"kept": "proved", "wrong": "refuted", "evaluation": "proved"}


@pytest.mark.parametrize(("says", "status"), [("unknown", "unknown"), ("unsat", "proved"), ("sat", "refuted")])
def test_only_unsat_is_a_proof(monkeypatch: pytest.MonkeyPatch, says: str, status: str) -> None:
    monkeypatch.setattr(second, "solve", lambda head, asserts, way, seconds: (says, ()))
    assert {solve.solve(task).status for task in tasks(*SECOND)} == {status}


def test_with_some_hypotheses_a_model_refutes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second, "solve", lambda head, asserts, way, seconds: ("sat", ()))
    some = Attempt("cvc5", 0.5, solve.Selection(1.0, "goal"), second=True)
    assert {solve.solve(task).status for task in tasks(some)} == {"unknown"}


def test_after_the_time_allowed_nothing_is_tried() -> None:
    (first, *_) = tasks(*solve.QUICK)
    late = Task(**{**vars(first), "until": time.monotonic() - 1})
    assert solve.solve(late) == Outcome("unknown", 0.0)
    assert first.until == math.inf
