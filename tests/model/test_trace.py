"""Traces in all their forms, for a run in which something of every kind happens."""

import json

import pytest

import pyspec
from pyspec.check.statemodel import StateModel
from pyspec.model.trace import Trace
from pyspec.model.values import Rec

TEXT = """
protocol election
type Term = 0..3
record Entry(term: Term)
message Vote(term: Term, granted: bool) from Server to Server
network bag lossy
role Server as self:
    stable term: Term = 0
    log: seq[Entry] = []
    votes: set[Server] = {}
    action ask:
        term += 1
        log = log + [Entry(term)]
        send Vote(term, true) to others
    on Vote(t, granted) from voter:
        when granted
        votes += {voter}
invariant nobody_votes: all s, t in Server: s.votes == {} or s.term > t.term
step terms_stay: all s in Server: s.term' == s.term or s.term < 1
model ci:
    Server = 2
    crashes <= 1
    losses <= 1
"""


@pytest.fixture(scope="module")
def model() -> StateModel:
    return pyspec.load(text=TEXT)


@pytest.fixture(scope="module")
def trace(model: StateModel) -> Trace:
    one, two = model.values("Server")
    vote = Rec("Vote", ("term", "granted", "from", "to"), (1, True, one, two))
    moves = [("ask", {"self": one}), ("ask", {"self": two}), ("on_Vote", {"msg": vote})]
    return model.follow([*moves, ("lose_Vote", {"msg": Rec("Vote", vote._names, (1, True, two, one))})])


def test_the_text_tells_who_does_what_and_only_what_changes(trace: Trace) -> None:
    lines = [line.strip() for line in trace.text().splitlines()]
    assert lines[0] == "0  initial state"
    assert "Server.term = 0 for all" in lines and "network.Vote = bag{}" in lines
    assert "1  Server1.ask" in lines
    assert "Server1.term: 0 -> 1" in lines and "Server1.log: [] -> [Entry(term=1)]" in lines
    assert "network.Vote += Vote(term=1, granted=true, from=Server1, to=Server2)" in lines
    assert "3  Server2 receives Vote(term=1, granted=true) from Server1" in lines
    assert "Server2.votes: {} -> {Server1}" in lines
    assert "4  Vote(term=1, granted=true) from Server2 to Server1 is lost" in lines
    assert lines.count("Server1.term: 0 -> 1") == 1


def test_the_end_shows_the_failing_part_and_its_values(model: StateModel) -> None:
    result = model.check(engine="python", symmetry=False)
    (bad,) = (p for p in result.properties if p.name == "nobody_votes")
    assert bad.trace is not None
    end = bad.trace.text().split("nobody_votes is false:")[1]
    assert "with s = Server2, t = Server1:" in end
    assert "Server2.votes = {Server1}" in end


def test_a_step_property_shows_values_before_and_after(model: StateModel, trace: Trace) -> None:
    one = model.values("Server")[0]
    before = trace.states()[-1]
    after = model.step(before, "ask", self=one)
    assert not model.holds("terms_stay", before, after)
    text = model.explain("terms_stay", before, after)
    assert "Server1.term' = 2" in text and "Server1.term = 1" in text


def test_json_has_states_arguments_and_changes(trace: Trace) -> None:
    found = json.loads(json.dumps(trace.to_json()))
    assert [step["action"] for step in found["steps"]] == [None, "ask", "ask", "on_Vote", "lose_Vote"]
    third = found["steps"][3]
    assert third["args"]["msg"] == {"_": "Vote", "term": 1, "granted": True, "from": "Server1", "to": "Server2"}
    assert third["state"]["Server.votes"] == {"Server1": [], "Server2": ["Server1"]}
    assert "Server2.votes: {} -> {Server1}" in third["changes"]


def test_itf(trace: Trace) -> None:
    found = json.loads(json.dumps(trace.to_itf()))
    assert found["#meta"]["format"] == "ITF" and found["vars"][0] == "Server.term"
    assert len(found["states"]) == 5
    last = found["states"][1]
    assert last["#meta"] == {"index": 1, "action": "ask"}
    assert last["Server.term"] == {"#map": [["Server1", 1], ["Server2", 0]]}
    assert last["Server.votes"]["#map"][0] == ["Server1", {"#set": []}]
    assert last["Server.log"]["#map"][0] == ["Server1", [{"tag": "Entry", "term": 1}]]


def test_mermaid(trace: Trace) -> None:
    lines = [line.strip() for line in trace.to_mermaid().splitlines()]
    assert lines[0] == "sequenceDiagram"
    assert lines[1:3] == ["participant Server1", "participant Server2"]
    assert "Server1->>Server2: Vote(term=1, granted=true)" in lines
    assert any(line.startswith("Note over Server1: Server1.ask") for line in lines)


def test_html_is_escaped(trace: Trace) -> None:
    assert "->" not in trace._repr_html_().replace("-&gt;", "") and "-&gt;" in trace._repr_html_()


def test_a_trace_of_one_state_is_a_trace(model: StateModel) -> None:
    assert model.follow([]) and len(model.follow([])) == 0
