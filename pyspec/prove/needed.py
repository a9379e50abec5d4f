"""Which lemmas a proof needs: without one of them, and with all the others, it does not succeed.

That the proofs which were found use a lemma does not say so: there may be others. So each lemma is left out and the
rest proved again; what was proved without that lemma is known (`pyspec.prove.store`). A counterexample at the sizes of
a model says for any size that the lemma is needed, and is found where the solver would search for ever.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pyspec.lang import core
from pyspec.prove.engine import Options
from pyspec.prove.result import ProofResult

#: Seconds for the proof without a lemma: at the sizes of a model, for any size.
SMALL, EACH = 90.0, 150.0
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


def needs(
    spec: core.Spec, prove: Prover, options: Options, told: Callable[[str], None], small: Prover | None = None
) -> list[Need]:
    """Every lemma of a specification that is proved, left out in turn; `small` proves at the sizes of a model."""
    until = time.monotonic() + options.max_seconds
    found = []
    for lemma in [prop.name for prop in spec.properties if prop.kind == "lemma"]:
        told(f"without lemma {lemma}")
        found.append(_without(lemma, spec, prove, small, options, until))
    return found


def _without(lemma: str, spec: core.Spec, prove: Prover, small: Prover | None, options: Options, until: float) -> Need:
    started = time.monotonic()
    less = replace(spec, properties=tuple(prop for prop in spec.properties if prop.name != lemma))
    limits = replace(options, first_only=True, use_cache=True)
    if small is not None and started < until:
        result = small(less, replace(limits, max_seconds=min(SMALL, until - started)))
        if refuted := tuple(
            name for name in _fated(result, ("refuted",)) if name != "evaluation"
        ):  # ranges are a model's
            return Need(lemma, True, refuted[:1], seconds=result.seconds)
    left = until - time.monotonic()
    if left <= 0:
        return Need(lemma, None)
    result = prove(less, replace(limits, max_seconds=min(EACH, left), cti_seconds=SEARCH))
    spent = time.monotonic() - started
    if result.verdict in ("proved", "inductive"):
        return Need(lemma, False, seconds=spent)
    refuted, undecided = _fated(result, ("refuted",)), _fated(result, ("undecided", "depends"))
    ended = bool(refuted) or not result.out_of_time
    return Need(lemma, True if ended else None, refuted, () if refuted else undecided, spent)


def _fated(result: ProofResult, fates: Sequence[str]) -> tuple[str, ...]:
    return tuple(prop.name for prop in result.properties if prop.fate in fates)


__all__ = ["EACH", "Need", "needs"]
