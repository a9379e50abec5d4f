"""JUnit, SARIF and GitHub output of `pyspec check`."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import jsonschema
import pytest
import xmlschema
from click.testing import CliRunner

from pyspec.cli.ci import Outcome, junit, sarif, summary, workflow_commands
from pyspec.cli.files import write_whole
from pyspec.cli.main import cli

SCHEMAS = Path(__file__).parent / "schemas"
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
    told = (outputs / "summary.md").read_text()
    assert "| steps | ci | violated |" in told and told.count("```mermaid") == 1


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "out.txt"
    write_whole(str(target), "old")
    with pytest.raises(TypeError):
        write_whole(str(target), None)  # type: ignore[arg-type]
    assert target.read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["out.txt"]


def test_junit_is_valid_by_the_schema_of_jenkins(outputs: Path) -> None:
    xmlschema.XMLSchema(SCHEMAS / "junit-10.xsd").validate(str(outputs / "out/j.xml"))


def test_sarif_is_valid_by_its_schema(outputs: Path) -> None:
    schema = json.loads((SCHEMAS / "sarif-2.1.0-rtm.5.json").read_text())
    jsonschema.Draft4Validator(schema).validate(json.loads((outputs / "s.json").read_text()))


HOSTILE = Outcome("a b/\x01é.pspec", "s<&>", "n\x00", "bad\x1b]]> | `x`\n%", "``` \x07 &", "E0601", 0, -3, chart="x")


def test_whatever_a_message_contains_the_files_are_valid(tmp_path: Path) -> None:
    (tmp_path / "j.xml").write_text(junit([HOSTILE, HOSTILE]))
    xmlschema.XMLSchema(SCHEMAS / "junit-10.xsd").validate(str(tmp_path / "j.xml"))
    schema = json.loads((SCHEMAS / "sarif-2.1.0-rtm.5.json").read_text())
    jsonschema.Draft4Validator(schema).validate(json.loads(sarif([HOSTILE])))


def test_the_schemas_refuse_what_is_wrong(outputs: Path) -> None:
    broken = (outputs / "out/j.xml").read_text().replace("<testcase", "<case").replace("</testcase", "</case")
    assert not xmlschema.XMLSchema(SCHEMAS / "junit-10.xsd").is_valid(broken)
    schema = json.loads((SCHEMAS / "sarif-2.1.0-rtm.5.json").read_text())
    report = json.loads((outputs / "s.json").read_text())
    report["runs"][0]["results"][0]["level"] = "awful"
    assert not jsonschema.Draft4Validator(schema).is_valid(report)


def test_files_inside_the_working_directory_are_named_from_it(outputs: Path) -> None:
    whole = Outcome(str(outputs / "lib/x.pspec"), "s", "n", "bad", line=3)
    assert "file=lib/x.pspec,line=3" in workflow_commands([whole])[0]
    assert json.loads(sarif([whole]))["runs"][0]["results"][0]["locations"][0]["physicalLocation"][
        "artifactLocation"
    ] == {"uri": "lib/x.pspec"}


def test_a_summary_stays_within_what_github_takes() -> None:
    huge = [Outcome("a", "s", str(i), "bad", "x" * 50_000, chart="y" * 45_000) for i in range(40)]
    text = summary([], huge)
    assert len(text) < 1_000_000 and "more: see the log" in text and "mermaid" not in text
