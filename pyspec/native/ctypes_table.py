"""C types for domains, and the small functions that generated code needs on each: compare, pack, unpack, insert."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyspec.native import domains as d
from pyspec.native.domains import Dom


def unsigned(bits: int) -> str:
    """The smallest unsigned C type with at least so many bits."""
    return next(f"uint{n}_t" for n in (8, 16, 32, 64) if bits <= n)


def stream_bits(dom: Dom) -> int:
    """The most bits `put` may write for a value of this domain."""
    if dom.rep != "struct":
        return dom.bits or 0
    if isinstance(dom, d.DSet) and dom.kind == "wide":
        return 64 * dom.words
    if isinstance(dom, (d.DSet, d.DBag, d.DSeq)):
        return d.bits_for(dom.cap + 1) + dom.cap * stream_bits(dom.item)
    if isinstance(dom, d.DMap):
        return dom.size * stream_bits(dom.item)
    if isinstance(dom, d.DOpt):
        return 1 + stream_bits(dom.item)
    if isinstance(dom, d.DProd):
        return sum(map(stream_bits, dom.items))
    assert isinstance(dom, d.DSum)
    return d.bits_for(len(dom.cases)) + max(map(stream_bits, dom.cases))


class Types:
    """Names for struct types and their functions, each written once, after what it needs."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._names: dict[Dom, str] = {}
        self._made: dict[tuple[str, Dom], str] = {}

    # ------------------------------------------------------------------------------------------ types

    def of(self, dom: Dom) -> str:
        """The C type of a value in an expression."""
        return {"I": "I", "U": "U"}.get(dom.rep) or self.struct(dom)

    def cell(self, dom: Dom) -> str:
        """The C type of a value inside a container or the state: a small code, or the struct."""
        return self.struct(dom) if dom.rep == "struct" else unsigned(dom.bits or 0)

    def struct(self, dom: Dom) -> str:
        """The name of the struct of a domain."""
        if dom not in self._names:
            body = _STRUCTS[dom.__class__](self, dom)
            self._names[dom] = name = f"T{len(self._names)}"
            self.lines.append(f"typedef struct {{ {body} }} {name};")
        return self._names[dom]

    # -------------------------------------------------------------------------------------- functions

    def function(self, what: str, dom: Dom) -> str:
        """The name of the function `what` of a struct domain, written on first use."""
        key = (what, dom)
        if key not in self._made:
            name = f"{self.struct(dom)}_{what}"
            text = _FUNCTIONS[what](self, dom, self.struct(dom), name)
            self._made[key] = name
            self.lines += text
        return self._made[key]

    def compare_cells(self, dom: Dom, a: str, b: str) -> str:
        """-1, 0 or 1 for two cells (C lvalues)."""
        if dom.rep == "struct":
            return f"{self.function('cmp', dom)}(&{a}, &{b})"
        return f"(({a} > {b}) - ({a} < {b}))"

    def load(self, dom: Dom, cell: str) -> str:
        """The value of a cell as an expression."""
        if isinstance(dom, d.DInt):
            wide = (dom.bits or 0) >= 63
            plus = f" + {dom.lo}" if dom.lo > 0 else f" - {-dom.lo}" if dom.lo else ""
            return (
                f"((I)((U){cell} + (U){dom.lo + 2**64 if dom.lo < 0 else dom.lo}ULL))" if wide else f"((I){cell}{plus})"
            )
        return cell if dom.rep == "struct" else f"((U){cell})"

    def store(self, dom: Dom, value: str) -> str:
        """An expression as the value of a cell."""
        if not isinstance(dom, d.DInt) or not dom.lo:
            return value
        return f"((U){value} - (U){dom.lo + 2**64 if dom.lo < 0 else dom.lo}ULL)"

    def code(self, dom: Dom, value: str) -> str:
        """The code of an expression (a U); struct values are lvalues."""
        if dom.rep == "struct":
            return f"{self.function('code', dom)}(&{value})"
        return f"((U){self.store(dom, value)})"

    def uncode(self, dom: Dom, code: str) -> str:
        """The value with a code."""
        if dom.rep == "struct":
            return f"{self.function('uncode', dom)}({code})"
        return self.load(dom, code)

    def put(self, dom: Dom, cell: str) -> str:
        """A statement that writes a cell to the stream p."""
        if dom.rep == "struct":
            return f"{self.function('put', dom)}(p, &{cell});"
        return f"put_bits(p, {cell}, {dom.bits});" if dom.bits else ""

    def get(self, dom: Dom, cell: str) -> str:
        """A statement that reads a cell from the stream g."""
        if dom.rep == "struct":
            return f"{self.function('get', dom)}(g, &{cell});"
        return f"{cell} = ({self.cell(dom)})get_bits(g, {dom.bits});" if dom.bits else f"{cell} = 0;"


