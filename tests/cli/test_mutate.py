"""`pyspec mutate`: who notices which change, what a comment explains, and what the score counts."""

import json
from pathlib import Path
from typing import Any

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
action leap:
    when y == 0
    y = 1 - y
var y: 0..1 = 0
const CALM: bool = true
invariant small: x < 4
step grows: y <= y' or CALM
reachable top: x == 3
model ci:
    expect 16 states
model more: CALM = false
"""


def mutate(folder: Path, *options: str, text: str = SPEC) -> dict[str, Any]:
    path = folder / "steps.pspec"
    path.write_text(text)
    result = CliRunner().invoke(cli, ["mutate", str(path), "--json", *options], standalone_mode=False)
    assert result.exception is None, result.output
    found: dict[str, Any] = json.loads(result.output)
    assert found["exit_code"] == result.return_value
    return found


def test_fates_and_score(tmp_path: Path) -> None:
    found = mutate(tmp_path)
    fates = {(m["line"], m["what"]): m for m in found["mutants"]}
    assert fates[5, "guard dropped"]["by"] == "small"
    assert fates[6, "assignment to x removed"]["by"] == "top"
    assert fates[8, "guard dropped"]["explained"] == "to look again changes nothing"
    assert fates[9, "assignment to seen removed"]["fate"] == "survived"
    counted = [m for m in fates.values() if m["fate"] in ("killed", "survived") and not m["explained"]]
    killed = [m for m in counted if m["fate"] == "killed"]
    assert 0 < len(killed) < len(counted)
    assert found["score"] == round(100 * len(killed) / len(counted), 1)


def test_what_the_first_model_lets_pass_another_may_notice(tmp_path: Path) -> None:
    found = {(m["line"], m["what"]): m for m in mutate(tmp_path, "--then", "more")["mutants"]}
    assert (found[5, "guard dropped"]["fate"], found[5, "guard dropped"]["model"]) == ("killed", "ci")
    assert (found[14, "guard dropped"]["fate"], found[14, "guard dropped"]["by"]) == ("killed", "grows")
    assert found[14, "guard dropped"]["model"] == "more"
    assert found[8, "guard dropped"]["explained"]


def test_what_goes_on_too_long_is_unfinished_unless_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyspec.cli.mutate.FEW", 0)
    monkeypatch.setattr("pyspec.cli.mutate.GROWTH", 1)
    text = SPEC.replace("when x <= 2", "when false  # survives: so it is").replace("seen = seen", "x = 9")
    found = mutate(tmp_path, text=text.replace("x < 4", "true").replace("0..9", "0..99"))
    unfinished = [m for m in found["mutants"] if m["fate"] == "unfinished"]
    assert {m["by"] for m in unfinished} == {"states"}
    assert {m["explained"] for m in unfinished} >= {"so it is", ""}
    shown = CliRunner().invoke(cli, ["mutate", str(tmp_path / "steps.pspec")])
    assert "unfinished (out of states: whether a property notices is not known)" in " ".join(shown.output.split())


def test_nothing_to_mutate_has_no_score(tmp_path: Path) -> None:
    text = "protocol still\nvar x: 0..1 = 0\ninvariant small: x < 2\nmodel ci:\n    expect 1 states\n"
    assert mutate(tmp_path, text=text)["score"] is None
    shown = CliRunner().invoke(cli, ["mutate", str(tmp_path / "steps.pspec")])
    assert shown.output.startswith("nothing to mutate")
    assert "%" not in shown.output


@pytest.mark.parametrize(("least", "code"), [("1", 0), ("100", 1)])
def test_a_threshold_decides(tmp_path: Path, least: str, code: int) -> None:
    assert mutate(tmp_path, "--threshold", least)["exit_code"] == code
