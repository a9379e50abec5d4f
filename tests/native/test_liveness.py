"""Liveness in C: the interpreter's verdicts on random specifications, every lasso confirmed; large graphs; budgets."""

from __future__ import annotations

import os
import random
from typing import Any

import pytest

from pyspec.check import search
from pyspec.lang import load_text
from pyspec.model.instance import Instance, instantiate
from pyspec.native import engine, liveness

COUNT = int(os.environ.get("PYSPEC_RANDOM_LIVENESS", "40"))
KINDS = ("eventually {}", "always eventually {}", "eventually always {}", "{} leads to {}")


def guard(rng: random.Random, p: str) -> str:
    choices = (
        f"m[{p}] == {rng.randrange(3)}",
        f"m[{p}] != {rng.randrange(3)}",
        f"x < {rng.randint(1, 3)}",
        f"x > {rng.randrange(2)}",
        f"x == {rng.randrange(4)}",
        "not b",
        "b",
        f"m[{p}] <= x",
        f"x != {rng.randrange(4)} or b",
    )
    return rng.choice(choices)


def effect(rng: random.Random, p: str) -> str:
    choices = (
        f"m[{p}] = {rng.randrange(3)}",
        f"m[{p}] = (m[{p}] + 1) % 3",
        f"x = {rng.randrange(4)}",
        "x = (x + 1) % 4",
        "b = not b",
        f"x = m[{p}]",
        f"b = x > {rng.randrange(3)}",
    )
    return rng.choice(choices)


HEAD = """protocol live
sort P
var m: map[P, 0..2] = {p: 0 for p in P}
var x: 0..3 in {0, 1}
var b: bool = false
"""


def random_text(seed: int) -> str:
    rng = random.Random(seed)
    lines = [HEAD]
    for i in range(rng.randint(2, 5)):
        fair = rng.choice(["", "fair ", "fair ", "strongly fair "])
        lines.append(f"{fair}action a{i}({rng.choice(['p: P', 'p in {q in P where m[q] < 2}', 'p: P, q: P'])}):")
        lines += [f"    when {guard(rng, 'p')}" for _ in range(rng.randint(1, 2))]
        if rng.random() < 0.3:
            lines += ["    either:", f"        {effect(rng, 'p')}", "    or:", f"        {effect(rng, 'p')}"]
        lines += [f"    {effect(rng, 'p')}" for _ in range(rng.randint(1, 2))]
    for i in range(4):
        kind = rng.choice(KINDS)
        if rng.random() < 0.5:
            lines.append(f"liveness l{i}(p: P): {kind.format(guard(rng, 'p'), guard(rng, 'p'))}")
        else:
            goals = (f"exists p in P: {guard(rng, 'p')}", f"all p in P: {guard(rng, 'p')}")
            lines.append(f"liveness l{i}: {kind.format(f'({goals[0]})', f'({goals[1]})')}")
    lines += ["model ci:", "    P = 2"]
    if rng.random() < 0.3:
        lines.append(f"    limit x < {rng.randint(2, 3)}")
    if rng.random() < 0.2:
        lines.append(f"    view {rng.choice(['x', 'm', '(x, b)'])}")
    return "\n".join(lines) + "\n"


def native_only(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the interpreter was asked for the graph")

    monkeypatch.setattr(liveness, "Explored", refuse)


def test_it_agrees_with_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    native_only(monkeypatch)
    seen: dict[tuple[str, str], int] = {}
    for seed in range(COUNT):
        instance = instantiate(load_text(random_text(seed)))
        expected = {p.name: p.verdict for p in search.check(instance).properties}
        found = engine.check(instance, threads=1 + seed % 2)
        assert {p.name: p.verdict for p in found.properties} == expected, random_text(seed)
        for p in found.properties:
            assert (p.trace is not None) == (p.verdict == "violated")
            seen[p.kind, p.verdict] = seen.get((p.kind, p.verdict), 0) + 1
    assert len(seen) == 8, f"every kind of property holds somewhere and is violated somewhere: {seen}"


COUNTERS = """protocol counters
const N: int
var a, b, c: 0..N = 0
fair action up_a:
    when a < N
    a += 1
{fair} up_b:
    when b < N
    b += 1
{fair} up_c(by in {{1, 2}}):
    when c + by <= N
    c += by
liveness full: eventually b == N
liveness on: b == 3 leads to c == N
model ci: N = 79
"""


def counters(fair: str) -> Instance:
    return instantiate(load_text(COUNTERS.format(fair=fair)))


def test_a_graph_too_large_for_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    native_only(monkeypatch)
    found = engine.check(counters("fair action"))
    assert found.distinct == 512_000 > liveness.LARGEST
    assert {p.name: p.verdict for p in found.properties} == {"full": "holds", "on": "holds"}
    found = engine.check(counters("action"))
    assert {p.name: p.verdict for p in found.properties} == {"full": "violated", "on": "violated"}
    for p in found.properties:
        assert p.trace is not None and p.trace.loop_start is not None
        assert [step.action for step in p.trace.steps].count("up_a") == 79, "the run must be fair to up_a"


def test_a_view_does_not_narrow_what_is_said_about_liveness(monkeypatch: pytest.MonkeyPatch) -> None:
    native_only(monkeypatch)
    text = COUNTERS.format(fair="fair action") + "invariant low: a <= N\nmodel seen:\n    N = 79\n    view a\n"
    found = engine.check(instantiate(load_text(text), "seen"), threads=2)
    assert (found.distinct, found.verdict) == (80, "holds")
    assert {p.name: p.evidence for p in found.properties} == {
        "full": "exhaustive",
        "on": "exhaustive",
        "low": "exhaustive within view",
    }
    found = engine.check(instantiate(load_text(text.replace("c == N", "c > N")), "seen"), max_states=1000)
    assert (found.verdict, found.stopped_by) == ("incomplete", "states"), "the states without the view are more"


def test_the_graph_respects_the_budgets() -> None:
    found = engine.check(counters("fair action"), memory=100_000_000)
    assert {p.verdict for p in found.properties} <= {"unknown", "holds"}
    found = engine.check(counters("fair action"), memory=1)
    assert {p.verdict for p in found.properties} == {"unknown"}
    assert found.verdict == "unknown"
    assert "MB" in found.properties[0].evidence or "spill" in found.properties[0].evidence


OUTSIDE = """protocol p
var s: seq[0..1, 2] = []
fair action go:
    when len(s) < 2
    s += [1]
liveness l: eventually s[1] == 1
"""


@pytest.mark.parametrize("check", [engine.check, search.check])
def test_a_formula_that_cannot_be_evaluated(check: Any) -> None:
    result = check(instantiate(load_text(OUTSIDE)))
    assert result.verdict == "violated"
    assert result.error is not None
    assert (result.error.code, result.error.span.line) == ("E0604", 6)
    assert {p.verdict for p in result.properties} == {"incomplete"}


BEYOND_THE_VIEW = """protocol p
var x: 0..1 = 0
var n: 0..2 = 0
fair action go: x = 1
action more: n += 1
liveness l: eventually x == 1
model ci: view x
"""


@pytest.mark.parametrize("check", [engine.check, search.check])
def test_an_error_in_a_state_that_the_view_hides(check: Any) -> None:
    result = check(instantiate(load_text(BEYOND_THE_VIEW)))
    assert (result.verdict, result.distinct) == ("violated", 2)
    assert result.error is not None and result.error_trace is not None
    assert (result.error.code, [s.action for s in result.error_trace.steps]) == ("E0601", [None, *["more"] * 3])