# ------------------------------------------------------------------------------------------------------- structs


def _many_struct(types: Types, dom: Any) -> str:
    if isinstance(dom, d.DSet) and dom.kind == "wide":
        return f"U w[{dom.words}];"
    return f"int n; {types.cell(dom.item)} e[{max(dom.cap, 1)}];"


_STRUCTS: dict[type, Callable[[Types, Any], str]] = {
    d.DSet: _many_struct,
    d.DBag: _many_struct,
    d.DSeq: _many_struct,
    d.DMap: lambda types, dom: f"{types.cell(dom.item)} e[{max(dom.size, 1)}];",
    d.DOpt: lambda types, dom: f"int some; {types.cell(dom.item)} v;",
    d.DProd: lambda types, dom: " ".join(f"{types.cell(item)} f{i};" for i, item in enumerate(dom.items)),
    d.DSum: lambda types, dom: "int tag; " + " ".join(f"{types.cell(c)} c{i};" for i, c in enumerate(dom.cases)),
}


# ----------------------------------------------------------------------------------------------------- functions


def _is_wide(dom: Dom) -> bool:
    return isinstance(dom, d.DSet) and dom.kind == "wide"


def _lexicographic(types: Types, parts: list[tuple[Dom, str]]) -> list[str]:
    lines = ["    int r;"]
    for dom, path in parts:
        lines.append(f"    if ((r = {types.compare_cells(dom, 'a->' + path, 'b->' + path)})) return r;")
    return [*lines, "    return 0;"]


def _cmp_body(types: Types, dom: Any) -> list[str]:
    if _is_wide(dom):
        return [f"    return wide_compare(a->w, b->w, {dom.words});"]
    if isinstance(dom, d.DProd):
        return _lexicographic(types, [(item, f"f{i}") for i, item in enumerate(dom.items)])
    if isinstance(dom, d.DOpt):
        both = types.compare_cells(dom.item, "a->v", "b->v")
        return ["    if (a->some != b->some) return a->some ? 1 : -1;", f"    return a->some ? {both} : 0;"]
    if isinstance(dom, d.DSum):
        lines = ["    if (a->tag != b->tag) return a->tag < b->tag ? -1 : 1;", "    switch (a->tag) {"]
        lines += [
            f"    case {i}: return {types.compare_cells(c, f'a->c{i}', f'b->c{i}')};" for i, c in enumerate(dom.cases)
        ]
        return [*lines, "    }", "    return 0;"]
    one = types.compare_cells(dom.item, "a->e[i]", "b->e[i]")
    if isinstance(dom, d.DMap):
        return [f"    for (int i = 0; i < {dom.size}; i++) {{ int r = {one}; if (r) return r; }}", "    return 0;"]
    if isinstance(dom, d.DSeq):
        each = f"    for (int i = 0; i < a->n; i++) {{ int r = {one}; if (r) return r; }}"
        return ["    if (a->n != b->n) return a->n < b->n ? -1 : 1;", each, "    return 0;"]
    top = types.compare_cells(dom.item, "a->e[i]", "b->e[j]")
    return ["    int i = a->n, j = b->n;",
            f"    while (i-- > 0 && j-- > 0) {{ int r = {top}; if (r) return r; }}",
            "    return (a->n > b->n) - (a->n < b->n);"]  # fmt: skip


def _cmp(types: Types, dom: Any, t: str, name: str) -> list[str]:
    return [f"FN int {name}(const {t} *a, const {t} *b) {{", *_cmp_body(types, dom), "}"]


