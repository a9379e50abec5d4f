"""`pyspec prove --suggest`: lemmas found, as a report and as lines to paste."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.console import Console

from pyspec.cli import exits
from pyspec.cli.console import duration, plain, plural
from pyspec.cli.falsifying import search_model, violated
from pyspec.cli.proving import Asked
from pyspec.cli.report import Report, of_trace
from pyspec.cli.runner import Request, execute, load

if TYPE_CHECKING:
    from pyspec.model.instance import Instance
    from pyspec.model.result import CheckResult
    from pyspec.prove.cti import Cti

#: States and seconds of one search of the explored model for states that violate candidates.
EXPLORE_STATES, EXPLORE_SECONDS = 1_000_000, 20.0
#: Reports of the search's ends.
ENDS = {
    "inductive": "inductive: with these lemmas every invariant is proved for any size",
    "partial": "partial: these lemmas hold in the explored model, but do not make the invariants inductive yet",
    "nothing": "no lemma was found",
    "false": "an invariant is violated in the explored model: no lemma can help",
}


def suggest_file(path: str, asked: Asked, max_seconds: float, told: Callable[[str], None]) -> Report:
    """The report of a search for lemmas."""
    from pyspec.prove.engine import Options as ProofOptions
    from pyspec.prove.spell import lemma_line
    from pyspec.prove.suggest import Options, suggest

    spec, began = load(path), time.monotonic()
    kinds = {prop.name: prop.kind for prop in spec.properties}
    false = [name for name in violated(search_model(spec, asked)) if kinds[name] in ("invariant", "lemma")]
    report: Report = {"file": path, "protocol": spec.name, "status": "false", "lemmas": [], "left": [], "errors": []}
    if false:
        reason = f"{false[0]} is violated"
        return report | {"reason": reason, "exit_code": exits.FAILED, "seconds": 0.0, "rounds": 0}
    proof = ProofOptions(asked.seconds, threads=asked.threads, use_cache=not asked.no_cache)
    left = max(1.0, max_seconds - (time.monotonic() - began))
    found = suggest(spec, _explore, Options(left, proof), told)
    return report | {
        "status": found.status,
        "reason": found.reason,
        "lemmas": [{"name": one.name, "text": lemma_line(spec, one)} for one in found.lemmas],
        "left": [_left(cti) for cti in found.left],
        "proved": [one.name for one in found.proof.properties if one.fate == "proved"] if found.proof else [],
        "rounds": found.rounds,
        "seconds": round(found.seconds, 3),
        "exit_code": exits.OK if found.status == "inductive" else exits.BUDGET,
    }


def _explore(instance: Instance, seconds: float) -> CheckResult:
    most = min(seconds, EXPLORE_SECONDS)
    limits = Request("", max_states=EXPLORE_STATES, max_seconds=most, keep_going=True, use_cache=False, symmetry=False)
    return execute(limits, instance, None)


def _left(cti: Cti) -> Report:
    return {
        "action": cti.target.action,
        "property": cti.target.prop,
        "sizes": cti.sizes.text(),
        "trace": of_trace(cti.trace),
    }


def tell(console: Console, report: Report) -> None:
    """The report for people: the lemmas as lines to paste, and what is left."""
    console.print(plain(f"{report['protocol']}  {ENDS[report['status']]}"))
    what = f"{plural(report['rounds'], 'round')} in {duration(report['seconds'])}"
    console.print(plain(f"  {what}" + (f"; {report['reason']}" if report["reason"] else "")))
    for lemma in report["lemmas"]:
        print(lemma["text"])
    for left in report["left"]:
        console.print(plain(f"  left: {left['property']} is not kept by {left['action']} ({left['sizes']})"))
        for line in left["trace"]["text"].splitlines():
            console.print(plain(f"    {line}"))
    if report["status"] != "inductive" and report["left"]:
        console.print(plain("  A `hint NAME(x: T): ...` in the specification names a predicate to build lemmas from."))
