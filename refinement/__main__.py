"""The command line: `python -m refinement campaign raft --seconds 60`."""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from refinement.harness import campaign as campaigns
from refinement.harness import coverage, exhaustive, report, saving, teams, worlds
from refinement.harness.campaign import Campaign, Found
from refinement.harness.mapping import ProtocolMapping

F = TypeVar("F", bound=Callable[..., Any])
ROOM = Path(__file__).resolve().parent


def protocols() -> list[str]:
    """Every protocol that has a mapping."""
    return sorted(
        found.name for found in pkgutil.iter_modules([str(ROOM)]) if found.name not in ("harness", "__main__")
    )


def find(name: str) -> ProtocolMapping:
    """The mapping of a protocol."""
    mapping = importlib.import_module(f"refinement.{name}").MAPPING
    assert isinstance(mapping, ProtocolMapping)
    return mapping


PROTOCOL = click.argument("protocol", type=click.Choice(protocols()))
SEED = click.option("--seed", type=int, default=0, show_default=True, help="Decides everything that is random.")
JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, nothing else.")
SAVE = click.option(
    "--save",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a failure to this file as a test, which fails until the code is right.",
)


def lasting(default: float, what: str = "How long to go on.") -> Callable[[F], F]:
    """The option for how long to go on."""
    return click.option("--seconds", type=click.FloatRange(0.1), default=default, show_default=True, help=what)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Hold the implementations against their specifications.

    Exit codes: 0 nothing was wrong, 1 a step or a property failed, 2 the command line is wrong, 3 the time was up
    before everything within the bounds was covered.
    """


@dataclass(frozen=True)
class Told:
    """What a command prints, the test that it saves, and its exit code."""

    text: str
    test: str | None
    code: int


def told(mapping: ProtocolMapping, data: dict[str, Any], found: Found | None, as_json: bool, save: Path | None) -> Told:
    """A result in words, or as JSON."""
    if as_json:
        text = report.dumped(data | {"failure": report.failure_data(mapping, found) if found else None})
    else:
        text = report.failure_text(mapping, found) if found else data["summary"]
    test = saving.as_test(mapping, found, save) if found is not None and save is not None else None
    return Told(text, test, 1 if found is not None else 3 if data["verdict"] == "incomplete" else 0)


def finish(result: Told, save: Path | None) -> NoReturn:
    """Print a result, save a failure, and exit."""
    click.echo(result.text)
    if result.test is not None and save is not None:
        save.parent.mkdir(parents=True, exist_ok=True)
        save.write_text(result.test, encoding="utf-8")
        click.echo(f"saved as {save}", err=True)
    sys.exit(result.code)


@main.command()
@PROTOCOL
@lasting(240.0)
@SEED
@click.option("--jobs", type=click.IntRange(1), help="How many processes (default: one for each processor).")
@JSON
@SAVE
def campaign(protocol: str, seconds: float, seed: int, jobs: int | None, as_json: bool, save: Path | None) -> None:
    """Random walks, Hypothesis, and simulated clusters with faults; a failure is made small."""
    mapping, count = find(protocol), jobs or len(os.sched_getaffinity(0))
    click.echo(f"{protocol}: seed {seed}, {seconds:g} s", err=True)

    def share(number: int) -> Campaign | Told:
        done = campaigns.campaign(mapping, seconds, seed, share=(number, count))
        return done if done.found is None else told(mapping, report.campaign_data(done), done.found, as_json, save)

    assert mapping.abstract.initial  # loaded once for all
    result = teams.together(share, count)
    finish(
        result if isinstance(result, Told) else told(mapping, report.campaign_data(result), None, as_json, save), save
    )


@main.command(name="exhaustive")
@PROTOCOL
@lasting(240.0, "How long to go on, for all worlds together.")
@click.option("--world", "only", help="One of the protocol's worlds (default: all but deep ones).")
@click.option("--any-order", is_flag=True, help="Messages overtake each other and arrive again and again.")
@click.option("--no-symmetry", is_flag=True, help="Tell worlds apart that differ by names of nodes only.")
@JSON
@SAVE
def exhaustive_(
    protocol: str,
    seconds: float,
    only: str | None,
    any_order: bool,
    no_symmetry: bool,
    as_json: bool,
    save: Path | None,
) -> None:
    """Small worlds state by state: every step must be a step of the specification. Exit code 3: not all was covered."""
    mapping = find(protocol)
    names = list(mapping.worlds())
    if only is not None and only not in names:
        raise click.UsageError(f"{protocol} has no world {only!r}; there are: {', '.join(names)}")
    chosen = [name for name in names if name not in mapping.deep] if only is None else [only]
    rows, found, left = [], None, time.monotonic() + seconds
    for place, name in enumerate(chosen):
        share = max(0.1, (left - time.monotonic()) / (len(chosen) - place))
        result = exhaustive.explore(mapping, name, share, symmetry=not no_symmetry, ordered=not any_order)
        rows.append(result)
        click.echo(report.explored_line(result), err=True)
        if result.failure is not None and result.failure.rejection is not None and result.judge is not None:
            again = worlds.follow(result.judge, result.failure.choices)
            found = Found("search", name, result.failure.rejection, again, result.judge, before=len(again.choices))
            break
    finish(told(mapping, report.explored_data(protocol, rows), found, as_json, save), save)


@main.command()
@PROTOCOL
@lasting(60.0)
@SEED
@JSON
@SAVE
def guided(protocol: str, seconds: float, seed: int, as_json: bool, save: Path | None) -> None:
    """Steer the code to every behaviour of the specification, and tell which ones it does not show."""
    mapping = find(protocol)
    wanted, covered, walked, judged = coverage.guide(mapping, seconds, seed)
    found = None
    if walked is not None and walked.rejection is not None:
        found = Found("guided walk", str(seed), walked.rejection, walked, judged, before=len(walked.choices))
    finish(told(mapping, report.guided_data(mapping, wanted, covered, seed), found, as_json, save), save)


@main.command()
@PROTOCOL
@lasting(30.0)
@SEED
@JSON
@click.option("--nodes", type=click.IntRange(3, 7), default=3, show_default=True)
def live(protocol: str, seconds: float, seed: int, as_json: bool, nodes: int) -> None:
    """Real processes on this machine, killed, paused and partitioned; what their clients saw, and their traces."""
    from refinement.harness import live as lives

    mapping = find(protocol)
    with tempfile.TemporaryDirectory(prefix="refinement-") as folder:
        result = lives.live(mapping, Path(folder), seconds, seed, nodes)
    if as_json:
        click.echo(json.dumps(lives.to_data(result), indent=2))
    else:
        click.echo(lives.summary(result))
    sys.exit(1 if result.problems else 0)


@main.command()
@PROTOCOL
@lasting(6.0, "For each mistake and each way.")
@JSON
@click.option("--only", multiple=True, help="Only the mistake of this name. Repeatable.")
def mutants(protocol: str, seconds: float, as_json: bool, only: tuple[str, ...]) -> None:
    """The known mistakes, one by one: which way finds each, and how fast. Exit code 1 if one is not found."""
    from refinement.harness import mutants as mistakes

    mapping = find(protocol)
    known = importlib.import_module(f"tests.impl.mutants.{protocol}").MUTANTS
    chosen = [mutant for mutant in known if not only or mutant.name in only]
    rows = []
    for mutant in chosen:
        with mutant.planted():
            cells = mistakes.table_row(mapping, seconds)
        rows.append({"name": mutant.name, "mistake": mutant.mistake, "cells": [vars_of(cell) for cell in cells]})
        click.echo(report.mutant_line(rows[-1]), err=as_json)
    missed = [row["name"] for row in rows if not any(cell["said"] for cell in row["cells"])]
    if as_json:
        click.echo(json.dumps({"protocol": protocol, "mutants": rows, "missed": missed}, indent=2))
    else:
        click.echo(
            f"{len(rows) - len(missed)} of {len(rows)} found" + (f"; not: {', '.join(missed)}" if missed else "")
        )
    sys.exit(1 if missed else 0)


def vars_of(cell: Any) -> dict[str, Any]:
    """A cell of the table as JSON."""
    return {"way": cell.way, "seconds": round(cell.seconds, 2), "said": cell.said}


@main.command()
@PROTOCOL
@lasting(10.0, "For each mistake and each way.")
@SEED
@click.option("--count", type=click.IntRange(1), default=20, show_default=True, help="How many to try.")
@JSON
def mutate(protocol: str, seconds: float, seed: int, count: int, as_json: bool) -> None:
    """Mistakes that a machine makes up: small changes of the protocol's source, each in a process of its own."""
    from refinement.harness import mutants as mistakes

    chosen = mistakes.sampled(protocol, count, seed)
    clean = mistakes.judged(mistakes.unchanged(chosen[0]), lambda: find(protocol), seconds)[0]
    if clean is not None:
        raise click.UsageError(f"the code as it is does not pass: {clean}")
    rows = []
    for change in chosen:
        said, took = mistakes.judged(change, lambda: find(protocol), seconds)
        row = {"file": change.file, "line": change.line, "what": change.what, "said": said, "seconds": round(took, 1)}
        rows.append(row)
        text = said if said is not None else "NOT FOUND"
        click.echo(f"{change.file}:{change.line} {change.what}\n    {took:.1f} s  {text}", err=as_json)
    left = sum(row["said"] is None for row in rows)
    if as_json:
        click.echo(json.dumps({"protocol": protocol, "mutants": rows, "left": left}, indent=2))
    else:
        click.echo(f"{len(rows) - left} of {len(rows)} found")


if __name__ == "__main__":
    main()
