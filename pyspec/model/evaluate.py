"""One expression, one value: the evaluator, as a table from node class and operator to a small function.

It evaluates constants while an instance is made, explains properties, and is the yardstick for the generated model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from pyspec.base.source import NOWHERE
from pyspec.lang import core
from pyspec.lang import types as ty
from pyspec.model import rt
from pyspec.model.domains import domain, fits, values_of
from pyspec.model.errors import EvaluationError
from pyspec.model.values import Atom, Bag, Map, Rec, Value, ordered


@dataclass(frozen=True, slots=True)
class Scope:
    """What names mean: state variables now and in the next state, local names, functions."""

    state: Mapping[str, Value] = field(default_factory=dict)
    next: Mapping[str, Value] | None = None
    functions: Mapping[str, core.Function] = field(default_factory=dict)
    locals: dict[str, Value] = field(default_factory=dict)

    def bind(self, **names: Value) -> Scope:
        """This scope with more local names."""
        return replace(self, locals={**self.locals, **names})


def evaluate(expr: core.Expr, scope: Scope) -> Value:
    """The value of an expression of an instance. Undefined is an EvaluationError at the innermost place known."""
    try:
        return EXPRESSIONS[type(expr)](expr, scope)
    except EvaluationError as problem:
        if problem.span == NOWHERE:
            problem.span = expr.span
        raise


# ----------------------------------------------------------------------------------------- leaves and binders


def enum_value(of: ty.Type, value: Value) -> Value:
    """A literal of the core as a value: an enum member is written there as its name."""
    if isinstance(of, ty.Option):
        of = of.item
    if isinstance(value, str) and isinstance(of, ty.Enum):
        return Atom(of.name, of.members.index(value), value)
    return value


def _const(expr: core.Const, scope: Scope) -> Value:
    raise AssertionError(f"constant {expr.name} was not folded")


def _prime(expr: core.Prime, scope: Scope) -> Value:
    assert scope.next is not None, "a primed value outside a step property"
    return evaluate(expr.item, replace(scope, state=scope.next, next=None))


def _if(expr: core.IfExpr, scope: Scope) -> Value:
    return evaluate(expr.then if evaluate(expr.cond, scope) else expr.other, scope)


def _let(expr: core.LetExpr, scope: Scope) -> Value:
    scope.locals[expr.name] = evaluate(expr.value, scope)
    return evaluate(expr.body, scope)


def _items(expr: core.Expr, scope: Scope) -> tuple[Value, ...]:
    found = evaluate(expr, scope)
    return ordered(found) if isinstance(found, frozenset) else found  # type: ignore[return-value]


def _quant(expr: core.Quant, scope: Scope) -> Value:
    stop = expr.kind == "exists"
    for item in _items(expr.domain, scope):
        scope.locals[expr.var] = item
        if evaluate(expr.body, scope) == stop:
            return stop
    return not stop


def _set_comp(expr: core.SetComp, scope: Scope) -> Value:
    found: set[Value] = set()

    def visit(depth: int) -> None:
        if depth < len(expr.gens):
            for item in _items(expr.gens[depth].domain, scope):
                scope.locals[expr.gens[depth].var] = item
                visit(depth + 1)
        elif expr.cond is None or evaluate(expr.cond, scope):
            found.add(evaluate(expr.body, scope))

    visit(0)
    return frozenset(found)


def _seq_comp(expr: core.SeqComp, scope: Scope) -> Value:
    found = []
    for item in _items(expr.gen.domain, scope):
        scope.locals[expr.gen.var] = item
        if expr.cond is None or evaluate(expr.cond, scope):
            found.append(evaluate(expr.body, scope))
    return tuple(found)


def _map_comp(expr: core.MapComp, scope: Scope) -> Value:
    assert isinstance(expr.type, ty.Map)
    pairs = {}
    for key in values_of(expr.type.key):
        scope.locals[expr.var] = key
        pairs[key] = evaluate(expr.body, scope)
    return Map(pairs)


def _choose(expr: core.Choose, scope: Scope) -> Value:
    def test(item: Value) -> bool:
        scope.locals[expr.var] = item
        return expr.cond is None or evaluate(expr.cond, scope) is True

    return rt.choose(_items(expr.domain, scope), test)


def _fold(expr: core.Fold, scope: Scope) -> Value:
    value = evaluate(expr.init, scope)
    for item in _items(expr.domain, scope):
        scope.locals[expr.acc], scope.locals[expr.var] = value, item
        value = evaluate(expr.body, scope)
    return value


def _call(expr: core.Call, scope: Scope) -> Value:
    function = scope.functions[expr.name]
    values = [evaluate(argument, scope) for argument in expr.args]
    names = (name for name, _ in function.params)
    return evaluate(function.body, replace(scope, locals=dict(zip(names, values, strict=True))))


# --------------------------------------------------------------------------------------------- structures


def record_value(of: ty.Record, values: list[Value], index: int = 0) -> Rec:
    """A record, its fields checked as stores."""
    for (name, kind), value in zip(of.fields, values, strict=True):
        fits(value, kind, f"field {of.name}.{name}")
    return Rec(of.name, tuple(name for name, _ in of.fields), values, index)


def _record(expr: core.RecordExpr, scope: Scope) -> Value:
    assert isinstance(expr.type, ty.Record)
    return record_value(expr.type, [evaluate(part, scope) for part in expr.fields])


def case_of(of: ty.Type, name: str) -> tuple[ty.Record, int]:
    """A case of a union and its position."""
    assert isinstance(of, ty.Union)
    at = [case.name for case in of.cases].index(name)
    return of.cases[at], at


def _case(expr: core.CaseExpr, scope: Scope) -> Value:
    case, at = case_of(expr.type, expr.case)
    return record_value(case, [evaluate(part, scope) for part in expr.fields], at)


def _rec(expr: core.Expr, scope: Scope) -> Rec:
    value = evaluate(expr, scope)
    assert isinstance(value, Rec)
    return value


def _with(expr: core.With, scope: Scope) -> Value:
    item, value = _rec(expr.item, scope), evaluate(expr.value, scope)
    assert isinstance(expr.item.type, ty.Record)
    kind = dict(expr.item.type.fields)[expr.name]
    return item._with(expr.name, fits(value, kind, f"field {expr.item.type.name}.{expr.name}"))


def _proj(expr: core.Proj, scope: Scope) -> Value:
    value = evaluate(expr.item, scope)
    assert isinstance(value, tuple)
    return value[expr.index]


def _all(items: tuple[core.Expr, ...], scope: Scope) -> tuple[Value, ...]:
    return tuple(evaluate(item, scope) for item in items)


def _op(expr: core.Op, scope: Scope) -> Value:
    if expr.op in LAZY:
        return LAZY[expr.op](expr, scope)
    return STRICT[expr.op](expr, *_all(expr.args, scope))


EXPRESSIONS: dict[type, Callable[..., Value]] = {
    core.Lit: lambda expr, scope: enum_value(expr.type, expr.value),
    core.Const: _const,
    core.StateVar: lambda expr, scope: scope.state[expr.name],
    core.Local: lambda expr, scope: scope.locals[expr.name],
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
    core.Domain: lambda expr, scope: domain(expr.of),
    core.RecordExpr: _record,
    core.CaseExpr: _case,
    core.IsCase: lambda expr, scope: _rec(expr.item, scope)._name == expr.case,
    core.CaseField: lambda expr, scope: rt.field_of_case(_rec(expr.item, scope), expr.case, expr.name),
    core.Field: lambda expr, scope: _rec(expr.item, scope)[expr.name],
    core.With: _with,
    core.TupleExpr: lambda expr, scope: _all(expr.items, scope),
    core.Proj: _proj,
    core.SetLit: lambda expr, scope: frozenset(_all(expr.items, scope)),
    core.BagLit: lambda expr, scope: Bag(_all(expr.items, scope)),
    core.SeqLit: lambda expr, scope: _all(expr.items, scope),
    core.MapLit: lambda expr, scope: Map((evaluate(k, scope), evaluate(v, scope)) for k, v in expr.items),
    core.Call: _call,
}


# ---------------------------------------------------------------------------------------------- operators


def _and(expr: core.Op, scope: Scope) -> Value:
    return all(evaluate(part, scope) for part in expr.args)


def _or(expr: core.Op, scope: Scope) -> Value:
    return any(evaluate(part, scope) for part in expr.args)


def _implies(expr: core.Op, scope: Scope) -> Value:
    return not evaluate(expr.args[0], scope) or evaluate(expr.args[1], scope)


def _or_else(expr: core.Op, scope: Scope) -> Value:
    item = evaluate(expr.args[0], scope)
    return evaluate(expr.args[1], scope) if item is None else item


LAZY: dict[str, Callable[[core.Op, Scope], Value]] = {
    "and": _and,
    "or": _or,
    "implies": _implies,
    "or_else": _or_else,
}


def set_item(of: ty.Type) -> ty.Type:
    """The element type of a set type."""
    assert isinstance(of, ty.Set)
    return of.item


#: Operators that evaluate every argument first: the node (for its types) and the values.
STRICT: dict[str, Callable[..., Value]] = {
    "not": lambda op, a: not a,
    "eq": lambda op, a, b: a == b,
    "ne": lambda op, a, b: a != b,
    "neg": lambda op, a: rt.neg(a),
    "add": lambda op, a, b: rt.add(a, b),
    "sub": lambda op, a, b: rt.sub(a, b),
    "mul": lambda op, a, b: rt.mul(a, b),
    "div": lambda op, a, b: rt.div(a, b),
    "mod": lambda op, a, b: rt.mod(a, b),
    "abs": lambda op, a: rt.absolute(a),
    "lt": lambda op, a, b: a < b,
    "le": lambda op, a, b: a <= b,
    "gt": lambda op, a, b: a > b,
    "ge": lambda op, a, b: a >= b,
    "min2": lambda op, a, b: min(a, b),
    "max2": lambda op, a, b: max(a, b),
    "succ": lambda op, a: rt.succ(a, values_of(op.args[0].type)),
    "pred": lambda op, a: rt.pred(a, values_of(op.args[0].type)),
    "index_of": lambda op, a: a.index,
    "set.in": lambda op, a, b: a in b,
    "set.union": lambda op, a, b: a | b,
    "set.inter": lambda op, a, b: a & b,
    "set.diff": lambda op, a, b: a - b,
    "set.subset": lambda op, a, b: a <= b,
    "set.size": lambda op, a: len(a),
    "set.subsets": lambda op, a: rt.subsets(a),
    "set.flatten": lambda op, a: rt.flatten(a),
    "set.min": lambda op, a: rt.least(a),
    "set.max": lambda op, a: rt.greatest(a),
    "set.only": lambda op, a: rt.only(a),
    "set.majority": lambda op, a: 2 * len(a) > len(values_of(set_item(op.args[0].type))),
    "range": lambda op, a, b: rt.interval(a, b),
    "range.seq": lambda op, a, b: tuple(rt.each(a, b)),
    "bag.in": lambda op, a, b: a in b,
    "bag.count": lambda op, a, b: a.count(b),
    "bag.add": lambda op, a, b: a + b,
    "bag.diff": lambda op, a, b: a - b,
    "bag.size": lambda op, a: len(a),
    "bag.support": lambda op, a: a.support(),
    "seq.in": lambda op, a, b: a in b,
    "seq.at": lambda op, a, b: rt.at(a, b),
    "seq.len": lambda op, a: len(a),
    "seq.concat": lambda op, a, b: a + b,
    "seq.slice": lambda op, a, b, c: rt.part(a, b, c),
    "seq.prefix": lambda op, a, b: rt.is_prefix(a, b),
    "seq.set": lambda op, a: frozenset(a),
    "seq.first": lambda op, a: rt.first(a),
    "seq.last": lambda op, a: rt.last(a),
    "seq.update": lambda op, a, b, c: rt.replaced(a, b, c),
    "map.at": lambda op, a, b: rt.look(a, b),
    "map.update": lambda op, a, b, c: rt.put(a, b, c),
    "map.values": lambda op, a: frozenset(a.values()),
    "some": lambda op, a: a,
    "unwrap": lambda op, a: rt.unwrap(a),
}
