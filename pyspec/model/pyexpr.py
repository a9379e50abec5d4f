"""Expressions of an instance as Python source, through a table from node class and operator to a small function."""

from __future__ import annotations

import dataclasses
import keyword
from collections.abc import Callable

from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.model.bounds import small
from pyspec.model.domains import describe, needs_check
from pyspec.model.domains import member as is_member
from pyspec.model.evaluate import case_of, set_item
from pyspec.model.layout import Code, Soft, call, listed, quoted, text, tupled
from pyspec.model.pynames import Naming, plain
from pyspec.model.pytypes import TypeTable, literal

# How tightly a fragment binds: Python's precedence.
TERNARY, OR, AND, NOT, COMPARE, UNION, INTERSECT, SUM, PRODUCT, UNARY, ATOM = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20


class Writer:
    """Writes expressions; `state` is the name of the state that variables are read from (None in constants)."""

    def __init__(self, names: Naming, types: TypeTable, stateful: frozenset[str], state: str = "state") -> None:
        self.names, self.types, self.stateful, self.state = names, types, stateful, state

    def at(self, state: str) -> Writer:
        """A writer that reads another state."""
        return type(self)(self.names, self.types, self.stateful, state)

    def expr(self, expr: core.Expr, level: int = 0) -> Code:
        """An expression, in parentheses if it binds less tightly than `level`."""
        code = EXPRESSIONS[type(expr)](self, expr)
        code = dataclasses.replace(code, span=expr.span)
        return code if code.level >= level else Code(("(", code, ")"), brackets=True)

    def all(self, exprs: tuple[core.Expr, ...]) -> list[Code]:
        """Several expressions."""
        return [self.expr(expr) for expr in exprs]

    def items(self, domain: core.Expr) -> Code:
        """What a binder ranges over, in canonical order."""
        if isinstance(domain, core.Domain) and isinstance(domain.of, ty.Enum | ty.Sort):
            return text(self.names.of("type", domain.of.name), span=domain.span)
        if isinstance(domain, core.Op) and domain.op in ("range", "range.seq"):
            return call("rt.each", *self.all(domain.args), span=domain.span)
        if isinstance(domain.type, ty.Seq):
            return self.expr(domain, OR)
        return call("rt.elements", self.expr(domain), span=domain.span)

    def local(self, name: str) -> str:
        """A local name."""
        return self.names.local(name)

    def rhs(self, expr: core.Expr, level: int) -> Code:
        """A set as the right operand of a Python set operator, where a plain display will do."""
        if isinstance(expr, core.SetLit) and expr.items:
            return listed("{", self.all(expr.items), "}", span=expr.span)
        return self.expr(expr, level)

    def storing(self, value: core.Expr, of: ty.Type, place: str) -> Code:
        """A value on its way into a place of a type, with the check it needs."""
        code = self.expr(value)
        if always_fits(value, of):
            return code
        if isinstance(of, ty.Range):
            return call("rt.in_range", code, str(of.lo), str(of.hi), quoted(place), span=value.span)
        return call("rt.fits", code, self.types.name(of, plain(place) + "_type"), quoted(place), span=value.span)


def always_fits(value: core.Expr, of: ty.Type) -> bool:
    """Whether the value of an expression surely fits a place of the type."""
    if not needs_check(of):
        return True
    if isinstance(value, core.Lit):
        return is_member(value.value, of)
    if isinstance(value, core.IfExpr):
        return always_fits(value.then, of) and always_fits(value.other, of)
    if isinstance(value, core.SetLit | core.SeqLit | core.BagLit):
        return not value.items
    if isinstance(value, core.MapComp) and isinstance(of, ty.Map):
        return always_fits(value.body, of.value)
    if isinstance(value, core.Op) and value.op in ("set.diff", "set.inter", "bag.diff"):
        return always_fits(value.args[0], of)  # what is left of something that fits
    return isinstance(value, core.StateVar) and value.type == of


# ------------------------------------------------------------------------------------- leaves and binders


def _negative(value: object) -> bool:
    return isinstance(value, int) and value < 0


def _lit(self: Writer, expr: core.Lit) -> Code:
    return text(literal(expr.value, self.names), level=UNARY if _negative(expr.value) else ATOM)


def _const(self: Writer, expr: core.Const) -> Code:
    raise AssertionError(f"constant {expr.name} was not folded")


