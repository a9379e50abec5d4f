"""Implications that may be vacuous: for each `implies` of a property, when its left side counts as tested."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from pyspec.base.diagnostics import Diagnostic
from pyspec.base.source import Span
from pyspec.lang import core
from pyspec.lang import types as ty

BOOL = ty.Bool()


@dataclass(frozen=True)
class Antecedent:
    """`tested` is true in a state (or step) in which the left side of the implication at `span` is true for some
    choice of the variables bound around it."""

    prop: core.Property
    tested: core.Expr
    span: Span

    def warning(self) -> Diagnostic:
        """What to say when no state was such."""
        message = f"{self.prop.kind} {self.prop.name} is vacuous here: the left side of this `implies` is never true"
        hint = "no reachable state of this model tests it; is the model too small, or the condition wrong?"
        return Diagnostic("W0801", message, self.span, hint, severity="warning")


def no_initial_state(spec: core.Spec) -> Diagnostic:
    """What to say when nothing can happen at all, so that every property would hold."""
    places = [cond.span for cond in spec.init_where] + [var.span for var in spec.vars if var.choices is not None]
    hint = "no values of the variables satisfy `init where`, or a variable has an empty set to start from"
    return Diagnostic("E0715", "there is no initial state", places[0] if places else spec.vars[0].span, hint)


def antecedents(prop: core.Property) -> list[Antecedent]:
    """The implications of an invariant or step property that its quantifiers, conjunctions and lets lead to."""
    if prop.kind not in ("invariant", "step"):
        return []
    return [Antecedent(prop, tested, span) for tested, span in _below(prop.body)]


def _below(expr: core.Expr) -> Iterator[tuple[core.Expr, Span]]:
    if isinstance(expr, core.Quant) and expr.kind == "all":
        for tested, span in _below(expr.body):
            yield dataclasses.replace(expr, kind="exists", body=tested), span
    elif isinstance(expr, core.LetExpr):
        for tested, span in _below(expr.body):
            yield dataclasses.replace(expr, type=BOOL, body=tested), span
    elif isinstance(expr, core.Op) and expr.op == "and":
        for part in expr.args:
            yield from _below(part)
    elif isinstance(expr, core.Op) and expr.op == "implies":
        left, right = expr.args
        yield left, left.span
        for tested, span in _below(right):
            yield core.Op(BOOL, "and", (left, tested), span=span), span
