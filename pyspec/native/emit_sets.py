"""Operators on sets and bags to C."""

from __future__ import annotations

from typing import Any

from pyspec.base.source import Span
from pyspec.lang import core
from pyspec.lang import types as t
from pyspec.native import domains as d
from pyspec.native.convert import (
    add_to_set,
    code_item,
    convert,
    each,
    empty_set,
    set_size,
)
from pyspec.native.domains import BOOL, INT_MIN
from pyspec.native.emit import Em, V
from pyspec.native.emit_bind import over
from pyspec.native.emit_common import Emit, args_of


def contains(em: Em, item: V, many: V, span: Span) -> str:
    """C condition: a set (or bag) holds an element."""
    dom: Any = many.dom
    guard = ""
    if dom.item != item.dom:
        if isinstance(dom.item, d.DInt):
            assert isinstance(item.dom, d.DInt)
            if not dom.item.card:
                return "0"
            tests = []
            if item.dom.lo < dom.item.lo:
                tests.append(f"{item.text} >= {_c(dom.item.lo)}")
            if item.dom.hi > dom.item.hi:
                tests.append(f"{item.text} <= {_c(dom.item.hi)}")
            guard = " && ".join(tests)
            item = V(item.text, dom.item)
        else:
            joined = d.join(dom.item, item.dom)
            many = convert(em, many, dom.__class__(joined, dom.cap), span)
            item = convert(em, item, joined, span)
            dom = many.dom
    test = _holds(em, item, many)
    return f"({guard} && {test})" if guard else test


def _c(value: int) -> str:
    return "INT64_MIN" if value == INT_MIN else f"{value}LL"


def _holds(em: Em, item: V, many: V) -> str:
    dom: Any = many.dom
    if isinstance(dom, d.DSet) and dom.kind == "mask":
        return f"({many.text} >> {em.types.code(dom.item, item.text)} & 1)"
    if isinstance(dom, d.DSet) and dom.kind == "wide":
        return f"wide_in({many.text}.w, {em.types.code(dom.item, item.text)})"
    return f"{em.types.function('has', dom)}(&{many.text}, &{em.cell(item)})"


def set_in(em: Em, e: core.Op) -> V:
    """Membership in a set or bag."""
    item, many = args_of(em, e)
    return V(contains(em, item, many, e.span), BOOL)


_MASK_OPS = {"union": "({a} | {b})", "inter": "({a} & {b})", "diff": "({a} & ~{b})"}


_WIDE_OPS = {"union": "{a} | {b}", "inter": "{a} & {b}", "diff": "{a} & ~{b}"}


def combination(what: str) -> Emit:
    """Union, intersection, difference of sets; sum and difference of bags."""

    def write(em: Em, e: core.Op) -> V:
        a, b = args_of(em, e)
        x: Any = a.dom
        y: Any = b.dom
        item = d.join(x.item, y.item)
        cap = {"union": x.cap + y.cap, "inter": min(x.cap, y.cap), "diff": x.cap}[what]
        room = max(x.cap, y.cap, cap)
        dom: Any = d.sized_set(item, room) if isinstance(x, d.DSet) else x.__class__(item, min(room, d.MOST_ELEMENTS))
        out = combine(em, what, convert(em, a, dom, e.span), convert(em, b, dom, e.span))
        small = dom.__class__(item, min(cap, dom.cap))
        same = isinstance(dom, d.DSet) and dom.kind == "mask" and small.kind == "mask"
        return V(out.text, small) if same else out

    return write


def combine(em: Em, what: str, a: V, b: V) -> V:
    """One of union, inter, diff on two operands of the same domain."""
    dom: Any = a.dom
    if dom.rep == "U":
        return V(_MASK_OPS[what].format(a=a.text, b=b.text), dom)
    if isinstance(dom, d.DSet) and dom.kind == "wide":
        out = em.declare(dom)
        text = _WIDE_OPS[what].format(a=f"{a.text}.w[i]", b=f"{b.text}.w[i]")
        em.line(f"for (int i = 0; i < {dom.words}; i++) {out.text}.w[i] = {text};")
        return out
    em.fallible += 1
    return em.temp(dom, f"{em.types.function(what, dom)}(cx, &{a.text}, &{b.text})")