def _stream(types: Types, dom: Any, var: str, one: Callable[[Dom, str], str], length: str) -> list[str]:
    if _is_wide(dom):
        return [f"    for (int i = 0; i < {dom.words}; i++) {length.replace('N', f'{var}->w[i]').replace('B', '64')}"]
    if isinstance(dom, d.DProd):
        return ["    " + one(item, f"{var}->f{i}") for i, item in enumerate(dom.items)]
    if isinstance(dom, d.DOpt):
        return [
            "    " + length.replace("N", f"{var}->some").replace("B", "1"),
            f"    if ({var}->some) {{ {one(dom.item, var + '->v')} }}",
        ]
    if isinstance(dom, d.DSum):
        head = "    " + length.replace("N", f"{var}->tag").replace("B", str(d.bits_for(len(dom.cases))))
        cases = [f"    case {i}: {one(c, f'{var}->c{i}')} break;" for i, c in enumerate(dom.cases)]
        return [head, f"    switch ({var}->tag) {{", *cases, "    }"]
    each = one(dom.item, f"{var}->e[i]")
    if isinstance(dom, d.DMap):
        return [f"    for (int i = 0; i < {dom.size}; i++) {{ {each} }}"]
    head = "    " + length.replace("N", f"{var}->n").replace("B", str(d.bits_for(dom.cap + 1)))
    return [head, f"    for (int i = 0; i < {var}->n; i++) {{ {each} }}"]


def _put(types: Types, dom: Any, t: str, name: str) -> list[str]:
    body = _stream(types, dom, "v", types.put, "put_bits(p, (U)N, B);")
    return [f"FN void {name}(Put *p, const {t} *v) {{", *body, "}"]


def _get(types: Types, dom: Any, t: str, name: str) -> list[str]:
    cast = "U" if _is_wide(dom) else "int"
    body = _stream(types, dom, "v", types.get, f"N = ({cast})get_bits(g, B);")
    return [f"FN void {name}(Get *g, {t} *v) {{", *body, "}"]


def _item_code(types: Types, dom: Any, cell: str) -> str:
    return types.code(dom.item, cell) if dom.item.rep == "struct" else f"(U){cell}"


def _code(types: Types, dom: Any, t: str, name: str) -> list[str]:
    width = dom.item.bits
    each = _item_code(types, dom, "v->e[i]")
    if isinstance(dom, d.DMap):
        body = [f"    for (int i = 0; i < {dom.size}; i++) u = {f'u << {width} | ' if width else ''}{each};"]
        return [f"FN U {name}(const {t} *v) {{", "    U u = 0;", *body, "    return u;", "}"]
    body = [f"    for (int i = 0; i < v->n; i++) u = u << {width} | {each};",
            f"    return u << ({dom.cap} - v->n) * {width};"]  # fmt: skip
    return [f"FN U {name}(const {t} *v) {{", "    U u = (U)v->n;", *body, "}"]


def _uncode(types: Types, dom: Any, t: str, name: str) -> list[str]:
    width, size = dom.item.bits, dom.size if isinstance(dom, d.DMap) else dom.cap
    cell = f"u >> ({size - 1} - i) * {width} & MASK({width})"
    one = types.uncode(dom.item, f"({cell})") if dom.item.rep == "struct" else f"({types.cell(dom.item)})({cell})"
    lines = [f"FN {t} {name}(U u) {{", f"    {t} v;"]
    if not isinstance(dom, d.DMap):
        lines.append(f"    v.n = (int)({f'u >> {size * width}' if size * width < 64 else '0'});")
    last = str(size) if isinstance(dom, d.DMap) else "v.n"
    return [*lines, f"    for (int i = 0; i < {last}; i++) v.e[i] = {one};", "    return v;", "}"]


def _find(types: Types, dom: Any, t: str, name: str) -> list[str]:
    """The first index whose element is not less than *x."""
    return [f"FN int {name}(const {t} *v, const {types.cell(dom.item)} *x) {{", "    int i = 0;",
            f"    while (i < v->n && {types.compare_cells(dom.item, 'v->e[i]', '(*x)')} < 0) i++;",
            "    return i;", "}"]  # fmt: skip


def _has(types: Types, dom: Any, t: str, name: str) -> list[str]:
    find = types.function("find", dom)
    return [f"FN int {name}(const {t} *v, const {types.cell(dom.item)} *x) {{", f"    int i = {find}(v, x);",
            f"    return i < v->n && {types.compare_cells(dom.item, 'v->e[i]', '(*x)')} == 0;", "}"]  # fmt: skip


