"""`pyspec simulate`: random runs of one model, for specifications too large to search, or to get a feeling for one."""

from __future__ import annotations

import json

import click

from pyspec.cli import exits, options, story
from pyspec.cli.console import make_console
from pyspec.cli.report import exit_code, of_result
from pyspec.cli.runner import load


@click.command("simulate")
@options.spec_argument()
@options.model_options()
@click.option("--runs", type=click.IntRange(min=1), default=100, show_default=True, help="How many runs.")
@click.option("--steps", type=click.IntRange(min=1), default=100, show_default=True, help="The longest run.")
@click.option("--seed", type=int, default=0, show_default=True, help="Decides every choice: same seed, same runs.")
@options.output_options()
def command(
    spec: str,
    model: str | None,
    consts: tuple[tuple[str, str], ...],
    flaws: tuple[str, ...],
    runs: int,
    steps: int,
    seed: int,
    as_json: bool,
) -> int:
    """Follow random runs of a model and check every property in the states they pass.

    What holds in all of them is evidence, no verdict: such properties are `unknown` (sampled).
    """
    from pyspec.check.simulate import simulate
    from pyspec.model.instance import describe_constants, instantiate

    instance = instantiate(load(spec), model, dict(consts), flaws)
    result = simulate(instance, runs=runs, steps=steps, seed=seed)
    report = {**of_result(result, spec), "constants": describe_constants(instance), "seed": seed, "runs": runs}
    code = exit_code(report)
    code = exits.OK if code == exits.BUDGET and not report["stopped_by"] else code
    if as_json:
        print(json.dumps({**report, "exit_code": code}))
    else:
        story.tell(make_console(), report)
    return code
