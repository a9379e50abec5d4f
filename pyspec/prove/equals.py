"""Equals for equals: `x == y implies f(x) == f(y)` is true whatever `f` is. A solver for which the parts of `f` are
spread out may look for that in vain."""

from __future__ import annotations

from collections.abc import Mapping

from pyspec.lang import core
from pyspec.model.walk import locals_in, nodes, rewritten

Functions = Mapping[str, core.Function]


def is_congruence(expr: core.Expr, functions: Functions) -> bool:
    """Whether a claim says only that equals are equal, below `all` and `implies`."""
    if isinstance(expr, core.Quant) and expr.kind == "all":
        return is_congruence(expr.body, functions)
    if not (isinstance(expr, core.Op) and expr.op == "implies"):
        return False
    given, then = expr.args
    if not (isinstance(then, core.Op) and then.op == "eq"):
        return is_congruence(then, functions)
    left, right = (_inlined(side, functions, _names(expr)) for side in then.args)
    for one in given.args if isinstance(given, core.Op) and given.op == "and" else (given,):
        if isinstance(one, core.Op) and one.op == "eq":
            left, right = (_with(side, *one.args) for side in (left, right))
    return left == right


def _with(expr: core.Expr, old: core.Expr, new: core.Expr) -> core.Expr:
    return rewritten(expr, lambda part: new if part == old else None)


def _inlined(expr: core.Expr, functions: Functions, taken: set[str]) -> core.Expr:
    """The expression with the bodies of functions in the place of calls, unless a name in one is taken."""

    def body(part: core.Expr) -> core.Expr | None:
        if not isinstance(part, core.Call):
            return None
        function = functions[part.name]
        given = dict(zip((name for name, _ in function.params), part.args, strict=True))
        own = _names(function.body) - given.keys()
        if own & taken:
            return None
        inside = rewritten(function.body, lambda one: given.get(one.name) if isinstance(one, core.Local) else None)
        return _inlined(inside, functions, taken | own)

    return rewritten(expr, body)


def _names(expr: core.Expr) -> set[str]:
    """The local names that an expression uses or binds."""
    several = list(nodes(expr))
    bound = {node.var for node in several if isinstance(node, _BINDERS)}
    lets = {node.name for node in several if isinstance(node, core.LetExpr)}
    return locals_in(expr) | bound | lets | {node.acc for node in several if isinstance(node, core.Fold)}


_BINDERS = (core.Quant, core.Gen, core.MapComp, core.Choose, core.Fold)
