"""Several files, clocks that differ, lines that are lost for good, other formats: what the mapping has to bridge."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from pyspec.base.diagnostics import SpecError
from pyspec.conform import Limits, TraceResult, make_mapping
from tests.conform.test_validate import FULL, RAFT
from tests.conform.walks import ROOT, Record, raft_records, write


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return raft_records(120, seed=5)


def stamped(records: list[Record], skew: float) -> list[Record]:
    """The records with times (each node's clock is off by up to `skew`), vector clocks and intervals."""
    dice = random.Random(1)
    off = {f"n{i}": dice.uniform(-skew, skew) for i in (1, 2, 3)}
    clocks: dict[str, dict[str, int]] = {name: {} for name in off}
    sent: dict[str, dict[str, int]] = {}
    made = []
    for number, record in enumerate(records):
        node = record["node"]
        clock = clocks[node]
        clock[node] = clock.get(node, 0) + 1
        for other, count in (sent.get(record["msg"]["from"], {}) if "msg" in record else {}).items():
            clock[other] = max(clock.get(other, 0), count)
        sent[node] = dict(clock)
        at = float(number)
        made.append({**record, "t": at + off[node], "vc": dict(clock), "from": at - 0.4 - skew, "till": at + skew})
    return made


def by_node(records: list[Record], folder: Path) -> list[Path]:
    return [
        write(folder / f"{name}.jsonl", [r for r in records if r["node"] == name])
        for name in sorted({r["node"] for r in records})
    ]


def validate(log: str, files: list[Path]) -> TraceResult:
    return make_mapping(RAFT, FULL.replace("[log]", f"[log]\n{log}")).validate(files)


@pytest.mark.parametrize(("log", "skew"), [
    ('order = "time"\ntime = "t"', 0.0),
    ('order = "time"\ntime = "t"\nslack = 1.5', 1.5),
    ('order = "clock"\nclock = "vc"', 0.0),
    ('order = "interval"\nstart = "from"\nend = "till"', 2.0),
    ('order = "files"', 0.0),
])  # fmt: skip
def test_a_file_for_each_node(log: str, skew: float, records: list[Record], tmp_path: Path) -> None:
    files = by_node(stamped(records, skew), tmp_path)
    assert len(files) == 3
    result = validate(log, files)
    assert result.accepted and result.events == len(records), result.text()


@pytest.mark.parametrize("log", ['order = "time"\ntime = "t"', 'order = "clock"\nclock = "vc"', 'order = "files"'])
def test_a_wrong_value_is_rejected_in_any_order(log: str, records: list[Record], tmp_path: Path) -> None:
    damaged = json.loads(json.dumps(stamped(records, 0.0)))
    node = damaged[60]["node"]
    damaged[60]["state"]["term"] += 5
    result = validate(log, by_node(damaged, tmp_path))
    place = sum(1 for record in damaged[:61] if record["node"] == node)
    assert result.rejection is not None
    assert (Path(result.rejection.file).stem, result.rejection.line) == (node, place)


def test_clocks_that_differ_need_slack(records: list[Record], tmp_path: Path) -> None:
    files = by_node(stamped(records, 3.0), tmp_path)
    assert not validate('order = "time"\ntime = "t"', files).accepted
    assert validate('order = "time"\ntime = "t"\nslack = 3.0', files).accepted


def test_lines_without_a_time(records: list[Record], tmp_path: Path) -> None:
    with pytest.raises(SpecError) as found:
        validate('order = "time"\ntime = "when"', by_node(records, tmp_path))
    assert found.value.diagnostics[0].code == "E0833"


def without(records: list[Record], *names: str) -> list[Record]:
    return [record for record in records if record["event"] not in names]


def test_steps_that_no_line_shows(records: list[Record], tmp_path: Path) -> None:
    """Nobody logs the leader's sends: they are silent, and taken only where they are needed."""
    log = write(tmp_path / "log.jsonl", without(records, "append_entries"))
    mapping = FULL.replace('[event.append_entries]\naction = "append_entries"\nwith = { peer = "peer" }\n', "")
    assert not make_mapping(RAFT, mapping).validate([log]).accepted
    silent = '[silent]\nactions = ["append_entries"]\n'
    for most in (1, 3):
        result = make_mapping(RAFT, mapping + silent + f"most = {most}\n").validate([log])
        assert result.accepted and 0 < result.silent_steps <= sum(r["event"] == "append_entries" for r in records)


LOCKS = """
[log]
pattern = '^(?P<time>[\\d.]+) (?P<who>\\w+) (?P<event>\\w+)(?: (?P<token>\\d+))?'
[[event]]
name = "GOT"
steps = ["give_up?", "acquire"]
with = { c = "who" }
after = { token = "token" }
[[event]]
name = "PUT"
action = "write"
with = { c = "who" }
before = { "held[c]" = "token" }
"""


def test_lines_of_text(tmp_path: Path) -> None:
    mapping = make_mapping(ROOT / "specs" / "fenced_lock.pspec", LOCKS)
    log = tmp_path / "log.txt"
    log.write_text("0.1 ann GOT 1\n0.2 bob GOT 2\n0.3 ann PUT 1\n0.4 ann GOT 3\n0.5 bob PUT 2\n")
    assert mapping.validate([log]).accepted
    log.write_text("0.1 ann GOT 1\n0.2 bob GOT 2\n0.3 bob PUT 2\n0.4 ann PUT 1\n0.5 bob PUT 2\n")
    result = mapping.validate([log])
    assert result.rejection is not None and result.rejection.line == 4 and result.rejection.cause == "forbidden"


def test_pairs_of_key_and_value(tmp_path: Path) -> None:
    text = LOCKS.replace(
        "pattern = '^(?P<time>[\\d.]+) (?P<who>\\w+) (?P<event>\\w+)(?: (?P<token>\\d+))?'", 'format = "logfmt"'
    )
    mapping = make_mapping(ROOT / "specs" / "fenced_lock.pspec", text)
    log = tmp_path / "log.txt"
    log.write_text('time=1 event=GOT who="ann" token=1\ntime=2 event=PUT who=ann token=1\n')
    assert mapping.validate([log]).accepted


def test_a_search_that_gives_up_is_no_rejection(records: list[Record], tmp_path: Path) -> None:
    files = by_node(stamped(records, 0.0), tmp_path)
    mapping = make_mapping(RAFT, FULL.replace("[log]", '[log]\norder = "files"'))
    damaged = json.loads(json.dumps(stamped(records, 0.0)))
    damaged[60]["state"]["term"] += 5
    files = by_node(damaged, tmp_path)
    few = mapping.validate(files, limits=Limits(tries=5))
    assert (few.verdict, few.accepted) == ("unknown", False) and "no verdict" in few.text()
    assert mapping.validate(files).verdict == "rejected"


@pytest.mark.parametrize("seed", range(1, 8))
def test_a_message_that_was_forgotten_is_no_rejection(seed: int, tmp_path: Path) -> None:
    log = [write(tmp_path / "log.jsonl", raft_records(120, seed))]
    few = make_mapping(RAFT, FULL.replace("[log]", "[log]\nkeep = 1")).validate(log)
    assert few.verdict == "unknown" and "have been forgotten" in few.text()
    assert make_mapping(RAFT, FULL.replace("[log]", "[log]\nkeep = 0")).validate(log).accepted


HIDDEN = """protocol hidden

const MOST: int = 100
enum Mode: unknown, left, right

var count: 0..MOST = 0
var ready: bool = false
var mode: Mode = unknown

action decide(m in {left, right}):
    "Before anything else, and in no log."
    when count == 0 and mode == unknown
    mode = m

action prepare:
    "Before each step, and in no log."
    when not ready
    ready = true

action go:
    when ready
    count += 1
    ready = false

action end:
    when mode == right and count > 3
    count = 0

model ci: MOST = 9
"""


def test_silent_steps_since_an_earlier_point_are_taken_anew(tmp_path: Path) -> None:
    """What was silently decided shows at the end: all silent steps since then are needed again, and count only once."""
    spec = tmp_path / "hidden.pspec"
    spec.write_text(HIDDEN, encoding="utf-8")
    mapping = """
[[event]]
name = "go"
action = "go"

[[event]]
name = "end"
action = "end"

[silent]
actions = ["decide", "prepare"]
most = 1
"""
    good = make_mapping(spec, mapping).session()
    assert all(good.feed({"event": kind}) is None for kind in ["go"] * 6 + ["end"])
    result = good.finish()
    assert result.accepted and result.silent_steps == 7
    bad = make_mapping(spec, mapping).session()
    told = [bad.feed({"event": kind}) for kind in ["go"] * 3 + ["end"]]
    assert told[-1] is not None and told[-2] is None and not bad.finish().accepted and told[-1].conclusive
    assert "no number of silent steps explains it" in bad.finish().text()
