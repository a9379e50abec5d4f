"""Symmetry reduction: every state is replaced by one representative of its orbit.

The elements of each sort are ordered by a signature, a hash of the state in which the element is marked and all others
are anonymous; the signatures then tell the others apart in a second round. Elements that still tie and can be swapped
without changing the state need no further thought; for what is left every order is tried and the least packed state
taken. So the representative is exact: two states have the same one if and only if a permutation leads from one to the
other.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from pyspec.lang import types as t
from pyspec.native import domains as d
from pyspec.native.convert import add_to_set, code_item, each, empty_set, get_part, make_prod
from pyspec.native.domains import Dom
from pyspec.native.emit import Em, V
from pyspec.native.emit_struct import is_case
from pyspec.native.layout import Layout

MOST_TABLED = 1 << 15  # entries of a table
MOST_PERMS = 24  # with tables of what each does


class Symmetry:
    """Writes `canonical` for the sorts that may be permuted."""

    def __init__(self, em: Em, layout: Layout, sorts: list[t.Sort]) -> None:
        self.em, self.layout = em, layout
        self.sorts = [s for s in sorts if len(s.elements or ()) > 1]
        self.names = tuple(s.name for s in self.sorts)
        self.functions: list[str] = []
        self.tables: list[str] = []  # statements that fill tables of signatures when the library is loaded
        count = math.prod(math.factorial(len(s.elements or ())) for s in self.sorts)
        self.perms = count if count <= MOST_PERMS else 0
        self._made: dict[tuple[str, Dom], str] = {}
        self._holds: dict[Dom, bool] = {}

    def write(self) -> list[str]:
        """The C functions."""
        if not self.sorts:
            return []
        em = self.em
        mine = [v for v in em.vars.values() if self.holds(v.dom)]
        with em.capture() as permute:
            em.line("*out = *in;")
            for var in mine:
                em.line(f"out->{var.member} = {self.call('perm', var.dom, f'in->{var.member}')};")
        with em.capture() as sign:
            em.line("U h = 0;")
            for var in mine:
                em.line(f"h = stir(h, {self.call('sig', var.dom, f's->{var.member}')});")
            em.line("return h;")
        sizes = ", ".join(str(len(s.elements or ())) for s in self.sorts)
        return [
            f"#define N_SORTS {len(self.sorts)}",
            f"static const int SORT_SIZE[N_SORTS] = {{{sizes}}};",
            f"#define N_PERMS {self.perms}",
            '#include "permutations.h"',
            *self.functions,
            *_function("static void permute(const S *in, S *out, const Perm *p)", permute),
            *_function("static U signature(const S *s, int k, U e, const Classes *c)", sign),
            *_function("__attribute__((constructor)) static void make_tables(void)", self.tables),
            '#include "symmetry.h"',
        ]

    # ------------------------------------------------------------------------------------- domains

    def sort_number(self, dom: Dom) -> int | None:
        """The number of a permuted sort."""
        if isinstance(dom, d.DAtom) and isinstance(dom.type, t.Sort) and dom.type.name in self.names:
            return self.names.index(dom.type.name)
        return None

    def holds(self, dom: Any) -> bool:
        """Whether values of a domain hold elements of a permuted sort."""
        if dom not in self._holds:
            parts: tuple[Dom, ...] = ()
            if isinstance(dom, d.DProd):
                parts = dom.items
            elif isinstance(dom, d.DSum):
                parts = dom.cases
            elif isinstance(dom, d.DMap):
                parts = (dom.key, dom.item)
            elif isinstance(dom, d.DOpt | d.DSet | d.DBag | d.DSeq):
                parts = (dom.item,)
            self._holds[dom] = self.sort_number(dom) is not None or any(map(self.holds, parts))
        return self._holds[dom]

    def call(self, what: str, dom: Dom, value: str) -> str:
        """C text: the permuted value (as a cell), or the signature of a value (given as a cell)."""
        if what == "perm" and not self.holds(dom):
            return value
        if what == "sig" and dom.rep != "struct" and not self.holds(dom):
            return f"(U){value}"
        name = self.function(what, dom)
        arg = f"&{value}" if dom.rep == "struct" else value
        return f"{name}({arg}, p)" if what == "perm" else f"{name}({arg}, k, e, c)"

    def function(self, what: str, dom: Dom) -> str:
        """The function for one domain, written on first use."""
        if (what, dom) not in self._made:
            em = self.em
            name = em.fresh(what)
            struct = dom.rep == "struct"
            ctype = em.types.struct(dom) if struct else "U"
            arg = f"const {ctype} *a" if struct else "U a"
            value = V("(*a)" if struct else "a", dom)
            with em.body("s") as lines:
                (PERMUTE if what == "perm" else SIGN)[dom.__class__](self, value)
            rest = "const Perm *p" if what == "perm" else "int k, U e, const Classes *c"
            result = ctype if what == "perm" else "U"
            lines = (self.tabled(dom, name) if what == "sig" else self.permuted(dom, name)) + lines
            self.functions += _function(f"static {result} {name}({arg}, {rest})", lines)
            self._made[what, dom] = name
        return self._made[what, dom]

    def permuted(self, dom: Dom, name: str) -> list[str]:
        """What the permutations do to small codes, when both are few, comes from a table. Returns the look-up."""
        if dom.rep == "struct" or not self.perms or not dom.dense or (dom.card or 0) * self.perms > MOST_TABLED:
            return []
        self.functions.append(f"static uint16_t table_{name}[N_PERMS][{dom.card}];")
        self.functions.append(f"static int table_{name}_made;")
        fill = f"for (U a = 0; a < {dom.card}; a++) table_{name}[i][a] = (uint16_t){name}(a, &p);"
        self.tables += [
            f"for (int i = 0; i < N_PERMS; i++) {{ Perm p = perm_numbered(i); {fill} }}",
            f"table_{name}_made = 1;",
        ]
        return [f"if (LIKELY(table_{name}_made)) return table_{name}[p->number][a];"]

    def tabled(self, dom: Dom, name: str) -> list[str]:
        """First-round signatures (c is null) of dense codes come from a table. Returns the look-up."""
        most = max(len(s.elements or ()) for s in self.sorts)
        atom = isinstance(dom, d.DAtom)
        if atom or dom.rep == "struct" or not dom.dense or (dom.card or 0) * most * len(self.sorts) > MOST_TABLED:
            return []
        table = f"table_{name}"
        self.functions.append(f"static U {table}[N_SORTS][{most}][{dom.card}];")
        self.functions.append(f"static int {table}_made;")
        fill = f"for (U a = 0; a < {dom.card}; a++) {table}[k][e][a] = {name}(a, k, (U)e, NULL);"
        self.tables += [
            f"for (int k = 0; k < N_SORTS; k++) for (int e = 0; e < SORT_SIZE[k]; e++) {fill}",
            f"{table}_made = 1;",
        ]
        return [f"if (!c && LIKELY({table}_made)) return {table}[k][e][a];"]


def _function(head: str, lines: list[str]) -> list[str]:
    return [f"{head} {{", *("    " + line for line in lines), "}"]


def _cell(em: Em, value: V) -> str:
    """The value as a cell: its code, or an lvalue."""
    return value.text if value.dom.rep == "struct" else f"(U){em.types.store(value.dom, value.text)}"


def _from_cell(em: Em, dom: Dom, text: str) -> V:
    """The value of a cell given as C text."""
    return em.named(V(text, dom)) if dom.rep != "struct" else em.temp(dom, text)


# ------------------------------------------------------------------------------------------------------ permute


def _perm_value(w: Symmetry, value: V) -> V:
    """A permuted operand."""
    if not w.holds(value.dom):
        return value
    return _from_cell(w.em, value.dom, w.call("perm", value.dom, _cell(w.em, w.em.named(value))))


def _perm_atom(w: Symmetry, a: V) -> None:
    w.em.line(f"return p->to[{w.sort_number(a.dom)}][a];")


def _perm_prod(w: Symmetry, a: V) -> None:
    parts = [w.em.named(_perm_value(w, get_part(w.em, a, i))) for i in range(len(a.dom.items))]  # type: ignore[attr-defined]
    w.em.line(f"return {make_prod(w.em, a.dom, parts).text};")  # type: ignore[arg-type]


def _perm_sum(w: Symmetry, a: V) -> None:
    dom: Any = a.dom
    for i, case in enumerate(dom.cases):
        if not w.holds(case):
            continue
        if dom.rep == "struct":
            inner = w.call("perm", case, f"a->c{i}")
            w.em.line(f"if (a->tag == {i}) {{ {w.em.types.struct(dom)} r = *a; r.c{i} = {inner}; return r; }}")
        else:
            base = dom.bases[i]
            w.em.line(f"if ({is_case(a, i)}) return {w.call('perm', case, f'(a - {base}ULL)')} + {base}ULL;")
    w.em.line("return *a;" if dom.rep == "struct" else "return a;")


def _perm_opt(w: Symmetry, a: V) -> None:
    dom: Any = a.dom
    if dom.rep == "struct":
        inner = w.call("perm", dom.item, "a->v")
        w.em.line(f"{w.em.types.struct(dom)} r = *a; if (a->some) r.v = {inner}; return r;")
        return
    w.em.line("if (!a) return 0;")
    item = _perm_value(w, code_item(w.em, dom.item, "(a - 1)"))
    w.em.line(f"return {w.em.types.code(dom.item, item.text)} + 1;")


def _perm_many(w: Symmetry, a: V) -> None:
    """Sets and bags: in a new order."""
    out = empty_set(w.em, a.dom)
    with each(w.em, a) as item:
        new = _perm_value(w, w.em.named(item))
        if a.dom.rep == "struct" and not (isinstance(a.dom, d.DSet) and a.dom.kind == "wide"):
            w.em.line("Cx *cx = NULL; (void)cx;")  # insertion cannot run out of room
        add_to_set(w.em, out, new)
    w.em.line(f"return {out.text};")


def _perm_seq(w: Symmetry, a: V) -> None:
    dom: Any = a.dom
    w.em.line(f"{w.em.types.struct(dom)} r; r.n = a->n;")
    w.em.line(f"for (int i = 0; i < a->n; i++) r.e[i] = {w.call('perm', dom.item, 'a->e[i]')};")
    w.em.line("return r;")


def _perm_map(w: Symmetry, a: V) -> None:
    dom: Any = a.dom
    w.em.line(f"{w.em.types.struct(dom)} r;")
    key = w.call("perm", dom.key, "i")
    w.em.line(f"for (U i = 0; i < {dom.size}; i++) r.e[{key}] = {w.call('perm', dom.item, 'a->e[i]')};")
    w.em.line("return r;")


PERMUTE: dict[type, Callable[[Symmetry, V], None]] = {
    d.DAtom: _perm_atom,
    d.DProd: _perm_prod,
    d.DSum: _perm_sum,
    d.DOpt: _perm_opt,
    d.DSet: _perm_many,
    d.DBag: _perm_many,
    d.DSeq: _perm_seq,
    d.DMap: _perm_map,
}


# --------------------------------------------------------------------------------------------------------- sign


def _sign(w: Symmetry, value: V) -> str:
    return w.call("sig", value.dom, _cell(w.em, w.em.named(value)))


def _sign_int(w: Symmetry, a: V) -> None:
    w.em.line("return stir(1, a);")


def _sign_atom(w: Symmetry, a: V) -> None:
    number = w.sort_number(a.dom)
    marked = f"k == {number} && a == e"
    w.em.line("return stir(1, a);" if number is None else f"return stir(c ? c->of[{number}][a] : 0, {marked});")


def _sign_prod(w: Symmetry, a: V) -> None:
    dom: Any = a.dom
    w.em.line("U h = 2;")
    fields = dom.rep != "struct" and not dom.dense  # bit fields: those without elements are hashed together
    if fields:
        bits = [d.bits_for(item.card) for item in dom.items]
        rest = sum(((1 << b) - 1) * s for b, s, i in zip(bits, dom.strides, dom.items, strict=True) if not w.holds(i))
        w.em.line(f"h = stir(h, a & {rest}ULL);")
    for i, item in enumerate(dom.items):
        if w.holds(item) or not fields:
            w.em.line(f"h = stir(h, {_sign(w, get_part(w.em, a, i))});")
    w.em.line("return h;")


def _sign_sum(w: Symmetry, a: V) -> None:
    dom: Any = a.dom
    for i, case in enumerate(dom.cases):
        inner = f"a->c{i}" if dom.rep == "struct" else f"(a - {dom.bases[i]}ULL)"
        w.em.line(f"if ({is_case(a, i)}) return stir({i + 3}, {w.call('sig', case, inner)});")
    w.em.line("return 0;")


def _sign_opt(w: Symmetry, a: V) -> None:
    dom: Any = a.dom
    if dom.rep == "struct":
        w.em.line(f"return a->some ? stir(4, {w.call('sig', dom.item, 'a->v')}) : 5;")
        return
    w.em.line("if (!a) return 5;")
    w.em.line(f"return stir(4, {_sign(w, code_item(w.em, dom.item, '(a - 1)'))});")


def _sign_many(w: Symmetry, a: V) -> None:
    w.em.line("U h = 6;")
    with each(w.em, a) as item:
        inner = _sign(w, item)
        w.em.line(f"h += {inner if w.holds(item.dom) else f'stir(6, {inner})'};")
    w.em.line("return h;")


def _sign_seq(w: Symmetry, a: V) -> None:
    w.em.line("U h = 7;")
    w.em.line(f"for (int i = 0; i < a->n; i++) h = stir(h, {w.call('sig', a.dom.item, 'a->e[i]')});")  # type: ignore[attr-defined]
    w.em.line("return h;")


def _sign_map(w: Symmetry, a: V) -> None:
    dom: Any = a.dom
    both = f"stir({w.call('sig', dom.key, 'i')}, {w.call('sig', dom.item, 'a->e[i]')})"
    if w.sort_number(dom.key) is not None and not w.holds(dom.item):
        # only the marked key's own value tells it apart: the others add the same to every element of the sort
        inner = w.call("sig", dom.item, "a->e[e]")
        w.em.line(f"return k == {w.sort_number(dom.key)} ? {inner} : 0;")
        return
    w.em.line("U h = 8;")
    w.em.line(f"for (U i = 0; i < {dom.size}; i++) h += {both};")
    w.em.line("return h;")


SIGN: dict[type, Callable[[Symmetry, V], None]] = {
    d.DInt: _sign_int,
    d.DAtom: _sign_atom,
    d.DProd: _sign_prod,
    d.DSum: _sign_sum,
    d.DOpt: _sign_opt,
    d.DSet: _sign_many,
    d.DBag: _sign_many,
    d.DSeq: _sign_seq,
    d.DMap: _sign_map,
}
