"""Binders to C: loops over sets and sequences, quantifiers, comprehensions, folds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from typing import Any

from pyspec.lang import core
from pyspec.lang import types as t
from pyspec.model.domains import cardinality, values_of
from pyspec.model.errors import EvaluationError
from pyspec.model.evaluate import Scope, evaluate
from pyspec.model.values import Value, ordered
from pyspec.model.walk import expressions
from pyspec.native import domains as d
from pyspec.native.convert import (
    add_to_set,
    code_item,
    convert,
    each,
    empty_set,
    make_prod,
    set_size,
)
from pyspec.native.domains import BOOL, Dom
from pyspec.native.emit import Em, V, emit, truth
from pyspec.native.values import initializer, tight

MOST_LISTED = 1 << 16  # values of a type that are written out as a table


class over:
    """`with over(em, domain) as item:` writes a loop over a set or sequence expression, which is not built when it is
    plain (a type, a range, the subsets of a mask, a set of which a condition selects). `most` bounds the number of
    turns. `copy`: the body may change what the expression reads."""

    def __init__(self, em: Em, domain: core.Expr, copy: bool = False) -> None:
        self.em, self.domain, self.copy = em, domain, copy
        self.most = 0
        self._ends: list[str] = []

    def __enter__(self) -> V:
        e = self.domain
        if isinstance(e, core.Domain):
            return self._type(e.of)
        if isinstance(e, core.Op) and e.op in ("range", "range.seq"):
            return self._range(e)
        if isinstance(e, core.Op) and e.op == "set.subsets":
            return self._subsets(e)
        if isinstance(e, core.SetComp) and not self.copy:
            item = self._selected(e) or self._listed(e)
            if item is not None:
                return item
        value = self.em.named(emit(self.em, e)) if not self.copy else copy_of(self.em, emit(self.em, e))
        dom: Any = value.dom
        self.most = dom.cap
        loop = each(self.em, value)
        self._ends.append("}")
        return loop.__enter__()

    def __exit__(self, kind: object, *_: object) -> None:
        for end in self._ends:
            self.em.line(end)

    def _selected(self, e: core.SetComp) -> V | None:
        """`{x in S where p}`, `{(x, y) for x in S, y in T if p}`: in canonical order and without repetition, so it need
        not be built. Not if something in it can fail: that comes before the body of the loop."""
        em, before = self.em, self.em.fallible
        if not _orderly(e):
            return None
        with em.capture() as lines, ExitStack() as scope:
            self.most = 1
            ends: list[str] = []
            for gen in e.gens:
                inner = over(em, gen.domain)
                scope.enter_context(em.bound(gen.var, em.named(inner.__enter__())))
                self.most, ends = self.most * inner.most, [*inner._ends, *ends]
            if e.cond is not None:
                em.line(f"if ({truth(em, e.cond)}) {{")
                ends.insert(0, "}")
            item = em.named(emit(em, e.body))
        if em.fallible != before:
            em.fallible = before
            return None
        em.out += lines
        self._ends = ends
        return item

    def _listed(self, e: core.SetComp) -> V | None:
        """A set that is too large for a temporary but the same in every state: worked out now, it is a table."""
        known = self.em.env
        varies = any(
            isinstance(x, core.StateVar | core.Prime | core.Call) or (isinstance(x, core.Local) and x.name in known)
            for x in expressions(e)
        )
        if varies or not d.MOST_ELEMENTS < _turns(e) <= MOST_LISTED:
            return None
        try:
            found = evaluate(e, Scope())
        except EvaluationError:
            return None
        assert isinstance(found, frozenset) and isinstance(e.type, t.Set)
        return self._rows(self._constants(tight(e.type.item, found), ordered(found)), len(found))

    def _codes(self, dom: Dom) -> V:
        i = self.em.fresh("i")
        self.em.line(f"for (U {i} = 0; {i} < {dom.card}ULL; {i}++) {{")
        self._ends.append("}")
        return code_item(self.em, dom, i)

    def _type(self, of: t.Type) -> V:
        dom = d.of_type(of)
        if dom.dense and dom.card is not None and dom.card <= 1 << 20:
            self.most = dom.card
            return self._codes(dom)
        if isinstance(dom, d.DProd):
            assert isinstance(of, (t.Record, t.Tuple))
            parts, most = [], 1
            for item in of.items if isinstance(of, t.Tuple) else [kind for _, kind in of.fields]:
                parts.append(self._type(item))
                most *= self.most
            self.most = most
            return make_prod(self.em, dom, [convert_exact(p, i) for p, i in zip(parts, dom.items, strict=True)])
        if isinstance(dom, d.DMap) and cardinality(of) > MOST_LISTED:
            assert isinstance(of, t.Map)
            return self._map(of, dom)
        return self._table(of, dom)

    def _table(self, of: t.Type, dom: Dom) -> V:
        """All values of a type whose codes have gaps (maps, sequences, ...) stand in a table, in their order."""
        em, size = self.em, cardinality(of)
        if size > MOST_LISTED:
            raise d.CannotEmit(f"the set of all values of a type that has {size:,.0f} of them")
        key = ("table", dom)
        if key not in em.made:
            em.made[key] = self._constants(dom, values_of(of))
        return self._rows(em.made[key], int(size))

    def _constants(self, dom: Dom, values: Iterable[Value]) -> V:
        """A table of values in the generated source."""
        name = self.em.fresh("K")
        cells = ", ".join(initializer(dom, value) for value in values) or "0"
        self.em.globals.append(f"static const {self.em.types.cell(dom)} {name}[] UNUSED = {{{cells}}};")
        return V(name, dom)

    def _rows(self, table: V, size: int) -> V:
        i, self.most = self.em.fresh("i"), size
        self.em.line(f"for (U {i} = 0; {i} < {size}ULL; {i}++) {{")
        self._ends.append("}")
        return self.em.load(table.dom, f"{table.text}[{i}]")

    def _map(self, of: t.Map, dom: d.DMap) -> V:
        """All maps: a loop for each key, the first outermost, which is their canonical order."""
        out, most = self.em.declare(dom), 1
        for k in range(dom.size):
            item = convert_exact(self._type(of.value), dom.item)
            most *= self.most
            if most > 1 << 20:
                raise d.CannotEmit("the set of all maps of a large type")
            self.em.line(f"{out.text}.e[{k}] = {self.em.cell(item)};")
        self.most = most
        return out

    def _range(self, e: core.Op) -> V:
        em = self.em
        lo, hi = em.named(emit(em, e.args[0])), em.named(emit(em, e.args[1]))
        a, b = lo.dom, hi.dom
        assert isinstance(a, d.DInt) and isinstance(b, d.DInt)
        self.most = max(b.hi - a.lo + 1, 0)
        if self.most >= 1 << 20:
            em.line(f"if ({lo.text} <= {hi.text} && (UU)((U){hi.text} - (U){lo.text}) >= (1 << 20)) "
                    + em.fail("capacity", e.span))  # fmt: skip
        i = em.fresh("i")
        em.line(f"for (I {i} = {lo.text}; {i} <= {hi.text}; {i}++) {{")
        stop = f"if ({i} == INT64_MAX) break; " if b.hi == d.INT_MAX else ""
        self._ends.append(stop + "}")
        return V(i, d.DInt(a.lo, b.hi))

    def _subsets(self, e: core.Op) -> V:
        em = self.em
        base = em.named(emit(em, e.args[0]))
        dom = base.dom
        assert isinstance(dom, d.DSet)
        if dom.cap > 16:
            em.fail_if(f"{set_size(base)} > 16", "capacity", e.span)
        self.most = 1 << min(dom.cap, 16)
        if dom.kind == "mask":
            i, turn = em.fresh("i"), em.fresh("first")
            em.line(
                f"for (U {i} = 0, {turn} = 1; {turn} || {i}; {turn} = 0, {i} = ({i} - {base.text}) & {base.text}) {{"
            )
            self._ends.append("}")
            return V(i, dom)
        return self._picked(base, dom)

    def _picked(self, base: V, dom: d.DSet) -> V:
        """Subsets of a sorted array, by position: the order of positions' masks is the order of the subsets."""
        em = self.em
        i, k = em.fresh("i"), em.fresh("k")
        em.line(f"for (U {i} = 0; {i} < (U)1 << {set_size(base)}; {i}++) {{")
        self._ends.append("}")
        out = empty_set(em, dom)
        em.line(f"int {k} = 0;")
        with each(em, base) as item:
            em.line(f"if ({i} >> {k}++ & 1) {{")
            add_to_set(em, out, item)
            em.line("}")
        return out


