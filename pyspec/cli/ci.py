"""Results for continuous integration: JUnit XML, SARIF 2.1.0, and annotations and a job summary for GitHub."""

from __future__ import annotations

import json
import os
import re
import urllib.parse
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyspec
from pyspec.cli.files import write_whole
from pyspec.cli.report import Report

#: Characters that XML 1.0 cannot hold.
_NOT_XML = {c: "?" for c in (*range(32), 0xFFFE, 0xFFFF) if c not in (9, 10, 13)}


@dataclass(frozen=True)
class Outcome:
    """One thing that was checked: a property, an expectation, a flaw, or a file that could not be read."""

    file: str
    suite: str
    name: str
    problem: str = ""  # empty: it is as it should be
    story: str = ""
    code: str = ""
    line: int = 1
    column: int = 1
    seconds: float = 0.0
    chart: str = ""  # the story as a Mermaid diagram
    skipped: bool = False  # not decided, because the search ended at a violation of something else


def outcomes(reports: Sequence[Report], flawed: Sequence[Report]) -> list[Outcome]:
    """Everything that was checked, in order."""
    found = [o for r in reports for o in _of_report(r)]
    return found + [o for group in flawed for o in _of_flaws(group)]


def _of_report(report: Report) -> Iterator[Outcome]:
    file, suite = report["file"] or "", f"{report['protocol']}.{report.get('model', '')}".strip(".")
    for e in report["errors"]:
        line, column = e.get("line") or 1, e.get("column") or 1
        run = report.get("error_trace") or {}
        story, chart = run.get("text", ""), run.get("mermaid", "")
        yield Outcome(
            e.get("file") or file, suite, e["code"], e["message"], story, e["code"], line, column, chart=chart
        )
    for number, p in enumerate(report.get("properties", ())):
        seconds = report["seconds"] if number == 0 else 0.0
        yield _of_property(p, file, suite, seconds, report)
    for e in report.get("expectations", ()):
        what = f"expected {e['what']} {e['expected']}, found {e['found']}"
        yield Outcome(file, suite, f"expect {e['what']}", "" if e["met"] else what, code="expectation")


def _of_property(p: Report, file: str, suite: str, seconds: float, report: Report) -> Outcome:
    expected = any(e["what"] == f"violated {p['name']}" and e["met"] for e in report["expectations"])
    undecided = p["verdict"] == "incomplete" and report["verdict"] == "violated"
    problem = "" if p["verdict"] == "holds" or expected or undecided else f"{p['kind']} {p['name']} is {p['verdict']}"
    told = (p["trace"] or {}) if problem else {}
    line, column = p.get("line") or 1, p.get("column") or 1
    story, chart = told.get("text", ""), told.get("mermaid", "")
    return Outcome(file, suite, p["name"], problem, story, p["kind"], line, column, seconds, chart, undecided)


def _of_flaws(group: Report) -> Iterator[Outcome]:
    for f in group["flaws"]:
        caught = f["verdict"] == "caught"
        problem = "" if caught else f"flaw {f['name']} should violate {', '.join(f['violates'])}: {f['verdict']}"
        name = f"{group['protocol']}.flaws"
        yield Outcome(group["file"], name, f["name"], problem, code="flaw", seconds=f["seconds"])


def of_drift(path: str | None, drift: Sequence[str], *, update: bool) -> list[Outcome]:
    """The comparison with the snapshot as one more thing that was checked."""
    if path is None:
        return []
    problem = f"counts or verdicts differ from the snapshot {path}" if drift and not update else ""
    return [Outcome(path, "snapshot", path, problem, "\n".join(drift) if problem else "", code="snapshot")]


def _xml(text: str) -> str:
    """Text without what XML cannot hold."""
    return text.translate(_NOT_XML).encode("utf-8", "replace").decode()


def junit(found: Sequence[Outcome]) -> str:
    """JUnit XML: a suite for each model, a case for each property."""
    failures = str(sum(bool(o.problem) for o in found))
    root = ET.Element("testsuites", name="pyspec", tests=str(len(found)), failures=failures)
    for suite in dict.fromkeys(o.suite for o in found):
        cases = [o for o in found if o.suite == suite]
        counts = {"tests": len(cases), "failures": sum(bool(o.problem) for o in cases), "errors": 0}
        seconds = f"{sum(o.seconds for o in cases):.3f}"
        attributes = {"name": _xml(suite), **{k: str(n) for k, n in counts.items()}, "time": seconds}
        element = ET.SubElement(root, "testsuite", attributes)
        for o in cases:
            _case(element, o)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _case(suite: ET.Element, o: Outcome) -> None:
    case = ET.SubElement(suite, "testcase", classname=_xml(o.suite), name=_xml(o.name), time=f"{o.seconds:.3f}")
    if o.skipped:
        ET.SubElement(case, "skipped", message="the search ended at a violation of another property")
    if o.problem:
        failure = ET.SubElement(case, "failure", message=_xml(o.problem), type=o.code or "failure")
        failure.text = _xml(f"{o.file}:{o.line}\n{o.story}")


