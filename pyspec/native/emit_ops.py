"""The built-in operators to C: a table with an entry for each key of `pyspec.lang.ops.OPS`.

Booleans, integers and order are written here, the rest in emit_sets and emit_seqs.
"""

from __future__ import annotations

from pyspec.base.source import Span
from pyspec.lang import core
from pyspec.native import domains as d
from pyspec.native import emit_seqs as seqs
from pyspec.native import emit_sets as sets
from pyspec.native.domains import ANY_INT, BOOL, INT_MAX, INT_MIN
from pyspec.native.emit import Em, V, captured, truth
from pyspec.native.emit_common import Emit, args_of, equal


def _chain(em: Em, e: core.Op, stop: bool) -> V:
    """`and` and `or`: later operands only when the earlier ones leave the answer open."""
    parts = [captured(em, a) for a in e.args]
    if not any(lines for lines, _ in parts[1:]):
        em.out += parts[0][0]
        return V("(" + (" || " if stop else " && ").join(v.text for _, v in parts) + ")", BOOL)
    em.out += parts[0][0]
    out = em.temp(BOOL, parts[0][1].text)
    for lines, value in parts[1:]:
        em.line(f"if ({'!' if stop else ''}{out.text}) {{")
        em.out += lines
        em.line(f"{out.text} = {value.text};")
    em.line("}" * (len(parts) - 1))
    return out


def _implies(em: Em, e: core.Op) -> V:
    left = truth(em, e.args[0])
    lines, right = captured(em, e.args[1])
    if id(e) in em.cover_ids:
        lines.insert(0, f"cx->cover[{em.cover_ids[id(e)]}] = 1;")
    if not lines:
        return V(f"(!{left} || {right.text})", BOOL)
    out = em.temp(BOOL, "1")
    em.line(f"if ({left}) {{")
    em.out += lines
    em.line(f"{out.text} = {right.text};")
    em.line("}")
    return out


def _eq(negate: bool) -> Emit:
    def write(em: Em, e: core.Op) -> V:
        a, b = args_of(em, e)
        return V(f"{'!' if negate else ''}{equal(em, a, b, e.span)}", BOOL)

    return write


def _bounds(op: str, a: d.DInt, b: d.DInt) -> tuple[int, int]:
    if op == "add":
        return a.lo + b.lo, a.hi + b.hi
    if op == "sub":
        return a.lo - b.hi, a.hi - b.lo
    products = [x * y for x in (a.lo, a.hi) for y in (b.lo, b.hi)]
    return min(products), max(products)


def _arith(op: str, sign: str) -> Emit:
    def write(em: Em, e: core.Op) -> V:
        a, b = args_of(em, e)
        assert isinstance(a.dom, d.DInt) and isinstance(b.dom, d.DInt)
        lo, hi = _bounds(op, a.dom, b.dom)
        if lo >= INT_MIN and hi <= INT_MAX:
            return V(f"({a.text} {sign} {b.text})", d.DInt(lo, hi))
        em.fallible += 1
        dom = d.DInt(max(lo, INT_MIN), min(hi, INT_MAX))
        return em.temp(dom, f"{op}_checked(cx, {a.text}, {b.text}, {em.span(e.span)})")

    return write


def _negate(em: Em, a: V, span: Span) -> V:
    assert isinstance(a.dom, d.DInt)
    if a.dom.lo == INT_MIN:
        em.fallible += 1
        return em.temp(ANY_INT, f"sub_checked(cx, 0, {a.text}, {em.span(span)})")
    return V(f"(-{a.text})" if not a.text.startswith("-") else f"(0 - ({a.text}))", d.DInt(-a.dom.hi, -a.dom.lo))


def _abs(em: Em, e: core.Op) -> V:
    (a,) = args_of(em, e)
    assert isinstance(a.dom, d.DInt)
    if a.dom.lo >= 0:
        return a
    if a.dom.lo == INT_MIN:
        em.fail_if(f"{a.text} == INT64_MIN", "overflow", e.span)
    most = min(max(-a.dom.lo, a.dom.hi), INT_MAX)
    return V(f"({a.text} < 0 ? -({a.text}) : {a.text})", d.DInt(0, most))