def _if(self: Writer, expr: core.IfExpr) -> Code:
    parts = (self.expr(expr.then, OR), Soft(" ", 0), "if ", self.expr(expr.cond, OR), Soft(" ", 0), "else ")
    return text(*parts, self.expr(expr.other, TERNARY), level=TERNARY)


def _let(self: Writer, expr: core.LetExpr) -> Code:
    body = text(f"lambda {self.local(expr.name)}: ", self.expr(expr.body))
    return call("rt.let", self.expr(expr.value), body)


def _quant(self: Writer, expr: core.Quant) -> Code:
    gens = []
    inner: core.Expr = expr
    while isinstance(inner, core.Quant) and inner.kind == expr.kind:
        gens.append(text(f"for {self.local(inner.var)} in ", self.items(inner.domain)))
        inner = inner.body
    name = "all" if expr.kind == "all" else "any"
    return listed(f"{name}(", [self.expr(inner), *gens], ")", "")


def _where(self: Writer, cond: core.Expr | None) -> list[Code]:
    return [] if cond is None else [text("if ", self.expr(cond, OR))]


def _set_comp(self: Writer, expr: core.SetComp) -> Code:
    gens = [text(f"for {self.local(gen.var)} in ", self.items(gen.domain)) for gen in expr.gens]
    return listed("frozenset(", [self.expr(expr.body), *gens, *_where(self, expr.cond)], ")", "")


def _seq_comp(self: Writer, expr: core.SeqComp) -> Code:
    gen = text(f"for {self.local(expr.gen.var)} in ", self.items(expr.gen.domain))
    return listed("tuple(", [self.expr(expr.body), gen, *_where(self, expr.cond)], ")", "")


def _map_comp(self: Writer, expr: core.MapComp) -> Code:
    assert isinstance(expr.type, ty.Map)
    keys = self.items(core.Domain(ty.Set(expr.type.key), expr.type.key))
    name = self.local(expr.var)
    inner = listed("{", [text(f"{name}: ", self.expr(expr.body)), text(f"for {name} in ", keys)], "}", "")
    return text("Map(", inner, ")")


def _choose(self: Writer, expr: core.Choose) -> Code:
    if expr.cond is None:
        return call("rt.choose", self.items(expr.domain))
    return call("rt.choose", self.items(expr.domain), text(f"lambda {self.local(expr.var)}: ", self.expr(expr.cond)))


def _fold(self: Writer, expr: core.Fold) -> Code:
    step = text(f"lambda {self.local(expr.acc)}, {self.local(expr.var)}: ", self.expr(expr.body))
    return call("rt.fold", self.expr(expr.init), self.items(expr.domain), step)


def _domain(self: Writer, expr: core.Domain) -> Code:
    if isinstance(expr.of, ty.Enum | ty.Sort):
        return call("frozenset", self.names.of("type", expr.of.name))
    return call("rt.domain", self.types.name(expr.of, f"{plain(describe(expr.of))}_type"))


def _call(self: Writer, expr: core.Call) -> Code:
    first = [self.state] if expr.name in self.stateful else []
    return call(self.names.of("function", expr.name), *first, *self.all(expr.args))


# -------------------------------------------------------------------------------------------- structures


def _record(self: Writer, expr: core.RecordExpr) -> Code:
    assert isinstance(expr.type, ty.Record)
    return call(self.names.of("type", expr.type.name), *self.all(expr.fields))


def _case(self: Writer, expr: core.CaseExpr) -> Code:
    assert isinstance(expr.type, ty.Union)
    return call(self.names.of("case", f"{expr.type.name}.{expr.case}", expr.case), *self.all(expr.fields))


def _is_case(self: Writer, expr: core.IsCase) -> Code:
    return text(self.expr(expr.item, ATOM), f"._name == {quoted(expr.case)}", level=COMPARE)


def _case_field(self: Writer, expr: core.CaseField) -> Code:
    return call("rt.field_of_case", self.expr(expr.item), quoted(expr.case), quoted(expr.name))


def _field(self: Writer, expr: core.Field) -> Code:
    plain_name = expr.name.isidentifier() and not keyword.iskeyword(expr.name) and not expr.name.startswith("_")
    return text(self.expr(expr.item, ATOM), f".{expr.name}" if plain_name else f"[{quoted(expr.name)}]")


