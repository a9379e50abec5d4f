"""Expressions to C: a table from node class to a small function (binders, structures and operators are elsewhere)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyspec.base.source import Span
from pyspec.lang import core
from pyspec.model.evaluate import enum_value
from pyspec.native import domains as d
from pyspec.native.convert import (
    add_to_set,
    convert,
)
from pyspec.native.domains import Dom
from pyspec.native.emit import Em, V, captured, emit, truth
from pyspec.native.emit_bind import append, choose, domain, fold, map_comp, quant, seq_comp, set_comp
from pyspec.native.emit_struct import (
    case_expr,
    case_field,
    collect,
    field_of,
    is_case_expr,
    map_lit,
    proj,
    record,
    tuple_expr,
    with_field,
)


def emit_as(em: Em, expr: core.Expr, dom: Dom) -> V:
    """An expression stored at a place of a domain: ranges and capacities are checked."""
    return convert(em, emit(em, expr), dom, expr.span)


def _lit(em: Em, e: core.Lit) -> V:
    return em.literal(core.Lit(e.type, enum_value(e.type, e.value), span=e.span))


def _state_var(em: Em, e: core.StateVar) -> V:
    cell = em.vars[e.name]
    return em.load(cell.dom, f"{em.state}->{cell.member}")


def _prime(em: Em, e: core.Prime) -> V:
    em.state, em.prime = em.prime, em.state
    try:
        return emit(em, e.item)
    finally:
        em.state, em.prime = em.prime, em.state


def choose_branch(em: Em, cond: str, then: tuple[list[str], V], other: tuple[list[str], V], span: Span) -> V:
    """`cond ? then : other` for branches that were emitted aside."""
    dom = d.join(then[1].dom, other[1].dom)
    if not then[0] and not other[0] and then[1].dom == other[1].dom and dom.rep != "struct":
        return V(f"({cond} ? {then[1].text} : {other[1].text})", dom)
    out = em.declare(dom)
    for head, (lines, value) in ((f"if ({cond}) {{", then), ("} else {", other)):
        em.line(head)
        em.out += lines
        em.line(f"{out.text} = {convert(em, value, dom, span).text};")
    em.line("}")
    return out


def _if(em: Em, e: core.IfExpr) -> V:
    cond = truth(em, e.cond)
    return choose_branch(em, cond, captured(em, e.then), captured(em, e.other), e.span)


def _let(em: Em, e: core.LetExpr) -> V:
    with em.bound(e.name, em.named(emit(em, e.value))):
        return emit(em, e.body)


def _call(em: Em, e: core.Call) -> V:
    args = [em.named(emit(em, a)) for a in e.args]
    key = ("call", e.name, tuple(a.dom for a in args))
    if key not in em.made:
        em.made[key] = _function(em, em.functions[e.name], [a.dom for a in args])
    made = em.made[key]
    texts = ["cx", em.state, *(f"&{a.text}" if a.dom.rep == "struct" else a.text for a in args)]
    em.fallible += 1
    return em.temp(made.dom, f"{made.text}({', '.join(texts)})")


def _function(em: Em, f: core.Function, doms: list[Dom]) -> V:
    """A C function for a `def` with arguments of these domains. Its domain is that of the result."""
    name = em.fresh("f")
    params = ["Cx *cx UNUSED", "const S *s UNUSED"]
    with em.body("s") as lines:
        for (param, _), dom in zip(f.params, doms, strict=True):
            c = em.fresh("a")
            struct = dom.rep == "struct"
            params.append(f"{'const ' if struct else ''}{em.types.of(dom)} {'*' if struct else ''}{c} UNUSED")
            em.env[param] = V(f"(*{c})" if struct else c, dom)
        value = emit(em, f.body)
        em.line(f"return {value.text};")
    head = f"static {em.types.of(value.dom)} {name}({', '.join(params)}) {{ /* {f.name} */"
    em.globals += [head, *("    " + line for line in lines), "}"]
    return V(name, value.dom)


def _op(em: Em, e: core.Op) -> V:
    return em.operators[e.op](em, e)


def _const(em: Em, e: core.Const) -> V:
    raise d.CannotEmit(f"constant {e.name} was not folded")


EXPRESSIONS: dict[type, Callable[[Em, Any], V]] = {
    core.Lit: _lit,
    core.Const: _const,
    core.StateVar: _state_var,
    core.Local: lambda em, e: em.env[e.name],
    core.Prime: _prime,
    core.Op: _op,
    core.IfExpr: _if,
    core.LetExpr: _let,
    core.Quant: quant,
    core.SetComp: set_comp,
    core.SeqComp: seq_comp,
    core.MapComp: map_comp,
    core.Choose: choose,
    core.Fold: fold,
    core.Domain: domain,
    core.RecordExpr: record,
    core.CaseExpr: case_expr,
    core.IsCase: is_case_expr,
    core.CaseField: case_field,
    core.Field: field_of,
    core.With: with_field,
    core.TupleExpr: tuple_expr,
    core.Proj: proj,
    core.SetLit: collect(lambda item, n: d.sized_set(item, n), add_to_set),
    core.BagLit: collect(d.DBag, add_to_set),
    core.SeqLit: collect(d.DSeq, append),
    core.MapLit: map_lit,
    core.Call: _call,
}
