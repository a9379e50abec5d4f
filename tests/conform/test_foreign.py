"""Logs of a Raft in another shape than the specification's are followed; damaged ones are rejected where they are."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from pyspec.conform import TraceMapping, load_mapping
from tests.conform.foreign import Record, etcd_log, like_etcd
from tests.conform.walks import ROOT, write


@pytest.fixture(scope="module")
def mapping() -> TraceMapping:
    return load_mapping(ROOT / "specs" / "raft.pspec", Path(__file__).with_name("etcd.toml"))


@pytest.fixture(scope="module")
def log() -> list[Record]:
    return etcd_log(2, 3.0)


@pytest.mark.parametrize("seed", [2, 3])
def test_a_log_is_followed(mapping: TraceMapping, seed: int, tmp_path: Path) -> None:
    records = etcd_log(seed, 4.0)
    names = {record["event"]["name"] for record in records}
    assert {"BecomeLeader", "BecomeFollower", "Commit", "ReceiveAppendEntriesResponse"} <= names
    result = mapping.validate([write(tmp_path / "log.jsonl", records)])
    assert result.accepted and result.events == len(records), result.text()


@pytest.fixture(scope="module")
def deposed() -> list[Record]:
    """A leader is told a later term by the refusal of its entries."""
    return etcd_log(13, 4.0)


def _told(event: Record) -> bool:
    return event["name"] == "ReceiveAppendEntriesResponse" and event["msg"]["term"] > event["state"]["term"]


def test_a_candidate_asks_for_pre_votes_again(mapping: TraceMapping, tmp_path: Path) -> None:
    records = etcd_log(82, 12.0)[:1000]
    roles = [(record["event"]["nid"], record["event"]["role"]) for record in records]
    assert any(
        next((role for other, role in reversed(roles[:at]) if other == node), "") == "StateCandidate"
        for at, (node, role) in enumerate(roles)
        if role == "StatePreCandidate"
    )
    result = mapping.validate([write(tmp_path / "log.jsonl", records)])
    assert result.accepted and result.events == len(records), result.text()


def test_a_refusal_tells_a_later_term(mapping: TraceMapping, deposed: list[Record], tmp_path: Path) -> None:
    at = next(at for at, record in enumerate(deposed) if _told(record["event"]))
    assert deposed[at]["event"]["role"] == "StateLeader" and _refusal(deposed[at])
    result = mapping.validate([write(tmp_path / "log.jsonl", deposed)])
    assert result.accepted and result.events == len(deposed), result.text()


def test_a_refusal_that_nobody_sent(mapping: TraceMapping, deposed: list[Record], tmp_path: Path) -> None:
    at = next(at for at, record in enumerate(deposed) if _told(record["event"]))
    told = deposed[at]["event"]["msg"]
    sent = next(i for i, record in enumerate(deposed) if record["event"].get("msg") == told)
    assert sent < at
    for place in (sent, at):
        bad = damaged(deposed, place, "event", "msg", "term", by=1)
        result = mapping.validate([write(tmp_path / "bad.jsonl", bad)])
        assert result.rejection is not None and result.rejection.line == place + 1, result.text()
    result = mapping.validate([write(tmp_path / "bad.jsonl", deposed[:sent] + deposed[sent + 1 :])])
    assert result.rejection is not None and result.rejection.line == at, result.text()


def damaged(log: list[Record], at: int, *path: str, by: int) -> list[Record]:
    made: list[Record] = json.loads(json.dumps(log))
    place = made[at]
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] += by
    return made


CHECKED = {  # what the mapping compares or receives by
    "SendAppendEntriesRequest": [
        ("log",),
        ("state", "commit"),
        ("state", "term"),
        ("msg", "logTerm"),
        ("msg", "commit"),
    ],
    "ReceiveAppendEntriesRequest": [("log",), ("state", "commit"), ("msg", "index"), ("msg", "commit")],
    "SendAppendEntriesResponse": [("log",), ("state", "commit"), ("state", "term"), ("msg", "index")],
    "ReceiveAppendEntriesResponse": [("log",), ("state", "commit"), ("state", "term")],
    "BecomeCandidate": [("log",), ("state", "term")],
    "BecomeLeader": [("log",), ("state", "term"), ("state", "commit")],
    "Commit": [("log",), ("state", "term"), ("state", "commit")],
}


def test_a_changed_value_is_rejected_at_its_line(mapping: TraceMapping, log: list[Record], tmp_path: Path) -> None:
    dice = random.Random(7)
    for name, paths in CHECKED.items():
        places = [at for at, record in enumerate(log) if record["event"]["name"] == name and not _refusal(record)]
        for path in paths:
            if dice.random() < 0.4:
                continue
            at, by = dice.choice(places), dice.choice([1, 2])
            bad = write(tmp_path / "bad.jsonl", damaged(log, at, "event", *path, by=by))
            result = mapping.validate([bad])
            assert result.rejection is not None and result.rejection.line == at + 1, (name, path, at, result.text())


def _refusal(record: Record) -> bool:
    return bool(record["event"].get("msg", {}).get("reject"))


@pytest.mark.parametrize(
    "name", ["BecomeCandidate", "BecomeLeader", "Replicate", "Commit", "ReceiveAppendEntriesRequest"]
)
def test_a_lost_line_is_rejected_at_the_next_line_that_shows_it(
    mapping: TraceMapping, log: list[Record], tmp_path: Path, name: str
) -> None:
    at = next(i for i, record in enumerate(log) if record["event"]["name"] == name and _entries(record))
    node = log[at]["event"]["nid"]
    after = next(
        i for i in range(at + 1, len(log)) if log[i]["event"]["nid"] == node and log[i]["event"]["name"] != name
    )
    result = mapping.validate([write(tmp_path / "bad.jsonl", log[:at] + log[at + 1 :])])
    assert result.rejection is not None and result.rejection.line <= after, result.text()
    assert result.rejection.cause in ("missing", "value", "order")


def _entries(record: Record) -> bool:
    return bool(record["event"].get("msg", {}).get("entries", 1))


@pytest.fixture(scope="module")
def like(log: list[Record]) -> list[Record]:
    return like_etcd(log)


def _places(log: list[Record], name: str, kind: str, own: bool = False) -> list[int]:
    return [
        at
        for at, record in enumerate(log)
        if record["event"]["name"] == name
        and record["event"]["msg"]["type"] == kind
        and (record["event"]["msg"]["from"] == record["event"]["msg"]["to"]) == own
    ]


@pytest.mark.parametrize("seed", [2, 13])
def test_heartbeats_and_messages_to_oneself_are_followed(mapping: TraceMapping, seed: int, tmp_path: Path) -> None:
    plain = etcd_log(seed, 4.0)
    records = like_etcd(plain)
    for verb in ("Send", "Receive"):
        assert _places(records, f"{verb}AppendEntriesRequest", "MsgHeartbeat")
        assert _places(records, f"{verb}AppendEntriesResponse", "MsgHeartbeatResp")
        assert _places(records, f"{verb}AppendEntriesResponse", "MsgAppResp", own=True)
        assert _places(records, f"{verb}RequestVoteResponse", "MsgVoteResp", own=True)
    result = mapping.validate([write(tmp_path / "log.jsonl", records)])
    assert result.accepted and result.events == len(records), result.text()


@pytest.mark.parametrize(
    ("name", "kind", "field", "own"),
    [
        ("SendAppendEntriesRequest", "MsgHeartbeat", "commit", False),
        ("SendAppendEntriesRequest", "MsgHeartbeat", "term", False),
        ("ReceiveAppendEntriesRequest", "MsgHeartbeat", "commit", False),
        ("ReceiveAppendEntriesRequest", "MsgHeartbeat", "term", False),
        ("SendAppendEntriesResponse", "MsgHeartbeatResp", "term", False),
        ("ReceiveAppendEntriesResponse", "MsgHeartbeatResp", "term", False),
        ("SendAppendEntriesResponse", "MsgAppResp", "index", True),
        ("SendAppendEntriesResponse", "MsgAppResp", "term", True),
    ],
)
def test_a_changed_heartbeat_is_rejected_at_its_line(
    mapping: TraceMapping, like: list[Record], tmp_path: Path, name: str, kind: str, field: str, own: bool
) -> None:
    at = _places(like, name, kind, own)[0]
    result = mapping.validate([write(tmp_path / "bad.jsonl", damaged(like, at, "event", "msg", field, by=1))])
    assert result.rejection is not None and result.rejection.line == at + 1, result.text()


def _stale(log: list[Record]) -> list[int]:
    """Where a node answers with its commit what came from before it."""
    found: dict[str, int] = {}
    places = []
    for at, record in enumerate(log):
        event = record["event"]
        message = event.get("msg", {})
        if event["name"] == "ReceiveAppendEntriesRequest" and message["type"] == "MsgApp":
            found[event["nid"]] = message["index"] + message["entries"]
        elif event["name"] == "SendAppendEntriesResponse" and found.get(event["nid"], 1 << 30) < message["index"]:
            places.append(at)
    return places


def test_an_old_append_is_answered_with_the_commit(mapping: TraceMapping, like: list[Record], tmp_path: Path) -> None:
    at = _stale(like)[0]
    assert like[at]["event"]["msg"]["index"] == like[at]["event"]["state"]["commit"]
    result = mapping.validate([write(tmp_path / "log.jsonl", like)])
    assert result.accepted and result.events == len(like), result.text()
    result = mapping.validate([write(tmp_path / "bad.jsonl", damaged(like, at, "event", "msg", "index", by=1))])
    assert result.rejection is not None and result.rejection.line == at + 1, result.text()
