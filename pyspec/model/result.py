"""What every search returns, whichever engine ran it."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import Literal

from pyspec.base.diagnostics import Diagnostic
from pyspec.base.source import NOWHERE, Span
from pyspec.model.trace import Trace

Verdict = Literal["holds", "violated", "incomplete", "unknown"]


@dataclass(frozen=True)
class PropertyResult:
    """One property. For a `reachable` goal "holds" means a state was found (`trace` leads to it), "violated" that none
    exists. `evidence`: "exhaustive", also "within limit", "within view" or both (see `exhaustive`), "bounded",
    "sampled", "witness", "counterexample"."""

    name: str
    kind: str
    verdict: Verdict
    evidence: str
    trace: Trace | None = None
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True)
class ActionCount:
    """How many successors an action produced (counted in `generated`)."""

    name: str
    fired: int
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, repr=False)
class CheckResult:
    """The outcome of one search.

    `distinct`, `generated`, `depth` are counted as TLC counts them (a state beyond a `limit` is checked, but neither
    counted as distinct nor expanded); depth is the longest shortest path in steps, TLC prints one more. A search stops
    at the end of the breadth-first level in which a property was first violated, so counts do not depend on threads.
    """

    protocol: str
    model: str
    engine: Literal["native", "python"]
    verdict: Verdict
    distinct: int
    generated: int
    depth: int
    seconds: float
    compile_seconds: float = 0.0
    properties: tuple[PropertyResult, ...] = ()
    actions: tuple[ActionCount, ...] = ()
    warnings: tuple[Diagnostic, ...] = ()
    error: Diagnostic | None = None  # an evaluation error, with `error_trace`
    error_trace: Trace | None = None
    stopped_by: str | None = None  # "time", "states", "memory", "interrupt": then the verdict is incomplete
    limited: bool = False  # states beyond a limit were met
    symmetry: tuple[str, ...] = ()  # sorts reduced by symmetry
    collision_probability: float = 0.0
    threads: int = 1
    peak_bytes: int = 0
    cached: bool = False
    flaws: tuple[str, ...] = ()
    viewed: bool = False  # states with the same view counted as one

    def __repr__(self) -> str:
        return f"<{self.protocol}, model {self.model}: {self.verdict}, {self.distinct:,} distinct states>"

    def __str__(self) -> str:
        """The verdicts, then whatever went wrong as a story."""
        counts = f"{self.distinct:,} states, {self.generated:,} generated, depth {self.depth}"
        lines = [f"{self.protocol}, model {self.model}: {self.verdict}; {counts}"]
        lines += [f"  {p.kind.replace('_', ' ')} {p.name}  {p.verdict} ({p.evidence})" for p in self.properties]
        for p in self.properties:
            if p.verdict == "violated" and p.trace is not None:
                lines += ["", f"Counterexample to {p.name}", str(p.trace)]
        if self.error is not None:
            lines += ["", f"{self.error.code} {self.error.message}", str(self.error_trace or "")]
        return "\n".join(lines).rstrip()

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


def exhaustive(*, limited: bool, viewed: bool) -> str:
    """The evidence of a search that went all the way: within what."""
    within = [name for name, given in (("limit", limited), ("view", viewed)) if given]
    return f"exhaustive within {' and '.join(within)}" if within else "exhaustive"


def overall(verdicts: list[Verdict], failed: bool, stopped: bool) -> Verdict:
    """The verdict of a whole search."""
    if failed or "violated" in verdicts:
        return "violated"
    if stopped or "incomplete" in verdicts:
        return "incomplete"
    return "unknown" if "unknown" in verdicts else "holds"
