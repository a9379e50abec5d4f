"""What a proof attempt returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from pyspec.base.diagnostics import Diagnostic
from pyspec.base.source import NOWHERE, Span
from pyspec.prove.cti import Cti
from pyspec.prove.smtlib import GOAL

#: "proved"; "refuted" (a counterexample to induction); "undecided" (no answer in time); "depends" (proved from
#: something that is not); "unsupported" (no encoding); "untried" (something is known to be false).
Fate = Literal["proved", "refuted", "undecided", "depends", "unsupported", "untried"]

Verdict = Literal["proved", "inductive", "refuted", "undecided", "unsupported"]


@dataclass(frozen=True)
class ObligationResult:
    """One obligation: "proved", "refuted" or "unknown", how long it took, which attempt decided, what it used."""

    name: str
    kind: str
    action: str | None
    part: str
    prop: str
    status: str
    seconds: float
    by: str = ""
    core: tuple[str, ...] = ()
    cached: bool = False

    @property
    def uses(self) -> tuple[str, ...]:
        """The hypotheses of its proof."""
        return tuple(label or "evaluation" for label in self.core if label != GOAL)


@dataclass(frozen=True)
class PropertyProof:
    """One property: its fate, its obligations, and a counterexample to induction if one was found."""

    name: str
    kind: str
    fate: Fate
    obligations: tuple[ObligationResult, ...] = ()
    cti: Cti | None = None
    spurious: bool = False  # the solver has a model, but no small instance has a counterexample
    needs: tuple[str, ...] = ()  # "depends": what it rests on that is not proved
    problem: Diagnostic | None = None  # "unsupported"
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True)
class ProofResult:
    """The outcome for one specification. `setting`: "any size", or the sizes of a model."""

    protocol: str
    setting: str
    verdict: Verdict
    properties: tuple[PropertyProof, ...]
    axioms: tuple[str, ...]
    solver: str
    seconds: float
    build_seconds: float
    unused: tuple[str, ...] = ()  # lemmas that no proof uses
    used: tuple[str, ...] = ()  # lemmas that some proof uses
    flaws: tuple[str, ...] = ()
    not_covered: tuple[str, ...] = ()  # what the verdict says nothing of
    out_of_time: bool = False  # whether all the time allowed was spent
