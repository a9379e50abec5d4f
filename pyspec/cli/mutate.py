"""`pyspec mutate`: change one small thing at a time; does some property notice?

Compiling costs more than searching, so mutants are compiled by the dozen, as variants of one model; each batch is a job
for one processor.
"""

from __future__ import annotations

import json
import math
import os
import re
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pyspec.base.diagnostics import SpecError, error
from pyspec.cli import exits, options
from pyspec.cli.console import make_console
from pyspec.cli.runner import Request, execute, execute_native, load

if TYPE_CHECKING:
    from pyspec.check.mutants import Mutant
    from pyspec.lang.core import Spec
    from pyspec.model.instance import Instance
    from pyspec.model.result import CheckResult
    from pyspec.native.engine import Compiled

#: A comment that says why mutants of its line survive.
EXPLAINED = re.compile(r"#\s*survives:\s*(\S.*)")
#: A mutant may have this many times the states of the specification itself, and never less than FEW.
GROWTH, FEW = 20, 100_000
#: It may take this much longer, and never less than LEAST seconds.
PATIENCE, LEAST = 20.0, 30.0
#: Optimized code pays where a search takes more seconds of a processor than this.
SHORT = 0.5
#: Mutants compiled together.
TOGETHER = 24
WORKERS = len(os.sched_getaffinity(0))
#: What may become of a mutant, the more telling first.
FATES = ("killed", "survived", "unfinished", "same counts")


@dataclass(frozen=True)
class Fate:
    """What became of a mutant: "killed", "survived", "same counts" (as many states, and as many steps of each action,
    as without the change) or "unfinished" (its search was too long); `by` says what noticed, or what ran out."""

    file: str
    line: int
    owner: str
    what: str
    fate: str
    by: str = ""
    model: str = ""
    explained: str = ""


@dataclass(frozen=True)
class Plain:
    """What the search of the specification itself said."""

    counts: object
    distinct: int
    seconds: float
    draft: bool


@click.command("mutate")
@options.spec_argument()
@options.model_options()
@click.option(
    "--then", "more", metavar="MODEL", multiple=True, help="Search what is left in this model too. Repeatable."
)
@click.option("--threshold", type=click.FloatRange(0, 100), default=0.0, help="Fail below this score (in per cent).")
@options.output_options()
def command(
    spec: str,
    model: str | None,
    consts: tuple[tuple[str, str], ...],
    flaws: tuple[str, ...],
    more: tuple[str, ...],
    threshold: float,
    as_json: bool,
) -> int:
    """Mutate a specification mechanically and list the mutants that no property notices.

    A guard is dropped, a comparison flipped, an assignment or a send removed, a stable field made volatile, a quorum
    weakened. The score is the share of mutants that some property notices. A comment `# survives: why` on the line of
    a mutant explains it; it does not count then, nor does one with the same counts: as many states, and as many steps
    of each action, as without the change, so that this model cannot tell. A mutant whose search has not ended after
    twenty times the states is unfinished; it counts as not noticed.
    """
    request = Request(spec, model=model, consts=consts, flaws=flaws, threads=1)
    fates = [_explain(fate) for fate in _run(request, more)]
    score = _score(fates)
    code = exits.OK if score is None or score >= threshold else exits.FAILED
    if as_json:
        print(json.dumps({"spec": spec, "score": score, "mutants": [vars(f) for f in fates], "exit_code": code}))
    else:
        _tell(fates, score)
    return code


def _run(request: Request, more: tuple[str, ...]) -> list[Fate]:
    """The fate of each mutant, in the order of the text: that of the first model in which it was noticed, if any."""
    from pyspec.check.mutants import mutants
    from pyspec.model.instance import choose_model

    spec = load(request.path)
    models = [choose_model(spec, name).name for name in (request.model, *more)]
    every = list(mutants(spec))
    fates: dict[int, Fate] = {}
    with ProcessPoolExecutor(max_workers=WORKERS) as pool:
        for name in models:
            left = [i for i in range(len(every)) if i not in fates or fates[i].fate != "killed"]
            if left:
                found = _in_model(pool, replace(request, model=name), spec, [every[i] for i in left])
                fates |= {i: _worse(fates.get(i), fate) for i, fate in zip(left, found, strict=True)}
    return [fates[i] for i in range(len(every))]


def _worse(one: Fate | None, other: Fate) -> Fate:
    """The more telling of two fates."""
    return other if one is None or FATES.index(other.fate) < FATES.index(one.fate) else one


def _in_model(pool: ProcessPoolExecutor, request: Request, spec: Spec, mutants: Sequence[Mutant]) -> list[Fate]:
    plain = _plain(request, spec)
    each = replace(
        request,
        max_states=max(FEW, GROWTH * plain.distinct),
        max_seconds=max(LEAST, PATIENCE * plain.seconds),
        draft=plain.draft,
    )
    parts = max(math.ceil(len(mutants) / TOGETHER), min(WORKERS, len(mutants)))
    jobs = [(each, plain, mutants[i::parts]) for i in range(parts)]
    found: list[Fate | None] = [None] * len(mutants)
    for i, fates in enumerate(pool.map(_try, jobs)):
        found[i::parts] = fates
    return [fate for fate in found if fate is not None]


