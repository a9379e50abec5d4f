"""Paths into the line before of the same node."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyspec.base.diagnostics import SpecError
from pyspec.conform import TraceMapping, make_mapping
from tests.conform.foreign import Record
from tests.conform.walks import ROOT, write

MAP = """
[log]
node = "node"
ignore = ["noise"]

[model]
Server = ["a", "b", "c"]
BATCH = 1000000

[[event]]
name = "stands"
action = "timeout"
after = { "self.term" = "term" }

[[event]]
name = "again"
when = { "@previous.event" = "stands" }
fields = { "t: Term" = "@previous.term" }
before = { "self.term == t" = true }
action = "timeout"
after = { "self.term" = "term" }

[[event]]
name = "again"
before = { "self.mode == follower" = true }
"""
LOG: list[Record] = [
    {"event": "stands", "node": "a", "term": 1},
    {"event": "again", "node": "b"},
    {"event": "noise", "node": "a"},
    {"event": "again", "node": "a", "term": 2},
]


@pytest.fixture(scope="module")
def mapping() -> TraceMapping:
    return make_mapping(ROOT / "specs" / "raft.pspec", MAP)


def test_the_line_before_is_of_the_same_node(mapping: TraceMapping, tmp_path: Path) -> None:
    result = mapping.validate([write(tmp_path / "log.jsonl", LOG)])
    assert result.accepted and result.events == 4, result.text()
    bad = [LOG[0] | {"term": 2}, *LOG[1:]]
    result = mapping.validate([write(tmp_path / "log.jsonl", bad)])
    assert result.rejection is not None and result.rejection.line == 1


def test_without_a_line_before_the_condition_is_false(mapping: TraceMapping, tmp_path: Path) -> None:
    result = mapping.validate([write(tmp_path / "log.jsonl", [LOG[0], LOG[3] | {"node": "b"}])])
    assert result.accepted, result.text()  # no step: b is a follower
    result = mapping.validate([write(tmp_path / "log.jsonl", [LOG[0], LOG[3], LOG[3]])])
    assert result.rejection is not None and result.rejection.line == 3, result.text()


def test_events_that_are_fed_have_one_too(mapping: TraceMapping) -> None:
    session = mapping.session()
    given = [dict(record) for record in LOG]
    assert all(session.feed(record) is None for record in given)
    assert given == LOG and session.finish().accepted


def test_a_field_of_it_that_is_nowhere(tmp_path: Path) -> None:
    wrong = make_mapping(ROOT / "specs" / "raft.pspec", MAP.replace('"@previous.term"', '"@previous.trem"'))
    with pytest.raises(SpecError) as found:
        wrong.validate([write(tmp_path / "log.jsonl", LOG)])
    assert "no event has the field @previous.trem" in str(found.value)


def test_a_field_with_the_name_of_a_parameter() -> None:
    """It would hide the parameter without a word."""
    text = """
[log]
node = "node"

[[event]]
name = "got"
fields = { "prev: Index" = "state.commit" }
action = "on_Append"
with = { boss = "from" }
before = { "prev <= self.commit" = true }
"""
    with pytest.raises(SpecError) as found:
        make_mapping(ROOT / "specs" / "raft.pspec", text)
    assert "`prev` is a field of the mapping, and also a parameter of on_Append" in str(found.value)
    make_mapping(ROOT / "specs" / "raft.pspec", text.replace("prev", "p"))  # a name of its own
    same = text.replace('boss = "from"', 'boss = "from", prev = "state.commit"')
    make_mapping(ROOT / "specs" / "raft.pspec", same)  # both are the same
    repeated = same.replace('action = "on_Append"', 'steps = ["on_Append?"]')
    make_mapping(
        ROOT / "specs" / "raft.pspec", repeated.replace(', prev = "state.commit"', "")
    )  # has no parameters there