def _with(self: Writer, expr: core.With) -> Code:
    assert isinstance(expr.item.type, ty.Record)
    kind = dict(expr.item.type.fields)[expr.name]
    place = f"field {expr.item.type.name}.{expr.name}"
    return call("rt.with_field", self.expr(expr.item), quoted(expr.name), self.storing(expr.value, kind, place))


def _tuple(self: Writer, items: tuple[core.Expr, ...]) -> Code:
    return tupled(self.all(items))


def _set(self: Writer, expr: core.SetLit) -> Code:
    return text("frozenset(", self.rhs(expr, 0), ")") if expr.items else text("frozenset()")


def _map(self: Writer, expr: core.MapLit) -> Code:
    return text("Map(", listed("{", [text(self.expr(k), ": ", self.expr(v)) for k, v in expr.items], "}"), ")")


EXPRESSIONS: dict[type, Callable[..., Code]] = {
    core.Lit: _lit,
    core.Const: _const,
    core.StateVar: lambda self, expr: text(f"{self.state}.{self.names.attribute(expr.name)}"),
    core.Local: lambda self, expr: text(self.local(expr.name)),
    core.Prime: lambda self, expr: self.at("after").expr(expr.item, ATOM),
    core.Op: lambda self, expr: OPERATORS[expr.op](self, expr),
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
    core.TupleExpr: lambda self, expr: _tuple(self, expr.items),
    core.Proj: lambda self, expr: text(self.expr(expr.item, ATOM), f"[{expr.index}]"),
    core.SetLit: _set,
    core.BagLit: lambda self, expr: text("Bag(", listed("[", self.all(expr.items), "]"), ")"),
    core.SeqLit: lambda self, expr: _tuple(self, expr.items),
    core.MapLit: _map,
    core.Call: _call,
}

# ---------------------------------------------------------------------------------------------- operators

Operator = Callable[[Writer, core.Op], Code]


def _infix(sign: str, level: int) -> Operator:
    """A Python operator; for comparisons both sides bind more tightly, because Python chains them."""

    def write(self: Writer, expr: core.Op) -> Code:
        left, right = expr.args
        first = self.expr(left, level + 1 if level == COMPARE else level)
        return text(first, f" {sign} ", self.rhs(right, level + 1), level=level)

    return write


def _chain(word: str, level: int) -> Operator:
    def write(self: Writer, expr: core.Op) -> Code:
        parts: list[str | Soft | Code] = []
        for position, part in enumerate(expr.args):
            parts += [Soft(" ", 0), f"{word} "] if position else []
            parts.append(self.expr(part, level + 1))
        return text(*parts, level=level)

    return write


def _implies(self: Writer, expr: core.Op) -> Code:
    left, right = expr.args
    return text("not ", self.expr(left, NOT), Soft(" ", 0), "or ", self.expr(right, OR), level=OR)


def _checked(sign: str, level: int, name: str) -> Operator:
    """Arithmetic: a plain Python operator where the bounds of the operands rule out an overflow."""
    plain_sign = _infix(sign, level)

    def write(self: Writer, expr: core.Op) -> Code:
        return plain_sign(self, expr) if small(expr) else call(name, *self.all(expr.args))

    return write


def _divided(sign: str, name: str) -> Operator:
    """Division: a plain Python operator when the divisor is a positive literal."""
    plain_sign = _infix(sign, PRODUCT)

    def write(self: Writer, expr: core.Op) -> Code:
        by = expr.args[1]
        positive = isinstance(by, core.Lit) and isinstance(by.value, int) and by.value > 0
        return plain_sign(self, expr) if positive else call(name, *self.all(expr.args))

    return write


def _call_of(name: str) -> Operator:
    return lambda self, expr: call(name, *self.all(expr.args))


def _method(name: str) -> Operator:
    def write(self: Writer, expr: core.Op) -> Code:
        return text(self.expr(expr.args[0], ATOM), call(f".{name}", *self.all(expr.args[1:])))

    return write


def _neighbour(name: str) -> Operator:
    def write(self: Writer, expr: core.Op) -> Code:
        of = expr.args[0].type
        assert isinstance(of, ty.Enum | ty.Sort)
        return call(name, self.expr(expr.args[0]), self.names.of("type", of.name))

    return write


def _majority(self: Writer, expr: core.Op) -> Code:
    sort = set_item(expr.args[0].type)
    assert isinstance(sort, ty.Sort)
    size = f"len({self.names.of('type', sort.name)})"
    return text("2 * ", call("len", self.expr(expr.args[0])), f" > {size}", level=COMPARE)


