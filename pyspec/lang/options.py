"""Comparing options: `none` is less than every value, as in the canonical order of values."""

from __future__ import annotations

from pyspec.base.diagnostics import error
from pyspec.base.source import Span
from pyspec.lang import core as c
from pyspec.lang import types as t
from pyspec.lang.typeops import BOOL, ordered, show


def order(symbol: str, a: c.Expr, b: c.Expr, span: Span) -> c.Expr:
    """`a symbol b` for two options of one ordered type, in terms of `==` and the order of the values.

    Raises SpecError when the values have no order.
    """
    assert isinstance(a.type, t.Option)
    if not ordered(a.type.item):
        raise error("E0305", f"values of type {show(a.type.item)} have no order", span)
    small, large = (a, b) if symbol in ("<", "<=") else (b, a)
    if symbol in ("<", ">"):
        return _and(_some(large, span), _or(_none(small, span), _compare("lt", small, large, span), span), span)
    return _or(_none(small, span), _and(_some(large, span), _compare("le", small, large, span), span), span)


def _lifted(x: c.Expr) -> c.Expr | None:
    """The value of an option that is plainly there."""
    return x.args[0] if isinstance(x, c.Op) and x.op == "some" else None


def _none(x: c.Expr, span: Span) -> c.Expr:
    if _lifted(x) is not None:
        return c.Lit(BOOL, False, span=span)
    return c.Op(BOOL, "eq", (x, c.Lit(x.type, None, span=span)), span=span)


def _some(x: c.Expr, span: Span) -> c.Expr:
    if _lifted(x) is not None:
        return c.Lit(BOOL, True, span=span)
    return c.Op(BOOL, "ne", (x, c.Lit(x.type, None, span=span)), span=span)


def _compare(op: str, small: c.Expr, large: c.Expr, span: Span) -> c.Expr:
    return c.Op(BOOL, op, (_value(small, span), _value(large, span)), span=span)


def _value(x: c.Expr, span: Span) -> c.Expr:
    assert isinstance(x.type, t.Option)
    return _lifted(x) or c.Op(x.type.item, "unwrap", (x,), span=span)


def _and(a: c.Expr, b: c.Expr, span: Span) -> c.Expr:
    return b if isinstance(a, c.Lit) else c.Op(BOOL, "and", (a, b), span=span)


def _or(a: c.Expr, b: c.Expr, span: Span) -> c.Expr:
    return b if isinstance(a, c.Lit) else c.Op(BOOL, "or", (a, b), span=span)
