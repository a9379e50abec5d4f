"""The traces of real processes, held against the specification; and what damage and mistakes do to them."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from impl.runtime.trace import packed, unpacked
from refinement.__main__ import find
from refinement.harness import live, report, traces
from refinement.harness.traces import Traced

ROOT = Path(__file__).resolve().parents[2]
Lines = list[dict[str, Any]]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The traces of a Raft cluster that lived through all kinds of faults."""
    folder = tmp_path_factory.mktemp("traced")
    result = live.live(find("raft"), folder, 8.0, 1)
    assert not result.problems, result.problems
    assert "kill" in {name for name, _, _ in result.faults}
    assert any("followed in traces" in line for line in result.evidence)
    yield folder / "traces"


def judged(folder: Path) -> Traced:
    """What is said of traces of Raft."""
    return traces.judge(find("raft").living(3), sorted(folder.glob("*.jsonl")), find("raft").options)


def damaged(lived: Path, folder: Path, change: Callable[[Lines], int]) -> tuple[Traced, str]:
    """The traces with the one of n1 changed; what is said of them, and the place that was changed."""
    shutil.copytree(lived, folder)
    path = folder / "n1.jsonl"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    number = change(lines)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return judged(folder), f"n1.jsonl:{number + 1}"


def test_what_processes_did_is_what_the_specification_allows(lived: Path) -> None:
    found = judged(lived)
    assert found.rejection is None and not found.cut
    assert found.starts > 3  # some were killed and came back
    assert found.count == sum(len(path.read_text().splitlines()) for path in lived.glob("*.jsonl"))


def test_a_value_that_the_core_did_not_have_is_rejected_at_its_line(lived: Path, tmp_path: Path) -> None:
    def change(lines: Lines) -> int:
        number = next(n for n, line in enumerate(lines) if n > 100 and "commit" in line["state"])
        lines[number]["state"]["commit"] += 1
        return number

    found, place = damaged(lived, tmp_path / "other", change)
    assert found.place == place and found.rejection is not None
    text = report.traced_text(find("raft").living(3), found)
    assert "state: the trace says" in text and place in text and "commit" in text


def test_an_event_that_is_left_out_is_missed_by_the_next(lived: Path, tmp_path: Path) -> None:
    def change(lines: Lines) -> int:
        number = next(n for n, line in enumerate(lines) if n > 100 and "persist" in line)
        del lines[number]
        return number

    found, place = damaged(lived, tmp_path / "other", change)
    assert found.rejection is not None
    file, _, number = found.place.partition(":")
    assert file != "n1.jsonl" or int(number) >= int(place.partition(":")[2])


def test_a_disk_that_gives_back_an_older_state_is_rejected(lived: Path, tmp_path: Path) -> None:
    """The node is said to come back without its last records, though others have heard what they say."""
    protocol = find("raft").protocol
    shutil.copytree(lived, tmp_path / "other")
    for path in sorted((tmp_path / "other").glob("*.jsonl")):
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for number, line in enumerate(lines):
            if line["event"] != "boot" or not number:
                continue
            boot = unpacked(line["exact"], protocol)
            assert isinstance(boot, tuple)
            line["exact"] = packed((boot[0][: len(boot[0]) // 2], *boot[1:]), protocol)
            path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
            found = judged(tmp_path / "other")
            assert found.rejection is not None and found.place == f"{path.name}:{number + 1}"
            return
    raise AssertionError("no node came back")


def test_a_line_that_a_kill_has_cut_is_passed_over(lived: Path, tmp_path: Path) -> None:
    shutil.copytree(lived, tmp_path / "other")
    with (tmp_path / "other" / "n1.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"node":"n1","st')
    assert judged(tmp_path / "other").rejection is None


def test_what_is_no_exact_trace_is_said(tmp_path: Path) -> None:
    with pytest.raises(traces.BadTrace, match="empty"):
        judged(tmp_path)
    (tmp_path / "n1.jsonl").write_text('{"node":"n1"}\n', encoding="utf-8")
    with pytest.raises(traces.BadTrace, match="no line of an exact trace"):
        judged(tmp_path)


def test_a_mistake_in_the_core_shows_in_the_traces(tmp_path: Path) -> None:
    """A follower acknowledges entries that are not on its disk yet: no client notices."""
    for name in ("impl", "refinement", "specs", "pyspec"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    path = tmp_path / "impl" / "raft" / "replication.py"
    right = "turn.send(sender, AppendReply(s.term, True, last, 0, 0, message.round))"
    text = path.read_text(encoding="utf-8")
    assert right in text
    path.write_text(text.replace(right, right[:-1] + ", held=False)"), encoding="utf-8")
    command = [sys.executable, "-m", "refinement", "live", "raft", "--seconds", "3"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=180)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "WRONG: " in done.stdout and "impl/raft/replication.py" in done.stdout
