"""Snapshots of counts and verdicts, and budgets of single properties."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pyspec.cli.main import cli

SPEC = """protocol steps
var x: 0..5 = 0
flaw jumps violates small
action up:
    when x < 3
    x += 1
action jump:
    when jumps
    x = 5
invariant small: x < 4
reachable top: x == 3
model ci:
    expect 4 states
model other: pass
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "steps.pspec").write_text(SPEC.replace("model other: pass\n", ""))
    return tmp_path


def check(*arguments: str) -> Result:
    more = ("--snapshot", "counts.txt") if "--budget" not in arguments else ()
    return CliRunner().invoke(
        cli, ["check", "steps.pspec", "--engine", "python", *more, *arguments], standalone_mode=False
    )


def test_drift_fails_and_shows_the_lines(folder: Path) -> None:
    assert check("--update-snapshot").return_value == 0
    assert check().return_value == 0
    text = (folder / "steps.pspec").read_text()
    (folder / "steps.pspec").write_text(
        text.replace("x < 3", "x < 2").replace("expect 4", "expect 3").replace("x == 3", "x == 2")
    )
    done = check()
    assert done.return_value == 1
    assert "-  states: 4" in done.output and "+  states: 3" in done.output
    assert "-  action up: 3" in done.output and "+  action up: 2" in done.output


def test_without_a_snapshot_everything_is_new(folder: Path) -> None:
    done = check()
    assert done.return_value == 1 and "+steps.pspec, model ci" in done.output
    assert not (folder / "counts.txt").exists()


def test_an_update_keeps_what_was_not_searched_and_drops_what_is_gone(folder: Path) -> None:
    (folder / "old.pspec").write_text("")
    (folder / "counts.txt").write_text("gone.pspec, model ci\n  states: 7\n\nold.pspec, model ci\n  states: 8\n")
    assert "-gone.pspec, model ci" in check().output
    check("--update-snapshot")
    text = (folder / "counts.txt").read_text()
    assert "gone" not in text and "old.pspec, model ci\n  states: 8" in text and "steps.pspec, model ci" in text


def test_flaws_are_part_of_it(folder: Path) -> None:
    check("--flaws", "--update-snapshot")
    assert "  jumps (model ci): violates small after 1 steps, " in (folder / "counts.txt").read_text()


def test_a_search_that_was_stopped_is_not_compared(folder: Path) -> None:
    check("--update-snapshot")
    before = (folder / "counts.txt").read_text()
    assert check("--max-states", "2", "--no-cache").return_value == 3
    check("--max-states", "2", "--no-cache", "--update-snapshot")
    assert (folder / "counts.txt").read_text() == before


def test_an_update_without_a_file_is_a_mistake(folder: Path) -> None:
    done = CliRunner().invoke(cli, ["check", "steps.pspec", "--update-snapshot"])
    assert done.exit_code == 2 and "needs --snapshot" in done.output


def test_a_property_with_a_budget_is_searched_apart(folder: Path) -> None:
    done = check("--budget", "top=20s", "--json", "--no-cache")
    report = json.loads(done.output)
    assert done.return_value == 0 and report["verdict"] == "holds"
    assert [(p["name"], p["verdict"]) for p in report["properties"]] == [("small", "holds"), ("top", "holds")]
    assert report["expectations"][0]["met"] and any("top: searched apart" in note for note in report["notes"])


LARGE = """protocol large
sort Node
var x: map[Node, 0..9] = {n: 0 for n in Node}
action up(n: Node):
    when x[n] < 9
    x[n] += 1
invariant small: all n in Node: x[n] < 10
reachable never: false
model ci:
    Node = 4
    symmetry off
    limit x == x
"""


def test_a_budget_that_runs_out_leaves_the_other_verdicts(folder: Path) -> None:
    (folder / "steps.pspec").write_text(LARGE)
    done = check("--budget", "small=0.01", "--no-cache", "--json")
    verdicts = {p["name"]: p["verdict"] for p in json.loads(done.output)["properties"]}
    assert verdicts == {"small": "incomplete", "never": "violated"} and done.return_value == 1


@pytest.mark.parametrize(
    ("given", "said"), [("smal=3", "no specification has"), ("small", "of the form"), ("small=0", "of the form")]
)
def test_wrong_budgets(folder: Path, given: str, said: str) -> None:
    done = CliRunner().invoke(cli, ["check", "steps.pspec", "--budget", given])
    assert done.exit_code == 2 and said in done.output