def _plain(request: Request, spec: Spec) -> Plain:
    from pyspec.model.instance import instantiate

    instance = instantiate(spec, request.model, dict(request.consts), request.flaws)
    began = time.process_time()
    result = execute(request, instance, None)
    if result.verdict != "holds":
        raise error("E0710", f"{spec.name} itself does not hold ({result.verdict}); mutants would say nothing")
    return Plain(_counts(result), result.distinct, result.seconds, draft=time.process_time() - began < SHORT)


def _try(job: tuple[Request, Plain, Sequence[Mutant]]) -> list[Fate]:
    """Search each of some mutants until something is violated."""
    request, plain, mutants = job
    made = [_instance(request, mutant) for mutant in mutants]
    shared = _together(plain, [one for one in made if not isinstance(one, Fate)])
    return [
        one if isinstance(one, Fate) else _fate(request, plain, mutant, one, shared.get(id(one)))
        for mutant, one in zip(mutants, made, strict=True)
    ]


def _instance(request: Request, mutant: Mutant) -> Instance | Fate:
    from pyspec.model.instance import instantiate

    try:
        return instantiate(mutant.spec, request.model, dict(request.consts), request.flaws)
    except SpecError as wrong:
        return _named(request, mutant, "killed", wrong.diagnostics[0].code)


def _together(plain: Plain, instances: list[Instance]) -> dict[int, tuple[Compiled, int]]:
    """What is compiled for several mutants, and the number of each, by the identity of its instance."""
    from pyspec.model.variants import alike
    from pyspec.native.build import CannotBuild
    from pyspec.native.engine import CannotEmit, compile_variants

    variants = [one for one in instances if alike(one, instances[0])]
    try:
        compiled = compile_variants(variants, plain.draft) if len(variants) > 1 else None
    except (CannotBuild, CannotEmit):
        compiled = None
    return {id(one): (compiled, i) for i, one in enumerate(variants)} if compiled else {}


def _fate(
    request: Request, plain: Plain, mutant: Mutant, instance: Instance, shared: tuple[Compiled, int] | None
) -> Fate:
    try:
        result = _search(request, instance, shared)
    except SpecError as wrong:
        return _named(request, mutant, "killed", wrong.diagnostics[0].code)
    if result.verdict == "violated":
        return _named(request, mutant, "killed", _killer(result))
    if result.verdict != "holds":
        return _named(request, mutant, "unfinished", result.stopped_by or result.verdict)
    return _named(request, mutant, "same counts" if _counts(result) == plain.counts else "survived")


def _search(request: Request, instance: Instance, shared: tuple[Compiled, int] | None) -> CheckResult:
    from pyspec.native.engine import CannotEmit

    try:
        return execute_native(request, instance, None, shared) if shared else execute(request, instance, None)
    except CannotEmit:
        return execute(request, instance, None)


def _named(request: Request, mutant: Mutant, fate: str, by: str = "") -> Fate:
    return Fate(mutant.span.file, mutant.span.line, mutant.owner, mutant.what, fate, by, request.model or "")


def _counts(result: CheckResult) -> object:
    return result.distinct, result.depth, [(a.name, a.fired) for a in result.actions]


def _killer(result: CheckResult) -> str:
    broken = [p.name for p in result.properties if p.verdict == "violated"]
    return ", ".join(broken) or (result.error.code if result.error else "")


def _explain(fate: Fate) -> Fate:
    """A mutant that was not noticed with the reason that its line gives, if it gives one."""
    if fate.fate not in ("survived", "unfinished") or not Path(fate.file).is_file():
        return fate
    lines = Path(fate.file).read_text().splitlines()
    found = EXPLAINED.search(lines[fate.line - 1]) if 0 < fate.line <= len(lines) else None
    return replace(fate, explained=found.group(1)) if found else fate


def _score(fates: Iterable[Fate]) -> float | None:
    """Killed mutants in per cent of those that count; None: there are none."""
    counted = [f for f in fates if f.fate != "same counts" and not f.explained]
    killed = sum(f.fate == "killed" for f in counted)
    return round(100 * killed / len(counted), 1) if counted else None


def _tell(fates: list[Fate], score: float | None) -> None:
    console = make_console()
    if not fates:
        console.print("nothing to mutate: no action has a guard, a choice, an assignment or a send")
        return
    for f in fates:
        if f.fate != "killed":
            why = f"  # survives: {f.explained}" if f.explained else ""
            limit = f" (out of {f.by}: whether a property notices is not known)" if f.fate == "unfinished" else ""
            console.print(f"{f.file}:{f.line}: {f.fate}{limit}: {f.what}, in {f.owner}{why}", markup=False)
    counts = ", ".join(f"{sum(f.fate == name for f in fates)} {name}" for name in FATES)
    explained = sum(bool(f.explained) for f in fates)
    verdict = f"score {score} %" if score is not None else "no score: nothing that counts"
    console.print(f"{len(fates)} mutants: {counts} ({explained} explained); {verdict}", markup=False)
