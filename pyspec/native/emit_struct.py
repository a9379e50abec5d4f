"""Records, unions, tuples and displays of collections to C."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyspec.lang import core
from pyspec.lang import types as t
from pyspec.native import domains as d
from pyspec.native.convert import (
    convert,
    empty_set,
    get_part,
    make_prod,
)
from pyspec.native.domains import BOOL, Dom
from pyspec.native.emit import Em, V, emit


def _fields(em: Em, dom: d.DProd, fields: tuple[core.Expr, ...]) -> V:
    values = [em.named(emit(em, f)) for f in fields]
    parts = [convert(em, v, i, f.span) for v, i, f in zip(values, dom.items, fields, strict=True)]
    return make_prod(em, dom, parts)


def record(em: Em, e: core.RecordExpr) -> V:
    """A record, its fields stored in their places."""
    dom = d.of_type(e.type)
    assert isinstance(dom, d.DProd)
    return _fields(em, dom, e.fields)


def case_index(of: t.Type, name: str) -> int:
    """The position of a case in its union."""
    assert isinstance(of, t.Union)
    return [c.name for c in of.cases].index(name)


def case_expr(em: Em, e: core.CaseExpr) -> V:
    """A union value."""
    dom = d.of_type(e.type)
    assert isinstance(dom, d.DSum)
    index = case_index(e.type, e.case)
    inner = _fields(em, dom.cases[index], e.fields)
    if dom.rep == "U":
        return V(f"({inner.text} + {dom.bases[index]}ULL)", dom)
    out = em.declare(dom)
    em.line(f"{out.text}.tag = {index};")
    em.line(f"{out.text}.c{index} = {em.cell(inner)};")
    return out


def is_case(value: V, index: int) -> str:
    """C condition: a union value is of a case."""
    dom = value.dom
    assert isinstance(dom, d.DSum)
    if dom.rep == "struct":
        return f"({value.text}.tag == {index})"
    if not dom.dense:
        return f"({value.text} >> {dom.payload} == {index})"
    first, size = dom.bases[index], dom.cases[index].card or 0
    return f"({value.text} - {first}ULL < {size}ULL)"


def is_case_expr(em: Em, e: core.IsCase) -> V:
    """Whether a union value is of a case."""
    return V(is_case(em.named(emit(em, e.item)), case_index(e.item.type, e.case)), BOOL)


def case_field(em: Em, e: core.CaseField) -> V:
    """A field of a union value of a case."""
    value = em.named(emit(em, e.item))
    dom = value.dom
    assert isinstance(dom, d.DSum)
    index = case_index(e.item.type, e.case)
    em.fail_if(f"!{is_case(value, index)}", "case", e.span)
    record = dom.cases[index]
    assert record.type is not None
    if dom.rep == "struct":
        inner = em.load(record, f"{value.text}.c{index}")
    else:
        inner = em.named(V(f"({value.text} - {dom.bases[index]}ULL)", record))
    return get_part(em, inner, [n for n, _ in record.type.fields].index(e.name))


def field_index(dom: Dom, name: str) -> int:
    """The position of a field in its record."""
    assert isinstance(dom, d.DProd) and dom.type is not None
    return [n for n, _ in dom.type.fields].index(name)


def field_of(em: Em, e: core.Field) -> V:
    """A field of a record."""
    value = em.named(emit(em, e.item))
    return get_part(em, value, field_index(value.dom, e.name))


def with_part(em: Em, value: V, index: int, part: V) -> V:
    """A record but for one component, which is of its item domain."""
    dom = value.dom
    assert isinstance(dom, d.DProd)
    parts = [part if i == index else get_part(em, value, i) for i in range(len(dom.items))]
    return make_prod(em, dom, parts)


def with_field(em: Em, e: core.With) -> V:
    """A record but for one field."""
    value = em.named(emit(em, e.item))
    assert isinstance(value.dom, d.DProd)
    index = field_index(value.dom, e.name)
    return with_part(em, value, index, convert(em, emit(em, e.value), value.dom.items[index], e.value.span))


def tuple_expr(em: Em, e: core.TupleExpr) -> V:
    """A tuple."""
    parts = [em.named(emit(em, i)) for i in e.items]
    return make_prod(em, d.DProd(None, tuple(p.dom for p in parts)), parts)


def proj(em: Em, e: core.Proj) -> V:
    """A component of a tuple."""
    return get_part(em, em.named(emit(em, e.item)), e.index)


def collect(make: Callable[[Dom, int], Dom], put: Callable[[Em, V, V], None]) -> Callable[[Em, Any], V]:
    """Set, bag and sequence displays: the items in order, joined, inserted."""

    def write(em: Em, e: Any) -> V:
        values = [em.named(emit(em, i)) for i in e.items]
        item = d.join_all([v.dom for v in values], d.item_of(e.type.item))
        out = empty_set(em, make(item, len(values)))
        for value in values:
            put(em, out, convert(em, value, item, e.span))
        return out

    return write


def map_lit(em: Em, e: core.MapLit) -> V:
    """A map display."""
    assert isinstance(e.type, t.Map)
    key = d.of_type(e.type.key)
    pairs = [(emit(em, k), em.named(emit(em, v))) for k, v in e.items]
    item = d.join_all([v.dom for _, v in pairs], d.item_of(e.type.value))
    out = em.declare(d.DMap(key, item))
    for k, v in pairs:
        at = em.types.code(key, convert(em, k, key, e.span).text)
        em.line(f"{out.text}.e[{at}] = {em.cell(convert(em, v, item, e.span))};")
    return out
