"""`pyspec mutate`: change one small thing at a time; does some property notice?"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pyspec.base.diagnostics import SpecError, error
from pyspec.cli import exits, options
from pyspec.cli.console import make_console
from pyspec.cli.runner import Request, execute, load

if TYPE_CHECKING:
    from pyspec.check.mutants import Mutant
    from pyspec.model.result import CheckResult

#: A comment that says why mutants of its line survive.
EXPLAINED = re.compile(r"#\s*survives:\s*(\S.*)")
#: A mutant may take this much longer than the specification itself, and never less than LEAST seconds.
PATIENCE, LEAST = 10.0, 20.0
#: Optimized code pays where a search takes more seconds of a processor than this.
SHORT = 0.5


@dataclass(frozen=True)
class Fate:
    """What became of a mutant: "killed", "survived", "equivalent" (the same states and steps) or "unfinished"."""

    file: str
    line: int
    owner: str
    what: str
    fate: str
    by: str = ""
    explained: str = ""


@click.command("mutate")
@options.spec_argument()
@options.model_options()
@click.option("--threshold", type=click.FloatRange(0, 100), default=0.0, help="Fail below this score (in per cent).")
@options.output_options()
def command(
    spec: str,
    model: str | None,
    consts: tuple[tuple[str, str], ...],
    flaws: tuple[str, ...],
    threshold: float,
    as_json: bool,
) -> int:
    """Mutate a specification mechanically and list the mutants that no property notices.

    A guard is dropped, a comparison flipped, an assignment or a send removed, a stable field made volatile, a quorum
    weakened. A comment `# survives: why` on the line of a survivor explains it; explained survivors and equivalent
    mutants (same states, same steps) do not count against the score.
    """
    request = Request(spec, model=model, consts=consts, flaws=flaws, threads=1)
    fates = [_explain(fate) for fate in _run(request)]
    score = _score(fates)
    code = exits.OK if score >= threshold else exits.FAILED
    if as_json:
        print(json.dumps({"spec": spec, "score": score, "mutants": [vars(f) for f in fates], "exit_code": code}))
    else:
        _tell(fates, score)
    return code


def _run(request: Request) -> Iterator[Fate]:
    from pyspec.check.mutants import mutants
    from pyspec.model.instance import choose_model, instantiate

    spec = load(request.path)
    instance = instantiate(spec, choose_model(spec, request.model), dict(request.consts), request.flaws)
    began = time.process_time()
    plain = execute(request, instance, None)
    searched = time.process_time() - began
    if plain.verdict != "holds":
        raise error("E0710", f"{spec.name} itself does not hold ({plain.verdict}); mutants would say nothing")
    counts = (plain.distinct, plain.generated)
    each = replace(request, max_seconds=max(LEAST, PATIENCE * plain.seconds), draft=searched < SHORT)
    jobs = [(each, mutant, counts) for mutant in mutants(spec)]
    with ProcessPoolExecutor(max_workers=len(os.sched_getaffinity(0))) as pool:
        yield from pool.map(_try, jobs)


def _try(job: tuple[Request, Mutant, tuple[int, int]]) -> Fate:
    """Search one mutant until something is violated."""
    from pyspec.model.instance import choose_model, instantiate

    request, mutant, counts = job
    fate = Fate(mutant.span.file, mutant.span.line, mutant.owner, mutant.what, "survived")
    try:
        spec = mutant.spec
        instance = instantiate(spec, choose_model(spec, request.model), dict(request.consts), request.flaws)
        result = execute(request, instance, None)
    except SpecError as wrong:
        return replace(fate, fate="killed", by=wrong.diagnostics[0].code)
    if result.verdict == "violated":
        return replace(fate, fate="killed", by=_killer(result))
    if result.verdict != "holds":
        return replace(fate, fate="unfinished", by=result.stopped_by or result.verdict)
    same = (result.distinct, result.generated) == counts
    return replace(fate, fate="equivalent" if same else "survived")


def _killer(result: CheckResult) -> str:
    broken = [p.name for p in result.properties if p.verdict == "violated"]
    return ", ".join(broken) or (result.error.code if result.error else "")


def _explain(fate: Fate) -> Fate:
    """A survivor with the reason that its line gives, if it gives one."""
    if fate.fate != "survived" or not Path(fate.file).is_file():
        return fate
    lines = Path(fate.file).read_text().splitlines()
    found = EXPLAINED.search(lines[fate.line - 1]) if 0 < fate.line <= len(lines) else None
    return replace(fate, explained=found.group(1)) if found else fate


def _score(fates: Iterable[Fate]) -> float:
    """Killed mutants in per cent of those that count."""
    counted = [f for f in fates if f.fate in ("killed", "survived", "unfinished") and not f.explained]
    killed = sum(f.fate == "killed" for f in counted)
    return round(100 * killed / len(counted), 1) if counted else 100.0


def _tell(fates: list[Fate], score: float) -> None:
    console = make_console()
    for f in fates:
        if f.fate in ("survived", "unfinished"):
            why = f"  # survives: {f.explained}" if f.explained else ""
            console.print(f"{f.file}:{f.line}: {f.fate}: {f.what}, in {f.owner}{why}", markup=False)
    names = ("killed", "survived", "equivalent", "unfinished")
    counts = ", ".join(f"{sum(f.fate == name for f in fates)} {name}" for name in names)
    explained = sum(bool(f.explained) for f in fates)
    console.print(f"{len(fates)} mutants: {counts} ({explained} explained); score {score} %", markup=False)
