"""Expressions as text for a reader of a trace: names that stand for known values are replaced by them, and a field of a
node reads `Server1.term`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.lang.unparse import expr_text
from pyspec.model.values import Atom, Value, show
from pyspec.model.walk import expressions


def said(expr: core.Expr, known: Mapping[str, Value], around: int = 0) -> str:
    """The text of an expression; in brackets if what stands around binds tighter."""
    inside = set().union(*map(binds, expressions(expr)))
    plain = {n: v for n, v in known.items() if n not in inside and (v is None or isinstance(v, Atom | bool | int))}
    return expr_text(_replaced(expr, plain), around)


def binds(expr: core.Expr) -> frozenset[str]:
    """The names that an expression binds for its parts."""
    if isinstance(expr, core.Quant | core.Choose | core.MapComp):
        return frozenset({expr.var})
    if isinstance(expr, core.Fold):
        return frozenset({expr.var, expr.acc})
    if isinstance(expr, core.LetExpr):
        return frozenset({expr.name})
    if isinstance(expr, core.SetComp):
        return frozenset(gen.var for gen in expr.gens)
    return frozenset({expr.gen.var}) if isinstance(expr, core.SeqComp) else frozenset()


def _replaced(expr: core.Expr, known: Mapping[str, Value]) -> core.Expr:
    if isinstance(expr, core.Local):
        return core.Lit(expr.type, known[expr.name]) if expr.name in known else expr
    made = _parts_replaced(expr, known)
    return _as_field(made) if isinstance(made, core.Op) and made.op == "map.at" else made


def _as_field(expr: core.Op) -> core.Expr:
    """`Server.term[Server1]` as `Server1.term`."""
    whole, key = expr.args
    if not isinstance(whole, core.StateVar) or not isinstance(key, core.Lit) or not isinstance(key.type, ty.Sort):
        return expr
    group, dot, name = whole.name.partition(".")
    if not dot or group in ("network", "budget"):
        return expr
    return core.Local(expr.type, f"{show(key.value)}.{name}")


def _parts_replaced(node: core.Expr, known: Mapping[str, Value]) -> core.Expr:
    changes: dict[str, Any] = {}
    for part in dataclasses.fields(node):
        old = getattr(node, part.name)
        new = _any(old, known)
        if new is not old:
            changes[part.name] = new
    return dataclasses.replace(node, **changes) if changes else node


def _any(part: object, known: Mapping[str, Value]) -> object:
    if isinstance(part, core.Expr):
        return _replaced(part, known)
    if isinstance(part, core.Gen):
        return dataclasses.replace(part, domain=_replaced(part.domain, known))
    return tuple(_any(item, known) for item in part) if isinstance(part, tuple) else part
