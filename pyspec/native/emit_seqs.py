"""Operators on sequences, maps and options to C."""

from __future__ import annotations

from typing import Any

from pyspec.base.source import Span
from pyspec.lang import core
from pyspec.native import domains as d
from pyspec.native.convert import (
    convert,
    copy_cells,
    each,
    is_some,
    make_some,
    some_item,
)
from pyspec.native.domains import BOOL, Dom
from pyspec.native.emit import KINDS, Em, V, captured, emit
from pyspec.native.emit_bind import append, over
from pyspec.native.emit_common import Emit, args_of, equal
from pyspec.native.emit_expr import choose_branch


def seq_item(em: Em, seq: V, index: V, span: Span) -> str:
    """The lvalue of a cell of a sequence; an index outside is an evaluation error."""
    em.fail_if(f"(U)({index.text}) >= (U){seq.text}.n", "index", span)
    return f"{seq.text}.e[{index.text}]"


def seq_in(em: Em, e: core.Op) -> V:
    """Membership in a sequence."""
    item, seq = args_of(em, e)
    out, done = em.temp(BOOL, "0"), em.fresh("done")
    with each(em, seq) as one:
        em.line(f"if ({equal(em, one, item, e.span)}) {{ {out.text} = 1; goto {done}; }}")
    em.line(f"{done}:;")
    return out


def seq_at(em: Em, e: core.Op) -> V:
    """An item by its index."""
    seq, index = args_of(em, e)
    dom: Any = seq.dom
    return em.load(dom.item, seq_item(em, seq, index, e.span))


def concat(em: Em, e: core.Op) -> V:
    """Two sequences, one after the other."""
    a, b = args_of(em, e)
    x: Any = a.dom
    y: Any = b.dom
    dom = d.DSeq(d.join(x.item, y.item), min(x.cap + y.cap, d.MOST_ELEMENTS))
    out = copy_cells(em, a, dom) if x.item == dom.item else em.named(convert(em, a, dom, e.span))
    if out.text == a.text:
        out = copy_cells(em, a, dom)
    with each(em, b) as item:
        append(em, out, convert(em, item, dom.item, e.span))
    return out


def slice_of(em: Em, e: core.Op) -> V:
    """A part of a sequence."""
    seq, lo, hi = args_of(em, e)
    em.fail_if(f"{lo.text} < 0 || {hi.text} > {seq.text}.n", "index", e.span)
    out = em.declare(seq.dom)
    em.line(f"{out.text}.n = 0;")
    em.line(f"for (I i = {lo.text}; i < {hi.text}; i++) {out.text}.e[{out.text}.n++] = {seq.text}.e[i];")
    return out


def prefix(em: Em, e: core.Op) -> V:
    """Whether a sequence begins with another."""
    a, b = args_of(em, e)
    dom: Any = d.join(a.dom, b.dom)
    a, b = convert(em, a, dom, e.span), convert(em, b, dom, e.span)
    out = em.temp(BOOL, f"{a.text}.n <= {b.text}.n")
    test = em.types.compare_cells(dom.item, f"{a.text}.e[i]", f"{b.text}.e[i]")
    em.line(f"for (int i = 0; {out.text} && i < {a.text}.n; i++) if ({test}) {out.text} = 0;")
    return out


def end_of_seq(last: bool) -> Emit:
    """The first or the last item."""

    def write(em: Em, e: core.Op) -> V:
        (a,) = args_of(em, e)
        dom: Any = a.dom
        em.fail_if(f"{a.text}.n == 0", "empty", e.span)
        return em.load(dom.item, f"{a.text}.e[{a.text + '.n - 1' if last else '0'}]")

    return write


def range_seq(em: Em, e: core.Op) -> V:
    """The integers of a range as a sequence."""
    name = em.fresh()
    loop = over(em, e)
    with em.capture() as lines, loop as item:
        out = V(name, d.DSeq(item.dom, min(loop.most, d.MOST_ELEMENTS)))
        append(em, out, item)
    em.line(f"{em.types.of(out.dom)} {name};")
    em.line(f"{name}.n = 0;")
    em.out += lines
    return out


def update(em: Em, e: core.Op) -> V:
    """`seq.update` and `map.update`."""
    many, key, value = args_of(em, e)
    dom: Any = many.dom
    if isinstance(dom, d.DMap):
        at = em.types.code(dom.key, as_key(em, key, dom.key, e.span).text)
        wide: Dom = d.DMap(dom.key, d.join(dom.item, value.dom))
    else:
        em.fail_if(f"(U)({key.text}) >= (U){many.text}.n", "index", e.span)
        at = key.text
        wide = d.DSeq(d.join(dom.item, value.dom), dom.cap)
    out = em.temp(wide, convert(em, many, wide, e.span).text)
    em.line(f"{out.text}.e[{at}] = {em.cell(convert(em, value, wide.item, e.span))};")  # type: ignore[attr-defined]
    return out


def as_key(em: Em, key: V, dom: Dom, span: Span) -> V:
    """A key of a map; one outside the key type is an evaluation error of its own kind."""
    if key.dom == dom:
        return key
    with em.capture() as lines:
        value = convert(em, key, dom, span)
    text = f"fail(cx, {KINDS['range']}, {em.span(span)})"
    em.out += [line.replace(text, f"fail(cx, {KINDS['key']}, {em.span(span)})") for line in lines]
    return value


def map_at(em: Em, e: core.Op) -> V:
    """The value of a key."""
    many, key = args_of(em, e)
    dom: Any = many.dom
    at = em.types.code(dom.key, as_key(em, key, dom.key, e.span).text)
    return em.load(dom.item, f"{many.text}.e[{at}]")


def some(em: Em, e: core.Op) -> V:
    """An option that is not none."""
    (a,) = args_of(em, e)
    dom = d.DOpt(a.dom)
    return em.temp(dom, make_some(em, dom, a))


def unwrap(em: Em, e: core.Op) -> V:
    """The item of an option."""
    (a,) = args_of(em, e)
    em.fail_if(f"!{is_some(a)}", "none", e.span)
    return some_item(em, a)


def or_else(em: Em, e: core.Op) -> V:
    """The item of an option, or else another value."""
    a = em.named(emit(em, e.args[0]))
    with em.capture() as lines:
        item = some_item(em, a)
    return choose_branch(em, is_some(a), (lines, item), captured(em, e.args[1]), e.span)
