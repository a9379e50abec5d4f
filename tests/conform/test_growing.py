"""A state with more messages stands for one with fewer, where nothing asks for a message that is not there."""

import json
from pathlib import Path
from random import Random

import pytest

from pyspec.conform import TraceMapping, load_mapping, make_mapping
from pyspec.conform import growing as growing_sets
from pyspec.conform.growing import Covering, growing
from tests.conform.foreign import etcd_log
from tests.conform.walks import write

ROOT = Path(__file__).resolve().parents[2]
SPEC = """protocol posts

network set
message Post(number: 0..9)

var last: 0..9 = 0

def said(n: 0..9) -> bool:
    Post(n) in network

action publish(n in 0..9):
    last = n
    send Post(n)

action read(m in network.Post):
    last = m.number
{MORE}
"""
MAP = """
[[event]]
name = "publish"
action = "publish"
with = { n = "number" }
CONDITION
"""
OTHERS: list[tuple[str, str, bool]] = [
    ("", "", True),
    ("", 'after = { "Post(n) in network" = true }', True),
    ("", 'after = { "last == 3 or Post(n) in network and Post(0) in network" = true }', True),
    ("action again(n in 0..9):\n    when Post(n) in network\n    last = n", "", True),
    ("", 'before = { "Post(n) in network" = false }', False),
    ("", 'before = { "not (Post(n) in network)" = true }', False),
    ("", 'before = { "Post(n) in network" = "there" }', False),
    ("", 'before = { "said(n)" = false }', False),
    ("", 'before = { "len(network.Post)" = "count" }', False),
    ("action first(n in 0..9):\n    when not (Post(n) in network)\n    last = n", "", False),
    ("action none_yet:\n    when all m in network.Post: m.number > 3\n    last = 1", "", False),
    ("action greatest:\n    last = max({0} | {m.number for m in network.Post})", "", False),
    ("action other(n in 0..9):\n    if said(n):\n        last = n\n    else:\n        last = 0", "", False),
]


@pytest.mark.parametrize(("more", "condition", "grows"), OTHERS)
def test_what_asks_for_a_message_that_is_not_there(more: str, condition: str, grows: bool, tmp_path: Path) -> None:
    (tmp_path / "posts.pspec").write_text(SPEC.replace("{MORE}", more), encoding="utf-8")
    mapping = make_mapping(tmp_path / "posts.pspec", MAP.replace("CONDITION", condition))
    model = mapping.session().model
    assert growing(model, mapping.typed) == (frozenset({"network.Post"}) if grows else frozenset())


def test_a_set_that_may_be_full_is_none_of_them(tmp_path: Path) -> None:
    large = SPEC.replace("{MORE}", "").replace("0..9", "0..99_999_999")
    (tmp_path / "posts.pspec").write_text(large, encoding="utf-8")
    for keep, sets in ((0, set()), (20_000, {"network.Post"})):
        mapping = make_mapping(tmp_path / "posts.pspec", f"[log]\nkeep = {keep}\n" + MAP.replace("CONDITION", ""))
        assert growing(mapping.session().model, mapping.typed) == sets


@pytest.fixture(scope="module")
def mapping() -> TraceMapping:
    return load_mapping(ROOT / "specs" / "raft.pspec", Path(__file__).with_name("etcd.toml"))


def test_elections_leave_no_states_to_follow(mapping: TraceMapping, tmp_path: Path) -> None:
    """Whether an old request for a vote was refused or not heeded stays open for ever; one state stands for both."""
    records = etcd_log(1, 20.0)
    result = mapping.validate([write(tmp_path / "log.jsonl", records)])
    assert result.accepted and result.widest <= 4, result.text()


def test_the_verdict_is_that_of_all_states(
    mapping: TraceMapping, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = etcd_log(1, 12.0)
    logs = []
    for seed in range(5):
        dice, damaged = Random(seed), json.loads(json.dumps(records))
        event = damaged[dice.randrange(len(damaged) // 2, len(damaged))]["event"]
        part = event[dice.choice(["state", "msg"])] if "msg" in event else event["state"]
        part["term"] += dice.choice((-1, 1))
        logs.append(write(tmp_path / f"{seed}.jsonl", damaged))
    monkeypatch.setattr(growing_sets, "PATIENCE", 1)
    few = [mapping.validate([log]) for log in logs]
    monkeypatch.setattr(Covering, "due", lambda self, events: False)
    many = [mapping.validate([log]) for log in logs]
    assert [(one.verdict, one.events) for one in few] == [(one.verdict, one.events) for one in many]
    assert any(one.verdict == "rejected" for one in few)
    assert sum(one.widest for one in few) < sum(one.widest for one in many)