def _map_at(self: Writer, expr: core.Op) -> Code:
    where, key = expr.args
    if isinstance(where.type, ty.Map) and not needs_check(where.type.key):
        return text(self.expr(where, ATOM), "[", self.expr(key), "]")
    return call("rt.look", *self.all(expr.args))


def _or_else(self: Writer, expr: core.Op) -> Code:
    return call("rt.or_else", self.expr(expr.args[0]), text("lambda: ", self.expr(expr.args[1])))


def _none_test(sign: str, word: str) -> Operator:
    infix = _infix(sign, COMPARE)

    def write(self: Writer, expr: core.Op) -> Code:
        left, right = expr.args
        if isinstance(right, core.Lit) and right.value is None:
            return text(self.expr(left, UNION), f" {word} None", level=COMPARE)
        return infix(self, expr)

    return write


def _not(self: Writer, expr: core.Op) -> Code:
    (item,) = expr.args
    if isinstance(item, core.Op) and item.op in ("set.in", "seq.in", "bag.in"):
        return text(self.expr(item.args[0], UNION), " not in ", self.rhs(item.args[1], UNION), level=COMPARE)
    return text("not ", self.expr(item, NOT), level=NOT)


OPERATORS: dict[str, Operator] = {
    "not": _not,
    "and": _chain("and", AND),
    "or": _chain("or", OR),
    "implies": _implies,
    "eq": _none_test("==", "is"),
    "ne": _none_test("!=", "is not"),
    "neg": _call_of("rt.neg"),
    "add": _checked("+", SUM, "rt.add"),
    "sub": _checked("-", SUM, "rt.sub"),
    "mul": _checked("*", PRODUCT, "rt.mul"),
    "div": _divided("//", "rt.div"),
    "mod": _divided("%", "rt.mod"),
    "abs": _call_of("rt.absolute"),
    "lt": _infix("<", COMPARE),
    "le": _infix("<=", COMPARE),
    "gt": _infix(">", COMPARE),
    "ge": _infix(">=", COMPARE),
    "min2": _call_of("min"),
    "max2": _call_of("max"),
    "succ": _neighbour("rt.succ"),
    "pred": _neighbour("rt.pred"),
    "index_of": lambda self, expr: text(self.expr(expr.args[0], ATOM), ".index"),
    "set.in": _infix("in", COMPARE),
    "set.union": _infix("|", UNION),
    "set.inter": _infix("&", INTERSECT),
    "set.diff": _infix("-", SUM),
    "set.subset": _infix("<=", COMPARE),
    "set.size": _call_of("len"),
    "set.subsets": _call_of("rt.subsets"),
    "set.flatten": _call_of("rt.flatten"),
    "set.min": _call_of("rt.least"),
    "set.max": _call_of("rt.greatest"),
    "set.only": _call_of("rt.only"),
    "set.majority": _majority,
    "range": _call_of("rt.interval"),
    "range.seq": lambda self, expr: text("tuple(", call("rt.each", *self.all(expr.args)), ")"),
    "bag.in": _infix("in", COMPARE),
    "bag.count": _method("count"),
    "bag.add": _infix("+", SUM),
    "bag.diff": _infix("-", SUM),
    "bag.size": _call_of("len"),
    "bag.support": _method("support"),
    "seq.in": _infix("in", COMPARE),
    "seq.at": _call_of("rt.at"),
    "seq.len": _call_of("len"),
    "seq.concat": _infix("+", SUM),
    "seq.slice": _call_of("rt.part"),
    "seq.prefix": _call_of("rt.is_prefix"),
    "seq.set": _call_of("frozenset"),
    "seq.first": _call_of("rt.first"),
    "seq.last": _call_of("rt.last"),
    "seq.update": _call_of("rt.replaced"),
    "map.at": _map_at,
    "map.update": _call_of("rt.put"),
    "map.values": lambda self, expr: text("frozenset(", self.expr(expr.args[0], ATOM), ".values())"),
    "some": lambda self, expr: self.expr(expr.args[0]),
    "unwrap": _call_of("rt.unwrap"),
    "or_else": _or_else,
}

__all__ = ["EXPRESSIONS", "OPERATORS", "Writer", "always_fits", "case_of"]
