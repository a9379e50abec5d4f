"""JUnit, SARIF and GitHub output of `pyspec check`."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from click.testing import CliRunner

from pyspec.cli.files import write_whole
from pyspec.cli.main import cli

SPEC = """protocol steps
var x: 0..5 = 0
action up:
    when x < 5
    x += 1
invariant small:
    x < 3
invariant fine: x <= 5
model ci:
    expect 6 states
"""


@pytest.fixture
def outputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    Path("steps.pspec").write_text(SPEC)
    arguments = [
        "steps.pspec",
        "--junit",
        "out/j.xml",
        "--sarif",
        "s.json",
        "--github",
        "--no-cache",
        "--engine",
        "python",
    ]
    Path("log").write_text(CliRunner().invoke(cli, ["check", *arguments], standalone_mode=False).output)
    return tmp_path


def test_junit_has_a_case_for_each_property_and_expectation(outputs: Path) -> None:
    root = ET.parse(outputs / "out/j.xml").getroot()
    cases = {c.get("name"): c.find("failure") is not None for c in root.iter("testcase")}
    assert cases == {"small": True, "fine": False, "expect states": True}
    assert (root.get("tests"), root.get("failures")) == ("3", "2")
    assert "x: 2 -> 3" in (next(root.iter("failure")).text or "")


def test_sarif_points_at_the_property(outputs: Path) -> None:
    run = json.loads((outputs / "s.json").read_text())["runs"][0]
    small = run["results"][0]
    place = small["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "steps.pspec" and place["region"]["startLine"] == 6
    assert {r["ruleId"] for r in run["results"]} == {r["id"] for r in run["tool"]["driver"]["rules"]}


def test_github_annotations_and_summary(outputs: Path) -> None:
    log = (outputs / "log").read_text()
    assert "::error file=steps.pspec,line=6,col=1,title=small::invariant small is violated%0A" in log
    summary = (outputs / "summary.md").read_text()
    assert "| steps | ci | violated |" in summary and "```mermaid" in summary


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "out.txt"
    write_whole(str(target), "old")
    with pytest.raises(TypeError):
        write_whole(str(target), None)  # type: ignore[arg-type]
    assert target.read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["out.txt"]
