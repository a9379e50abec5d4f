"""Expressions to C: a table from node class to a small function (operators are in emit_ops)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyspec.base.source import Span
from pyspec.lang import core
from pyspec.lang import types as t
from pyspec.model.evaluate import enum_value
from pyspec.native import domains as d
from pyspec.native.convert import (
    add_to_set,
    code_item,
    convert,
    each,
    empty_set,
    get_part,
    make_prod,
    set_size,
)  # fmt: skip
from pyspec.native.domains import BOOL, Dom
from pyspec.native.emit import Em, V


def emit(em: Em, expr: core.Expr) -> V:
    """The statements of an expression go to the current body; the operand is returned."""
    return EXPRESSIONS[expr.__class__](em, expr)


def truth(em: Em, expr: core.Expr) -> str:
    """A boolean expression as a C condition."""
    return emit(em, expr).text


def captured(em: Em, expr: core.Expr) -> tuple[list[str], V]:
    """An expression emitted aside: its lines and its operand."""
    with em.capture() as lines:
        value = emit(em, expr)
    return lines, value


def emit_as(em: Em, expr: core.Expr, dom: Dom) -> V:
    """An expression stored at a place of a domain: ranges and capacities are checked."""
    return convert(em, emit(em, expr), dom, expr.span)


# ------------------------------------------------------------------------------------------------------ leaves


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


# ------------------------------------------------------------------------------------------- choice and naming


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


# ---------------------------------------------------------------------------------------------------- binders


class over:
    """`with over(em, domain) as item:` writes a loop over a set or sequence expression, which is not built when it is plain
    (a type, a range, the subsets of a mask). `most` bounds the number of turns."""

    def __init__(self, em: Em, domain: core.Expr, copy: bool = False) -> None:
        self.em, self.domain, self.copy = em, domain, copy
        self.most = 0
        self._ends: list[str] = []

    def __enter__(self) -> V:
        e = self.domain
        if isinstance(e, core.Domain):
            return self._type(d.of_type(e.of))
        if isinstance(e, core.Op) and e.op in ("range", "range.seq"):
            return self._range(e)
        if isinstance(e, core.Op) and e.op == "set.subsets":
            return self._subsets(e)
        value = self.em.named(emit(self.em, e)) if not self.copy else copy_of(self.em, emit(self.em, e))
        dom: Any = value.dom
        self.most = dom.cap
        loop = each(self.em, value)
        self._ends.append("}")
        return loop.__enter__()

    def __exit__(self, kind: object, *_: object) -> None:
        for end in self._ends:
            self.em.line(end)

    def _codes(self, dom: Dom) -> V:
        i = self.em.fresh("i")
        self.em.line(f"for (U {i} = 0; {i} < {dom.card}ULL; {i}++) {{")
        self._ends.append("}")
        return code_item(self.em, dom, i)

    def _type(self, dom: Dom) -> V:
        if dom.dense and dom.card is not None and dom.card <= 1 << 20:
            self.most = dom.card
            return self._codes(dom)
        if isinstance(dom, d.DProd):
            parts, most = [], 1
            for item in dom.items:
                parts.append(self._type(item))
                most *= self.most
            self.most = most
            return make_prod(self.em, dom, [convert_exact(p, i) for p, i in zip(parts, dom.items, strict=True)])
        raise d.CannotEmit("the set of all values of a large type that is not a record")

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


def convert_exact(value: V, dom: Dom) -> V:
    """An operand whose value is known to lie in a domain with the same C representation."""
    assert value.dom.rep == dom.rep
    return V(value.text, dom)


def copy_of(em: Em, value: V) -> V:
    """An operand that later assignments do not change."""
    return em.temp(value.dom, value.text)


def _quant(em: Em, e: core.Quant) -> V:
    stop = e.kind == "exists"
    out = em.temp(BOOL, str(int(not stop)))
    done = em.fresh("done")
    with over(em, e.domain) as item, em.bound(e.var, em.named(item)):
        cond = truth(em, e.body)
        em.line(f"if ({'' if stop else '!'}({cond})) {{ {out.text} = {int(stop)}; goto {done}; }}")
    em.line(f"{done}:;")
    return out


def _choose(em: Em, e: core.Choose) -> V:
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


def _set_comp(em: Em, e: core.SetComp) -> V:
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


def _seq_comp(em: Em, e: core.SeqComp) -> V:
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


def _map_comp(em: Em, e: core.MapComp) -> V:
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


def _fold(em: Em, e: core.Fold) -> V:
    start = emit(em, e.init)
    dom = start.dom
    for attempt in range(8):
        name = em.fresh("acc")
        before = em.fallible
        with em.capture() as lines:
            with over(em, e.domain) as item, em.bound(e.var, em.named(item)), em.bound(e.acc, V(name, dom)):
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


def _domain(em: Em, e: core.Domain) -> V:
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


# ------------------------------------------------------------------------------------------------- structures


def _fields(em: Em, dom: d.DProd, fields: tuple[core.Expr, ...]) -> V:
    values = [em.named(emit(em, f)) for f in fields]
    parts = [convert(em, v, i, f.span) for v, i, f in zip(values, dom.items, fields, strict=True)]
    return make_prod(em, dom, parts)


def _record(em: Em, e: core.RecordExpr) -> V:
    dom = d.of_type(e.type)
    assert isinstance(dom, d.DProd)
    return _fields(em, dom, e.fields)


def case_index(of: t.Type, name: str) -> int:
    """The position of a case in its union."""
    assert isinstance(of, t.Union)
    return [c.name for c in of.cases].index(name)


def _case(em: Em, e: core.CaseExpr) -> V:
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


def _is_case(em: Em, e: core.IsCase) -> V:
    return V(is_case(em.named(emit(em, e.item)), case_index(e.item.type, e.case)), BOOL)


def _case_field(em: Em, e: core.CaseField) -> V:
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


def _field(em: Em, e: core.Field) -> V:
    value = em.named(emit(em, e.item))
    return get_part(em, value, field_index(value.dom, e.name))


def with_part(em: Em, value: V, index: int, part: V) -> V:
    """A record but for one component, which is of its item domain."""
    dom = value.dom
    assert isinstance(dom, d.DProd)
    parts = [part if i == index else get_part(em, value, i) for i in range(len(dom.items))]
    return make_prod(em, dom, parts)


def _with(em: Em, e: core.With) -> V:
    value = em.named(emit(em, e.item))
    assert isinstance(value.dom, d.DProd)
    index = field_index(value.dom, e.name)
    return with_part(em, value, index, emit_as(em, e.value, value.dom.items[index]))


def _tuple(em: Em, e: core.TupleExpr) -> V:
    parts = [em.named(emit(em, i)) for i in e.items]
    return make_prod(em, d.DProd(None, tuple(p.dom for p in parts)), parts)


def _proj(em: Em, e: core.Proj) -> V:
    return get_part(em, em.named(emit(em, e.item)), e.index)


def _collect(make: Callable[[Dom, int], Dom], put: Callable[[Em, V, V], None]) -> Callable[[Em, Any], V]:
    """Set, bag and sequence displays: the items in order, joined, inserted."""

    def write(em: Em, e: Any) -> V:
        values = [em.named(emit(em, i)) for i in e.items]
        item = d.join_all([v.dom for v in values], d.item_of(e.type.item))
        out = empty_set(em, make(item, len(values)))
        for value in values:
            put(em, out, convert(em, value, item, e.span))
        return out

    return write


def _map_lit(em: Em, e: core.MapLit) -> V:
    assert isinstance(e.type, t.Map)
    key = d.of_type(e.type.key)
    pairs = [(emit(em, k), em.named(emit(em, v))) for k, v in e.items]
    item = d.join_all([v.dom for _, v in pairs], d.item_of(e.type.value))
    out = em.declare(d.DMap(key, item))
    for k, v in pairs:
        at = em.types.code(key, convert(em, k, key, e.span).text)
        em.line(f"{out.text}.e[{at}] = {em.cell(convert(em, v, item, e.span))};")
    return out


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
    from pyspec.native.emit_ops import OPERATORS  # the operators need `emit`

    return OPERATORS[e.op](em, e)


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
    core.Quant: _quant,
    core.SetComp: _set_comp,
    core.SeqComp: _seq_comp,
    core.MapComp: _map_comp,
    core.Choose: _choose,
    core.Fold: _fold,
    core.Domain: _domain,
    core.RecordExpr: _record,
    core.CaseExpr: _case,
    core.IsCase: _is_case,
    core.CaseField: _case_field,
    core.Field: _field,
    core.With: _with,
    core.TupleExpr: _tuple,
    core.Proj: _proj,
    core.SetLit: _collect(lambda item, n: d.sized_set(item, n), add_to_set),
    core.BagLit: _collect(d.DBag, add_to_set),
    core.SeqLit: _collect(d.DSeq, append),
    core.MapLit: _map_lit,
    core.Call: _call,
}