def _orderly(e: core.SetComp) -> bool:
    """Whether a comprehension over sets gives its elements in canonical order, each once: the body is the variable, or
    lists the variables in their order."""
    parts: Sequence[core.Expr] = ()
    if isinstance(e.body, core.Local):
        parts = (e.body,)
    elif isinstance(e.body, core.TupleExpr):
        parts = e.body.items
    elif isinstance(e.body, core.RecordExpr):
        parts = e.body.fields
    elif isinstance(e.body, core.MapLit) and isinstance(e.body.type, t.Map):
        keys = [getattr(key, "value", None) for key, _ in e.body.items]
        parts = [value for _, value in e.body.items] if keys == list(values_of(e.body.type.key)) else ()
    names = [part.name if isinstance(part, core.Local) else "" for part in parts]
    return names == [gen.var for gen in e.gens] and all(isinstance(gen.domain.type, t.Set) for gen in e.gens)


def _turns(e: core.SetComp) -> float:
    """How often the inner part of a comprehension over types and ranges is evaluated."""
    return math.prod(_size(gen.domain) for gen in e.gens)


def _size(domain: core.Expr) -> float:
    if isinstance(domain, core.Domain):
        return cardinality(domain.of)
    if isinstance(domain, core.Op) and domain.op == "range":
        lo, hi = (getattr(end, "value", None) for end in domain.args)
        if isinstance(lo, int) and isinstance(hi, int):
            return max(hi - lo + 1, 0)
    return math.inf


