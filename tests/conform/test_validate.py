"""Traces of random runs are accepted; damaged ones are rejected, at the right event."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from pyspec.base.diagnostics import SpecError
from pyspec.conform import TraceMapping, make_mapping
from pyspec.conform.coverage import Coverage
from tests.conform.walks import ROOT, Record, raft_records, write

RAFT = ROOT / "specs" / "raft.pspec"
FULL = """
[log]
node = "node"

[model]
BATCH = 2

[after]
"self.term" = "state.term"
"self.mode" = "state.role"
"self.voted_for" = "state.vote"
"len(self.log)" = "state.log"
"self.commit" = "state.commit"

[event.timeout]
action = "timeout"
[event.on_RequestVote]
action = "on_RequestVote"
with = { caller = "msg.from", t = "msg.term", last = "msg.last" }
[event.refused]
action = "refused"
with = { peer = "peer" }
[event.on_Vote]
action = "on_Vote"
with = { voter = "msg.from", t = "msg.term" }
[event.client_request]
action = "client_request"
[event.append_entries]
action = "append_entries"
with = { peer = "peer" }
[event.on_Append]
action = "on_Append"
with = { boss = "msg.from", t = "msg.term", prev = "msg.prev", prev_t = "msg.prev_term", leader_commit = "msg.commit" }
before = { "len(msg.entries)" = "msg.entries" }
[event.on_Reply]
action = "on_Reply"
with = { peer = "msg.from", t = "msg.term", success = "msg.success", match = "msg.match" }
[event.advance_commit]
action = "advance_commit"
with = { k = "index" }
"""


@pytest.fixture(scope="module")
def full() -> TraceMapping:
    return make_mapping(RAFT, FULL)


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return raft_records(250, seed=3)


def test_an_undamaged_trace_is_accepted(full: TraceMapping, records: list[Record], tmp_path: Path) -> None:
    result = full.validate([write(tmp_path / "log.jsonl", records)])
    assert result.accepted and result.events == len(records), result.text()


def test_a_changed_value_is_found_where_it_is(full: TraceMapping, records: list[Record], tmp_path: Path) -> None:
    dice = random.Random(1)
    for at in dice.sample(range(len(records)), 10):
        name = dice.choice(["term", "log", "commit"])
        damaged = json.loads(json.dumps(records))
        damaged[at]["state"][name] += dice.choice([1, 2, -1])
        result = full.validate([write(tmp_path / "log.jsonl", damaged)])
        assert result.rejection is not None and result.rejection.line == at + 1, (at, name)
        assert any(f"state.{name}" in reason for miss in result.rejection.misses for reason in miss.reasons)


def changes(before: Record | None, after: Record) -> bool:
    return before is None or before["state"] != after["state"]


def test_a_lost_line_is_noticed_by_the_next_line_that_depends_on_it(
    full: TraceMapping, records: list[Record], tmp_path: Path
) -> None:
    """What a node says of itself changes with the lost line: the node's next line at the latest cannot be explained."""
    last: dict[str, Record] = {}
    tried = noticed = 0
    for at, record in enumerate(records):
        node, changed = record["node"], changes(last.get(record["node"]), record)
        last[node] = record
        if (
            not changed or at < 5 or tried == 12 or record["event"] == "refused"
        ):  # a term can be told in other ways, too
            continue
        following = next((i for i in range(at + 1, len(records)) if records[i]["node"] == node), None)
        if following is None:
            continue
        tried += 1
        result = full.validate([write(tmp_path / "log.jsonl", records[:at] + records[at + 1 :])])
        assert result.rejection is None or result.rejection.line <= following, (at, following)
        noticed += result.rejection is not None  # otherwise the next line alone brings about the same
    assert tried == 12 and noticed >= 0.75 * tried


def test_two_swapped_lines_of_a_node_are_noticed(full: TraceMapping, records: list[Record], tmp_path: Path) -> None:
    tried = 0
    for at in range(len(records) - 1):
        one, two = records[at], records[at + 1]
        if one["node"] != two["node"] or one["state"] == two["state"] or tried == 6:
            continue
        tried += 1
        damaged = [*records[:at], two, one, *records[at + 2 :]]
        result = full.validate([write(tmp_path / "log.jsonl", damaged)])
        assert result.rejection is not None and result.rejection.line in (at + 1, at + 2)
    assert tried > 3


