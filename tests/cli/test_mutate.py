"""`pyspec mutate`: who notices which change, what a comment explains, and what the score counts."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from pyspec.cli.main import cli

SPEC = """protocol steps
var x: 0..9 = 0
var seen: bool = false
action up:
    when x < 3
    x += 1
action look:
    when not seen  # survives: to look again changes nothing
    seen = true
action idle:
    when x <= 2
    seen = seen
invariant small: x < 4
reachable top: x == 3
model ci:
    expect 8 states
"""


def mutate(folder: Path, *options: str) -> dict[str, object]:
    path = folder / "steps.pspec"
    path.write_text(SPEC)
    result = CliRunner().invoke(cli, ["mutate", str(path), "--json", *options], standalone_mode=False)
    assert result.exception is None, result.output
    found: dict[str, object] = json.loads(result.output)
    assert found["exit_code"] == result.return_value
    return found


def test_fates_and_score(tmp_path: Path) -> None:
    found = mutate(tmp_path)
    fates = {(m["line"], m["what"]): m for m in found["mutants"]}  # type: ignore[attr-defined]
    assert fates[5, "guard dropped"]["by"] == "small"
    assert fates[6, "assignment to x removed"]["by"] == "top"
    assert fates[8, "guard dropped"]["explained"] == "to look again changes nothing"
    assert fates[9, "assignment to seen removed"]["fate"] == "survived"
    counted = [m for m in fates.values() if m["fate"] in ("killed", "survived") and not m["explained"]]
    killed = [m for m in counted if m["fate"] == "killed"]
    assert 0 < len(killed) < len(counted)
    assert found["score"] == round(100 * len(killed) / len(counted), 1)


@pytest.mark.parametrize(("least", "code"), [("1", 0), ("100", 1)])
def test_a_threshold_decides(tmp_path: Path, least: str, code: int) -> None:
    assert mutate(tmp_path, "--threshold", least)["exit_code"] == code
