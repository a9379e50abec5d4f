"""Logs of a program that writes a line for each call handled: no sends, hardly any state, a file for each node."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pyspec.conform import TraceMapping, load_mapping
from tests.conform.foreign import Record, etcd_log
from tests.conform.walks import ROOT

Told = list[tuple[str, Record]]


@pytest.fixture(scope="module")
def mapping() -> TraceMapping:
    return load_mapping(ROOT / "specs" / "raft.pspec", Path(__file__).with_name("rpc.toml"))


def handled(seed: int, seconds: float) -> Iterator[tuple[str, Record]]:
    """(node, line) of what each node has handled."""
    events = [record["event"] for record in etcd_log(seed, seconds)]
    for at, event in enumerate(events):
        node, message = f"n{event['nid']}", event.get("msg", {})
        kind, real = event["name"], message.get("type") == "MsgVoteResp"
        told = {"term": message.get("term"), "peer": f"n{message.get('from')}"}
        if kind == "BecomeCandidate":
            yield node, {"ev": "startElection", "term": event["state"]["term"]}
        elif kind == "SendRequestVoteResponse" and real:
            yield node, told | {"ev": "handleVote", "peer": f"n{message['to']}", "granted": not message["reject"]}
        elif kind == "ReceiveRequestVoteResponse" and real:
            yield node, told | {"ev": "voteReply", "granted": not message["reject"]}
        elif kind == "BecomeLeader":
            yield node, {"ev": "becomeLeader", "term": event["state"]["term"]}
        elif kind == "BecomeFollower":
            yield node, {"ev": "stepDown"}
        elif kind == "Replicate":
            yield node, {"ev": "appendLocal"}
        elif kind == "Commit":
            yield node, {"ev": "commit", "committed": event["state"]["commit"]}
        elif kind == "ReceiveAppendEntriesRequest":
            answers = (e for e in events[at:] if (e["nid"], e["name"]) == (event["nid"], "SendAppendEntriesResponse"))
            answer = next(answers, None)
            if answer is not None:
                yield (
                    node,
                    told
                    | {
                        "ev": "handleAppend",
                        "prev": message["index"],
                        "count": message["entries"],
                        "commit": message["commit"],
                        "ok": not answer["msg"]["reject"],
                        "last": answer["log"],
                    },
                )
        elif kind == "ReceiveAppendEntriesResponse":
            yield node, told | {"ev": "appendReply", "ok": not message["reject"], "match": message["index"]}


def files(folder: Path, told: Told) -> tuple[list[Path], list[tuple[str, int]]]:
    """The files, and for each line its file and number."""
    texts: dict[str, list[str]] = {f"n{number}": [] for number in (1, 2, 3)}
    places = []
    for moment, (node, record) in enumerate(told):
        texts[node].append(json.dumps({"ts": moment, **record}) + "\n")
        places.append((node, len(texts[node])))
    for node, lines in texts.items():
        (folder / f"{node}.jsonl").write_text("".join(lines))
    return sorted(folder.glob("*.jsonl")), places


@pytest.mark.parametrize("seed", [3, 5])
def test_a_log_of_handlers_is_followed(mapping: TraceMapping, seed: int, tmp_path: Path) -> None:
    told = list(handled(seed, 6.0))
    assert sum(record["ev"] == "becomeLeader" for _, record in told) > 1
    result = mapping.validate(files(tmp_path, told)[0])
    assert result.accepted and result.events == len(told), result.text()


def wrong(record: Record) -> Iterator[tuple[str, Any]]:
    """Values of a line that cannot be."""
    if record["ev"] == "handleAppend" and record["ok"]:
        yield from [("term", record["term"] + 7), ("prev", record["prev"] + 1), ("last", record["last"] + 1)]
        yield "commit", record["commit"] + 50
        yield "peer", next(name for name in ("n1", "n2", "n3") if name != record["peer"])
    elif record["ev"] == "handleVote" and not record["granted"]:
        yield "granted", True
    elif record["ev"] == "appendReply" and record["ok"]:
        yield from [("term", record["term"] + 1), ("match", record["match"] + 50)]
    elif record["ev"] == "commit":
        yield "committed", record["committed"] + 9


def test_a_changed_value_is_rejected_at_its_line(mapping: TraceMapping, tmp_path: Path) -> None:
    told, dice = list(handled(5, 6.0)), Random(3)
    for kind in ("handleAppend", "handleVote", "appendReply", "commit"):
        places = [at for at, (_, record) in enumerate(told) if record["ev"] == kind and any(wrong(record))]
        at = dice.choice(places)
        for field, value in wrong(told[at][1]):
            bad = [*told[:at], (told[at][0], told[at][1] | {field: value}), *told[at + 1 :]]
            paths, where = files(tmp_path, bad)
            result = mapping.validate(paths)
            assert result.rejection is not None, (kind, field, at, result.text())
            found = where.index((Path(result.rejection.file).stem, result.rejection.line))
            assert found == at, (kind, field, at, result.text())


def test_a_condition_without_a_value_does_not_hold(mapping: TraceMapping, tmp_path: Path) -> None:
    """Nobody leads the term: there is no log of its leader to compare with."""
    call = {"ev": "handleAppend", "peer": "n2", "term": 4, "prev": 0, "count": 1, "commit": 0, "ok": True, "last": 1}
    others: Told = [("n2", {"ev": "startElection", "term": 1}), ("n3", {"ev": "stepDown"})]
    result = mapping.validate(files(tmp_path, [*others, ("n1", call)])[0])
    assert result.rejection is not None and Path(result.rejection.file).stem == "n1"
    assert "none" in result.text()
