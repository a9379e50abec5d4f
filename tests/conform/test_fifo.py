"""Handlers of fifo channels: what a line says of the message that is received is held against the channel's head."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyspec.base.diagnostics import SpecError
from pyspec.conform import TraceMapping, make_mapping
from tests.conform.walks import Record, write

SPEC = '''protocol courier
"""Numbers travel in order; a courier may be told to give one up."""
const MOST: int = 9
type Number = 0..MOST
network fifo
message Parcel(number: Number, weight: Number) from Node to Node
message Stop(number: Number) from Node to Node

role Node:
    sum: Number = 0
    last: Number = 0

    action ship(peer in others, n: Number, w: Number):
        send Parcel(n, w) to peer
    action stop(peer in others, n: Number):
        send Stop(n) to peer
    on Parcel(n, w) from boss:
        last = n
        sum = w
    on Stop(n) from boss:
        last = n

invariant small: all n in Node: n.sum <= MOST
model ci: Node = 2, capacity network = 3
'''
MAP = """
[log]
node = "node"
[model]
Node = ["a", "b"]
[event.ship]
action = "ship"
with = { peer = "to", n = "n", w = "w" }
[event.stop]
action = "stop"
with = { peer = "to", n = "n" }
[event.parcel]
action = "on_Parcel"
with = { boss = "from", n = "n", "msg.weight" = "w" }
[event.stopped]
steps = ["on_Parcel*", "on_Stop"]
with = { "on_Stop.n" = "n" }
[event.heavy]
action = "on_Parcel"
before = { "w > n" = true, "w - n" = "more" }
"""
LOG: list[Record] = [
    {"event": "ship", "node": "a", "to": "b", "n": 1, "w": 4},
    {"event": "ship", "node": "a", "to": "b", "n": 2, "w": 5},
    {"event": "parcel", "node": "b", "from": "a", "n": 1, "w": 4},
    {"event": "stop", "node": "a", "to": "b", "n": 7},
    {"event": "stopped", "node": "b", "n": 7},
    {"event": "ship", "node": "b", "to": "a", "n": 3, "w": 8},
    {"event": "heavy", "node": "a", "more": 5},
]


@pytest.fixture(scope="module")
def mapping(tmp_path_factory: pytest.TempPathFactory) -> TraceMapping:
    path = tmp_path_factory.mktemp("fifo") / "courier.pspec"
    path.write_text(SPEC, encoding="utf-8")
    return make_mapping(path, MAP)


def test_the_fields_of_what_is_received(mapping: TraceMapping, tmp_path: Path) -> None:
    result = mapping.validate([write(tmp_path / "log.jsonl", LOG)])
    assert result.accepted and result.events == len(LOG), result.text()


@pytest.mark.parametrize(("at", "change", "reason"), [
    (2, {"n": 2}, "the message received: n is 1, the log says 2 (n)"),
    (2, {"w": 5}, "the message received: msg.weight is 4, the log says 5 (w)"),
    (4, {"n": 6}, "the message received: on_Stop.n is 7, the log says 6 (n)"),
    (6, {"more": 4}, "before it w - n is 5, the log says 4 (more)"),
])  # fmt: skip
def test_another_message_is_rejected(
    mapping: TraceMapping, at: int, change: Record, reason: str, tmp_path: Path
) -> None:
    log = [{**record, **change} if place == at else record for place, record in enumerate(LOG)]
    result = mapping.validate([write(tmp_path / "log.jsonl", log)])
    assert result.rejection is not None and result.rejection.line == at + 1
    assert reason in result.text()


def test_a_field_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "courier.pspec"
    path.write_text(SPEC, encoding="utf-8")
    with pytest.raises(SpecError, match=r"on_Parcel has no parameter msg\.hight"):
        make_mapping(path, MAP.replace("msg.weight", "msg.hight"))
