"""`disconnect`: the fifo channels between a node and others are emptied, as the end of a TCP session empties them."""

from __future__ import annotations

from pyspec.base.diagnostics import error
from pyspec.base.source import Span
from pyspec.lang import core as c
from pyspec.lang import syntax as s
from pyspec.lang import types as t
from pyspec.lang.exprs import infer, self_of
from pyspec.lang.names import Env
from pyspec.lang.typeops import BOOL, article, value_type


def disconnect(stmt: s.DisconnectStmt, env: Env) -> list[c.Stmt]:
    """One assignment for each variable that holds channels between the two kinds of nodes.

    Raises SpecError when there is no such variable.
    """
    me = self_of(env, stmt.span)
    given = infer(stmt.nodes, env)
    nodes = given if isinstance(given.type, t.Set) else c.SetLit(t.Set(given.type), (given,), span=stmt.span)
    assert isinstance(nodes.type, t.Set)
    channels = [v for v in env.names.vars.values() if v.kind == "channel" and _between(v, me.type, nodes.type.item)]
    if not channels:
        message = f"no fifo channel joins {article(me.type)} and {article(nodes.type.item)}"
        raise error("E0403", message, stmt.span, "declare the messages `via fifo`")
    name = env.fresh("cut")
    whole = c.Local(nodes.type, name, span=stmt.span)
    return [c.Let(name, nodes, span=stmt.span), *(_emptied(v, me, whole, env, stmt.span) for v in channels)]


def _between(var: c.Var, mine: t.Type, other: t.Type) -> bool:
    assert isinstance(var.type, t.Map) and isinstance(var.type.key, t.Tuple)
    return var.type.key.items in ((mine, other), (other, mine))


def _emptied(var: c.Var, me: c.Expr, nodes: c.Expr, env: Env, span: Span) -> c.Stmt:
    assert isinstance(var.type, t.Map) and isinstance(var.type.key, t.Tuple) and isinstance(nodes.type, t.Set)
    name = env.fresh("ends")
    ends = c.Local(var.type.key, name, span=span)
    first, second = (c.Proj(kind, ends, i, span=span) for i, kind in enumerate(var.type.key.items))
    both = [(a, b) for a, b in ((first, second), (second, first)) if (a.type, b.type) == (me.type, nodes.type.item)]
    cut = tuple(c.Op(BOOL, "and", (_op("eq", a, me, span), _op("set.in", b, nodes, span)), span=span) for a, b in both)
    queue = value_type(var.type.value)
    held = c.Op(queue, "map.at", (c.StateVar(value_type(var.type), var.name, span=span), ends), span=span)
    cond = cut[0] if len(cut) == 1 else c.Op(BOOL, "or", cut, span=span)
    body = c.IfExpr(queue, cond, c.SeqLit(queue, (), span=span), held, span=span)
    return c.Assign(var.name, (), c.MapComp(var.type, name, body, span=span), span=span)


def _op(name: str, a: c.Expr, b: c.Expr, span: Span) -> c.Expr:
    return c.Op(BOOL, name, (a, b), span=span)
