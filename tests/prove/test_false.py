"""What a search finds false is reported as false, and not as hard to prove; a known mistake with the step that no
induction survives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pyspec.cli.proving import Asked, prove_file
from pyspec.cli.report import Report
from pyspec.cli.runner import Request, run

SPEC = """protocol counter
sort Node
const MAX: int = 3
flaw jumps violates low with MAX = 5 "Two steps at once."
var n: 0..6 = 0
var seen: set[Node] = {}
fair action up(p: Node):
    when n < MAX or (jumps and n < MAX - 1)
    n += 2 if jumps and n >= 2 else 1
    seen += {p}
invariant low: n <= MAX
lemma known: n > 0 implies exists p in Node: p in seen
liveness done: eventually n == MAX
model ci: Node = 2
"""


Prove = Callable[..., Report]


@pytest.fixture
def prove(tmp_path: Path) -> Prove:
    def proved(more: str = "", **asked: Any) -> Report:
        path = tmp_path / "counter.pspec"
        path.write_text(SPEC + more, encoding="utf-8")
        return prove_file(str(path), Asked(no_cache=True, **asked), None)

    return proved


def _verdicts(report: Report) -> dict[str, str]:
    return {prop["name"]: prop["verdict"] for prop in report["properties"]}


def test_a_false_lemma_is_false_and_nothing_else_is_tried(prove: Prove) -> None:
    report = prove("lemma few: n <= 1\n")
    assert _verdicts(report) == {"low": "not tried", "known": "not tried", "few": "false"}
    assert (report["verdict"], report["exit_code"]) == ("refuted", 1)
    few = report["properties"][-1]
    assert few["breaks"] == {"step": 2, "action": "up", "conjuncts": ["few"]}
    assert "few is false" in few["trace"]["text"]


def test_a_step_that_a_step_property_forbids_is_a_counterexample_to_induction(prove: Prove) -> None:
    report = prove("step still: n == n'\n")
    still = next(prop for prop in report["properties"] if prop["name"] == "still")
    assert (still["verdict"], still["breaks"]) == ("false", {"step": 1, "action": "up", "conjuncts": ["still"]})


def test_a_flaw_is_searched_in_the_model_that_it_names(prove: Prove) -> None:
    report = prove(flaws=("jumps",))
    low = report["properties"][0]
    assert (low["verdict"], report["exit_code"]) == ("false", 1)
    assert low["trace"]["steps"][low["breaks"]["step"]]["state"]["n"] == 6


def test_the_search_of_a_proof_is_not_taken_for_a_check(tmp_path: Path) -> None:
    path = tmp_path / "counter.pspec"
    path.write_text(SPEC + "law one(a: int): a == a\n", encoding="utf-8")
    for asked in (Asked(laws=True), Asked(no_refinement=True)):
        prove_file(str(path), asked, None)
        found = run(Request(str(path)))
        assert {prop["name"] for prop in found["properties"]} == {"low", "known", "done", "one"}
        assert found["distinct"] > 1
