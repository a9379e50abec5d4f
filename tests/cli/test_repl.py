"""`pyspec repl` along commands from standard input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pyspec.cli.main import cli
from pyspec.cli.repl import _COMMANDS, COMMANDS, FORMATS

SPEC = """protocol jugs
var big: 0..5 = 0
var small: 0..3 = 0
action fill_big:
    big = 5
action pour:
    let poured = min(big, 3 - small)
    big -= poured
    small += poured
action empty_small:
    small = 0
invariant not_two: big != 2
reachable one: big == 1 and small == 2
model ci:
    expect 4 states
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "jugs.pspec").write_text(SPEC)
    return tmp_path / "jugs.pspec"


def session(path: Path, *lines: str) -> Result:
    return CliRunner().invoke(cli, ["repl", str(path)], input="\n".join(lines) + "\n", standalone_mode=False)


def test_steps_by_number_and_name(path: Path) -> None:
    done = session(path, "1", "pour", "back", "forth", "path")
    assert done.exception is None and done.return_value == 0
    assert "step 2: pour\n    big: 5 -> 2\n    small: 0 -> 3\n    VIOLATED: not_two" in done.output
    assert "  >   2  pour" in done.output


def test_the_output_reads_like_a_session(path: Path) -> None:
    assert "> = big + 1\n    1\n" in session(path, "# a comment", "", "= big + 1").output


def test_mistakes_are_said_and_decide_the_exit_code(path: Path) -> None:
    done = session(path, "9", "dance", "= bgi", "back x", "why what", "save x.pdf", "goto 7", "go nowhere")
    assert done.return_value == 2
    for said in (
        "there is no step 9",
        "no command 'dance'",
        "E0203",
        "a number is expected, not 'x'",
        "no property what",
        "ends in .itf.json",
        "steps 0 to 0",
        "no property nowhere",
    ):
        assert said in done.output


def test_go_to_a_counterexample_and_walk_along_it(path: Path) -> None:
    done = session(path, "go not_two", "forth 9", "why not_two")
    assert "2 steps ahead" in done.output and "not_two is false here:" in done.output
    assert "one is never reached" in session(path, "go one").output
    assert "VIOLATED: not_two" in session(path, "find big == 2", "forth 2").output


def test_a_walk_is_saved_in_every_format(path: Path, tmp_path: Path) -> None:
    files = {end: tmp_path / f"out{end}" for end in FORMATS}
    assert session(path, "1", "pour", *(f"save {file}" for file in files.values())).return_value == 0
    assert json.loads(files[".itf.json"].read_text())["states"][2]["big"] == 2
    assert json.loads(files[".json"].read_text())["steps"][1]["action"] == "fill_big"
    assert files[".mmd"].read_text().startswith("sequenceDiagram")
    assert "2  pour" in files[".txt"].read_text()
    again = session(path, *files[".walk"].read_text().splitlines(), "path")
    assert again.return_value == 0 and ">   2  pour" in again.output


def test_help_names_every_command() -> None:
    listed = COMMANDS.replace(",", " ").split()
    assert [name for name in _COMMANDS if name not in listed and len(name) > 1] == []
