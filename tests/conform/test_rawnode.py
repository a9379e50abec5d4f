"""Logs of a Raft with the rules of etcd's library: crashes, snapshots, pre-votes and CheckQuorum are followed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pyspec.conform import TraceMapping, load_mapping
from pyspec.conform.session import TraceResult
from tests.conform.rawnode import Record, rawnode_log
from tests.conform.walks import ROOT, write


@pytest.fixture(scope="module")
def mapping() -> TraceMapping:
    return load_mapping(ROOT / "specs" / "raft.pspec", Path(__file__).with_name("rawnode.toml"))


@pytest.fixture(scope="module")
def log() -> list[Record]:
    return rawnode_log(15, 300)


def is_a(name: str, kind: str | None = None) -> Callable[[Record, Record], bool]:
    """Whether an event has this name, and its message this type."""
    return lambda event, before: event["name"] == name and kind in (None, event.get("msg", {}).get("type"))


def restarted(event: Record, before: Record) -> bool:
    """The first line of a node after a crash that shows all of its state."""
    begins = event["name"] == "BecomeFollower" and before.get("name") == "ApplyConfChange"
    return bool(begins and event["state"]["term"])


def in_the_midst(event: Record, before: Record) -> bool:
    """A line within the handling of a message from a leader."""
    return bool(event["name"] == "BecomeFollower" and before.get("name") == "ReceiveAppendEntriesRequest")


def crashed(event: Record, before: Record) -> bool:
    return bool(event["name"] == "InitState" and event["log"])


def tells_a_later_term(event: Record, before: Record) -> bool:
    """CheckQuorum's answer to a message of an earlier term."""
    message, told = event.get("msg", {}), before.get("msg", {})
    accepted = event["name"] == "SendAppendEntriesResponse" and not message["reject"]
    return bool(
        accepted
        and message["type"] == "MsgAppResp"
        and message["to"] != event["nid"]
        and told.get("term", 99) < event["state"]["term"]
    )


def hears_a_later_term(event: Record, before: Record) -> bool:
    message = event.get("msg", {})
    told = event["name"] == "ReceiveAppendEntriesResponse" and message["term"] > event["state"]["term"]
    return bool(told and not message["reject"] and message["type"] == "MsgAppResp")


def places(log: list[Record], wanted: Callable[[Record, Record], bool]) -> list[int]:
    """Where lines are that are wanted, given the line before of the same node."""
    found, last = [], dict[str, Record]()
    for at, record in enumerate(log):
        event = record["event"]
        if wanted(event, last.get(event["nid"], {})):
            found.append(at)
        last[event["nid"]] = event
    return found


def checked(mapping: TraceMapping, log: list[Record], tmp_path: Path) -> TraceResult:
    return mapping.validate([write(tmp_path / "log.jsonl", log)])


@pytest.mark.parametrize("seed", [9, 15])
def test_a_log_is_followed(mapping: TraceMapping, seed: int, tmp_path: Path) -> None:
    records = rawnode_log(seed, 300)
    for wanted in (
        crashed,
        restarted,
        in_the_midst,
        tells_a_later_term,
        hears_a_later_term,
        is_a("ReceiveAppendEntriesRequest", "MsgSnap"),
    ):
        assert places(records, wanted), wanted
    result = checked(mapping, records, tmp_path)
    assert result.accepted and result.events == len(records), result.text()


@pytest.mark.parametrize(
    ("wanted", "path", "by"),
    [
        (crashed, "log", -1),  # an entry that was on disk is lost
        (crashed, "log", 1),
        (restarted, "state.term", -1),  # so is the term
        (restarted, "state.commit", 50),
        (restarted, "log", -1),
        (in_the_midst, "log", -1),
        (in_the_midst, "state.commit", 1),
        (in_the_midst, "state.term", 1),
        (is_a("SendAppendEntriesRequest", "MsgSnap"), "msg.entries", 60),
        (is_a("SendAppendEntriesRequest", "MsgSnap"), "msg.term", 1),
        (is_a("ReceiveAppendEntriesRequest", "MsgSnap"), "msg.entries", 1),
        (is_a("ReceiveAppendEntriesRequest", "MsgSnap"), "msg.term", 1),
        (tells_a_later_term, "msg.term", 1),
        (hears_a_later_term, "msg.term", 1),
        (is_a("SendAppendEntriesResponse", "MsgAppResp"), "msg.term", -1),
        (is_a("Commit"), "state.commit", 1),
    ],
)
def test_a_changed_number_is_rejected_at_its_line(
    mapping: TraceMapping,
    log: list[Record],
    wanted: Callable[[Record, Record], bool],
    path: str,
    by: int,
    tmp_path: Path,
) -> None:
    at = places(log, wanted)[-1]
    bad = json.loads(json.dumps(log[: at + 1]))
    *way, field = path.split(".")
    place = bad[at]["event"]
    for part in way:
        place = place[part]
    place[field] += by
    result = checked(mapping, bad, tmp_path)
    assert result.rejection is not None and result.rejection.line == at + 1, result.text()


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (is_a("SendAppendEntriesRequest", "MsgApp"), "from"),
        (is_a("ReceiveAppendEntriesRequest", "MsgApp"), "to"),
        (is_a("SendRequestVoteResponse"), "from"),
    ],
)
def test_a_message_of_others_is_rejected(
    mapping: TraceMapping, log: list[Record], wanted: Callable[[Record, Record], bool], field: str, tmp_path: Path
) -> None:
    at = next(at for at in places(log, wanted) if log[at]["event"]["msg"]["from"] != log[at]["event"]["msg"]["to"])
    message = log[at]["event"]["msg"]
    third = next(name for name in "123" if name not in (message["from"], message["to"]))
    bad = json.loads(json.dumps(log[: at + 1]))
    bad[at]["event"]["msg"][field] = third
    result = checked(mapping, bad, tmp_path)
    assert result.rejection is not None and result.rejection.line == at + 1, result.text()


def test_a_vote_that_a_crash_has_lost(mapping: TraceMapping, log: list[Record], tmp_path: Path) -> None:
    at = next(at for at in places(log, restarted) if log[at]["event"]["state"]["vote"] != "0")
    bad = json.loads(json.dumps(log[: at + 2]))
    event = bad[at]["event"]
    event["state"]["vote"] = next(name for name in "123" if name != event["state"]["vote"])
    result = checked(mapping, bad, tmp_path)
    assert result.rejection is not None and result.rejection.line == at + 1, result.text()


def test_a_vote_without_a_request(mapping: TraceMapping, log: list[Record], tmp_path: Path) -> None:
    at = next(
        at
        for at in places(log, is_a("SendRequestVoteResponse"))
        if not log[at]["event"]["msg"]["reject"] and log[at]["event"]["msg"]["to"] != log[at]["event"]["nid"]
    )
    asked = max(place for place in places(log, is_a("ReceiveRequestVoteRequest")) if place < at)
    assert log[asked]["event"]["nid"] == log[at]["event"]["nid"]
    result = checked(mapping, [*log[:asked], *log[asked + 1 : at + 1]], tmp_path)
    assert result.rejection is not None and result.rejection.line in range(asked + 1, at + 1), result.text()
