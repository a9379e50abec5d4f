"""One value in two domains: conversions at joins, which cannot fail, and at stores, which check what fits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyspec.base.source import Span
from pyspec.native import domains as d
from pyspec.native.domains import Dom
from pyspec.native.emit import Em, V


def convert(em: Em, value: V, to: Dom, span: Span) -> V:
    """The same value in another domain of its type; what does not fit is an evaluation error at `span`."""
    if value.dom == to:
        return value
    return _CONVERT[to.__class__](em, value, to, span)


def holds_all(to: Dom, dom: Dom) -> bool:
    """Whether every value of `dom` is one of `to` (so that a conversion cannot fail)."""
    return d.join(to, dom) == to


def _int(em: Em, value: V, to: Any, span: Span) -> V:
    have = value.dom
    assert isinstance(have, d.DInt)
    tests = []
    if have.card:
        value = em.named(value) if not value.text.lstrip("-").isdigit() else value
        if have.lo < to.lo:
            tests.append(f"{value.text} < {_bound(to.lo)}")
        if have.hi > to.hi:
            tests.append(f"{value.text} > {_bound(to.hi)}")
    if tests:
        em.fail_if(" || ".join(tests), "range", span)
    return V(value.text, to)


def _bound(value: int) -> str:
    return "INT64_MIN" if value == d.INT_MIN else f"{value}LL"


def _option(em: Em, value: V, to: Any, span: Span) -> V:
    have = value.dom
    assert isinstance(have, d.DOpt)
    value = em.named(value)
    out = em.declare(to)
    em.line(f"if ({is_some(value)}) {{")
    item = convert(em, some_item(em, value), to.item, span)
    em.line(f"{out.text} = {make_some(em, to, item)};")
    em.line(f"}} else {out.text} = {make_none(em, to)};")
    return out


def is_some(value: V) -> str:
    """C condition: an option is not none."""
    return f"{value.text}.some" if value.dom.rep == "struct" else f"({value.text} != 0)"


def some_item(em: Em, value: V) -> V:
    """The item of an option that is not none."""
    dom = value.dom
    assert isinstance(dom, d.DOpt)
    if dom.rep == "struct":
        return em.load(dom.item, f"{value.text}.v")
    code = f"({value.text} - 1)"
    if dom.item.rep == "struct":
        return em.temp(dom.item, em.types.uncode(dom.item, code))
    return V(em.types.uncode(dom.item, code), dom.item)


def make_some(em: Em, dom: d.DOpt, item: V) -> str:
    """C text of an option that holds the item (which is of the option's item domain)."""
    if dom.rep == "struct":
        inner = (
            item.text
            if item.dom.rep == "struct"
            else f"({em.types.cell(item.dom)}){em.types.store(item.dom, item.text)}"
        )
        return f"({em.types.struct(dom)}){{1, {inner}}}"
    return f"({em.types.code(dom.item, item.text)} + 1)"


def make_none(em: Em, dom: d.DOpt) -> str:
    """C text of none."""
    return f"({em.types.struct(dom)}){{0}}" if dom.rep == "struct" else "0"


def _prod(em: Em, value: V, to: Any, span: Span) -> V:
    assert isinstance(value.dom, d.DProd)
    value = em.named(value)
    parts = [convert(em, get_part(em, value, i), item, span) for i, item in enumerate(to.items)]
    return make_prod(em, to, parts)


def get_part(em: Em, value: V, index: int) -> V:
    """A component of a record or tuple."""
    dom = value.dom
    assert isinstance(dom, d.DProd)
    item = dom.items[index]
    if dom.rep == "struct":
        return em.load(item, f"{value.text}.f{index}")
    stride, size = dom.strides[index], item.card or 0
    text = f"({value.text} / {stride}ULL)" if stride > 1 else value.text
    if index > 0 or item.rep == "struct":  # the first component is all that is left
        text = f"({text} % {max(size, 1)}ULL)" if dom.dense else f"({text} & MASK({d.bits_for(size)}))"
    if item.rep == "struct":
        return em.temp(item, em.types.uncode(item, text))
    return V(em.types.uncode(item, text), item)


def make_prod(em: Em, dom: d.DProd, parts: list[V]) -> V:
    """A record or tuple from its components, each of its item domain."""
    if dom.rep == "struct":
        cells = [
            p.text if p.dom.rep == "struct" else f"({em.types.cell(p.dom)}){em.types.store(p.dom, p.text)}"
            for p in parts
        ]
        return em.temp(dom, f"{{{', '.join(cells) or '0'}}}")
    terms = [
        em.types.code(p.dom, p.text) + (f" * {stride}ULL" if stride > 1 else "")
        for p, stride in zip(parts, dom.strides, strict=True)
    ]
    return V(f"({' + '.join(terms) or '0'})", dom) if len(terms) < 2 else em.temp(dom, " + ".join(terms))


def _sum(em: Em, value: V, to: Any, span: Span) -> V:
    raise d.CannotEmit("two domains of one union")


def _check_capacity(em: Em, size: str, have: int, to: int, span: Span) -> None:
    if have > to:
        em.fail_if(f"{size} > {to}", "capacity", span)


def _set(em: Em, value: V, to: Any, span: Span) -> V:
    have = value.dom
    assert isinstance(have, d.DSet)
    value = em.named(value)
    _check_capacity(em, set_size(value), have.cap, to.cap, span)
    if have.kind == to.kind == "mask":
        return _mask(em, value, to, span)
    if have.kind == to.kind == "wide" and have.item == to.item:
        return V(value.text, to) if em.types.struct(have) == em.types.struct(to) else _rewide(em, value, to)
    if have.kind == to.kind == "array" and have.item == to.item:
        return copy_cells(em, value, to)
    out = empty_set(em, to)
    with each(em, value) as item:
        add_to_set(em, out, convert(em, item, to.item, span))
    return out


def _rewide(em: Em, value: V, to: Dom) -> V:
    out = em.declare(to)
    em.line(f"memcpy({out.text}.w, {value.text}.w, sizeof {out.text}.w);")
    return out


def _mask(em: Em, value: V, to: Any, span: Span) -> V:
    have: Any = value.dom
    if not have.item.card:
        return V("((U)0)", to)
    if have.item == to.item:
        return V(value.text, to)
    if isinstance(have.item, d.DInt):
        fit = sum(1 << i for i in range(have.item.card) if to.item.lo <= have.item.lo + i <= to.item.hi)
        if fit != (1 << have.item.card) - 1:
            em.fail_if(f"{value.text} & ~{fit}ULL", "range", span)
        shift = have.item.lo - to.item.lo
        if not fit:
            return V("((U)0)", to)
        return V(f"({value.text} {'<<' if shift >= 0 else '>>'} {abs(shift)})", to)
    out = empty_set(em, to)
    with each(em, value) as item:
        add_to_set(em, out, convert(em, item, to.item, span))
    return out


def copy_cells(em: Em, value: V, to: Dom) -> V:
    """An array in a struct of another capacity, which is known to suffice."""
    out = em.declare(to)
    em.line(f"{out.text}.n = {value.text}.n;")
    em.line(f"for (int i = 0; i < {value.text}.n; i++) {out.text}.e[i] = {value.text}.e[i];")
    return out


def _many(em: Em, value: V, to: Any, span: Span) -> V:
    have: Any = value.dom
    value = em.named(value)
    _check_capacity(em, f"{value.text}.n", have.cap, to.cap, span)
    if have.item == to.item:
        return copy_cells(em, value, to)
    out = em.declare(to)
    em.line(f"{out.text}.n = {value.text}.n;")
    i = em.fresh("i")
    em.line(f"for (int {i} = 0; {i} < {value.text}.n; {i}++) {{")
    item = convert(em, em.load(have.item, f"{value.text}.e[{i}]"), to.item, span)
    em.line(f"{out.text}.e[{i}] = {em.cell(item)};")
    em.line("}")
    return out


def _map(em: Em, value: V, to: Any, span: Span) -> V:
    have: Any = value.dom
    value = em.named(value)
    out = em.declare(to)
    i = em.fresh("i")
    em.line(f"for (int {i} = 0; {i} < {to.size}; {i}++) {{")
    item = convert(em, em.load(have.item, f"{value.text}.e[{i}]"), to.item, span)
    em.line(f"{out.text}.e[{i}] = {em.cell(item)};")
    em.line("}")
    return out


def _never(em: Em, value: V, to: Dom, span: Span) -> V:
    raise d.CannotEmit(f"{value.dom} as {to}")


_CONVERT: dict[type, Callable[[Em, V, Any, Span], V]] = {
    d.DInt: _int, d.DAtom: _never, d.DProd: _prod, d.DSum: _sum, d.DOpt: _option, d.DSet: _set, d.DBag: _many,
    d.DSeq: _many, d.DMap: _map,
}  # fmt: skip


# --------------------------------------------------------------------------------------- sets: basic operations


def set_size(value: V) -> str:
    """C text: the number of elements of a set, bag or sequence."""
    dom = value.dom
    if isinstance(dom, d.DSet) and dom.kind == "mask":
        return f"popcount({value.text})"
    if isinstance(dom, d.DSet) and dom.kind == "wide":
        return f"wide_size({value.text}.w, {dom.words})"
    return f"((I){value.text}.n)"


def empty_set(em: Em, dom: Dom) -> V:
    """A new empty set or bag or sequence."""
    out = em.declare(dom)
    if dom.rep == "U":
        em.line(f"{out.text} = 0;")
    elif isinstance(dom, d.DSet) and dom.kind == "wide":
        em.line(f"memset(&{out.text}, 0, sizeof {out.text});")
    else:
        em.line(f"{out.text}.n = 0;")
    return out


def add_to_set(em: Em, target: V, item: V) -> None:
    """Insert an element of the set's (or bag's) item domain."""
    dom = target.dom
    if isinstance(dom, d.DSet) and dom.kind == "mask":
        em.line(f"{target.text} |= (U)1 << {em.types.code(dom.item, item.text)};")
    elif isinstance(dom, d.DSet) and dom.kind == "wide":
        em.line(f"wide_add({target.text}.w, {em.types.code(dom.item, item.text)});")
    else:
        add = em.types.function("add", dom)
        em.fallible += 1
        em.line(f"{add}(cx, &{target.text}, &{em.cell(item)});")


class each:
    """`with each(em, value) as item:` writes a loop over a set, a bag (every copy) or a sequence, in order."""

    def __init__(self, em: Em, value: V) -> None:
        self.em, self.value = em, value

    def __enter__(self) -> V:
        em, value = self.em, self.value
        dom: Any = value.dom
        i = em.fresh("i")
        if isinstance(dom, d.DSet) and dom.kind == "mask":
            m = em.fresh("m")
            em.line(f"for (U {m} = {value.text}; {m}; {m} &= {m} - 1) {{")
            em.line(f"U {i} = (U)lowest({m});")
            return code_item(em, dom.item, i)
        if isinstance(dom, d.DSet) and dom.kind == "wide":
            k = dom.words
            em.line(f"for (I {i} = wide_next({value.text}.w, {k}, 0); {i} >= 0; "
                    f"{i} = {i} + 1 < {64 * k} ? wide_next({value.text}.w, {k}, (U){i} + 1) : -1) {{")  # fmt: skip
            return code_item(em, dom.item, f"((U){i})")
        em.line(f"for (int {i} = 0; {i} < {value.text}.n; {i}++) {{")
        return em.load(dom.item, f"{value.text}.e[{i}]")

    def __exit__(self, *_: object) -> None:
        self.em.line("}")


def code_item(em: Em, dom: Dom, code: str) -> V:
    """The value of a domain with a code, as an operand."""
    if dom.rep == "struct":
        return em.temp(dom, em.types.uncode(dom, code))
    return V(em.types.uncode(dom, code), dom)
