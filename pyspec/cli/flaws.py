"""`pyspec flaws`: every flaw that a specification declares has to be caught by the properties it names."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from pyspec.base.diagnostics import SpecError
from pyspec.cli import exits, options, table
from pyspec.cli.console import count, duration, make_console, plural
from pyspec.cli.progress import progress_line
from pyspec.cli.report import Report, of_errors

if TYPE_CHECKING:
    from pyspec.cli.runner import Request
    from pyspec.lang.core import Flaw, Spec


@click.command("flaws")
@options.specs_argument()
@click.option(
    "-m", "--model", metavar="MODEL", help="Use this model for all flaws, instead of the one each flaw names."
)
@options.const_option()
@click.option("--flaw", "flaws", multiple=True, metavar="NAME", help="Only this flaw. Repeatable.")
@options.search_options()
@click.option("--trace", is_flag=True, help="Print the counterexample of each flaw.")
@options.output_options()
def command(
    specs: tuple[str, ...], as_json: bool, trace: bool, no_symmetry: bool, no_cache: bool, **asked: object
) -> int:
    """Switch each declared flaw on and see it caught.

    A flaw is caught if, with it, every property that it names is violated, and without it, in the same model, none is.
    """
    from pyspec.cli.check import spec_files
    from pyspec.cli.runner import Request

    base = Request("", symmetry=not no_symmetry, use_cache=not no_cache, **asked)  # type: ignore[arg-type]
    groups = [run_flaws(path, base, as_json) for path in spec_files(specs)]
    code = exits.worst(g["exit_code"] for g in groups)
    if as_json:
        print(json.dumps(groups[0] if len(groups) == 1 else {"results": groups, "exit_code": code}))
        return code
    console = make_console()
    if trace:
        for found in (f for g in groups for f in g["flaws"] if f["trace"]):
            console.print(f"{found['name']}: counterexample to {', '.join(found['violates'])}", style="bold")
            console.print(found["trace"]["text"])
    rows = [row for g in groups for row in summary_rows(g, alone=True)]
    if rows:
        table.show(console, rows, ("protocol", "model", "result", "states", "steps", "time", ""))
    else:
        console.print("no flaw is declared")
    return code


def run_flaws(path: str, base: Request, quiet: bool) -> Report:
    """All flaws of one specification: how each was caught. Kept in the cache as a whole, too."""
    from pyspec.cli import cache, runner

    name = cache.key(path, {"campaign": "flaws", **base.decides()}) if base.use_cache else None
    if name and (known := cache.load(name)):
        return {**known, "cached": True}
    before = {path: cache.digest(path)}
    try:
        spec = runner.load(path)
        chosen = [f for f in spec.flaws if not base.flaws or f.name in base.flaws]
        files = {**{file: cache.digest(file) for file in spec.files}, **before}
        found = Campaign(spec, replace(base, path=path), quiet).run(chosen)
    except SpecError as wrong:
        return {**of_errors(wrong.diagnostics, path), "protocol": path, "flaws": []}
    code = exits.worst(_code(f["verdict"]) for f in found)
    report: Report = {"file": path, "protocol": spec.name, "flaws": found, "exit_code": code, "cached": False}
    if name and all(f["verdict"] in ("caught", "missed", "not clean") for f in found):
        cache.store(name, report, files)
    return report


def _code(verdict: str) -> int:
    return {"caught": exits.OK, "incomplete": exits.BUDGET}.get(verdict, exits.FAILED)


class Campaign:
    """The searches for the flaws of one specification; the searches without a flaw are shared between flaws."""

    def __init__(self, spec: Spec, base: Request, quiet: bool) -> None:
        self.spec, self.base, self.quiet = spec, base, quiet
        self._clean: dict[object, Report] = {}

    def run(self, flaws: Sequence[Flaw]) -> list[Report]:
        """The outcome of each flaw."""
        from pyspec.model.instance import instantiate

        instantiate(self.spec, self.base.model, dict(self.base.consts), self.base.flaws)  # are the names right?
        return [self.outcome(flaw) for flaw in flaws]

    def outcome(self, flaw: Flaw) -> Report:
        """One flaw: its search, the search without it, and what they say together."""
        model = self.base.model or flaw.model
        request = replace(self.base, model=model, bounds_of=flaw.name if flaw.overrides else None)
        many = len(flaw.violates) > 1
        flawed = self._search(replace(request, flaws=(flaw.name,), only=flaw.violates, keep_going=many))
        clean = self._without(replace(request, flaws=()), flaw)
        violated = {p["name"]: p["trace"] for p in flawed["properties"] if p["verdict"] == "violated"}
        traces = [t for name in flaw.violates if (t := violated.get(name))]
        return {
            "name": flaw.name,
            "doc": flaw.doc,
            "violates": list(flaw.violates),
            "verdict": verdict(flaw, flawed, set(violated), clean),
            "model": flawed["model"],
            "steps": max((t["length"] for t in traces), default=None),
            "distinct": flawed["distinct"],
            "seconds": flawed["seconds"],
            "stopped_by": flawed["stopped_by"],
            "errors": flawed["errors"] or clean["errors"],
            "clean": {"verdict": clean["verdict"], "distinct": clean["distinct"], "seconds": clean["seconds"]},
            "trace": traces[0] if traces else None,
        }

    def _search(self, request: Request) -> Report:
        from pyspec.cli.runner import run

        progress = progress_line(quiet=self.quiet)
        try:
            return run(request, progress, self.spec)
        finally:
            if progress:
                progress.close()

    def _without(self, request: Request, flaw: Flaw) -> Report:
        """The search without the flaw. Bounds of its own are searched for liveness only if the flaw violates that: it
        rules out the reduction by symmetry, and a model without bounds of a flaw has it checked."""
        from pyspec.check.graph import LIVENESS

        if flaw.overrides:
            lively = (p.name for p in self.spec.properties if p.kind in LIVENESS)
            request = replace(request, without=tuple(name for name in lively if name not in flaw.violates))
        asked = (request.model, flaw.overrides, request.without)
        if asked not in self._clean:
            self._clean[asked] = self._search(request)
        return self._clean[asked]


def verdict(flaw: Flaw, flawed: Report, violated: set[str], clean: Report) -> str:
    """`caught`, or why not: `missed`, `not clean` (violated without the flaw), `error`, `incomplete`."""
    clean_violated = {p["name"] for p in clean["properties"] if p["verdict"] == "violated"}
    if clean_violated & set(flaw.violates) or clean["errors"]:
        return "not clean"
    if flawed["errors"]:
        return "error"
    if not set(flaw.violates) <= violated:
        return "incomplete" if flawed["stopped_by"] else "missed"
    return "incomplete" if clean["stopped_by"] else "caught"


def summary_rows(group: Report, *, alone: bool = False) -> list[table.Row]:
    """The flaws of one specification as rows of a table; `alone`: the specification has no row above them."""
    rows = []
    if group.get("verdict") == "error":
        return [table.Row((group["protocol"], "", "error", "", "", "", group["errors"][0]["message"]), "bold red")]
    for found in group["flaws"]:
        style = {"caught": "green", "incomplete": "yellow"}.get(found["verdict"], "bold red")
        steps = "" if found["steps"] is None else str(found["steps"])
        name = f"{group['protocol']}: {found['name']}" if alone else f"flaw {found['name']}"
        cells = (name, found["model"], found["verdict"], count(found["distinct"]), steps, duration(found["seconds"]))
        rows.append(table.Row((*cells, note(found)), style, indent=not alone))
    return rows


def note(found: Report) -> str:
    """What the last column says about one flaw."""
    names = ", ".join(found["violates"])
    if found["verdict"] == "caught":
        return f"violates {names} in {plural(found['steps'], 'step')}"
    if found["verdict"] == "error":
        return f"{found['errors'][0]['code']} {found['errors'][0]['message']}"
    if found["verdict"] == "not clean" and found["errors"]:
        return f"without the flaw, too: {found['errors'][0]['code']} {found['errors'][0]['message']}"
    if found["verdict"] == "not clean":
        return f"{names}: violated without the flaw, too"
    return f"does not violate {names}" if found["verdict"] == "missed" else "a budget ran out"
