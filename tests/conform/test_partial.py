"""Logs that say little: no messages, only some fields. What was sent is put together from what was received."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from pyspec.conform import TraceMapping, TraceResult, make_mapping
from tests.conform.foreign import Record, etcd_log
from tests.conform.walks import ROOT

MODEL = """
[model]
Server = ["n1", "n2", "n3"]
BATCH = 1000
"""
OBJECTS = f'''
[log]
event = "msg.function"
node = "msg.state.node_id"
only = {{ tag = "raft_trace" }}
{MODEL}
[after]
"self.term" = "msg.state.current_view"
"len(self.log)" = "msg.state.last_idx"
"self.commit" = "msg.state.commit_idx"

[event.become_candidate]               # of later terms it may have heard meanwhile
steps = ["on_RequestVote*", "timeout"]

[event.become_leader]                  # no voter writes anything: whoever it was
steps = ["on_RequestVote*", "on_Vote+"]
with = {{ "on_RequestVote.self" = "msg.voter?", "on_RequestVote.caller" = "msg.state.node_id" }}

[event.become_follower]                # by a message that comes later in the log, or by itself
fields = {{ "t: Term" = "msg.state.current_view" }}
before = {{ "self.term <= t" = true }}
put = {{ "self.mode" = "=follower", "self.votes" = [] }}
observe = "none"

[event.replicate]
action = "client_request"
after = {{ "last_term(self.log)" = "msg.view" }}

[event.recv_append_entries]
before = {{ "reign[t]!.leader == peer" = true, "len(entries)" = "msg.state.last_idx" }}
send = """Append(term = t, prev = 0, prev_term = 0, entries = reign[t]!.log[:n], commit = min(c, len(decided)),
                 from = peer, to = self)"""
action = "on_Append"
with = {{ boss = "msg.from_node_id", prev = 0, "msg.term" = "msg.state.current_view" }}
[event.recv_append_entries.fields]
"t: Term" = "msg.state.current_view"
"peer: Server" = "msg.from_node_id"
"n: Index" = "msg.state.last_idx"
"c: Index" = "msg.state.commit_idx"

[event.commit]
steps = ["on_Reply?", "advance_commit"]
with = {{ k = "msg.state.commit_idx" }}
'''
SENTENCES = rf'''
[log]
format = "text"
pattern = [
  '^\S+ \S+ (?P<node>\w+) (?P<event>became \w+), term (?P<term>\d+)',
  '^\S+ \S+ (?P<node>\w+) (?P<event>voted) for (?P<peer>\w+) in term (?P<term>\d+)',
  '^\S+ \S+ (?P<node>\w+) (?P<event>\w+) up to (?P<index>\d+)(?: of term (?P<term>\d+))?',
]
node = "node"
{MODEL}
[fields]
"t: Term" = "term"
"n: Index" = "index?"

[[event]]                              # of later terms it may have heard meanwhile
name = "became candidate"
steps = ["on_RequestVote*", "timeout"]
after = {{ "self.term" = "term" }}

[[event]]
name = "voted"
action = "on_RequestVote"
with = {{ caller = "peer", "msg.term" = "term" }}
after = {{ "self.voted_for" = "peer" }}

[[event]]
name = "became leader"
steps = ["on_Vote+"]
after = {{ "self.term" = "term" }}

[[event]]
name = "became follower"
before = {{ "self.term <= t" = true }}
put = {{ "self.mode" = "=follower", "self.votes" = [] }}

[[event]]
name = "appended"
action = "client_request"
after = {{ "len(self.log)" = "index", "last_term(self.log)" = "term" }}

[[event]]                              # nobody says from whom: there is one leader in a term
name = "stored"
send = """Append(term = t, prev = 0, prev_term = 0, entries = reign[t]!.log[:n], commit = 0,
                 from = reign[t]!.leader, to = self)"""
action = "on_Append"
with = {{ prev = 0, "msg.term" = "term" }}
before = {{ "len(entries)" = "index" }}
after = {{ "len(self.log)" = "index" }}

[[event]]
name = "committed"
steps = ["on_Reply?", "advance_commit"]
with = {{ k = "index" }}
'''


def told(seed: int, seconds: float = 4.0) -> list[Record]:
    """What the nodes of a cluster did: the kind of event, the node, and what it has then."""
    made = []
    ends: Counter[str] = Counter()  # where a log ends while entries are appended in one step, each with a line
    for line in etcd_log(seed, seconds):
        event = line["event"]
        message, state = event.get("msg", {}), event["state"]
        refused = message.get("reject") or message.get("type") == "MsgPreVoteResp"
        kind = KINDS.get(event["name"])
        if kind is None or refused:
            continue
        node, last = event["nid"], event["log"]
        ends[node] = last = max(ends[node], last) + 1 if kind == "append" else last
        fields = {"term": state["term"], "last": last, "commit": state["commit"]}
        made.append({"kind": kind, "node": f"n{node}", "peer": f"n{message.get('to')}", **fields})
    return made


KINDS = {
    "BecomeCandidate": "candidate",
    "BecomeLeader": "leader",
    "BecomeFollower": "follower",
    "SendRequestVoteResponse": "vote",
    "Replicate": "append",
    "SendAppendEntriesResponse": "store",
    "Commit": "commit",
}
FUNCTIONS = {
    "candidate": "become_candidate",
    "leader": "become_leader",
    "follower": "become_follower",
    "append": "replicate",
    "store": "recv_append_entries",
    "commit": "commit",
}


def objects(step: Record) -> str | None:
    """A line in the shape of CCF's traces, without votes and messages."""
    if step["kind"] not in FUNCTIONS:
        return None
    names = {"node_id": "node", "current_view": "term", "last_idx": "last", "commit_idx": "commit"}
    message: Record = {"function": FUNCTIONS[step["kind"]], "state": {key: step[name] for key, name in names.items()}}
    message |= {"from_node_id": step["peer"]} if step["kind"] == "store" else {}
    message |= {"view": step.get("of", step["term"])} if step["kind"] == "append" else {}
    return json.dumps({"tag": "raft_trace", "msg": message})