@pytest.mark.parametrize(("text", "code"), [
    ("[log", "E0821"),
    ("[logg]\n", "E0822"),
    ('[log]\nnode = 3\n[event.timeout]\naction = "timeout"', "E0822"),
    ('[event.timeout]\nactoin = "timeout"', "E0822"),
    ('[event.timeout]\naction = "timout"', "E0823"),
    ('[event.timeout]\naction = "timeout"\nwith = { sefl = "node" }', "E0823"),
    ('[event.timeout]\naction = "timeout"\nafter = { "term[self" = "t" }', "E0109"),
    ('[event.timeout]\naction = "timeout"\nafter = { "self.trm" = "t" }', "E0316"),
    ('[names]\nServr = ["a"]\n[event.timeout]\naction = "timeout"', "E0823"),
])  # fmt: skip
def test_mistakes_in_a_mapping(text: str, code: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError) as found:
        make_mapping(RAFT, text).validate([write(tmp_path / "log.jsonl", [{"event": "timeout", "node": "a"}])])
    assert [d.code for d in found.value.diagnostics] == [code]
    assert all(d.span.line > 0 for d in found.value.diagnostics)


def case(log: str, mapping: str, tmp_path: Path) -> Any:
    (tmp_path / "log.jsonl").write_text(log)
    return make_mapping(RAFT, mapping).validate([tmp_path / "log.jsonl"])


TIMEOUT = '[log]\nnode = "node"\n[model]\nServer = 3\n[event.timeout]\naction = "timeout"\n'


@pytest.mark.parametrize(("log", "mapping", "code"), [
    ("", TIMEOUT, "E0828"),
    ('{"event": "timeout", "node": "a"}\n{"event": "ti', TIMEOUT, "E0825"),
    ('{"event": "timeout", "node": "a"}\nhello\n', TIMEOUT, "E0825"),
    ('{"event": "timeoutt", "node": "a"}\n', TIMEOUT, "E0826"),
    ('{"node": "a"}\n', TIMEOUT, "E0826"),
    ('{"event": "tick"}\n', '[log]\nignore = ["tick"]\n' + TIMEOUT.removeprefix("[log]\n"), "E0830"),
    ('{"event": "timeout", "node": "a"}\n', '[log]\nnode = "node"\n[event.timeout]\naction = "none"\n', "E0830"),
    ('{"event": "timeout", "node": "a"}\n', TIMEOUT + 'after = { "self.term" = "trem" }\n', "E0831"),
    ('{"event": "timeout", "node": "a"}\n', TIMEOUT + '[end]\nevent = "stop"\n', "E0829"),
    ('{"event": "timeout", "node": "a", "role": "boss"}\n', TIMEOUT + 'after = { "self.mode" = "role" }\n', "E0827"),
    ("".join(f'{{"event": "timeout", "node": "{n}"}}\n' for n in "abcd"), TIMEOUT, "E0832"),
])  # fmt: skip
def test_what_is_no_verdict(log: str, mapping: str, code: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError) as found:
        case(log, mapping, tmp_path)
    assert [d.code for d in found.value.diagnostics] == [code], found.value


def test_coverage_says_what_no_trace_exercised(full: TraceMapping, tmp_path: Path) -> None:
    start = [
        {"event": "timeout", "node": "a"},
        {"event": "on_RequestVote", "node": "b", "msg": {"from": "a"}},
        {"event": "on_Vote", "node": "a", "msg": {"from": "b"}},
        {"event": "client_request", "node": "a"},
    ]
    coverage = Coverage()
    mapping = full
    for name in ("state.term", "state.role", "state.vote", "state.log", "state.commit", "msg.term", "msg.last"):
        mapping = make_mapping(RAFT, mapping.text.text.replace(f'"{name}"', f'"{name}?"'))
    log = write(tmp_path / "log.jsonl", start)
    assert mapping.validate([log], sizes={"Server": ["a", "b", "c"]}, coverage=coverage).accepted
    assert coverage.taken == {"timeout": 1, "on_RequestVote": 1, "on_Vote": 1, "client_request": 1}
    assert set(coverage.never_taken()) >= {"append_entries", "on_Append", "on_Reply", "advance_commit"}
    assert ("timeout", "on_RequestVote") in coverage.pairs and ("on_Vote", "timeout") in coverage.never_in_a_row()
    one_sided = {(site[0], outcome) for site, outcome in coverage.one_sided()}
    assert ("on_Vote", False) in one_sided and ("timeout", True) not in one_sided
