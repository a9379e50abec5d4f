"""Logs in the shapes that other Rafts write: texts with fields behind them, in which only elections show."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pyspec.conform import TraceMapping, make_mapping
from tests.conform.foreign import Record, etcd_log
from tests.conform.walks import ROOT

MAP = """
[log]
pattern = PATTERN
order = "time"
node = "@file"
ignore = ["initial configuration", "heartbeat timeout reached"]

[model]
Server = ["n1", "n2", "n3"]

[[event]]                      # later terms that the node has heard of meanwhile are not written down
name = "entering candidate state"
steps = ["on_RequestVote*", "timeout"]
after = { "self.term" = "term" }

[[event]]                      # the voter writes nothing: its step is taken here
name = "vote granted"
steps = ["on_RequestVote?", "on_Vote"]
with = { "on_RequestVote.self" = "from", "on_RequestVote.caller" = "@file", voter = "from", "on_Vote.t" = "term" }

[[event]]
name = "election won"
before = { "self.mode == leader" = true, "self.term" = "term" }

[[event]]                      # by a later term, or by itself
name = "entering follower state"
steps = ["on_Append?"]
put = { "self.mode" = "=follower", "self.votes" = [] }
"""
HASHICORP = r"""'^(?P<time>\S+) \[\w+\] +raft: (?P<event>[^:]+)(: (?P<rest>.*))?$'"""
TIKV = r"""'^\[(?P<time>[^\]]+)\] \[\w+\] \[\S+\] \["(?P<event>[^"]+)"\](?P<rest>.*)$'"""
ZAP = r"""'^(?P<time>\S+)\t\w+\t\S+\t(?P<event>[^\t]+)(\t(?P<rest>.*))?$'"""
JSON = r"""'^\{.*"ts":"(?P<time>[^"]+)".*"msg":"(?P<event>[^"(]+?)( \((?P<rest>[^)]*)\))?"\}$'"""


def hashicorp(time: str, event: str, fields: Record) -> str:
    pairs = " ".join(f"{key}={value}" for key, value in fields.items())
    return f"{time} [INFO]  raft: {event}" + (f": {pairs}" if pairs else "")


def tikv(time: str, event: str, fields: Record) -> str:
    return f'[{time}] [INFO] [raft.rs:1151] ["{event}"]' + "".join(f" [{k}={v}]" for k, v in fields.items())


def zap(time: str, event: str, fields: Record) -> str:
    inner = ", ".join(f'"{key}": "{value}"' for key, value in fields.items())
    return f"{time}\tinfo\traft/raft.go:923\t{event}\t{{{inner}}}"


def sentence(time: str, event: str, fields: Record) -> str:
    """Text inside JSON."""
    pairs = " ".join(f"{key}={value}" for key, value in fields.items())
    text = event + (f" ({pairs})" if pairs else "")
    return f'{{"level":"info","ts":"{time}","caller":"raft/raft.go:923","msg":"{text}"}}'


SHAPES = {"hashicorp": (HASHICORP, hashicorp), "tikv": (TIKV, tikv), "zap": (ZAP, zap), "json": (JSON, sentence)}


def elections(seed: int) -> Iterator[tuple[str, str, Record]]:
    """(node, event, fields) of what such a program says of its elections."""
    for line in etcd_log(seed, 10.0):
        event = line["event"]
        node, term = f"n{event['nid']}", event["state"]["term"]
        if event["name"] == "BecomeCandidate":
            yield node, "entering candidate state", {"node": node, "term": term}
        elif event["name"] == "ReceiveRequestVoteResponse" and event["role"] == "StateCandidate":
            message = event["msg"]
            if not message["reject"] and message["type"] == "MsgVoteResp" and message["term"] == term:
                yield node, "vote granted", {"from": f"n{message['from']}", "term": term}
        elif event["name"] == "BecomeLeader":
            yield node, "election won", {"term": term}
        elif event["name"] == "BecomeFollower":
            yield node, "entering follower state", {}


def logs(shape: str, told: list[tuple[str, str, Record]], folder: Path) -> list[Path]:
    _, write = SHAPES[shape]
    lines: dict[str, list[str]] = {f"n{i}": [] for i in (1, 2, 3)}
    for number, (node, event, fields) in enumerate(told):
        lines[node].append(write(f"2026-01-31T12:{number // 60:02}:{number % 60:02}.000Z", event, fields))
    for node, texts in lines.items():
        (folder / f"{node}.log").write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return sorted(folder.glob("*.log"))


def mapped(shape: str) -> TraceMapping:
    return make_mapping(ROOT / "specs" / "raft.pspec", MAP.replace("PATTERN", SHAPES[shape][0]))


@pytest.mark.parametrize("shape", SHAPES)
def test_elections_are_followed(shape: str, tmp_path: Path) -> None:
    told = list(elections(2))
    assert sum(event == "election won" for _, event, _ in told) > 1
    result = mapped(shape).validate(logs(shape, told, tmp_path))
    assert result.accepted and result.events == len(told), result.text()


@pytest.mark.parametrize("shape", SHAPES)
def test_a_second_vote_in_a_term(shape: str, tmp_path: Path) -> None:
    told = [
        ("n1", "entering candidate state", {"term": 1}),
        ("n2", "entering candidate state", {"term": 1}),
        ("n1", "vote granted", {"from": "n3", "term": 1}),
        ("n1", "election won", {"term": 1}),
        ("n2", "vote granted", {"from": "n3", "term": 1}),
    ]
    assert mapped(shape).validate(logs(shape, told[:4], tmp_path)).accepted
    result = mapped(shape).validate(logs(shape, told, tmp_path))
    assert result.rejection is not None
    assert (Path(result.rejection.file).stem, result.rejection.line) == ("n2", 2)
    assert "Server1" not in result.text() and "on_RequestVote" in result.text()


@pytest.mark.parametrize("shape", SHAPES)
def test_a_term_that_goes_down(shape: str, tmp_path: Path) -> None:
    told: list[tuple[str, str, Record]] = [("n1", "entering candidate state", {"term": term}) for term in (1, 2, 1)]
    assert mapped(shape).validate(logs(shape, told[:2], tmp_path)).accepted
    result = mapped(shape).validate(logs(shape, told, tmp_path))
    assert result.verdict == "rejected" and result.rejection is not None and result.rejection.line == 3
    assert "self.term is 3, the log says 1" in result.text()


def test_a_leader_without_votes(tmp_path: Path) -> None:
    told = [("n1", "entering candidate state", {"term": 1}), ("n1", "election won", {"term": 1})]
    result = mapped("tikv").validate(logs("tikv", told, tmp_path))
    assert result.rejection is not None and result.rejection.line == 2
    assert "self.mode == leader is false" in result.text()
