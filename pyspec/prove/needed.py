"""Which lemmas a proof needs: without one of them, and with all the others, it does not succeed.

That the proofs which were found use a lemma does not say so: there may be others. So each lemma is left out and the
rest proved again; what was proved without that lemma is known (`pyspec.prove.store`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pyspec.lang import core
from pyspec.prove.engine import Options
from pyspec.prove.result import ProofResult

#: Seconds for the proof without a lemma.
EACH = 150.0
#: Seconds of the search for a counterexample to each property: one is enough, and says more than no proof does.
SEARCH = 40.0
#: Proves a specification under the limits.
Prover = Callable[[core.Spec, Options], ProofResult]


@dataclass(frozen=True)
class Need:
    """One lemma: whether the proof needs it (None: time was up before that was known); what is not inductive, or
    undecided, without it."""

    lemma: str
    needed: bool | None
    refuted: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()
    seconds: float = 0.0


def needs(spec: core.Spec, prove: Prover, options: Options, told: Callable[[str], None]) -> list[Need]:
    """Every lemma of a specification that is proved, left out in turn."""
    until = time.monotonic() + options.max_seconds
    found = []
    for lemma in [prop.name for prop in spec.properties if prop.kind == "lemma"]:
        told(f"without lemma {lemma}")
        found.append(_without(lemma, spec, prove, options, until))
    return found


def _without(lemma: str, spec: core.Spec, prove: Prover, options: Options, until: float) -> Need:
    left = until - time.monotonic()
    if left <= 0:
        return Need(lemma, None)
    less = replace(spec, properties=tuple(prop for prop in spec.properties if prop.name != lemma))
    limits = replace(options, max_seconds=min(EACH, left), cti_seconds=SEARCH, first_only=True, use_cache=True)
    result = prove(less, limits)
    if result.verdict in ("proved", "inductive"):
        return Need(lemma, False, seconds=result.seconds)
    refuted, undecided = _fated(result, ("refuted",)), _fated(result, ("undecided", "depends"))
    ended = bool(refuted) or not result.out_of_time
    return Need(lemma, True if ended else None, refuted, () if refuted else undecided, result.seconds)


def _fated(result: ProofResult, fates: Sequence[str]) -> tuple[str, ...]:
    return tuple(prop.name for prop in result.properties if prop.fate in fates)


__all__ = ["EACH", "Need", "needs"]