def convert_exact(value: V, dom: Dom) -> V:
    """An operand whose value is known to lie in a domain with the same C representation."""
    assert value.dom.rep == dom.rep
    return V(value.text, dom)


def copy_of(em: Em, value: V) -> V:
    """An operand that later assignments do not change."""
    return em.temp(value.dom, value.text)


def quant(em: Em, e: core.Quant) -> V:
    """`all` and `exists`: stops as soon as the answer is known."""
    stop = e.kind == "exists"
    out = em.temp(BOOL, str(int(not stop)))
    done = em.fresh("done")
    with over(em, e.domain) as item, em.bound(e.var, em.named(item)):
        cond = truth(em, e.body)
        em.line(f"if ({'' if stop else '!'}({cond})) {{ {out.text} = {int(stop)}; goto {done}; }}")
    em.line(f"{done}:;")
    return out


def choose(em: Em, e: core.Choose) -> V:
    """The first element that satisfies the condition."""
    done = em.fresh("done")
    with em.capture() as lines:
        loop = over(em, e.domain)
        with loop as item, em.bound(e.var, em.named(item)):
            item = em.env[e.var]
            out = V(em.fresh(), item.dom)
            cond = truth(em, e.cond) if e.cond is not None else "1"
            em.line(f"if ({cond}) {{ {out.text} = {item.text}; goto {done}; }}")
    em.line(f"{em.types.of(out.dom)} {out.text};")
    em.out += lines
    em.line(em.fail("empty", e.span))
    em.line(f"{done}:;")
    return out