def sentences(step: Record) -> str:
    """A line as a program that logs for people writes it, such as PySyncObj."""
    says = {
        "vote": "voted for {peer} in term {term}",
        "append": "appended up to {last} of term {of}",
        "store": "stored up to {last} of term {term}",
        "commit": "committed up to {commit}",
    }
    text = says.get(step["kind"], "became {kind}, term {term}").format(**{"of": step["term"], **step})
    return f"2026-01-31 12:00:00,000 {step['node']} {text}"


Shape = tuple[TraceMapping, Callable[[Record], str | None]]


@pytest.fixture(scope="module", params=[objects, sentences])
def shape(request: pytest.FixtureRequest) -> Shape:
    mapping = OBJECTS if request.param is objects else SENTENCES
    return make_mapping(ROOT / "specs" / "raft.pspec", mapping), request.param


def followed(shape: Shape, steps: list[Record], folder: Path) -> TraceResult:
    mapping, write = shape
    lines = [text for step in steps if (text := write(step)) is not None]
    log = folder / "log"
    log.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return mapping.validate([log])


@pytest.mark.parametrize(("seed", "seconds"), [(8, 4.0), (14, 4.0), (26, 4.0), (84, 12.0)])
def test_what_was_sent_need_not_be_known(shape: Shape, seed: int, seconds: float, tmp_path: Path) -> None:
    steps = told(seed, seconds)
    assert sum(step["kind"] == "leader" for step in steps) > 1
    result = followed(shape, steps, tmp_path)
    assert result.accepted and result.events > 100, result.text()


def at_line(shape: Shape, steps: list[Record], at: int) -> int:
    return sum(shape[1](step) is not None for step in steps[: at + 1])


def second_vote(steps: list[Record]) -> int:
    """Another server becomes leader of a term that has one, by a vote that was given away."""
    at = next(i for i, step in enumerate(steps) if step["kind"] == "leader")
    leader = steps[at]
    other, voter = sorted({"n1", "n2", "n3"} - {leader["node"]})
    at = next(i for i, step in enumerate(steps) if i > at and step["kind"] == "commit")
    claim = {**leader, "node": other, "peer": other, "last": 0, "commit": 0}
    wrong = [{**claim, "kind": "vote", "node": voter}, {**claim, "kind": "leader"}]
    steps[at + 1 : at + 1] = wrong
    return at + 1


def last_of(steps: list[Record], kind: str) -> int:
    """An event late in the trace, of a term above the first."""
    return max(i for i, step in enumerate(steps) if step["kind"] == kind and step["term"] > 1)


def commit_back(steps: list[Record]) -> int:
    at = last_of(steps, "commit")
    steps[at]["commit"] -= 3
    return at


def old_entry(steps: list[Record]) -> int:
    at = last_of(steps, "append")
    steps[at]["of"] = steps[at]["term"] - 1
    return at


def term_back(steps: list[Record]) -> int:
    at = last_of(steps, "follower" if steps[-1]["kind"] == "follower" else "store")
    steps[at]["term"] -= 1
    return at


@pytest.mark.parametrize("damage", [second_vote, commit_back, old_entry, term_back])
def test_damage_is_rejected_where_it_is(shape: Shape, damage: Callable[[list[Record]], int], tmp_path: Path) -> None:
    steps = told(14)
    at = damage(steps)
    result = followed(shape, steps, tmp_path)
    assert result.verdict == "rejected" and result.rejection is not None, result.text()
    first = at if shape[1](steps[at]) is not None else at + 1
    assert result.rejection.line == at_line(shape, steps, first), result.text()