def _divide(op: str) -> Emit:
    def write(em: Em, e: core.Op) -> V:
        a, b = args_of(em, e)
        assert isinstance(a.dom, d.DInt) and isinstance(b.dom, d.DInt)
        if b.dom.lo <= 0 <= b.dom.hi:
            em.fail_if(f"{b.text} == 0", "division", e.span)
        positive = a.dom.lo >= 0 and b.dom.lo >= 0
        if op == "mod":
            lo, hi = min(b.dom.lo + 1, 0), max(b.dom.hi - 1, 0)
            text = f"({a.text} % {b.text})" if positive else f"mod_floor({a.text}, {b.text})"
            return em.temp(d.DInt(lo, hi), text)
        most = max(abs(a.dom.lo), abs(a.dom.hi))
        lo, hi = (0, a.dom.hi) if positive else (max(-most, INT_MIN), min(most, INT_MAX))
        text = f"({a.text} / {b.text})" if positive else f"div_floor(cx, {a.text}, {b.text}, {em.span(e.span)})"
        return em.temp(d.DInt(lo, hi), text)

    return write


def _compare(sign: str) -> Emit:
    def write(em: Em, e: core.Op) -> V:
        a, b = args_of(em, e)
        return V(f"({a.text} {sign} {b.text})", BOOL)

    return write


def _extreme(sign: str) -> Emit:
    def write(em: Em, e: core.Op) -> V:
        a, b = args_of(em, e)
        dom = d.join(a.dom, b.dom)
        if isinstance(a.dom, d.DInt) and isinstance(b.dom, d.DInt):
            pick = min if sign == "<" else max
            dom = d.DInt(pick(a.dom.lo, b.dom.lo), pick(a.dom.hi, b.dom.hi))
        return em.temp(dom, f"{a.text} {sign} {b.text} ? {a.text} : {b.text}")

    return write


def _neighbour(step: int) -> Emit:
    def write(em: Em, e: core.Op) -> V:
        (a,) = args_of(em, e)
        last = (a.dom.card or 1) - 1 if step > 0 else 0
        em.fail_if(f"{a.text} == {last}", "order", e.span)
        return V(f"({a.text} {'+' if step > 0 else '-'} 1)", a.dom)

    return write


def _index_of(em: Em, e: core.Op) -> V:
    (a,) = args_of(em, e)
    return V(f"((I){a.text})", d.DInt(0, (a.dom.card or 1) - 1))


OPERATORS: dict[str, Emit] = {
    "not": lambda em, e: V(f"!{args_of(em, e)[0].text}", BOOL),
    "and": lambda em, e: _chain(em, e, False),
    "or": lambda em, e: _chain(em, e, True),
    "implies": _implies,
    "eq": _eq(False),
    "ne": _eq(True),
    "neg": lambda em, e: _negate(em, args_of(em, e)[0], e.span),
    "add": _arith("add", "+"),
    "sub": _arith("sub", "-"),
    "mul": _arith("mul", "*"),
    "div": _divide("div"),
    "mod": _divide("mod"),
    "abs": _abs,
    "lt": _compare("<"),
    "le": _compare("<="),
    "gt": _compare(">"),
    "ge": _compare(">="),
    "min2": _extreme("<"),
    "max2": _extreme(">"),
    "succ": _neighbour(1),
    "pred": _neighbour(-1),
    "index_of": _index_of,
    "set.in": sets.set_in,
    "set.union": sets.combination("union"),
    "set.inter": sets.combination("inter"),
    "set.diff": sets.combination("diff"),
    "set.subset": sets.subset,
    "set.size": sets.size_of,
    "set.subsets": sets.gather,
    "set.flatten": sets.flatten,
    "set.min": sets.end_of_set("first"),
    "set.max": sets.end_of_set("last"),
    "set.only": sets.only,
    "set.majority": sets.majority,
    "range": sets.gather,
    "range.seq": seqs.range_seq,
    "bag.in": sets.set_in,
    "bag.count": sets.bag_count,
    "bag.add": sets.combination("union"),
    "bag.diff": sets.combination("diff"),
    "bag.size": sets.size_of,
    "bag.support": sets.to_set,
    "seq.in": seqs.seq_in,
    "seq.at": seqs.seq_at,
    "seq.len": sets.size_of,
    "seq.concat": seqs.concat,
    "seq.slice": seqs.slice_of,
    "seq.prefix": seqs.prefix,
    "seq.set": sets.to_set,
    "seq.first": seqs.end_of_seq(False),
    "seq.last": seqs.end_of_seq(True),
    "seq.update": seqs.update,
    "map.at": seqs.map_at,
    "map.update": seqs.update,
    "map.values": sets.to_set,
    "some": seqs.some,
    "unwrap": seqs.unwrap,
    "or_else": seqs.or_else,
}