def sarif(found: Sequence[Outcome]) -> str:
    """SARIF 2.1.0: what is wrong, with its place in the specification."""
    wrong = [o for o in found if o.problem]
    rules = [_rule(code) for code in dict.fromkeys(o.code or "failure" for o in wrong)]
    driver = {"name": "pyspec", "version": pyspec.__version__, "rules": rules}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": [_sarif_result(o) for o in wrong]}
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return json.dumps({"$schema": schema, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(code: str) -> Report:
    from pyspec.base.codes import codes

    title = codes()[code].title if code in codes() else _RULES.get(code, f"a property of the kind {code}")
    return {"id": code, "shortDescription": {"text": title}}


_RULES = {
    "expectation": "the search found other counts or verdicts than the model expects",
    "flaw": "a known flaw is not caught as declared",
    "snapshot": "counts or verdicts differ from the committed snapshot",
}


def here(file: str) -> str:
    """A file as code review names it: from the working directory, if it is inside."""
    path = Path(os.path.abspath(file))
    return path.relative_to(Path.cwd()).as_posix() if path.is_relative_to(Path.cwd()) else Path(file).as_posix()


def _sarif_result(o: Outcome) -> Report:
    text = o.problem + (f"\n{o.story}" if o.story else "")
    uri = urllib.parse.quote(here(o.file))
    region = {"startLine": max(o.line, 1), "startColumn": max(o.column, 1)}
    location = {"physicalLocation": {"artifactLocation": {"uri": uri}, "region": region}}
    return {"ruleId": o.code or "failure", "level": "error", "message": {"text": text}, "locations": [location]}


def workflow_commands(found: Sequence[Outcome]) -> list[str]:
    """Workflow commands of GitHub that show each problem at its line."""
    return [_workflow_command(o) for o in found if o.problem]


def _workflow_command(o: Outcome) -> str:
    place = f"file={_property(here(o.file))},line={o.line},col={o.column}"
    return f"::error {place},title={_property(o.name)}::{_data(_told(o))}"


def _told(o: Outcome) -> str:
    return o.problem + (f"\n{o.story}" if o.story else "")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


SUMMARY_LIMIT = 900_000  # characters; GitHub refuses a summary of more than a mebibyte
CHART_LIMIT = 40_000  # characters; Mermaid refuses a diagram of more than 50,000
MOST_CHARTS = 12  # pages with many diagrams are slow to open


def summary(reports: Sequence[Report], found: Sequence[Outcome]) -> str:
    """Markdown for the job summary: a table, then each problem with its chart and its story, while there is room."""
    wrong = [o for o in found if o.problem]
    head = (
        f"## pyspec: {len(wrong)} of {len(found)} checks failed" if wrong else f"## pyspec: {len(found)} checks passed"
    )
    lines = [head, "", "| protocol | model | verdict | states |", "| --- | --- | --- | ---: |"]
    for r in reports:
        states = f"{r['distinct']:,}" if "distinct" in r else ""
        lines.append(f"| {r['protocol']} | {r.get('model', '')} | {r['verdict']} | {states} |")
    text = "\n".join(lines) + "\n"
    for number, o in enumerate(wrong):
        part = _problem(o, charted=number < MOST_CHARTS)
        if len(text) + len(part) > SUMMARY_LIMIT:
            return text + f"\n... and {len(wrong) - number} more: see the log.\n"
        text += part
    return text


def _problem(o: Outcome, *, charted: bool) -> str:
    place = f"`{o.file}:{o.line}`"
    lines = ["", f"### {o.suite}: {_inline(o.problem)}", "", place]
    if charted and o.chart and len(o.chart) <= CHART_LIMIT:
        lines += ["", "```mermaid", o.chart.rstrip(), "```"]
    if o.story:
        fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", o.story)), default=0))
        kind = "diff" if o.code == "snapshot" else "text"
        lines += [
            "",
            "<details><summary>step by step</summary>",
            "",
            f"{fence}{kind}",
            o.story,
            fence,
            "",
            "</details>",
        ]
    return "\n".join(lines) + "\n"


def _inline(text: str) -> str:
    return text.replace("\n", " ").replace("|", "\\|").replace("<", "&lt;")


def write_files(found: Sequence[Outcome], junit_file: str | None, sarif_file: str | None) -> None:
    """Write the files that were asked for."""
    if junit_file:
        write_whole(junit_file, junit(found))
    if sarif_file:
        write_whole(sarif_file, sarif(found))


def github(reports: Sequence[Report], found: Sequence[Outcome]) -> list[str]:
    """Annotations to print; the job summary is appended to $GITHUB_STEP_SUMMARY if that is set."""
    target = os.environ.get("GITHUB_STEP_SUMMARY")
    if target:
        with Path(target).open("a", encoding="utf-8") as out:
            out.write(summary(reports, found))
    return workflow_commands(found)
