"""`pyspec check`: exhaustive search of one model of each specification given."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from pyspec.base.diagnostics import Diagnostic, SpecError
from pyspec.base.source import Span
from pyspec.cli import diagnostics, exits, options, story, table
from pyspec.cli.console import count, duration, make_console, plain
from pyspec.cli.progress import progress_line
from pyspec.cli.report import Report, exit_code, of_errors
from pyspec.cli.runner import Request, run


@click.command("check")
@options.specs_argument()
@options.model_options()
@options.search_options()
@click.option("--keep-going", is_flag=True, help="Go on after the first violation, until every property is decided.")
@click.option("--strict", is_flag=True, help="Actions that never fire and warnings are failures.")
@click.option("--checkpoint", metavar="DIR", help="Save the search in DIR from time to time, and when it is stopped.")
@click.option("--resume", metavar="DIR", help="Go on with the search saved in DIR, and save it there again.")
@click.option("--flaws", "with_flaws", is_flag=True, help="Then run every declared flaw, as `pyspec flaws` does.")
@click.option("--junit", "junit_file", metavar="FILE", help="Write the outcome as JUnit XML.")
@click.option("--sarif", "sarif_file", metavar="FILE", help="Write what is wrong as SARIF, with places in the text.")
@click.option("--github", is_flag=True, help="Print annotations for GitHub, and append to its job summary.")
@click.option(
    "--budget",
    "budgets",
    multiple=True,
    type=options.Budget(),
    help="Seconds for one property, which then is searched apart from the others: --budget no_loss=30. Repeatable.",
)
@click.option("--snapshot", metavar="FILE", help="Compare counts and verdicts with those in FILE; other ones fail.")
@click.option("--update-snapshot", is_flag=True, help="Write what differs to the snapshot instead of failing.")
@options.output_options()
def command(
    specs: tuple[str, ...],
    as_json: bool,
    strict: bool,
    with_flaws: bool,
    junit_file: str | None,
    sarif_file: str | None,
    github: bool,
    budgets: tuple[tuple[str, float], ...],
    snapshot: str | None,
    update_snapshot: bool,
    no_symmetry: bool,
    no_cache: bool,
    **asked: object,
) -> int:
    """Search every reachable state of a model for a violated property.

    Each SPEC is a file, or a folder: then all .pspec files in it. The exit code is 0 if every expectation is met.
    """
    paths = spec_files(specs)
    one_search(len(paths), asked)
    base = Request("", symmetry=not no_symmetry, use_cache=not no_cache, **asked)  # type: ignore[arg-type]
    if update_snapshot and not snapshot:
        raise click.UsageError("--update-snapshot needs --snapshot FILE")
    console = make_console()
    reports, flawed = [], []
    for path in paths:
        report = check_one(path, base, as_json, dict(budgets))
        reports.append(report)
        if not as_json:
            tell(console, report, strict)
        if with_flaws and report["verdict"] != "error":
            from pyspec.cli.flaws import run_flaws

            flawed.append(run_flaws(path, base, as_json))
    known_properties(budgets, reports)
    codes = [*(exit_code(r, strict=strict) for r in reports), *(f["exit_code"] for f in flawed)]
    drift = snapshot_drift(snapshot, reports, flawed, update=update_snapshot)
    code = exits.worst([*codes, exits.FAILED if drift and not update_snapshot else exits.OK])
    if junit_file or sarif_file or github:
        from pyspec.cli import ci

        found = [*ci.outcomes(reports, flawed), *ci.of_drift(snapshot, drift, update=update_snapshot)]
        ci.write_files(found, junit_file, sarif_file)
        for line in ci.github(reports, found) if github else ():
            click.echo(line, err=as_json)
    if as_json:
        print_json(reports, flawed, code, strict, single=len(paths) == 1 and not Path(specs[0]).is_dir())
    elif len(reports) > 1 or flawed:
        console.print()
        table.show(console, summary_rows(reports, flawed, strict), COLUMNS)
    if not as_json and snapshot:
        tell_drift(console, snapshot, drift, update=update_snapshot)
    return code


def snapshot_drift(path: str | None, reports: Sequence[Report], flawed: Sequence[Report], *, update: bool) -> list[str]:
    """How what was found differs from the snapshot, if there is one."""
    if path is None:
        return []
    from pyspec.cli import snapshot

    return snapshot.compare(path, reports, flawed, update=update)


def tell_drift(console: Console, path: str, drift: Sequence[str], *, update: bool) -> None:
    """Prints how what was found differs from the snapshot."""
    if not drift:
        console.print(Text(f"snapshot {plain(path)}: no difference", "green"))
        return
    styles = {"+": "green", "-": "red"}
    for line in drift:
        console.print(Text(plain(line), styles.get(line[:1], "")))
    said = "written" if update else "differs (--update-snapshot writes it, if this is meant)"
    console.print(Text(f"snapshot {plain(path)}: {said}", "bold" if update else "bold red"))


def known_properties(budgets: Sequence[tuple[str, float]], reports: Sequence[Report]) -> None:
    """Each budget must be that of some property, unless a specification could not be read."""
    names = {p["name"] for r in reports for p in r.get("properties", ())}
    wrong = [name for name, _ in budgets if name not in names]
    if wrong and all(r["verdict"] != "error" for r in reports):
        raise click.UsageError(f"--budget {wrong[0]}: no specification has such a property")


COLUMNS = ("protocol", "model", "result", "states", "depth", "time", "")


def spec_files(names: Sequence[str]) -> list[str]:
    """The files named, folders replaced by their .pspec files; each must exist."""
    found: list[str] = []
    for name in names:
        if Path(name).is_dir():
            inside = sorted(str(p) for p in Path(name).glob("*.pspec"))
            if not inside:
                raise click.UsageError(f"there is no .pspec file in the folder {name}")
            found += inside
        else:
            found.append(name)
    return list(dict.fromkeys(found))


def one_search(files: int, asked: dict[str, object]) -> None:
    """A folder holds one search, of the native engine, and a search that goes on is saved where it was."""
    given = [name for name in ("checkpoint", "resume") if asked.get(name)]
    if not given:
        return
    named = " and ".join(f"--{name}" for name in given)
    if files > 1:
        raise click.UsageError(f"{named}: a folder holds one search, but {files} specifications were given")
    if asked.get("engine") == "python":
        raise click.UsageError(f"{named}: only the native engine can save a search")
    if len(given) == 2 and Path(str(asked["checkpoint"])).resolve() != Path(str(asked["resume"])).resolve():
        raise click.UsageError("--resume saves the search in its own folder again; leave out --checkpoint")


def check_one(path: str, base: Request, quiet: bool, budgets: dict[str, float]) -> Report:
    """The report for one file; mistakes in it are a report as well, so that the other files get their turn."""
    from dataclasses import replace

    progress = progress_line(quiet=quiet)
    try:
        request = replace(base, path=path)
        if budgets:
            from pyspec.cli.budgets import run_within

            return run_within(request, budgets, progress)
        return run(request, progress)
    except SpecError as wrong:
        code = exits.BUDGET if {d.code for d in wrong.diagnostics} == {"E0907"} else exits.WRONG
        found = of_errors(wrong.diagnostics, path, code)
        return {**found, "protocol": Path(path).stem, "diagnostics": wrong.diagnostics}
    except OSError as wrong:
        if wrong.filename is None or Path(str(wrong.filename)) != Path(path):
            raise
        problem = Diagnostic("E0001", f"cannot read the file: {wrong.strerror}", Span(path))
        return {**of_errors([problem], path), "protocol": Path(path).stem, "diagnostics": (problem,)}
    finally:
        if progress:
            progress.close()


def tell(console: Console, report: Report, strict: bool) -> None:
    """Prints one report: mistakes on standard error, a result as a story."""
    if report["verdict"] == "error":
        diagnostics.show(make_console(stderr=True), report["diagnostics"])
    else:
        story.tell(console, report, strict=strict)


def summary_rows(reports: Sequence[Report], flawed: Sequence[Report], strict: bool) -> list[table.Row]:
    """The closing table: a line for each specification, and below it one for each of its flaws."""
    rows: list[table.Row] = []
    for report in reports:
        rows.append(summary_row(report, strict))
        for group in flawed:
            if group["file"] == report["file"]:
                from pyspec.cli.flaws import summary_rows as flaw_rows

                rows += flaw_rows(group)
    return rows


def summary_row(report: Report, strict: bool) -> table.Row:
    """One specification in the closing table."""
    if report["verdict"] == "error":
        number = len(report["errors"])
        what = "1 error" if number == 1 else f"{number} errors"
        return table.Row((report["protocol"], "", "error", "", "", "", what), "bold red")
    code = exit_code(report, strict=strict)
    violated = [p["name"] for p in report["properties"] if p["verdict"] == "violated"]
    note = ", ".join(violated)
    unmet = [e for e in report["expectations"] if not e["met"]]
    if unmet and not report["stopped_by"]:
        note = "; ".join(f"expected {e['what']} {e['expected']}, found {e['found']}" for e in unmet)
    if report["errors"]:
        note = f"{report['errors'][0]['code']} {report['errors'][0]['message']}"
    result = report["verdict"] if code in (exits.OK, exits.BUDGET) or violated else "failed"
    style = {exits.OK: "green", exits.BUDGET: "yellow"}.get(code, "bold red")
    cells = (report["protocol"], report["model"], result, count(report["distinct"]), str(report["depth"]))
    notes = [
        note,
        f"stopped by {report['stopped_by']}" if report["stopped_by"] else "",
        "(cached)" if report["cached"] else "",
    ]
    return table.Row((*cells, duration(report["seconds"]), "  ".join(n for n in notes if n)), style)


def print_json(reports: Sequence[Report], flawed: Sequence[Report], code: int, strict: bool, *, single: bool) -> None:
    """One object: the report itself for a single file, else a list of them under "results"."""
    plain = [
        {k: v for k, v in r.items() if k != "diagnostics"} | {"exit_code": exit_code(r, strict=strict)} for r in reports
    ]
    if single and not flawed:
        print(json.dumps(plain[0]))
    else:
        print(json.dumps({"results": plain, "flaws": list(flawed), "exit_code": code}))
