"""ITF traces as the Python library for ITF reads them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from itf_py import trace_from_json, trace_to_json

import pyspec

SPECS = Path(__file__).resolve().parents[2] / "specs"


@pytest.mark.parametrize(
    ("name", "flaw"),
    [("two_phase_commit", "commits_early"), ("crdt_set", None), ("raft", None), ("redis_lock", None)],
)
def test_itf_traces_load(name: str, flaw: str | None) -> None:
    model = pyspec.load(SPECS / f"{name}.pspec", flaws=flaw or ())
    state = model.initial()[0]
    states = [state]
    for _ in range(12):
        state = next((after for _, after in model.successors(state) if after not in states), state)
        states += [state] if state != states[-1] else []
    trace = model.replay(states)
    written = json.loads(json.dumps(trace.to_itf()))
    read = trace_from_json(written)
    assert len(read.states) == len(states) > 5
    assert set(read.vars) == set(read.states[0].values) == set(states[0].values())
    again = trace_to_json(read)
    assert [set(s) - {"#meta"} for s in again["states"]] == [set(s) - {"#meta"} for s in written["states"]]


def test_values_survive() -> None:
    text = """protocol values
sort Node
record Pair(a: 0..3, b: Node?)
var big: int = 9007199254740993
var pairs: set[Pair] = {}
var names: seq[Node] = []
action fill(n: Node):
    pairs = {Pair(a = 1, b = n), Pair(a = 2, b = none)}
    names = [n, n]
model ci:
    Node = 2
    int in 0..9007199254740993
    capacity names = 3
"""
    model = pyspec.load(text=text)
    after = model.step(model.initial()[0], "fill", n="Node2")
    last = trace_from_json(json.loads(json.dumps(model.replay([model.initial()[0], after]).to_itf()))).states[1]
    assert last.values["big"] == 2**53 + 1
    assert list(last.values["names"]) == ["Node2", "Node2"]
    assert {pair.a for pair in last.values["pairs"]} == {1, 2}
