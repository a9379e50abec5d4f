"""Steps that no line shows: what a rejection means when their number is limited."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pyspec.conform import TraceMapping, TraceResult, make_mapping
from tests.conform.test_orders import FULL, RAFT, without
from tests.conform.walks import raft_records, write

MAP = """
[[event]]
name = "go"
action = "go"

[[event]]
name = "end"
action = "end"

[silent]
actions = [ACTIONS]
most = MOST
"""
CHARGED = """protocol charged

const MOST: int = 100

var charge: 0..MOST = 0
var sides: set[bool] = {}

action load:
    when charge < LIMIT
    charge += 1

action turn(side in {true, false}):
    sides = {side}

action go:
    when charge >= 3

action end:
    when charge >= 100

model ci: MOST = 100
"""


def followed(spec: str, events: str, actions: str, most: int, folder: Path) -> TraceResult:
    """The result for a log of events of these kinds."""
    file = folder / "silent.pspec"
    file.write_text(spec, encoding="utf-8")
    mapping = MAP.replace("ACTIONS", actions).replace("MOST", str(most))
    log = write(folder / "log.jsonl", [{"event": kind} for kind in events.split()])
    return make_mapping(file, mapping).validate([log])


def test_a_limit_that_was_too_low_is_no_rejection(tmp_path: Path) -> None:
    spec = CHARGED.replace("LIMIT", "5")
    few = followed(spec, "go go", '"load"', 2, tmp_path)
    assert (few.verdict, few.events) == ("unknown", 0)
    assert "at most 2 silent steps were tried together, and more explain it" in few.text()
    assert followed(spec, "go go", '"load"', 3, tmp_path).accepted


@pytest.mark.parametrize("most", [1, 4])
def test_a_limit_that_does_not_matter_leaves_a_rejection(most: int, tmp_path: Path) -> None:
    """`end` needs 100, and `load` stops at 5, however often it is taken; `turn` goes round for ever."""
    result = followed(CHARGED.replace("LIMIT", "5"), "end", '"load", "turn"', most, tmp_path)
    assert result.verdict == "rejected" and "no number of silent steps explains it" in result.text()


def test_steps_without_end_leave_it_open(tmp_path: Path) -> None:
    spec = CHARGED.replace("LIMIT", "MOST").replace("charge >= 100", "charge < 0")
    result = followed(spec, "end", '"load"', 2, tmp_path)
    assert result.verdict == "unknown" and "and more may explain it" in result.text()


def test_what_one_silent_step_less_did_not_need_is_come_back_to(tmp_path: Path) -> None:
    """A short explanation of one event is given up for a longer one when a later event asks for it."""
    spec = """protocol fork

enum At: begin, left, right, half, done
var at: At = begin

action turn_left:
    "One silent step before `go` lets `pass` happen, but not `end`."
    when at == begin
    at = left

action walk:
    "Two silent steps after it do both."
    when at in {right, half}
    at = half if at == right else done

action go:
    when at in {begin, left}
    at = right if at == begin else left

action pass_by:
    when at in {left, done}

action end:
    when at == done
"""
    file = tmp_path / "fork.pspec"
    file.write_text(spec, encoding="utf-8")
    mapping = "".join(f'[[event]]\nname = "{kind}"\naction = "{kind}"\n' for kind in ("go", "pass_by", "end"))
    mapping += '[silent]\nactions = ["turn_left", "walk"]\nmost = 2\n'
    log = write(tmp_path / "log.jsonl", [{"event": kind} for kind in ("go", "pass_by", "end")])
    result = make_mapping(file, mapping).validate([log])
    assert result.accepted and result.silent_steps == 2, result.text()


@pytest.fixture(scope="module")
def silent_sends() -> TraceMapping:
    """A mapping for logs in which the leader's sends do not show."""
    mapping = FULL.replace('[event.append_entries]\naction = "append_entries"\nwith = { peer = "peer" }\n', "")
    return make_mapping(RAFT, mapping + '[silent]\nactions = ["append_entries"]\n')


@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_log_without_sends_is_rejected(silent_sends: TraceMapping, seed: int, tmp_path: Path) -> None:
    """A leader may send at any time, and more messages exclude nothing: however many, they do not explain it."""
    records = without(raft_records(150, seed), "append_entries")
    assert silent_sends.validate([write(tmp_path / "log.jsonl", records)]).accepted
    damaged = json.loads(json.dumps(records))
    at = 60 + 10 * seed
    damaged[at]["state"]["term"] += 1
    result = silent_sends.validate([write(tmp_path / "log.jsonl", damaged)])
    assert result.verdict == "rejected" and result.rejection is not None, result.text()
    assert result.rejection.line == at + 1
