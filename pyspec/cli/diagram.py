"""`pyspec diagram`: pictures of a specification and of its runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pyspec.cli import exits, options
from pyspec.cli.console import make_console

if TYPE_CHECKING:
    from pyspec.cli.pictures import Wanted

FORMS = ("svg", "png", "dot", "mermaid", "plantuml")


@click.command("diagram")
@options.spec_argument()
@click.option("--machine", is_flag=True, help="The state machine of each enum variable.")
@click.option("--map", "as_map", is_flag=True, help="Who sends what to whom.")
@click.option("--chain", is_flag=True, help="Which protocol of the folder refines which.")
@click.option("--graph", is_flag=True, help="The whole state graph of the model, if it is small.")
@click.option("--by", metavar="EXPRS", help='The state graph by a projection: "x, len(q) as n", "s in Server: s.mode".')
@click.option("--reach", "goals", multiple=True, metavar="NAME", help="A chart of how a `reachable` goal is reached.")
@click.option("--property", "properties", multiple=True, metavar="NAME", help="A chart of its counterexample.")
@click.option("--trace", "traces", multiple=True, metavar="FILE", help="A chart of a trace saved by `check --json`.")
@click.option("--all", "all_to", metavar="DIR", help="Every picture of the specification, into this folder.")
@options.model_options("Chart of its counterexample; with another picture: switch it on. Repeatable.")
@click.option("-o", "--output", metavar="PATH", help="A folder, a file whose suffix names the form, or `-`.")
@click.option("-f", "--format", "forms", multiple=True, type=click.Choice(FORMS), help="Default: svg. Repeatable.")
@click.option(
    "--theme", type=click.Choice(["auto", "light", "dark"]), default="auto", help="auto: as the reader's page."
)
@click.option("--witness", metavar="DIR", help="With --by or --graph: a chart for each edge, linked from it.")
@click.option("--stutter", is_flag=True, help="With --by: also the steps that stay within a node.")
@click.option("--max-nodes", type=click.IntRange(min=1), default=30, show_default=True, help="More are not drawn.")
@click.option("--max-states", type=click.IntRange(min=1), metavar="N", help="Explore or search at most N states.")
@click.option(
    "--max-seconds", type=click.FloatRange(min=0, min_open=True), metavar="S", help="Explore at most S seconds."
)
@options.output_options()
def command(spec: str, as_json: bool, **asked: Any) -> int:
    """Draw a specification, or runs of it.

    Without options: its state machines, its map and its refinement chain, as SVG files in the current folder. Names of
    flaws, goals and properties give message charts. SPEC may be a folder: then --chain is drawn for all of it.
    """
    from pyspec.base.diagnostics import SpecError
    from pyspec.cli import diagnostics
    from pyspec.cli.pictures import BudgetSpent, Wanted, draw
    from pyspec.lang.projection import PLACE

    wanted = Wanted.of(spec, asked)
    try:
        drawn = draw(wanted)
    except BudgetSpent as spent:
        from pyspec.cli.main import report_problem

        return report_problem(str(spent), exits.BUDGET, as_json)
    except SpecError as wrong:
        if as_json:
            raise
        diagnostics.show(make_console(stderr=True), wrong.diagnostics, {PLACE: wanted.by or ""})
        return exits.WRONG
    if as_json:
        print(json.dumps(drawn.report()))
    elif drawn.printed is not None:
        click.echo(drawn.printed, nl=False)
    else:
        console = make_console()
        for note in drawn.notes:
            console.out(note, highlight=False)
        for path, title in drawn.files:
            console.out(f"{path}  {title}", highlight=False)
    return exits.OK


def suffix_form(path: str) -> str | None:
    """The form that the suffix of a file names."""
    from pyspec.draw import picture

    return picture.form_of(Path(path))


__all__ = ["Wanted", "command", "suffix_form"]
