"""`pyspec prove`: invariants for any number of nodes, or for the sizes of a model, by induction with z3."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from pyspec.base.diagnostics import Diagnostic, SpecError
from pyspec.base.source import Span
from pyspec.cli import diagnostics, exits, options, table
from pyspec.cli.apart import apart
from pyspec.cli.check import spec_files
from pyspec.cli.console import count, duration, make_console
from pyspec.cli.explaining import explain_file
from pyspec.cli.explaining import tell as tell_fragment
from pyspec.cli.proving import Asked, has_laws, prove_file, tell
from pyspec.cli.report import Report, of_errors
from pyspec.cli.suggesting import suggest_file
from pyspec.cli.suggesting import tell as tell_lemmas


@click.command("prove")
@options.specs_argument()
@click.option("--any-size", is_flag=True, help="Prove for any number of nodes (the default without -m).")
@options.model_options()
@click.option("--seconds", type=click.FloatRange(min=0.1), default=20.0, show_default=True, help="Per obligation.")
@click.option("--threads", type=click.IntRange(1, 256), help="Obligations solved at once (default: processors).")
@click.option("--no-search", is_flag=True, help="Do not search the explored model for violations first.")
@click.option("--laws", is_flag=True, help="Prove the laws of the functions, and nothing of the protocol.")
@click.option("--no-refinement", is_flag=True, help="Leave refinement to the search of a model (`pyspec check`).")
@click.option("--no-cache", is_flag=True, help="Solve even what is known from an earlier run.")
@click.option("--suggest", is_flag=True, help="Search for lemmas that make the invariants inductive.")
@click.option(
    "--max-seconds", type=click.FloatRange(min=1), help="For all of it (default: 600, --suggest: 120, --needed: 1800)."
)
@click.option("--needed", is_flag=True, help="Prove again without each lemma in turn: does the proof need it?")
@click.option("--explain", is_flag=True, help="Prove nothing; say whether it is decidable, and what is in the way.")
@options.output_options()
def command(
    specs: tuple[str, ...],
    any_size: bool,
    suggest: bool,
    max_seconds: float | None,
    explain: bool,
    as_json: bool,
    **asked: Any,
) -> int:
    """Prove invariants, lemmas and step properties by induction.

    Without -m the proof is for any number of nodes and any constants that the assumptions allow; with -m for the
    sizes of that model. Lemmas strengthen the induction. What is not proved comes with a counterexample to induction.

    With --suggest, lemmas are searched for, from the vocabulary of the specification and the predicates that it names
    as hints, and printed as lines to paste.

    With --needed, what is proved is proved again without each of its lemmas.

    With --explain, the sort graph of the quantifier alternations is shown, and which obligations are in the decidable
    fragment (EPR): elsewhere the solver may search for ever.
    """
    usual = 120.0 if suggest else 1800.0 if asked["needed"] else 600.0
    request = Asked(**asked, max_seconds=max_seconds or usual)
    if any_size and request.model is not None:
        raise click.UsageError("--any-size and -m exclude each other")
    if request.needed and (suggest or explain or request.laws):
        raise click.UsageError("--needed is about lemmas: it goes without --suggest, --explain and --laws")
    if explain and (suggest or request.model is not None or request.consts):
        raise click.UsageError("--explain is about proofs for any size: it goes without --suggest, -m and --const")
    make: Make = partial(_suggest, request) if suggest else partial(_prove, request)
    if explain:
        make = partial(_explain, request)
    console = make_console()
    reports = []
    paths = spec_files(specs)
    if request.laws:
        paths = [path for path in paths if has_laws(path)]
        if not paths:
            raise click.UsageError("nothing here states a law")
    for path in paths:
        report = _reported(path, as_json, make)
        reports.append(report)
        if not as_json:
            _teller(report)(console, report)
    code = exits.worst(report["exit_code"] for report in reports)
    if as_json:
        single = len(paths) == 1 and not Path(specs[0]).is_dir()
        print(json.dumps(reports[0] if single else {"results": reports, "exit_code": code}))
    elif len(reports) > 1 and not suggest and not explain:
        console.print()
        table.show(console, [_row(report) for report in reports], COLUMNS)
    return code


COLUMNS = ("protocol", "setting", "result", "obligations", "proved", "time", "")


Progress = Callable[[int, int, str], None] | None
#: What makes the report of a file, and tells how far it is.
Make = Callable[[str, Progress], Report]


def _reported(path: str, quiet: bool, make: Make) -> Report:
    """The report for one file; mistakes in it are a report as well."""
    progress, close = _progress(path, quiet)
    try:
        return apart(partial(make, path), progress)
    except SpecError as wrong:
        return _mistakes(wrong.diagnostics, path)
    except OSError as wrong:
        return _unread(wrong, path)
    finally:
        close()


def _prove(request: Asked, path: str, progress: Progress) -> Report:
    return prove_file(path, request, progress)


def _suggest(request: Asked, path: str, progress: Progress) -> Report:
    def told(line: str) -> None:
        if progress is not None:
            progress(0, 0, line)

    return suggest_file(path, request, request.max_seconds, told)


def _explain(request: Asked, path: str, progress: Progress) -> Report:
    return explain_file(path, request.flaws)


def _teller(report: Report) -> Callable[[Console, Report], None]:
    """What prints a report, by what is in it: one of mistakes has nothing but these."""
    if "fragment" in report:
        return tell_fragment
    return tell_lemmas if "lemmas" in report else tell


def _unread(wrong: OSError, path: str) -> Report:
    if wrong.filename is None or Path(str(wrong.filename)) != Path(path):
        raise wrong
    return _mistakes([Diagnostic("E0001", f"cannot read the file: {wrong.strerror}", Span(path))], path)


def _mistakes(found: Sequence[Diagnostic], path: str) -> Report:
    report = {**of_errors(found, path), "protocol": Path(path).stem}
    report["shown"] = [diagnostics.to_json(one) for one in found]
    return report


def _progress(path: str, quiet: bool) -> tuple[Progress, Callable[[], None]]:
    """A line that is rewritten while obligations are solved, on a terminal only."""
    if quiet or not sys.stderr.isatty():
        return None, lambda: None
    name = Path(path).stem

    def told(done: int, total: int, what: str) -> None:
        counted = f"{done} of {total} obligations, " if total else ""
        sys.stderr.write(f"\r\x1b[2K{name}: {counted}{what}"[:150])
        sys.stderr.flush()

    def close() -> None:
        sys.stderr.write("\r\x1b[2K")
        sys.stderr.flush()

    return told, close


def _row(report: Report) -> table.Row:
    style = {exits.OK: "green", exits.BUDGET: "yellow"}.get(report["exit_code"], "bold red")
    if report["verdict"] == "error":
        number = len(report["errors"])
        what = "1 error" if number == 1 else f"{number} errors"
        return table.Row((report["protocol"], "", "error", "", "", "", what), style)
    open_ = [p["name"] for p in report["properties"] if p["verdict"] != "proved"]
    proved = sum(o["status"] == "proved" for o in report["obligations"])
    note = ", ".join(open_[:4]) + (", ..." if len(open_) > 4 else "") + ("  (cached)" if report["cached"] else "")
    cells = (report["protocol"], report["setting"], report["verdict"], count(len(report["obligations"])), count(proved))
    return table.Row((*cells, duration(report["seconds"]), note), style)