def subset(em: Em, e: core.Op) -> V:
    """Inclusion."""
    a, b = args_of(em, e)
    dom = d.join(a.dom, b.dom)
    assert isinstance(dom, d.DSet)
    a, b = convert(em, a, dom, e.span), convert(em, b, dom, e.span)
    if dom.kind == "mask":
        return V(f"(({a.text} & ~{b.text}) == 0)", BOOL)
    if dom.kind == "wide":
        out = em.temp(BOOL, "1")
        em.line(f"for (int i = 0; i < {dom.words}; i++) if ({a.text}.w[i] & ~{b.text}.w[i]) {out.text} = 0;")
        return out
    return em.temp(BOOL, f"(U){em.types.function('subset', dom)}(&{a.text}, &{b.text})")


def size_of(em: Em, e: core.Op) -> V:
    """The number of elements (of a bag: copies)."""
    (a,) = args_of(em, e)
    return V(set_size(a), d.DInt(0, a.dom.cap))  # type: ignore[attr-defined]


def gather(em: Em, e: core.Op) -> V:
    """`range` and `set.subsets` as sets, when they are not just iterated over."""
    name = em.fresh()
    loop = over(em, e)
    with em.capture() as lines, loop as item:
        out = V(name, d.sized_set(item.dom, loop.most))
        add_to_set(em, out, item)
    empty = empty_set(em, out.dom)
    em.out += lines[:0]
    em.out[-2:] = [line.replace(empty.text, name) for line in em.out[-2:]]
    em.out += lines
    return out


def flatten(em: Em, e: core.Op) -> V:
    """The union of the members."""
    (a,) = args_of(em, e)
    outer = a.dom
    assert isinstance(outer, d.DSet) and isinstance(outer.item, d.DSet)
    inner = outer.item
    dom = d.sized_set(inner.item, inner.cap * max(outer.cap, 1))
    out = empty_set(em, dom)
    with each(em, a) as part, each(em, em.named(part)) as item:
        add_to_set(em, out, item)
    return out


def _end(which: str, span: Span, em: Em, a: V) -> V:
    """The least ("first") or greatest ("last") element of a set known not to be empty."""
    dom: Any = a.dom
    if isinstance(dom, d.DSet) and dom.kind == "mask":
        return code_item(em, dom.item, f"((U){'lowest' if which == 'first' else 'highest'}({a.text}))")
    if isinstance(dom, d.DSet) and dom.kind == "wide":
        find = f"wide_next({a.text}.w, {dom.words}, 0)" if which == "first" else f"wide_last({a.text}.w, {dom.words})"
        return code_item(em, dom.item, f"((U){find})")
    return em.load(dom.item, f"{a.text}.e[{'0' if which == 'first' else a.text + '.n - 1'}]")


def end_of_set(which: str) -> Emit:
    """The least or the greatest element."""

    def write(em: Em, e: core.Op) -> V:
        (a,) = args_of(em, e)
        em.fail_if(f"{set_size(a)} == 0", "empty", e.span)
        return _end(which, e.span, em, a)

    return write


def only(em: Em, e: core.Op) -> V:
    """The one element."""
    (a,) = args_of(em, e)
    em.fail_if(f"{set_size(a)} != 1", "empty", e.span)
    return _end("first", e.span, em, a)


def majority(em: Em, e: core.Op) -> V:
    """More than half of a sort."""
    (a,) = args_of(em, e)
    of = e.args[0].type
    assert isinstance(of, t.Set)
    return V(f"(2 * {set_size(a)} > {d.of_type(of.item).card})", BOOL)


def to_set(em: Em, e: core.Op) -> V:
    """`bag.support`, `seq.set`, `map.values`."""
    (a,) = args_of(em, e)
    dom: Any = a.dom
    size = dom.size if isinstance(dom, d.DMap) else dom.cap
    out = empty_set(em, d.sized_set(dom.item, size))
    i = em.fresh("i")
    last = str(size) if isinstance(dom, d.DMap) else f"{a.text}.n"
    em.line(f"for (int {i} = 0; {i} < {last}; {i}++) {{")
    add_to_set(em, out, em.load(dom.item, f"{a.text}.e[{i}]"))
    em.line("}")
    return out


def bag_count(em: Em, e: core.Op) -> V:
    """How many copies of an element."""
    a, b = args_of(em, e)
    dom: Any = a.dom
    item = d.join(dom.item, b.dom)
    many = convert(em, a, d.DBag(item, dom.cap), e.span)
    cell = em.cell(convert(em, b, item, e.span))
    return em.temp(d.DInt(0, dom.cap), f"{em.types.function('count', many.dom)}(&{many.text}, &{cell})")
