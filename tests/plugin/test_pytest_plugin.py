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
