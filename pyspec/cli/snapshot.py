"""The snapshot of a library: counts and verdicts of every model in one text file that is committed.

A change of a specification that makes the searched space smaller (a guard too strong, a range too narrow, a message no
longer sent) leaves every property true. In the snapshot it is a line of the diff that a reviewer sees.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path

from pyspec.cli.files import write_whole
from pyspec.cli.report import Report, is_complete

HEAD = "# Counts and verdicts of searches, for review. Written by `pyspec check ... --snapshot FILE --update-snapshot`."
Sections = dict[str, list[str]]


def sections(reports: Sequence[Report], flawed: Sequence[Report]) -> Sections:
    """What the snapshot says about complete searches: the lines under each heading."""
    found = {title(r): list(_lines(r)) for r in reports if r["verdict"] != "error" and is_complete(r)}
    for group in flawed:
        lines = [f"  {_flaw(f)}" for f in group["flaws"] if f["verdict"] in ("caught", "missed", "not clean")]
        if lines:
            found[f"{_file(group['file'])}, flaws"] = lines
    return found


def title(report: Report) -> str:
    """The heading of a model's section."""
    return f"{_file(report['file'])}, model {report['model']}"


def _file(name: str) -> str:
    return Path(name).as_posix()


def _lines(report: Report) -> Iterable[str]:
    if report.get("constants"):
        yield f"  constants: {report['constants']}"
    kind = f" up to symmetry of {', '.join(report['symmetry'])}" if report["symmetry"] else ""
    yield f"  states: {report['distinct']:,}{kind}"
    yield f"  generated: {report['generated']:,}"
    yield f"  depth: {report['depth']}"
    if report["limited"]:
        yield "  limited: states beyond the model's limit were not expanded"
    for found in report["properties"]:
        goal = found["kind"] == "reachable" and found["trace"]
        yield f"  {found['kind']} {found['name']}: {found['verdict']}" + (
            f", {found['trace']['length']} steps" if goal else ""
        )
    for action in report["actions"]:
        yield f"  action {action['name']}: {action['fired']:,}"


def _flaw(found: Report) -> str:
    if found["verdict"] != "caught":
        return f"{found['name']}: {found['verdict']}"
    how = f"violates {', '.join(found['violates'])} after {found['steps']} steps"
    return f"{found['name']} (model {found['model']}): {how}, {found['distinct']:,} states"


def parse(text: str) -> Sections:
    """A snapshot file as sections."""
    found: Sections = {}
    current: list[str] = []
    for line in text.splitlines():
        if line.startswith("  "):
            current.append(line.rstrip())
        elif line.strip() and not line.startswith("#"):
            current = found.setdefault(line.strip(), [])
    return found


def write(found: Sections) -> str:
    """Sections as the text of a file, in the order of their headings."""
    parts = ["\n".join([name, *found[name]]) for name in sorted(found)]
    return "\n\n".join([HEAD, *parts]) + "\n"


def merged(old: Sections, new: Sections) -> Sections:
    """The old sections brought up to date: those of files that are gone are left out."""
    kept = {name: lines for name, lines in old.items() if Path(name.rpartition(", ")[0]).exists()}
    return {**kept, **new}


def drift(path: str, old: Sections, new: Sections) -> list[str]:
    """The difference between the snapshot and what was found, as a unified diff; empty if there is none.

    Sections of models that were not searched are left as they are, those of files that are gone are a difference.
    """
    searched = {name: lines for name, lines in old.items() if name in new}
    gone = {name: old[name] for name in set(old) - set(merged(old, new))}
    before = write({**searched, **gone}).splitlines()[1:]
    after = write(new).splitlines()[1:]
    return list(difflib.unified_diff(before, after, path, "this run", n=100, lineterm=""))


def compare(path: str, reports: Sequence[Report], flawed: Sequence[Report], *, update: bool) -> list[str]:
    """Compares with the snapshot in a file, or brings it up to date; returns the difference (before an update).

    Raises OSError if the file cannot be read or written. A file that does not exist is an empty snapshot.
    """
    old = parse(Path(path).read_text(encoding="utf-8")) if Path(path).exists() else {}
    new = sections(reports, flawed)
    found = drift(path, old, new)
    if update and found:
        write_whole(path, write(merged(old, new)))
    return found
