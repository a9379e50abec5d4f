"""The command line: `python -m refinement campaign raft --seconds 60`."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from refinement.harness import campaign as campaigns
from refinement.harness import report
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


def lasting(default: float) -> Callable[[F], F]:
    """The option for how long to go on."""
    return click.option(
        "--seconds", type=click.FloatRange(0.1), default=default, show_default=True, help="How long to go on."
    )


@click.group()
def main() -> None:
    """Hold the implementations against their specifications.

    Exit codes: 0 nothing was wrong, 1 a step or a property failed, 2 the command line is wrong.
    """


@main.command()
@PROTOCOL
@lasting(120.0)
@SEED
@JSON
def campaign(protocol: str, seconds: float, seed: int, as_json: bool) -> None:
    """Random walks, Hypothesis, and simulated clusters with faults; a failure is made small."""
    mapping = find(protocol)
    if not as_json:
        click.echo(f"{protocol}: seed {seed}, {seconds:g} s", err=True)
    found = campaigns.campaign(mapping, seconds, seed)
    if as_json:
        click.echo(report.dumped(report.to_data(mapping, found)))
    elif found.found is not None:
        click.echo(report.failure_text(mapping, found.found))
    else:
        click.echo(report.summary(found))
    sys.exit(1 if found.found is not None else 0)


if __name__ == "__main__":
    main()
