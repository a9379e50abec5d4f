"""Invariants that follow from others need no induction of their own, and nothing follows from itself by a detour."""

from __future__ import annotations

from pyspec.lang import core, load_text
from pyspec.prove.engine import Options, prove

QUICK = Options(seconds=2, cti_seconds=1, threads=1, use_cache=False)


def _spec(body: str) -> core.Spec:
    return load_text("protocol p\n" + body)


COUNTERS = """sort Node
var seen: map[Node, int] = {n: 0 for n in Node}
var top: int = 0
action raise_one(n: Node, k in 1..2):
    when seen[n] + k <= top or k == 1
    seen[n] += k
    top = max(top, seen[n])
model ci: Node = 2 int in 0..9 limit top < 5
"""


def test_an_invariant_that_follows_has_no_obligation_of_its_own() -> None:
    spec = _spec(
        COUNTERS + "invariant apart: all n in Node: seen[n] <= top + 1\nlemma below: all n in Node: seen[n] <= top\n"
    )
    found = {p.name: p for p in prove(spec, options=QUICK).properties}
    assert found["apart"].fate == "proved"
    assert [one.kind for one in found["apart"].obligations if one.kind != "defined"] == ["follows"]


def test_two_claims_that_imply_each_other_prove_nothing() -> None:
    claims = "invariant small: top < 3\ninvariant little: top < 3 or top < 2\nlemma natural: top >= 0\n"
    found = {p.name: p.fate for p in prove(_spec(COUNTERS + claims), options=QUICK).properties}
    assert found["small"] != "proved"
    assert found["little"] != "proved"


def test_a_step_property_helps_and_must_hold_itself() -> None:
    steps = "step grows: top <= top'\nstep shrinks: top > top'\nlemma idle: all n in Node: seen[n] == 0\n"
    found = {p.name: p for p in prove(_spec(COUNTERS + steps), options=QUICK).properties}
    assert found["grows"].fate == "proved"
    assert found["shrinks"].fate != "proved"
    assert found["idle"].fate != "proved", "it would be, from a step property that is false"
