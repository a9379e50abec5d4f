"""`pyspec trace`: logs of running programs held against a specification, histories of clients against a model."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pyspec.base.diagnostics import Diagnostic
from pyspec.cli import exits, options
from pyspec.cli.console import count, duration, make_console, plain, plural

if TYPE_CHECKING:
    from pyspec.conform import TraceMapping, TraceResult
    from pyspec.conform.linear import Verdict


_EXITS = {"accepted": exits.OK, "rejected": exits.FAILED, "unknown": exits.BUDGET}
_WORSE = ("accepted", "unknown", "rejected")


@click.group("trace")
def command() -> None:
    """Hold logs of running programs against a specification."""


def _inputs(traces: tuple[str, ...], order: str) -> list[list[str]]:
    """The files of each trace: those of a folder together; others each for itself, unless the order merges files."""
    found: list[list[str]] = []
    loose: list[str] = []
    for name in traces:
        if Path(name).is_dir():
            inside = sorted(str(p) for p in Path(name).iterdir() if p.is_file() and not p.name.startswith("."))
            if not inside:
                raise click.UsageError(f"the folder {name} has no files")
            found.append(inside)
        elif order == "file":
            found.append([name])
        else:
            loose.append(name)
    return [*found, loose] if loose else found


@command.command("validate")
@options.spec_argument()
@click.argument("traces", nargs=-1, required=True, metavar="TRACE...")
@click.option("--map", "mapping", required=True, metavar="MAP.toml", help="What the log's events and fields stand for.")
@options.model_options()
@click.option("--width", type=click.IntRange(1), default=256, show_default=True, help="States kept at once.")
@click.option("--window", type=click.IntRange(1), default=1000, show_default=True, help="Events to go back.")
@click.option(
    "--tries", type=click.IntRange(1), default=200_000, show_default=True, help="States to try when going back."
)
@click.option("--max-seconds", type=click.FloatRange(min=0, min_open=True), metavar="S", help="Stop after S seconds.")
@click.option("--coverage", "covering", is_flag=True, help="Report what the traces did not exercise (slower).")
@options.output_options()
def validate(
    spec: str,
    traces: tuple[str, ...],
    mapping: str,
    model: str | None,
    consts: tuple[tuple[str, str], ...],
    flaws: tuple[str, ...],
    width: int,
    window: int,
    tries: int,
    max_seconds: float | None,
    covering: bool,
    as_json: bool,
) -> int:
    """Is each TRACE a behaviour of SPEC, as MAP.toml reads it?

    A TRACE is a file, or a folder with the files of one trace. See docs/trace-validation.md.
    """
    from pyspec.conform import Limits, load_mapping
    from pyspec.conform.coverage import Coverage

    loaded = load_mapping(spec, mapping)
    limits = Limits(width, window, tries)
    sizes = {name: int(value) if value.lstrip("-").isdigit() else value for name, value in consts}
    console = make_console()
    results: list[TraceResult] = []
    coverage = Coverage() if covering else None
    for files in _inputs(traces, loaded.text.log.order):
        result = loaded.validate(files, sizes, limits, model, flaws, max_seconds, coverage)
        results.append(result)
        if not as_json:
            for line in story(result):
                console.print(plain(line))
    code = exits.worst(_EXITS[result.verdict] for result in results)
    if as_json:
        more: dict[str, Any] = {}
        if coverage is not None:
            more = {"coverage": {**coverage.to_json(), "unmissed": coverage.unmissed(loaded.known.spec)}}
        print(json.dumps({**report(loaded, spec, mapping, results), **more, "exit_code": code}))
    elif len(results) > 1:
        counts = Counter(result.verdict for result in results)
        told = [f"{counts[verdict]} {verdict}" for verdict in _EXITS if counts[verdict] or verdict != "unknown"]
        console.print(f"{plural(len(results), 'trace')}: {', '.join(told)}")
    if coverage is not None and not as_json:
        unmissed = coverage.unmissed(loaded.known.spec)
        shown = [f"no trace and no property misses: {what} ({action}, line {line})" for action, line, what in unmissed]
        for line in ["coverage:", *(f"  {line}" for line in (*coverage.lines(), *shown))]:
            console.print(plain(line))
    return code


def story(result: TraceResult) -> list[str]:
    """A result for people."""
    name = ", ".join(result.files) if len(result.files) < 4 else f"{result.files[0]} and {len(result.files) - 1} more"
    rate = f", {count(result.events / result.seconds)} events/s" if result.seconds > 0.5 else ""
    more = [f"at most {plural(result.widest, 'state')} at once"] if result.widest > 1 else []
    more += [plural(result.silent_steps, "silent step")] if result.silent_steps else []
    more += [f"{plural(result.reordered, 'event')} out of the order of the files"] if result.reordered else []
    about = f"{plural(result.events, 'event')} explained in {duration(result.seconds)}{rate}"
    lines = [f"{name}: {result.verdict}", f"  {'; '.join([about, *more])}"]
    lines += [f"  {note}" for note in result.notes]
    lines += [f"  warning: {one.message} ({one.span})" for one in result.warnings]
    return [*lines, *(result.rejection.lines() if result.rejection is not None else ())]


def report(loaded: TraceMapping, spec: str, mapping: str, results: list[TraceResult]) -> dict[str, Any]:
    """The results for programs."""
    return {
        "protocol": loaded.known.spec.name,
        "spec": spec,
        "map": mapping,
        "verdict": max((result.verdict for result in results), key=_WORSE.index),
        "traces": [_one(result) for result in results],
    }


def _one(result: TraceResult) -> dict[str, Any]:
    return {
        "files": list(result.files),
        "verdict": result.verdict,
        "events": result.events,
        "seconds": round(result.seconds, 6),
        "widest": result.widest,
        "silent_steps": result.silent_steps,
        "reordered": result.reordered,
        "sizes": list(result.notes),
        "rejection": None if result.rejection is None else result.rejection.to_json(),
        "warnings": [_warning(one) for one in result.warnings],
    }


def _warning(one: Diagnostic) -> dict[str, Any]:
    from pyspec.cli.diagnostics import to_json

    return to_json(one)


@command.command("linearizable")
@click.argument("history", metavar="HISTORY")
@click.option(
    "--model", "model_name", required=True, metavar="MODEL", help="register, kv, counter, lock, lease, set, queue."
)
@click.option("--html", "page", metavar="FILE", help="Write a timeline with the faults on it.")
@click.option(
    "--max-seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    metavar="S",
    help="After S seconds of search the verdict is unknown.",
)
@options.output_options()
def linearizable(history: str, model_name: str, page: str | None, max_seconds: float, as_json: bool) -> int:
    """Does every operation of HISTORY seem to happen at one instant between its call and its return?

    HISTORY has JSON lines with process, type (invoke, ok, fail, info), f, key, value, result and time.
    """
    from pyspec.conform.linear import MODELS, check_history, read_history
    from pyspec.conform.linear.timeline import explanation, timeline

    if model_name not in MODELS:
        raise click.UsageError(f"there is no model {model_name!r}, only {', '.join(MODELS)}")
    found = read_history(history)
    verdict = check_history(found, MODELS[model_name](), max_seconds)
    if page is not None:
        Path(page).write_text(timeline(found, verdict), encoding="utf-8")
    code = {"linearizable": exits.OK, "unknown": exits.BUDGET}.get(verdict.verdict, exits.FAILED)
    if as_json:
        print(json.dumps({**linear_report(history, model_name, verdict), "exit_code": code}))
        return code
    console = make_console()
    keys = f" on {plural(verdict.keys, 'key')}" if verdict.keys > 1 else ""
    by = "the commit order" if verdict.evidence == "witness" else "search"
    about = f"{plural(verdict.operations, 'operation')}{keys}, by {by}, {duration(verdict.seconds)}"
    console.print(plain(f"{history}: {verdict.verdict}"))
    console.print(f"  {about}" + (f", {count(len(found.failed))} failed" if found.failed else ""))
    for line in explanation(verdict):
        console.print(plain(f"  {line}"))
    if verdict.unknown_keys:
        console.print(
            plain(f"  time ran out on {plural(len(verdict.unknown_keys), 'key')}: --max-seconds gives it more")
        )
    return code


def linear_report(history: str, model: str, verdict: Verdict) -> dict[str, Any]:
    """A verdict for programs."""
    failure = verdict.failure
    return {
        "history": history,
        "model": model,
        "verdict": verdict.verdict,
        "evidence": verdict.evidence,
        "operations": verdict.operations,
        "keys": verdict.keys,
        "seconds": round(verdict.seconds, 6),
        "failure": None if failure is None else {
            "line": failure.operation.line,
            "process": failure.operation.process,
            "operation": str(failure.operation),
            "states": [str(state) for state in failure.states],
            "concurrent": [{"line": o.line, "process": o.process, "operation": str(o)} for o in failure.concurrent],
        },
        "unknown_keys": [str(key) for key in verdict.unknown_keys],
    }  # fmt: skip
