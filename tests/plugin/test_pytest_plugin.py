"""The pytest plugin, run on small specifications in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
JUGS = """protocol jugs
var big: 0..5 = 0
var small: 0..3 = 0
flaw solves violates not_four
action fill_big:
    big = 5
action pour:
    let poured = min(big, 3 - small)
    when not (big - poured == 4)
    big -= poured
    small += poured
action wrong:
    when solves
    big = 4
invariant not_four: big != 4
invariant {extra}
model ci:
    expect {count} states
model other:
    expect 1 states
"""


def run(folder: Path, *options: str) -> str:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "pyspec.pytest_plugin", "-v", *options]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False).stdout


def spec(folder: Path, extra: str = "small_fits: small <= 3", count: int = 4) -> None:
    (folder / "jugs.pspec").write_text(JUGS.format(extra=extra, count=count))


def test_every_property_expectation_and_flaw_is_an_item(tmp_path: Path) -> None:
    spec(tmp_path)
    out = run(tmp_path)
    for item in ("ci::not_four", "ci::small_fits", "ci::expect 4 states", "flaw::solves"):
        assert f"jugs.pspec::{item} PASSED" in out
    assert "4 passed" in out


def test_a_failure_shows_the_trace_and_no_python(tmp_path: Path) -> None:
    spec(tmp_path, extra="empty: small == 0")
    out = run(tmp_path, "-k", "empty")
    assert "invariant empty is violated in model ci" in out and "  pour" in out and "Traceback" not in out


def test_a_wrong_count_fails_alone(tmp_path: Path) -> None:
    spec(tmp_path, count=6)
    out = run(tmp_path)
    assert "expected 6 states, found 4" in out and "1 failed, 3 passed" in out


def test_a_wrong_specification_is_one_failing_item(tmp_path: Path) -> None:
    (tmp_path / "bad.pspec").write_text("protocol bad\nvar x: 0..3 = foo\n")
    assert "E0203" in run(tmp_path) and "1 failed" in run(tmp_path)


def test_modules_are_not_collected(tmp_path: Path) -> None:
    (tmp_path / "lib.pspec").write_text("module lib\ntype T = 0..3\n")
    assert "no tests ran" in run(tmp_path)


def test_other_models_on_demand(tmp_path: Path) -> None:
    spec(tmp_path)
    out = run(tmp_path, "--pspec-models", "other", "-k", "expect")
    assert "other::expect 1 states FAILED" in out


def test_a_violation_is_told_even_if_the_search_ends_at_an_error(tmp_path: Path) -> None:
    text = JUGS.replace("action wrong:", "action spill:\n    when small == 3\n    small += 1\naction wrong:")
    (tmp_path / "jugs.pspec").write_text(text.format(extra="empty: small == 0\nreachable full: big == 5", count=4))
    out = run(tmp_path, "-k", "empty or full or not_four")
    assert "ci::full PASSED" in out and "invariant empty is violated" in out
    assert "not_four - E0601" in out and "2 failed, 1 passed" in out


def test_a_file_stays_in_one_process_of_several(tmp_path: Path) -> None:
    spec(tmp_path)
    out = run(tmp_path, "-p", "xdist.plugin", "-n", "2", "--dist", "loadfile")
    assert "4 passed" in out
    workers = {line.split("]")[0] for line in out.splitlines() if "jugs.pspec::" in line and "PASSED" in line}
    assert len(workers) == 1


LARGE = """protocol large
sort Node
var x: map[Node, 0..9] = {n: 0 for n in Node}
action up(n: Node):
    when x[n] < 9
    x[n] += 1
invariant small: all n in Node: x[n] < 10
model ci:
    Node = 6
    symmetry off
"""


def test_a_search_has_a_budget(tmp_path: Path) -> None:
    (tmp_path / "large.pspec").write_text(LARGE)
    assert "invariant small is incomplete" in run(tmp_path, "--pspec-max-seconds", "0.01")
