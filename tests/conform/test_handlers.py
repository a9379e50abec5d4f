"""Logs with a line for each handler, of a program that crashes and sends snapshots, and whose answers do not show."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pyspec.base.diagnostics import SpecError
from pyspec.conform import TraceMapping, load_mapping, make_mapping
from tests.conform.foreign import Record
from tests.conform.rawnode import rawnode_log
from tests.conform.walks import ROOT, write

RAFT = ROOT / "specs" / "raft.pspec"
ROLES = {"StateLeader": "LEADER", "StateCandidate": "CANDIDATE"}


@pytest.fixture(scope="module")
def mapping() -> TraceMapping:
    return load_mapping(RAFT, Path(__file__).with_name("handlers.toml"))


@pytest.fixture(scope="module")
def log() -> list[Record]:
    return list(handled(15, 300))


def handled(seed: int, rounds: int) -> Iterator[Record]:
    """What the nodes of a run would write, had they a line for each handler."""
    events = [record["event"] for record in rawnode_log(seed, rounds)]
    last: dict[str, Record] = {}
    for moment, event in enumerate(events):
        before = last.get(event["nid"], event)
        for name, fields in lines(event, before):
            shown = {"node": f"n{event['nid']}", "role": ROLES.get(event["role"], "FOLLOWER"), "last": event["log"]}
            yield {"ts": moment, "event": name, "term": event["state"]["term"], "commit": event["state"]["commit"],
                   **shown, **fields}  # fmt: skip
        if event["name"] not in ("Ready", "ApplyConfChange"):
            last[event["nid"]] = event | {"msg": event.get("msg", before.get("msg", {}))}


def lines(event: Record, before: Record) -> Iterator[tuple[str, Record]]:
    """(name, fields) of the lines for one event of etcd's library, given the one before of the same node."""
    name, told, message = event["name"], event.get("msg", {}), before.get("msg", {})
    peer = {"from": f"n{told.get('to')}"}
    if name == "BecomeCandidate":
        yield "startElection", {}
    elif name == "BecomeLeader":
        yield "becomeLeader", {}
    elif name == "BecomeFollower" and before["name"] == "InitState" and event["state"]["term"]:
        vote = event["state"]["vote"]
        yield "restart", {"votedFor": "" if vote == "0" else f"n{vote}"}
    elif name == "BecomeFollower" and event["state"]["term"]:
        yield "stepDown", {}
    elif name == "SendRequestVoteResponse" and told["to"] != event["nid"]:
        yield "handleVote", peer | {"granted": not told["reject"]}
    elif name == "SendAppendEntriesRequest" and told["type"] == "MsgSnap":
        yield "sendSnapshot", {"index": told["entries"]}
    elif name == "Commit" and event["state"]["commit"] > before["state"]["commit"]:
        yield "advanceCommit", {}
    elif name == "SendAppendEntriesResponse" and told["to"] == event["nid"]:
        yield "propose", {}
    elif name == "SendAppendEntriesResponse":
        yield from answered(event, told, message, peer)


def answered(event: Record, told: Record, message: Record, peer: Record) -> Iterator[tuple[str, Record]]:
    """A message of a leader has been handled."""
    accepted = not told["reject"] and message["term"] == told["term"]
    if message["type"] == "MsgSnap" and accepted and told["index"] == message["entries"]:
        yield "installSnapshot", peer | {"index": message["entries"]}
        return
    if message["type"] == "MsgApp" and (told["reject"] or told["index"] == message["index"] + message["entries"]):
        place, count = message["index"], message["entries"]
    else:  # nothing is taken of it
        place, count = message["commit"] if message["type"] == "MsgHeartbeat" else told["index"], 0
    yield "handleAppend", peer | {"prev": place, "count": count, "ok": accepted}


@pytest.mark.parametrize("seed", [9, 15])
def test_a_log_is_followed(mapping: TraceMapping, seed: int, tmp_path: Path) -> None:
    told = list(handled(seed, 300))
    names = [record["event"] for record in told]
    assert names.count("restart") > 1 and names.count("becomeLeader") > 1 and names.count("installSnapshot") > 1
    result = mapping.validate([write(tmp_path / "log.jsonl", told)])
    assert result.accepted and result.events == len(told), result.text()