def _add(types: Types, dom: Any, t: str, name: str) -> list[str]:
    """Insert *x (a set: unless it is there). A temporary that is full stops the search: see E_ROOM."""
    find = types.function("find", dom)
    same = types.compare_cells(dom.item, "v->e[i]", "(*x)")
    skip = [] if isinstance(dom, d.DBag) else [f"    if (i < v->n && {same} == 0) return;"]
    return [f"FN void {name}(Cx *cx, {t} *v, const {types.cell(dom.item)} *x) {{",
            f"    int i = {find}(v, x);", *skip, f"    if (UNLIKELY(v->n == {dom.cap})) fail(cx, E_ROOM, 0);",
            "    for (int j = v->n++; j > i; j--) v->e[j] = v->e[j - 1];", "    v->e[i] = *x;", "}"]  # fmt: skip


def _append(types: Types, dom: Any, t: str, name: str) -> list[str]:
    return [f"FN void {name}(Cx *cx, {t} *v, {types.cell(dom.item)} x) {{",
            f"    if (UNLIKELY(v->n == {dom.cap})) fail(cx, E_ROOM, 0);", "    v->e[v->n++] = x;", "}"]  # fmt: skip


def _count(types: Types, dom: Any, t: str, name: str) -> list[str]:
    find = types.function("find", dom)
    return [f"FN I {name}(const {t} *v, const {types.cell(dom.item)} *x) {{", f"    int i = {find}(v, x), n = 0;",
            f"    for (; i < v->n && {types.compare_cells(dom.item, 'v->e[i]', '(*x)')} == 0; i++) n++;",
            "    return n;", "}"]  # fmt: skip


_MERGE = {  # what of a sorted merge is kept: only in a, in both, only in b
    "union": (1, 1, 1), "inter": (0, 1, 0), "diff": (1, 0, 0),
}  # fmt: skip


def _merge(what: str) -> Callable[[Types, Any, str, str], list[str]]:
    """r = a OP b for sorted arrays. For bags equal elements pair off; "union" then keeps both (the sum of counts)."""
    left, both, right = _MERGE[what]

    def write(types: Types, dom: Any, t: str, name: str) -> list[str]:
        cmp = types.compare_cells(dom.item, "a->e[i]", "b->e[j]")
        bag_sum = isinstance(dom, d.DBag) and what == "union"
        keep = "r.e[n++] = "
        room = f"if (UNLIKELY(n == {dom.cap})) fail(cx, E_ROOM, 0); "
        take_a = (room + keep + "a->e[i]; " if left else "") + "i++;"
        take_b = (room + keep + "b->e[j]; " if right else "") + "j++;"
        take = take_a if bag_sum else (room + keep + "a->e[i]; " if both else "") + "i++; j++;"
        return [f"FN {t} {name}(Cx *cx, const {t} *a, const {t} *b) {{", f"    {t} r;", "    int i = 0, j = 0, n = 0;",
                "    (void)cx;", "    while (i < a->n || j < b->n) {",
                f"        int c = i == a->n ? 1 : j == b->n ? -1 : {cmp};",
                f"        if (c < 0) {{ {take_a} }}", f"        else if (c > 0) {{ {take_b} }}",
                f"        else {{ {take} }}",
                "    }", "    r.n = n;", "    return r;", "}"]  # fmt: skip

    return write


def _subset(types: Types, dom: Any, t: str, name: str) -> list[str]:
    has = types.function("has", dom)
    return [f"FN int {name}(const {t} *a, const {t} *b) {{",
            f"    for (int i = 0; i < a->n; i++) if (!{has}(b, &a->e[i])) return 0;", "    return 1;", "}"]  # fmt: skip


_FUNCTIONS: dict[str, Callable[[Types, Any, str, str], list[str]]] = {
    "cmp": _cmp, "put": _put, "get": _get, "code": _code, "uncode": _uncode, "find": _find, "has": _has, "add": _add,
    "append": _append, "count": _count, "union": _merge("union"), "inter": _merge("inter"), "diff": _merge("diff"),
    "subset": _subset,
}  # fmt: skip
