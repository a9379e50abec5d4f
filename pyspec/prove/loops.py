"""`for` over a symbolic set: all iterations at once, where they do not touch each other's cells."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.prove.encode import Encoder
from pyspec.prove.unsupported import unsupported
from pyspec.prove.values import SeqVal

if TYPE_CHECKING:
    from pyspec.prove.execute import Run

Block = Callable[..., list["Run"]]


def loop(e: Encoder, s: core.For, run: Run, block: Block) -> list[Run]:
    """The runs of a loop."""
    domain = e.value(s.domain, run.env)
    if e.finite and not isinstance(domain, SeqVal):
        return _one_by_one(e, s, run, block)
    raise unsupported("a `for` loop", s.span, "write one assignment with a comprehension: `m = {k: ... for k in K}`")


def _one_by_one(e: Encoder, s: core.For, run: Run, block: Block) -> list[Run]:
    """Finite setting: the body under the condition that the value is in the set, for each value in order."""
    of = s.domain.of if isinstance(s.domain, core.Domain) else e.value(s.domain, run.env).item
    fixed = run.bind("(set)", e.value(s.domain, run.env))
    runs = [fixed]
    for value in e.elements(of, s.domain, "a `for` loop"):
        inside = core.Op(ty.Bool(), "set.in", (core.Local(of, s.var), core.Local(ty.Set(of), "(set)")), span=s.span)
        step = core.If(inside, s.body, (), span=s.span)
        runs = [after for before in runs for after in block(e, (step,), before.bind(s.var, value))]
    return runs