def set_comp(em: Em, e: core.SetComp) -> V:
    """A set comprehension."""
    name = em.fresh()
    result: list[Dom] = []

    def visit(depth: int, most: int) -> None:
        if depth < len(e.gens):
            loop = over(em, e.gens[depth].domain)
            with loop as item, em.bound(e.gens[depth].var, em.named(item)):
                visit(depth + 1, most * loop.most)
            return
        if e.cond is not None:
            em.line(f"if ({truth(em, e.cond)}) {{")
        value = em.named(emit(em, e.body))
        result.append(d.sized_set(value.dom, most))
        add_to_set(em, V(name, result[0]), value)
        if e.cond is not None:
            em.line("}")

    with em.capture() as lines:
        visit(0, 1)
    _start_set(em, V(name, result[0]))
    em.out += lines
    return V(name, result[0])


def _start_set(em: Em, out: V) -> None:
    """Declare an empty collection under a name chosen before."""
    empty = empty_set(em, out.dom)
    decl, init = em.out[-2:]
    em.out[-2:] = [decl.replace(empty.text + ";", out.text + ";"), init.replace(empty.text, out.text)]


def seq_comp(em: Em, e: core.SeqComp) -> V:
    """A sequence comprehension."""
    name = em.fresh()
    with em.capture() as lines:
        loop = over(em, e.gen.domain)
        with loop as item, em.bound(e.gen.var, em.named(item)):
            if e.cond is not None:
                em.line(f"if ({truth(em, e.cond)}) {{")
            value = emit(em, e.body)
            dom = d.DSeq(value.dom, min(loop.most, d.MOST_ELEMENTS))
            append(em, V(name, dom), value)
            if e.cond is not None:
                em.line("}")
    _start_set(em, V(name, dom))
    em.out += lines
    return V(name, dom)


def append(em: Em, seq: V, item: V) -> None:
    """One more item (of the item domain) at the end of a sequence."""
    em.fallible += 1
    em.line(f"{em.types.function('append', seq.dom)}(cx, &{seq.text}, {em.cell(item)});")


def map_comp(em: Em, e: core.MapComp) -> V:
    """A total map."""
    assert isinstance(e.type, t.Map)
    key = d.of_type(e.type.key)
    name, i = em.fresh(), em.fresh("i")
    with em.capture() as lines:
        em.line(f"for (U {i} = 0; {i} < {key.card}ULL; {i}++) {{")
        with em.bound(e.var, code_item(em, key, i)):
            value = emit(em, e.body)
            em.line(f"{name}.e[{i}] = {em.cell(value)};")
        em.line("}")
    dom = d.DMap(key, value.dom)
    em.line(f"{em.types.of(dom)} {name};")
    em.out += lines
    return V(name, dom)


def fold(em: Em, e: core.Fold) -> V:
    """A fold; the domain of the accumulator is widened until no turn leaves it."""
    start = emit(em, e.init)
    dom = start.dom
    for attempt in range(8):
        name = em.fresh("acc")
        before = em.fallible
        with em.capture() as lines, over(em, e.domain) as item:
            with em.bound(e.var, em.named(item)), em.bound(e.acc, V(name, dom)):
                value = emit(em, e.body)
            after = d.join(dom, value.dom)
            if after == dom:
                em.line(f"{name} = {convert(em, value, dom, e.span).text};")
        if after == dom:
            break
        em.fallible = before
        dom = after if attempt < 2 else d.widen(after)
    else:
        raise d.CannotEmit("a fold whose result has no bound")
    em.line(f"{em.types.of(dom)} {name} = {convert(em, start, dom, e.span).text};")
    em.out += lines
    return V(name, dom)


def domain(em: Em, e: core.Domain) -> V:
    """All values of a type as a set."""
    dom = d.of_type(e.of)
    if dom.dense and dom.card is not None and dom.card <= 64:
        return V(f"MASK({dom.card})", d.DSet(dom, dom.card))
    loop = over(em, e)
    name = em.fresh()
    with em.capture() as lines, loop as item:
        out = V(name, d.sized_set(dom, loop.most))
        add_to_set(em, out, item)
    _start_set(em, out)
    em.out += lines
    return out
