"""The core as text: what `pyspec show --core` prints. Written in the notation of the language wherever it has one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from pyspec.lang import core as c
from pyspec.lang import types as ty

INFIX: Final = {
    "implies": ("implies", 1), "or": ("or", 2), "and": ("and", 3), "eq": ("==", 5), "ne": ("!=", 5), "lt": ("<", 5),
    "le": ("<=", 5), "gt": (">", 5), "ge": (">=", 5), "set.in": ("in", 5), "bag.in": ("in", 5), "seq.in": ("in", 5),
    "set.subset": ("<=", 5), "range": ("..", 6), "range.seq": ("..", 6), "set.union": ("|", 7), "set.inter": ("&", 7),
    "set.diff": ("-", 7), "bag.add": ("+", 7), "bag.diff": ("-", 7), "seq.concat": ("+", 7), "add": ("+", 7),
    "sub": ("-", 7), "mul": ("*", 8), "div": ("//", 8), "mod": ("%", 8),
}  # fmt: skip
CALLS: Final = {
    "min2": "min", "max2": "max", "set.size": "len", "bag.size": "len", "seq.len": "len", "set.subsets": "subsets",
    "set.flatten": "flatten", "set.min": "min", "set.max": "max", "set.only": "only", "set.majority": "majority",
    "bag.count": "count", "bag.support": "set", "seq.set": "set", "seq.prefix": "prefix", "seq.first": "first",
    "seq.last": "last", "map.values": "values",
}  # fmt: skip
NOT, ATOM, LOOSE = 4, 10, 0


def type_text(of: ty.Type) -> str:
    """A type as the language writes it; bounds may be expressions."""
    return _TYPES[type(of)](of)


def _bounded(name: str) -> Callable[[Any], str]:
    def text(of: ty.Set | ty.Bag | ty.Seq) -> str:
        return f"{name}[{type_text(of.item)}{'' if of.capacity is None else f', {_bound(of.capacity)}'}]"

    return text


def _bound(of: c.Expr | int) -> str:
    return str(of) if isinstance(of, int) else expr_text(of)


_TYPES: Final[dict[type, Callable[[Any], str]]] = {
    ty.Bool: lambda of: "bool",
    ty.Int: lambda of: "int",
    ty.Range: lambda of: f"{_bound(of.lo)}..{_bound(of.hi)}",
    ty.Enum: lambda of: of.name,
    ty.Sort: lambda of: of.name,
    ty.Record: lambda of: of.name,
    ty.Union: lambda of: of.name,
    ty.Option: lambda of: f"{type_text(of.item)}?",
    ty.Tuple: lambda of: f"({', '.join(map(type_text, of.items))})",
    ty.Set: _bounded("set"),
    ty.Bag: _bounded("bag"),
    ty.Seq: _bounded("seq"),
    ty.Map: lambda of: f"map[{type_text(of.key)}, {type_text(of.value)}]",
}


# --------------------------------------------------------------------------------------------- expressions


def expr_text(of: c.Expr, around: int = LOOSE) -> str:
    """An expression; in brackets if what stands around binds tighter."""
    level, text = _EXPRS[type(of)](of)
    return f"({text})" if level < around else text


def _list(items: tuple[c.Expr, ...]) -> str:
    return ", ".join(map(expr_text, items))


def _literal(of: c.Lit) -> tuple[int, str]:
    if isinstance(of.value, bool):
        return ATOM, "true" if of.value else "false"
    return ATOM, "none" if of.value is None else str(of.value)


def _op(of: c.Op) -> tuple[int, str]:
    if of.op in INFIX:
        sign, level = INFIX[of.op]
        gap = "" if sign == ".." else " "
        first, *rest = of.args
        loose = level if of.op in ("and", "or") else level + 1
        parts = [expr_text(first, level if level > 5 else level + 1), *(expr_text(item, loose) for item in rest)]
        return level, f"{gap}{sign}{gap}".join(parts)
    return _SPECIAL[of.op](of.args) if of.op in _SPECIAL else (ATOM, f"{CALLS.get(of.op, of.op)}({_list(of.args)})")


_SPECIAL: Final[dict[str, Callable[[tuple[c.Expr, ...]], tuple[int, str]]]] = {
    "not": lambda a: (NOT, f"not {expr_text(a[0], NOT)}"),
    "neg": lambda a: (9, f"-{expr_text(a[0], 9)}"),
    "seq.at": lambda a: (ATOM, f"{expr_text(a[0], ATOM)}[{expr_text(a[1])}]"),
    "map.at": lambda a: (ATOM, f"{expr_text(a[0], ATOM)}[{expr_text(a[1])}]"),
    "seq.slice": lambda a: (ATOM, f"{expr_text(a[0], ATOM)}[{expr_text(a[1])}:{expr_text(a[2])}]"),
    "seq.update": lambda a: (9, f"{expr_text(a[0], 9)} with [{expr_text(a[1])}] = {expr_text(a[2], 6)}"),
    "map.update": lambda a: (9, f"{expr_text(a[0], 9)} with [{expr_text(a[1])}] = {expr_text(a[2], 6)}"),
    "some": lambda a: (ATOM, expr_text(a[0], ATOM)),
    "unwrap": lambda a: (ATOM, f"{expr_text(a[0], ATOM)}!"),
}


def _gens(gens: tuple[c.Gen, ...]) -> str:
    return "for " + ", ".join(f"{g.var} in {expr_text(g.domain)}" for g in gens)


def _if(cond: c.Expr | None) -> str:
    return "" if cond is None else f" if {expr_text(cond)}"


def _where(cond: c.Expr | None) -> str:
    return "" if cond is None else f" where {expr_text(cond)}"


def _quant(of: c.Quant) -> tuple[int, str]:
    return LOOSE, f"{of.kind} {of.var} in {expr_text(of.domain, 6)}: {expr_text(of.body)}"


def _fold(of: c.Fold) -> tuple[int, str]:
    start, domain = expr_text(of.init, 6), expr_text(of.domain, 6)
    return LOOSE, f"fold {of.acc} = {start}, {of.var} in {domain}: {expr_text(of.body)}"


def _record(of: c.RecordExpr) -> tuple[int, str]:
    assert isinstance(of.type, ty.Record)
    return ATOM, f"{of.type.name}({_fields(of.type, of.fields)})"


def _fields(record: ty.Record, values: tuple[c.Expr, ...]) -> str:
    return ", ".join(f"{name}={expr_text(v)}" for (name, _), v in zip(record.fields, values, strict=True))


def _case(of: c.CaseExpr) -> tuple[int, str]:
    return ATOM, f"{of.case}({_list(of.fields)})" if of.fields else of.case


_EXPRS: Final[dict[type, Callable[[Any], tuple[int, str]]]] = {
    c.Lit: _literal,
    c.Const: lambda of: (ATOM, of.name),
    c.StateVar: lambda of: (ATOM, of.name),
    c.Local: lambda of: (ATOM, of.name),
    c.Prime: lambda of: (ATOM, f"{expr_text(of.item, ATOM)}'"),
    c.Op: _op,
    c.IfExpr: lambda of: (1, f"{expr_text(of.then, 2)} if {expr_text(of.cond, 2)} else {expr_text(of.other, 1)}"),
    c.LetExpr: lambda of: (LOOSE, f"let {of.name} = {expr_text(of.value)} in {expr_text(of.body)}"),
    c.Quant: _quant,
    c.SetComp: lambda of: (ATOM, f"{{{expr_text(of.body)} {_gens(of.gens)}{_if(of.cond)}}}"),
    c.SeqComp: lambda of: (ATOM, f"[{expr_text(of.body)} {_gens((of.gen,))}{_if(of.cond)}]"),
    c.MapComp: lambda of: (ATOM, f"{{{of.var}: {expr_text(of.body)} for {of.var} in {type_text(of.type.key)}}}"),
    c.Choose: lambda of: (LOOSE, f"choose {of.var} in {expr_text(of.domain, 6)}{_where(of.cond)}"),
    c.Fold: _fold,
    c.Domain: lambda of: (ATOM, type_text(of.of)),
    c.RecordExpr: _record,
    c.CaseExpr: _case,
    c.IsCase: lambda of: (5, f"{expr_text(of.item, 6)} is {of.case}"),
    c.CaseField: lambda of: (ATOM, f"{expr_text(of.item, ATOM)}.{of.name}"),
    c.Field: lambda of: (ATOM, f"{expr_text(of.item, ATOM)}.{of.name}"),
    c.With: lambda of: (9, f"{expr_text(of.item, 9)} with {of.name} = {expr_text(of.value, 6)}"),
    c.TupleExpr: lambda of: (ATOM, f"({_list(of.items)})"),
    c.Proj: lambda of: (ATOM, f"{expr_text(of.item, ATOM)}.{of.index}"),
    c.SetLit: lambda of: (ATOM, f"{{{_list(of.items)}}}"),
    c.BagLit: lambda of: (ATOM, f"bag({_list(of.items)})"),
    c.SeqLit: lambda of: (ATOM, f"[{_list(of.items)}]"),
    c.MapLit: lambda of: (ATOM, "{" + ", ".join(f"{expr_text(k)}: {expr_text(v)}" for k, v in of.items) + "}"),
    c.Call: lambda of: (ATOM, f"{of.name}({_list(of.args)})"),
}


# ---------------------------------------------------------------------------------------------- statements


def block_lines(block: c.Block, depth: int = 1) -> Iterator[str]:
    """The lines of a block, indented."""
    for statement in block:
        yield from _STATEMENTS[type(statement)](statement, depth)
    if not block:
        yield f"{'    ' * depth}pass"


def _simple(text: Callable[[Any], str]) -> Callable[[Any, int], Iterator[str]]:
    def lines(of: Any, depth: int) -> Iterator[str]:
        yield "    " * depth + text(of)

    return lines


def _assignment(of: c.Assign) -> str:
    path = "".join(f"[{expr_text(s.key)}]" if isinstance(s, c.IndexStep) else f".{s.name}" for s in of.path)
    return f"{of.var}{path} = {expr_text(of.value)}"


def _if_lines(of: c.If, depth: int) -> Iterator[str]:
    yield f"{'    ' * depth}if {expr_text(of.cond)}:"
    yield from block_lines(of.then, depth + 1)
    if of.other:
        yield f"{'    ' * depth}else:"
        yield from block_lines(of.other, depth + 1)


def _either_lines(of: c.Either, depth: int) -> Iterator[str]:
    for i, branch in enumerate(of.branches):
        yield f"{'    ' * depth}{'or' if i else 'either'}:"
        yield from block_lines(branch, depth + 1)


def _for_lines(of: c.For, depth: int) -> Iterator[str]:
    yield f"{'    ' * depth}for {of.var} in {expr_text(of.domain)}:"
    yield from block_lines(of.body, depth + 1)


_STATEMENTS: Final[dict[type, Callable[[Any, int], Iterator[str]]]] = {
    c.When: _simple(lambda of: f"when {expr_text(of.cond)}"),
    c.Let: _simple(lambda of: f"let {of.name} = {expr_text(of.value)}"),
    c.Assign: _simple(_assignment),
    c.If: _if_lines,
    c.Any: _simple(lambda of: f"any {of.var} in {expr_text(of.domain)}{_where(of.cond)}"),
    c.Either: _either_lines,
    c.For: _for_lines,
    c.Assert: _simple(lambda of: f"assert {expr_text(of.cond)}"),
}


# -------------------------------------------------------------------------------------------- declarations


def spec_lines(spec: c.Spec) -> Iterator[str]:
    """The whole core: types, constants, variables, functions, actions, properties."""
    yield f"protocol {spec.name}"
    yield ""
    yield from (line for of in spec.types.values() for line in _type_lines(of))
    yield from (f"const {const_text(of)}" for of in spec.consts)
    yield from (f"flaw {of.name} violates {', '.join(of.violates)}" for of in spec.flaws)
    yield ""
    yield from (var_text(of) for of in spec.vars)
    yield from (f"init where {expr_text(of)}" for of in spec.init_where)
    for function in spec.functions:
        params = ", ".join(f"{name}: {type_text(kind)}" for name, kind in function.params)
        yield ""
        yield f"def {function.name}({params}) -> {type_text(function.result)}:"
        yield f"    {expr_text(function.body)}"
    for action in spec.actions:
        yield ""
        yield f"{action_head(action)}:"
        yield from block_lines(action.body)
    for prop in spec.properties:
        yield ""
        yield from _property_lines(prop)


def _property_lines(prop: c.Property) -> Iterator[str]:
    if prop.kind == "deadlock_free":
        yield "deadlock free"
        return
    params = ", ".join(f"{name}: {type_text(kind)}" for name, kind in prop.params)
    yield f"{prop.kind} {prop.name}({params}):" if params else f"{prop.kind} {prop.name}:"
    if prop.kind == "refines" and prop.second is not None:
        yield f"    initially {expr_text(prop.second)}"
    leads = f" leads to {expr_text(prop.second)}" if prop.kind == "leads_to" and prop.second is not None else ""
    yield f"    {expr_text(prop.body)}{leads}"


def _type_lines(of: ty.Type) -> Iterator[str]:
    if isinstance(of, ty.Enum):
        yield f"enum {of.name}: {', '.join(of.members)}"
    elif isinstance(of, ty.Sort):
        yield f"{'ordered ' if of.ordered else ''}sort {of.name}"
    elif isinstance(of, ty.Record):
        yield f"{'message' if of.message else 'record'} {record_text(of)}"
    elif isinstance(of, ty.Union):
        yield f"union {of.name}: {' | '.join(map(record_text, of.cases))}"


def record_text(of: ty.Record) -> str:
    """`Entry(term: Term, value: V)`."""
    fields = ", ".join(f"{name}: {type_text(kind)}" for name, kind in of.fields)
    return f"{of.name}({fields})" if fields else of.name


def const_text(of: c.ConstDecl) -> str:
    """`N: 0..3 = 2`, or a quorum system."""
    if of.quorum_of:
        given = "" if of.default is None else f" = {expr_text(of.default)}"
        return f"{of.name}: {of.quorum} quorums of {of.quorum_of}{given}"
    return f"{of.name}: {type_text(of.type)}" + ("" if of.default is None else f" = {expr_text(of.default)}")


def var_text(of: c.Var) -> str:
    """The declaration of a state variable with its initial value or choice of values."""
    head = f"{'ghost ' if of.ghost else ''}var {of.name}: {type_text(of.type)}"
    if of.choices is not None:
        return f"{head} in {expr_text(of.choices)}"
    return head + ("" if of.init is None else f" = {expr_text(of.init)}")


def action_head(of: c.Action) -> str:
    """`action prepare(r in RM)`, a handler or fault marked as such."""
    params = ", ".join(f"{p.name} in {expr_text(p.domain)}" for p in of.params)
    fair = {None: "", "weak": "fair ", "strong": "strongly fair "}[of.fair]
    return f"{fair}{of.kind} {of.name}" + (f"({params})" if params else "")
