"""Counterexamples to induction near what can be reached: real ones, and none where there are none."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pyspec.lang import load_spec, load_text
from pyspec.model.instance import instantiate
from pyspec.prove.along import first_break
from pyspec.prove.engine import Options, prove_instance
from pyspec.prove.nearby import Nearby

SPECS = Path(__file__).parents[2] / "specs"

TOKENS = """protocol tokens
sort Node
var has: map[Node, bool] = {n: false for n in Node}
var sent: set[Node] = {}
var taken: set[Node] = {}
init where count(n in Node where has[n]) == 0
action make(n: Node):
    when sent == {} and taken == {} and not exists m in Node: has[m]
    has[n] = true
action send(a, b: Node):
    when has[a]
    has[a] = false
    sent += {b}
action get(b in sent):
    sent -= {b}
    has[b] = true
    taken += {b}
invariant one: all a, b in Node: has[a] and has[b] implies a == b
model ci: Node = 3
"""
LEMMAS = """lemma none_beside: all a in Node: has[a] implies sent == {}
lemma one_sent: all a, b in sent: a == b
"""


def test_what_is_not_inductive_has_a_counterexample_that_the_interpreter_confirms() -> None:
    instance = instantiate(load_text(TOKENS))
    found = Nearby(instance).find(["one"], time.monotonic() + 20)
    broken = first_break(found["one"].trace)
    assert broken is not None and (broken.step, broken.action, broken.conjuncts) == (1, "get", ("one",))


def test_it_is_made_plain() -> None:
    cti = Nearby(instantiate(load_text(TOKENS))).find(["one"], time.monotonic() + 20)["one"]
    state = cti.trace.steps[0].state
    assert state is not None
    rows = dict(state.rows())
    assert (rows["has"].count("true"), rows["sent"].count("Node"), rows["taken"]) == (1, 1, "{}")


def test_what_is_inductive_has_none() -> None:
    instance = instantiate(load_text(TOKENS + LEMMAS))
    names = ["one", "none_beside", "one_sent"]
    assert Nearby(instance).find(names, time.monotonic() + 1.5) == {}


@pytest.mark.parametrize(("name", "broken"), [("raft_snapshots", "election_safety"), ("xdcr", "strong_convergence")])
def test_large_states(name: str, broken: str) -> None:
    instance = instantiate(load_spec(SPECS / f"{name}.pspec"), "ci")
    found = Nearby(instance).find([broken], time.monotonic() + 60)
    step = first_break(found[broken].trace)
    assert step is not None and step.step == 1


def test_a_proof_shows_what_was_found() -> None:
    result = prove_instance(instantiate(load_text(TOKENS)), Options(use_cache=False))
    assert result.verdict == "refuted"
    assert {p.name: p.fate for p in result.properties}["one"] == "refuted"
