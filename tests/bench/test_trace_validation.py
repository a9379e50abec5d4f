"""`make bench`: logs of a Raft against its specification, in events a second, and what that costs for longer logs.

The logs are in the shape of etcd-io/raft's trace events, with partitions and elections all the time; the mapping is the
one of the tests. The yardstick is a process that only parses the same lines as JSON. CPU seconds and peak memory are
those of the whole child process. `BENCH_EVENTS=1000000` adds a log of about so many events.
"""

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.bench.test_speed import ROOT, measured
from tests.conform.foreign import etcd_log

pytestmark = pytest.mark.bench
MAP = ROOT / "tests" / "conform" / "etcd.toml"
EVENTS_A_SECOND = 240
"""Of simulated time."""
PARSE = "import json, sys\nfor line in open(sys.argv[1]): json.loads(line)"


@dataclass(frozen=True)
class Row:
    """One log: its events, CPU seconds of validating and of parsing it, peak bytes of validating."""

    events: int
    cpu: float
    parsing: float
    peak: int


def row(path: Path, events: int) -> Row:
    """Validate a log of about so many events, and parse it."""
    records = etcd_log(1, events / EVENTS_A_SECOND)
    with path.open("w") as file:
        file.writelines(json.dumps(record) + "\n" for record in records)
    command = ["-m", "pyspec", "trace", "validate", "specs/raft.pspec", "--map", str(MAP), "--json", str(path)]
    out, cpu, _, peak = measured([sys.executable, *command])
    found = json.loads(out)["traces"][0]
    assert found["verdict"] == "accepted" and found["events"] == len(records), found
    _, parsing, _, _ = measured([sys.executable, "-c", PARSE, str(path)])
    return Row(len(records), cpu, parsing, peak)


def test_trace_validation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    longest = int(os.environ.get("BENCH_EVENTS", "100000"))
    sizes = sorted({10_000, min(100_000, longest), longest})
    rows = [row(tmp_path / "log.jsonl", events) for events in sizes]
    heads = ("events", "CPU s", "events/CPU s", "to parsing", "peak MB")
    lines = ["".join(f"{head:>14}" for head in heads)]
    for entry in rows:
        rate, ratio = f"{entry.events / entry.cpu:,.0f}", f"{entry.cpu / entry.parsing:.1f}"
        lines.append(f"{entry.events:>14,}{entry.cpu:>14.2f}{rate:>14}{ratio:>14}{entry.peak / 1e6:>14.0f}")
    with capsys.disabled():
        print("\n\nlogs of a Raft against raft.pspec\n" + "\n".join(lines))
