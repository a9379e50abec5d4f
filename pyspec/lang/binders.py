"""Typing of what binds names: quantifiers, `choose`, `fold`, `let`. Its entries join `INFER`."""

from __future__ import annotations

from pyspec.base.diagnostics import error
from pyspec.lang import core as c
from pyspec.lang import syntax as s
from pyspec.lang import types as t
from pyspec.lang.exprs import INFER, Want, boolean, check, domain, element_type, infer, op
from pyspec.lang.names import Env
from pyspec.lang.typeops import BOOL, article


def bind(target: s.Name | tuple[s.Name, ...], type_: t.Type, env: Env) -> tuple[str, list[tuple[str, c.Expr]]]:
    """Bind a target: its name, and lets for the parts of a tuple target."""
    if isinstance(target, s.Name):
        if target.name == "_":
            return env.fresh("_any"), []
        return env.bind(target, type_).name, []
    if not isinstance(type_, t.Tuple) or len(type_.items) != len(target):
        raise error("E0308", f"cannot take {article(type_)} apart into {len(target)} parts", target[0].span)
    whole = env.fresh("_".join(n.name for n in target))
    x = c.Local(type_, whole, span=target[0].span)
    lets: list[tuple[str, c.Expr]] = []
    for i, (n, part) in enumerate(zip(target, type_.items, strict=True)):
        if n.name != "_":
            lets.append((env.bind(n, part).name, c.Proj(part, x, i, span=n.span)))
    return whole, lets


def with_lets(lets: list[tuple[str, c.Expr]], body: c.Expr) -> c.Expr:
    """An expression inside a chain of lets."""
    for name, value in reversed(lets):
        body = c.LetExpr(body.type, name, value, body, span=body.span)
    return body


Bound = list[tuple[str, c.Expr, list[tuple[str, c.Expr]]]]


def bind_all(binders: tuple[s.Binder, ...], env: Env) -> Bound:
    """Bind `a, b in S, c in T`: (name, domain, lets) for each, in order; `env` is extended."""
    out: Bound = []
    for binder in binders:
        for target in binder.targets:
            over = domain(binder.domain, env)
            name, lets = bind(target, element_type(over, binder.span), env)
            out.append((name, over, lets))
    return out


def _quantifier(e: s.Quantifier, env: Env, want: Want) -> c.Expr:
    inner = env.child()
    bound = bind_all(e.binders, inner)
    body = boolean(e.body, inner, "the body of a quantifier")
    if e.where is not None:
        cond = boolean(e.where, inner)
        body = op("implies" if e.kind == "all" else "and", BOOL, e.span, cond, body)
    for name, over, lets in reversed(bound):
        body = c.Quant(BOOL, e.kind, name, over, with_lets(lets, body), span=e.span)
    return body


def _choose(e: s.ChooseExpr, env: Env, want: Want) -> c.Expr:
    inner = env.child()
    if len(e.binder.targets) != 1:
        raise error("E0309", "choose picks one element", e.span)
    ((name, over, lets),) = bind_all((e.binder,), inner)
    cond = with_lets(lets, boolean(e.where, inner)) if e.where is not None else None
    return c.Choose(element_type(over, e.span), name, over, cond, span=e.span)


def _fold(e: s.FoldExpr, env: Env, want: Want) -> c.Expr:
    start = infer(e.init, env, want)
    inner = env.child()
    over = infer(e.binder.domain, env)
    item = element_type(over, e.binder.span)
    if isinstance(over.type, t.Bag):
        over = op("bag.support", t.Set(item), e.span, over)
    acc = inner.bind(e.acc, start.type)
    if len(e.binder.targets) != 1:
        raise error("E0309", "fold goes over one variable", e.span)
    name, lets = bind(e.binder.targets[0], item, inner)
    body = with_lets(lets, check(e.body, inner, start.type, "the body of fold"))
    return c.Fold(start.type, acc.name, start, name, over, body, span=e.span)


def _let(e: s.LetIn, env: Env, want: Want) -> c.Expr:
    value = infer(e.value, env)
    inner = env.child()
    name, lets = bind(e.name, value.type, inner)
    body = with_lets(lets, infer(e.body, inner, want))
    return c.LetExpr(body.type, name, value, body, span=e.span)


INFER[s.Quantifier] = _quantifier
INFER[s.ChooseExpr] = _choose
INFER[s.FoldExpr] = _fold
INFER[s.LetIn] = _let
