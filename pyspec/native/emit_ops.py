"""The built-in operators to C: a table with an entry for each key of `pyspec.lang.ops.OPS`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyspec.base.source import NOWHERE, Span
from pyspec.lang import core
from pyspec.lang import types as t
from pyspec.native import domains as d
from pyspec.native.convert import (
    add_to_set,
    code_item,
    convert,
    copy_cells,
    each,
    empty_set,
    is_some,
    make_some,
    set_size,
    some_item,
)  # fmt: skip
from pyspec.native.domains import ANY_INT, BOOL, INT_MAX, INT_MIN, Dom
from pyspec.native.emit import Em, V
from pyspec.native.emit_expr import append, captured, choose_branch, emit, over, truth

Emit = Callable[[Em, Any], V]


def _args(em: Em, e: core.Op) -> list[V]:
    """All arguments, left to right."""
    return [em.named(emit(em, a)) for a in e.args]


# ------------------------------------------------------------------------------------------------------ booleans


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


# ------------------------------------------------------------------------------------------------- any one type


def equal(em: Em, a: V, b: V, span: Span = NOWHERE) -> str:
    """C condition: two values of one type are equal."""
    dom = d.join(a.dom, b.dom)
    if isinstance(dom, d.DInt):
        return f"({a.text} == {b.text})"
    x, y = convert(em, a, dom, span), convert(em, b, dom, span)
    if dom.rep == "struct":
        return f"({em.types.function('cmp', dom)}(&{x.text}, &{y.text}) == 0)"
    return f"({x.text} == {y.text})"


def _eq(negate: bool) -> Emit:
    def write(em: Em, e: core.Op) -> V:
        a, b = _args(em, e)
        return V(f"{'!' if negate else ''}{equal(em, a, b, e.span)}", BOOL)

    return write


# ----------------------------------------------------------------------------------------------------- integers


def _bounds(op: str, a: d.DInt, b: d.DInt) -> tuple[int, int]:
    if op == "add":
        return a.lo + b.lo, a.hi + b.hi
    if op == "sub":
        return a.lo - b.hi, a.hi - b.lo
    products = [x * y for x in (a.lo, a.hi) for y in (b.lo, b.hi)]
    return min(products), max(products)


def _arith(op: str, sign: str) -> Emit:
    def write(em: Em, e: core.Op) -> V:
        a, b = _args(em, e)
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
    (a,) = _args(em, e)
    assert isinstance(a.dom, d.DInt)
    if a.dom.lo >= 0:
        return a
    if a.dom.lo == INT_MIN:
        em.fail_if(f"{a.text} == INT64_MIN", "overflow", e.span)
    most = min(max(-a.dom.lo, a.dom.hi), INT_MAX)
    return V(f"({a.text} < 0 ? -({a.text}) : {a.text})", d.DInt(0, most))


def _divide(op: str) -> Emit:
    def write(em: Em, e: core.Op) -> V:
        a, b = _args(em, e)
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


# --------------------------------------------------------------------------------------------------------- order


def _compare(sign: str) -> Emit:
    def write(em: Em, e: core.Op) -> V:
        a, b = _args(em, e)
        return V(f"({a.text} {sign} {b.text})", BOOL)

    return write


def _extreme(sign: str) -> Emit:
    def write(em: Em, e: core.Op) -> V:
        a, b = _args(em, e)
        dom = d.join(a.dom, b.dom)
        if isinstance(a.dom, d.DInt) and isinstance(b.dom, d.DInt):
            pick = min if sign == "<" else max
            dom = d.DInt(pick(a.dom.lo, b.dom.lo), pick(a.dom.hi, b.dom.hi))
        return em.temp(dom, f"{a.text} {sign} {b.text} ? {a.text} : {b.text}")

    return write


def _neighbour(step: int) -> Emit:
    def write(em: Em, e: core.Op) -> V:
        (a,) = _args(em, e)
        last = (a.dom.card or 1) - 1 if step > 0 else 0
        em.fail_if(f"{a.text} == {last}", "order", e.span)
        return V(f"({a.text} {'+' if step > 0 else '-'} 1)", a.dom)

    return write


def _index_of(em: Em, e: core.Op) -> V:
    (a,) = _args(em, e)
    return V(f"((I){a.text})", d.DInt(0, (a.dom.card or 1) - 1))


# ---------------------------------------------------------------------------------------------------------- sets


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


def _in(em: Em, e: core.Op) -> V:
    item, many = _args(em, e)
    return V(contains(em, item, many, e.span), BOOL)


_MASK_OPS = {"union": "({a} | {b})", "inter": "({a} & {b})", "diff": "({a} & ~{b})"}
_WIDE_OPS = {"union": "{a} | {b}", "inter": "{a} & {b}", "diff": "{a} & ~{b}"}


def _combine(what: str) -> Emit:
    """Union, intersection, difference of sets; sum and difference of bags."""

    def write(em: Em, e: core.Op) -> V:
        a, b = _args(em, e)
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


def _subset(em: Em, e: core.Op) -> V:
    a, b = _args(em, e)
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


def _size(em: Em, e: core.Op) -> V:
    (a,) = _args(em, e)
    return V(set_size(a), d.DInt(0, a.dom.cap))  # type: ignore[attr-defined]


def _gather(em: Em, e: core.Op) -> V:
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


def _range_seq(em: Em, e: core.Op) -> V:
    name = em.fresh()
    loop = over(em, e)
    with em.capture() as lines, loop as item:
        out = V(name, d.DSeq(item.dom, min(loop.most, d.MOST_ELEMENTS)))
        append(em, out, item)
    em.line(f"{em.types.of(out.dom)} {name};")
    em.line(f"{name}.n = 0;")
    em.out += lines
    return out


def _flatten(em: Em, e: core.Op) -> V:
    (a,) = _args(em, e)
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


def _end_of_set(which: str) -> Emit:
    def write(em: Em, e: core.Op) -> V:
        (a,) = _args(em, e)
        em.fail_if(f"{set_size(a)} == 0", "empty", e.span)
        return _end(which, e.span, em, a)

    return write


def _only(em: Em, e: core.Op) -> V:
    (a,) = _args(em, e)
    em.fail_if(f"{set_size(a)} != 1", "empty", e.span)
    return _end("first", e.span, em, a)


def _majority(em: Em, e: core.Op) -> V:
    (a,) = _args(em, e)
    of = e.args[0].type
    assert isinstance(of, t.Set)
    return V(f"(2 * {set_size(a)} > {d.of_type(of.item).card})", BOOL)


def _to_set(em: Em, e: core.Op) -> V:
    """`bag.support`, `seq.set`, `map.values`."""
    (a,) = _args(em, e)
    dom: Any = a.dom
    size = dom.size if isinstance(dom, d.DMap) else dom.cap
    out = empty_set(em, d.sized_set(dom.item, size))
    i = em.fresh("i")
    last = str(size) if isinstance(dom, d.DMap) else f"{a.text}.n"
    em.line(f"for (int {i} = 0; {i} < {last}; {i}++) {{")
    add_to_set(em, out, em.load(dom.item, f"{a.text}.e[{i}]"))
    em.line("}")
    return out


# ---------------------------------------------------------------------------------------------------------- bags


def _bag_count(em: Em, e: core.Op) -> V:
    a, b = _args(em, e)
    dom: Any = a.dom
    item = d.join(dom.item, b.dom)
    many = convert(em, a, d.DBag(item, dom.cap), e.span)
    cell = em.cell(convert(em, b, item, e.span))
    return em.temp(d.DInt(0, dom.cap), f"{em.types.function('count', many.dom)}(&{many.text}, &{cell})")


# ----------------------------------------------------------------------------------------------------- sequences


def seq_item(em: Em, seq: V, index: V, span: Span) -> str:
    """The lvalue of a cell of a sequence; an index outside is an evaluation error."""
    em.fail_if(f"(U)({index.text}) >= (U){seq.text}.n", "index", span)
    return f"{seq.text}.e[{index.text}]"


def _seq_in(em: Em, e: core.Op) -> V:
    item, seq = _args(em, e)
    out, done = em.temp(BOOL, "0"), em.fresh("done")
    with each(em, seq) as one:
        em.line(f"if ({equal(em, one, item, e.span)}) {{ {out.text} = 1; goto {done}; }}")
    em.line(f"{done}:;")
    return out


def _seq_at(em: Em, e: core.Op) -> V:
    seq, index = _args(em, e)
    dom: Any = seq.dom
    return em.load(dom.item, seq_item(em, seq, index, e.span))


def _concat(em: Em, e: core.Op) -> V:
    a, b = _args(em, e)
    x: Any = a.dom
    y: Any = b.dom
    dom = d.DSeq(d.join(x.item, y.item), min(x.cap + y.cap, d.MOST_ELEMENTS))
    out = copy_cells(em, a, dom) if x.item == dom.item else em.named(convert(em, a, dom, e.span))
    if out.text == a.text:
        out = copy_cells(em, a, dom)
    with each(em, b) as item:
        append(em, out, convert(em, item, dom.item, e.span))
    return out


def _slice(em: Em, e: core.Op) -> V:
    seq, lo, hi = _args(em, e)
    em.fail_if(f"{lo.text} < 0 || {hi.text} > {seq.text}.n", "index", e.span)
    out = em.declare(seq.dom)
    em.line(f"{out.text}.n = 0;")
    em.line(f"for (I i = {lo.text}; i < {hi.text}; i++) {out.text}.e[{out.text}.n++] = {seq.text}.e[i];")
    return out


def _prefix(em: Em, e: core.Op) -> V:
    a, b = _args(em, e)
    dom: Any = d.join(a.dom, b.dom)
    a, b = convert(em, a, dom, e.span), convert(em, b, dom, e.span)
    out = em.temp(BOOL, f"{a.text}.n <= {b.text}.n")
    test = em.types.compare_cells(dom.item, f"{a.text}.e[i]", f"{b.text}.e[i]")
    em.line(f"for (int i = 0; {out.text} && i < {a.text}.n; i++) if ({test}) {out.text} = 0;")
    return out


def _end_of_seq(last: bool) -> Emit:
    def write(em: Em, e: core.Op) -> V:
        (a,) = _args(em, e)
        dom: Any = a.dom
        em.fail_if(f"{a.text}.n == 0", "empty", e.span)
        return em.load(dom.item, f"{a.text}.e[{a.text + '.n - 1' if last else '0'}]")

    return write


def _update(em: Em, e: core.Op) -> V:
    """`seq.update` and `map.update`."""
    many, key, value = _args(em, e)
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


# --------------------------------------------------------------------------------------------------- maps, options


def as_key(em: Em, key: V, dom: Dom, span: Span) -> V:
    """A key of a map; one outside the key type is an evaluation error of its own kind."""
    if key.dom == dom:
        return key
    with em.capture() as lines:
        value = convert(em, key, dom, span)
    text = f"fail(cx, {_kind('range')}, {em.span(span)})"
    em.out += [line.replace(text, f"fail(cx, {_kind('key')}, {em.span(span)})") for line in lines]
    return value


def _kind(name: str) -> int:
    from pyspec.native.emit import KINDS

    return KINDS[name]


def _map_at(em: Em, e: core.Op) -> V:
    many, key = _args(em, e)
    dom: Any = many.dom
    at = em.types.code(dom.key, as_key(em, key, dom.key, e.span).text)
    return em.load(dom.item, f"{many.text}.e[{at}]")


def _some(em: Em, e: core.Op) -> V:
    (a,) = _args(em, e)
    dom = d.DOpt(a.dom)
    return em.temp(dom, make_some(em, dom, a))


def _unwrap(em: Em, e: core.Op) -> V:
    (a,) = _args(em, e)
    em.fail_if(f"!{is_some(a)}", "none", e.span)
    return some_item(em, a)


def _or_else(em: Em, e: core.Op) -> V:
    a = em.named(emit(em, e.args[0]))
    with em.capture() as lines:
        item = some_item(em, a)
    return choose_branch(em, is_some(a), (lines, item), captured(em, e.args[1]), e.span)


OPERATORS: dict[str, Emit] = {
    "not": lambda em, e: V(f"!{_args(em, e)[0].text}", BOOL),
    "and": lambda em, e: _chain(em, e, False),
    "or": lambda em, e: _chain(em, e, True),
    "implies": _implies,
    "eq": _eq(False),
    "ne": _eq(True),
    "neg": lambda em, e: _negate(em, _args(em, e)[0], e.span),
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
    "set.in": _in,
    "set.union": _combine("union"),
    "set.inter": _combine("inter"),
    "set.diff": _combine("diff"),
    "set.subset": _subset,
    "set.size": _size,
    "set.subsets": _gather,
    "set.flatten": _flatten,
    "set.min": _end_of_set("first"),
    "set.max": _end_of_set("last"),
    "set.only": _only,
    "set.majority": _majority,
    "range": _gather,
    "range.seq": _range_seq,
    "bag.in": _in,
    "bag.count": _bag_count,
    "bag.add": _combine("union"),
    "bag.diff": _combine("diff"),
    "bag.size": _size,
    "bag.support": _to_set,
    "seq.in": _seq_in,
    "seq.at": _seq_at,
    "seq.len": _size,
    "seq.concat": _concat,
    "seq.slice": _slice,
    "seq.prefix": _prefix,
    "seq.set": _to_set,
    "seq.first": _end_of_seq(False),
    "seq.last": _end_of_seq(True),
    "seq.update": _update,
    "map.at": _map_at,
    "map.update": _update,
    "map.values": _to_set,
    "some": _some,
    "unwrap": _unwrap,
    "or_else": _or_else,
}
