"""Invariants that follow from others need no induction of their own, and nothing follows from itself by a detour."""

from __future__ import annotations

import pytest

from pyspec.lang import core, load_text
from pyspec.model.instance import instantiate
from pyspec.prove.engine import Options, prove, prove_instance
from pyspec.prove.result import PropertyProof

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


WRITTEN = """sort S
var log: seq[S, 2] = []
var taken: set[S] = {}
action write(s: S):
    when len(log) < 2
    log += [s]
action take:
    GUARD
    taken = {last(log)}
"""


@pytest.mark.parametrize("finite", [False, True])
def test_a_proof_may_rest_on_evaluation_without_errors(finite: bool) -> None:
    """The last element of an empty log may be anything to the solver; to the language it is an error."""
    claims = "invariant written: all s in taken: s in log\ninvariant none_taken: taken == {}\nmodel ci: S = 2\n"
    found = {p.name: p for p in _proved(WRITTEN.replace("GUARD", "pass") + claims, finite)}
    assert found["written"].fate == "depends" and "evaluation" in found["written"].needs
    assert (found["evaluation"].fate, found["none_taken"].fate) == ("refuted", "refuted")


@pytest.mark.parametrize("finite", [False, True])
def test_and_rests_on_nothing_where_evaluation_is_proved(finite: bool) -> None:
    claims = "invariant written: all s in taken: s in log\nmodel ci: S = 2\n"
    found = {p.name: p.fate for p in _proved(WRITTEN.replace("GUARD", "when log != []") + claims, finite)}
    assert found == {"written": "proved", "evaluation": "proved"}


def _proved(body: str, finite: bool) -> tuple[PropertyProof, ...]:
    spec = _spec(body)
    result = prove_instance(instantiate(spec), QUICK) if finite else prove(spec, options=QUICK)
    return result.properties
