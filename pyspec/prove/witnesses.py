"""Refinement without a search for witnesses: an abstract action's parameters are looked for among those of the step.

That a step is one that some abstract action allows is an `exists` over that action's parameters, which a solver has to
guess. Mostly they are the step's own: a parameter, or a field of the message that is received. With these in their
place the claim is stronger, so its proof is a proof of refinement; that it fails says nothing.
"""

from __future__ import annotations

import itertools
from dataclasses import replace

from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.lang.typeops import BOOL, value_type

#: An abstract action with more ways to choose its parameters keeps its `exists`.
WAYS = 12


def witnessed(body: core.Expr, action: core.Action) -> core.Expr | None:
    """The body of a refinement with the parameters of abstract actions chosen; None if there is no such parameter."""
    known = [one for param in action.params for one in _terms(core.Local(value_type(param.type), param.name))]
    found = _inside(body, known)
    return None if found == body else found


def _terms(expr: core.Expr) -> list[core.Expr]:
    """A term and, of a record, its fields."""
    if not isinstance(expr.type, ty.Record):
        return [expr]
    fields = (core.Field(value_type(of), expr, name) for name, of in expr.type.fields)
    return [expr, *(one for field in fields for one in _terms(field))]


def _inside(body: core.Expr, known: list[core.Expr]) -> core.Expr:
    if isinstance(body, core.LetExpr):
        return replace(body, body=_inside(body.body, known))
    if isinstance(body, core.Op) and body.op == "or":
        return replace(body, args=tuple(_chosen(one, known) for one in body.args))
    return body


def _chosen(allowed: core.Expr, known: list[core.Expr]) -> core.Expr:
    """What an abstract action allows, with its parameters chosen in every way that their types admit."""
    params, body = _params(allowed)
    fitting = [[term for term in known if term.type == _item(param)] for param in params]
    ways = list(itertools.islice(itertools.product(*fitting), WAYS + 1))
    if not params or not 0 < len(ways) <= WAYS:
        return allowed
    return core.Op(BOOL, "or", tuple(_bound(params, way, body) for way in ways), span=allowed.span)


def _params(expr: core.Expr) -> tuple[list[core.Quant], core.Expr]:
    if isinstance(expr, core.Quant) and expr.kind == "exists":
        params, body = _params(expr.body)
        return [expr, *params], body
    return [], expr


def _item(param: core.Quant) -> ty.Type | None:
    of = param.domain.type
    return value_type(of.item) if isinstance(of, ty.Set) else None


def _bound(params: list[core.Quant], way: tuple[core.Expr, ...], body: core.Expr) -> core.Expr:
    for param, term in reversed(list(zip(params, way, strict=True))):
        name = core.Local(term.type, param.var)
        within = core.Op(BOOL, "set.in", (name, param.domain), span=param.span)
        both = core.Op(BOOL, "and", (within, body), span=param.span)
        body = core.LetExpr(BOOL, param.var, term, both, span=param.span)
    return body