@pytest.mark.parametrize(
    ("kind", "field", "by"),
    [
        ("restart", "term", -1),
        ("restart", "last", -1),  # an entry that was acknowledged is lost
        ("restart", "commit", 1),
        ("installSnapshot", "index", 1),
        ("installSnapshot", "last", 1),
        ("installSnapshot", "term", 1),
        ("sendSnapshot", "index", 50),
        ("advanceCommit", "commit", 9),
        ("startElection", "term", 2),
        ("stepDown", "term", 1),
        ("propose", "last", 1),
        ("handleAppend", "last", 1),
        ("handleAppend", "prev", 99),
    ],
)
def test_a_changed_number_is_rejected_at_its_line(
    mapping: TraceMapping, log: list[Record], kind: str, field: str, by: int, tmp_path: Path
) -> None:
    places = [at for at, r in enumerate(log) if r["event"] == kind and r.get("ok", True) and r["last"] > 1]
    at = places[len(places) // 2]
    bad = [*log[:at], log[at] | {field: log[at][field] + by}]
    result = mapping.validate([write(tmp_path / "log.jsonl", bad)])
    assert result.rejection is not None and result.rejection.line == at + 1, result.text()


def test_a_vote_is_lost_in_a_crash(mapping: TraceMapping, log: list[Record], tmp_path: Path) -> None:
    at = next(at for at, record in enumerate(log) if record["event"] == "restart" and record["votedFor"])
    result = mapping.validate([write(tmp_path / "log.jsonl", [*log[:at], log[at] | {"votedFor": ""}])])
    assert result.rejection is not None and result.rejection.line == at + 1, result.text()


def test_a_commit_without_an_answer(mapping: TraceMapping, log: list[Record], tmp_path: Path) -> None:
    """Without the lines of the others nobody has stored what the leader commits."""
    at = next(at for at, record in enumerate(log) if record["event"] == "advanceCommit")
    leader = log[at]["node"]
    led = max(place for place in range(at) if log[place]["event"] == "becomeLeader" and log[place]["node"] == leader)
    alone = [*log[:led], *(record for record in log[led : at + 1] if record["node"] == leader)]
    result = mapping.validate([write(tmp_path / "log.jsonl", alone)])
    assert result.rejection is not None and result.rejection.line == len(alone), result.text()


# --------------------------------------------------------------------------------------------------- `set`


def mistakes(line: str) -> str:
    text = f'[log]\nnode = "node"\n[[event]]\nname = "lost"\nfields = {{ "n: Index" = "last" }}\n{line}\n'
    with pytest.raises(SpecError) as found:
        make_mapping(RAFT, text)
    return str(found.value)


def test_a_part_of_the_state_is_set_to_an_expression(tmp_path: Path) -> None:
    text = """
[log]
node = "node"

[model]
Server = ["a", "b", "c"]

[[event]]
name = "begins"
put = { "self.mode" = "=leader", "self.log" = [{ term = 0, value = "Value1" }, { term = 0, value = "Value1" }] }

[[event]]
name = "lost"
fields = { "n: Index" = "last" }
set = { "self.log" = "self.log[:n]" }
before = { "n <= len(self.log)" = true }
after = { "len(self.log)" = "kept" }
"""
    made = make_mapping(RAFT, text)
    good = [{"event": "begins", "node": "a"}, {"event": "lost", "node": "a", "last": 1, "kept": 1}]
    result = made.validate([write(tmp_path / "log.jsonl", good)])
    assert result.accepted, result.text()
    result = made.validate([write(tmp_path / "log.jsonl", [*good, good[1] | {"kept": 2}])])
    assert result.rejection is not None and result.rejection.line == 3, result.text()


def test_mistakes_in_what_is_set() -> None:
    assert "`len(self.log)` is no place in the state" in mistakes('set = { "len(self.log)" = "n" }')
    assert "not 3" in mistakes('set = { "self.commit" = 3 }')
    assert "the network, which only grows" in mistakes('set = { "network.Vote" = "{}" }')
    assert "expected a 0..LENGTH, found a seq[Entry]" in mistakes('set = { "self.commit" = "self.log" }')


CRASH = """
[log]
node = "node"

[model]
Server = ["a", "b", "c"]
BATCH = 9

[[event]]
name = "leads"
put = { "self.term" = 1, "self.mode" = "=leader" }
set = { "reign[1]" = "Reign(self, self.log)" }

[[event]]
name = "appends"
action = "client_request"

[[event]]
name = "stores"
fields = { "boss: Server" = "from", "n: Index" = "last" }
send = "Append(term = 1, prev = 0, prev_term = 0, entries = reign[1]!.log[:n], commit = 0, from = boss, to = self)"
steps = ["on_Append", "on_Reply?"]
with = { "on_Append.prev" = 0, "on_Reply.self" = "told?", "on_Reply.peer" = "node", "on_Reply.match" = "last" }
after = { "len(self.log)" = "last", "boss.match_index[self]" = "match" }

[[event]]
name = "commits"
action = "advance_commit"
with = { k = "commit" }

[[event]]
name = "restarts"
fields = { "n: Index" = "last" }
set = { "self.log" = "self.log[:n]", "self.mode" = "follower", "self.votes" = "{}", "self.commit" = "0" }

[event.before]
"n <= len(self.log)" = true
"all p in others: p.mode == leader and p.term == self.term implies p.match_index[self] <= n" = true

[event.after]
"majority({s for s in Server if prefix(decided, s.log)})" = true
"""


def test_what_nobody_was_told_of_may_be_lost(tmp_path: Path) -> None:
    """Lines that are written before the disk has what they say."""
    mapping = make_mapping(RAFT, CRASH)
    leads = [{"event": "leads", "node": "a"}, {"event": "appends", "node": "a"}, {"event": "appends", "node": "a"}]
    silent = {"event": "stores", "node": "b", "from": "a", "last": 2, "match": 0}
    told = silent | {"match": 2, "told": "a"}

    def line(*rest: Record) -> int | None:
        result = mapping.validate([write(tmp_path / "log.jsonl", [*leads, *rest])])
        assert result.accepted == (result.rejection is None), result.text()
        return None if result.rejection is None else result.rejection.line

    lost = {"event": "restarts", "node": "b", "last": 1}
    assert line(silent, lost) is None
    assert line(told, lost) == 5
    assert line(told, lost | {"last": 2}) is None
    commits = {"event": "commits", "node": "a", "commit": 2}
    assert line(told, commits, {"event": "restarts", "node": "a", "last": 1}) == 6
    assert line(told, commits, {"event": "restarts", "node": "a", "last": 2}) is None
    assert line(silent, commits) == 5
